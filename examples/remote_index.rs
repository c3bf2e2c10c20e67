//! Processes that build one index together, some of them through an address, while another one shows how far they are.
//!
//! `cargo run --example remote_index` has all of them on this machine.
//!
//! `cargo run --example remote_index serve < key` opens a manager to others, until its input ends; the first line of the input is the
//! key. It prints the address, with which `... join ADDRESS < key` comes in from elsewhere.

use multiproc::manager::{Dict, Event, GateBuilder, Host, List, Queue};
use multiproc::{Address, Key, Manager, Process};
use std::error::Error;
use std::io::stdin;
use std::time::Duration;

const TEXT: [&str; 5] = [
    "the sea was calm",
    "the ship was small and the sea was wide",
    "a calm came over the ship",
    "small is the ship and wide is the world",
    "calm sea and wide world",
];

/// For each word the lines in which it is.
type Index = Dict<String, List<u32>>;
/// Lines that nobody has read yet, with their numbers.
type Lines = Queue<(u32, String)>;

/// Takes lines until there are none.
fn work(host: &Host, index: &Index, lines: &Lines) -> Result<u32, Box<dyn Error>> {
    let mut n_lines = 0;
    while let Ok((number, line)) = lines.get() {
        for word in line.split_whitespace() {
            // One of those who come with a word first makes its list, and all of them use that.
            let numbers = index.get_or_insert(word, &host.list()?)?;
            if !numbers.contains(&number)? {
                numbers.push(&number)?;
            }
        }
        n_lines += 1;
    }
    Ok(n_lines)
}

/// Works on this machine.
fn work_here((host, index, lines): (Host, Index, Lines)) -> u32 {
    work(&host, &index, &lines).expect("the manager is there")
}

/// Works from anywhere.
fn work_from_afar((address, key): (Address, Key)) -> u32 {
    join(&address, &key).expect("the manager is there")
}

fn join(address: &Address, key: &Key) -> Result<u32, Box<dyn Error>> {
    let remote = Manager::connect(address, key)?;
    work(&remote, &remote.find("index")?, &remote.find("lines")?)
}

/// Shows how far the others are.
fn watch((index, is_done): (Index, Event)) {
    while is_done.wait_timeout(Duration::from_millis(20)).is_err() {
        eprintln!("{} words", index.len().expect("the manager is there"));
    }
}

fn print(index: &Index) -> Result<(), Box<dyn Error>> {
    let mut words = index.keys()?;
    words.sort();
    for word in words {
        let mut numbers = index.get(&word)?.map_or(Ok(Vec::new()), |numbers| numbers.to_vec())?;
        numbers.sort_unstable();
        println!("{word}: {numbers:?}");
    }
    Ok(())
}

fn all_here() -> Result<(), Box<dyn Error>> {
    let (manager, key) = (Manager::start()?, Key::random()?);
    let (index, lines, is_done): (Index, Lines, Event) =
        (manager.dict()?, manager.queue(0)?, manager.event()?);
    let gate = manager.serve(&"tcp:127.0.0.1:0".parse()?, &key)?;
    gate.publish("index", &index)?;
    gate.publish("lines", &lines)?;

    let watcher = Process::spawn(watch, (index.clone(), is_done.clone()))?;
    let here = (manager.host().clone(), index.clone(), lines.clone());
    let workers = [
        Process::spawn(work_here, here.clone())?,
        Process::spawn(work_here, here)?,
        Process::spawn(work_from_afar, (gate.address().clone(), key.clone()))?,
    ];
    for (number, line) in (1..).zip(TEXT) {
        lines.put(&(number, line.to_string()))?;
    }
    lines.close()?; // Who finds it empty is done.
    let mut n_lines = 0;
    for worker in workers {
        n_lines += worker.join()?;
    }
    is_done.set()?;
    watcher.join()?;
    print(&index)?;
    println!("{n_lines} lines were read");
    Ok(())
}

/// The key, which is in no argument and in no environment, where others could read it.
fn key_from_input() -> Result<Key, Box<dyn Error>> {
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    Ok(Key::new(line.trim().as_bytes())?)
}

fn serve() -> Result<(), Box<dyn Error>> {
    let (manager, key) = (Manager::start()?, key_from_input()?);
    let (index, lines): (Index, Lines) = (manager.dict()?, manager.queue(0)?);
    let gate = GateBuilder::new(&key).with_functions().bind(&manager, &"tcp:127.0.0.1:0".parse()?)?;
    gate.publish("index", &index)?;
    gate.publish("lines", &lines)?;
    println!("{}", gate.address());
    std::io::read_to_string(stdin())?;
    print(&index)
}

fn main() -> Result<(), Box<dyn Error>> {
    multiproc::init();
    let args: Vec<String> = std::env::args().skip(1).collect();
    match &args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => all_here(),
        ["serve"] => serve(),
        ["join", address] => {
            println!("{} lines were read", join(&address.parse()?, &key_from_input()?)?);
            Ok(())
        }
        _ => Err("remote_index [serve | join ADDRESS]".into()),
    }
}
