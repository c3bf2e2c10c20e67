//! Processes that build one index together, one of them through an address, while another one shows how far they are.
//!
//! `cargo run --release --features tls --example remote_index` has all of them on this machine. Without the feature, the one who comes by
//! the address comes in the clear, as it may on the same machine.
//!
//! `... serve < key` opens a manager to others, until its input ends; the first line of the input is the key. It prints the address, with
//! which `... join ADDRESS < key` comes in.

use multiproc::manager::{Dict, Event, Gate, GateBuilder, Host, List, Queue, Remote, RemoteBuilder};
use multiproc::{Address, Key, Manager, Process};
use std::error::Error;
use std::io::{self, Write, stdin};
use std::process::ExitCode;
use std::time::Duration;

const HELP: &str = "\
Processes build one index together, one of them through an address.

usage: remote_index [serve | join ADDRESS]

  (nothing)     all of them on this machine
  serve         opens a manager, prints its address, and the index when its input
                ends; the first line of the input is the key
  join ADDRESS  comes to a manager that was opened so, and works until there are no
                more lines; the first line of the input is the key
  --help        print this

exit code: 0 all went well, 1 a line was not read, 2 wrong usage, 3 something failed";

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

fn main() -> ExitCode {
    multiproc::init();
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let result = match &words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => all_here(),
        ["serve"] => serve(),
        ["join", address] => join(address),
        ["--help"] => writeln!(io::stdout(), "{HELP}").map(|()| true).map_err(Into::into),
        _ => {
            eprintln!("error: unknown arguments {}; see --help", words.join(" "));
            return 2.into();
        }
    };
    match result {
        Ok(is_right) => u8::from(!is_right).into(),
        Err(error) => {
            eprintln!("error: {error}");
            3.into()
        }
    }
}

/// Whether each line was read once.
fn all_here() -> Result<bool, Box<dyn Error>> {
    let (manager, key) = (Manager::start()?, Key::random()?);
    let (index, lines, is_done): (Index, Lines, Event) =
        (manager.dict()?, manager.queue(0)?, manager.event()?);
    let gate = open(&manager, &key)?;
    gate.publish("index", &index)?;
    gate.publish("lines", &lines)?;
    let watcher = Process::spawn(watch, (index.clone(), is_done.clone()))?;

    // Who comes from afar reads the first line, and then all of them read what there is.
    let mut text = (1..).zip(TEXT).map(|(number, line)| (number, line.to_string()));
    text.by_ref().take(1).try_for_each(|line| lines.put(&line))?;
    let guest = Process::spawn(work_from_afar, (gate.address().clone(), key))?;
    while !lines.is_empty()? {
        if !guest.is_alive() {
            return Err(guest.join()?.err().unwrap_or_else(|| "it has ended too early".into()).into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let here = (manager.host().clone(), index.clone(), lines.clone());
    let workers = [Process::spawn(work_here, here.clone())?, Process::spawn(work_here, here)?];
    text.try_for_each(|line| lines.put(&line))?;
    lines.close()?; // Who finds it empty is done.

    let mut n_here = 0;
    for worker in workers {
        n_here += worker.join()??;
    }
    let n_afar = guest.join()??;
    is_done.set()?;
    watcher.join()??;
    print(&index)?;
    let how = if cfg!(feature = "tls") { "over TLS" } else { "in the clear, without the feature tls" };
    writeln!(io::stdout(), "{n_here} lines were read here, {n_afar} from afar, {how}")?;
    Ok(n_here + n_afar == TEXT.len())
}

fn serve() -> Result<bool, Box<dyn Error>> {
    let (manager, key) = (Manager::start()?, key_from_input()?);
    let (index, lines): (Index, Lines) = (manager.dict()?, manager.queue(0)?);
    let gate = open(&manager, &key)?;
    gate.publish("index", &index)?;
    gate.publish("lines", &lines)?;
    writeln!(io::stdout(), "{}", gate.address())?;
    io::read_to_string(stdin())?;
    print(&index)?;
    Ok(true)
}

fn join(address: &str) -> Result<bool, Box<dyn Error>> {
    let n_lines = work_at(&reach(&address.parse()?, &key_from_input()?)?)?;
    writeln!(io::stdout(), "{n_lines} lines were read")?;
    Ok(true)
}

/// Opens the manager to those who have the key.
fn open(manager: &Manager, key: &Key) -> Result<Gate, Box<dyn Error>> {
    // Who comes from this program may have its functions run here. For other machines it would be another address than this.
    let gate = GateBuilder::new(key).with_functions();
    #[cfg(feature = "tls")]
    let gate = gate.tls(multiproc::manager::TlsServer::from_pem(CERTIFICATE, PRIVATE_KEY)?);
    Ok(gate.bind(manager, &"tcp:127.0.0.1:0".parse()?)?)
}

/// Comes to a manager that was opened so.
fn reach(address: &Address, key: &Key) -> Result<Remote, Box<dyn Error>> {
    let settings = RemoteBuilder::new(key);
    #[cfg(feature = "tls")]
    let settings = settings.tls(multiproc::manager::TlsClient::trusting(CERTIFICATE, "127.0.0.1")?);
    Ok(settings.connect(address)?)
}

/// Of this example, and known to everybody, as its private key is: a program has its own in files. It was made by
/// `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=example -addext subjectAltName=IP:127.0.0.1`.
#[cfg(feature = "tls")]
const CERTIFICATE: &[u8] = include_bytes!("support/certificate.pem");
#[cfg(feature = "tls")]
const PRIVATE_KEY: &[u8] = include_bytes!("support/key.pem");

/// The key, which is in no argument and in no environment, where others could read it.
fn key_from_input() -> Result<Key, Box<dyn Error>> {
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    Ok(Key::new(line.trim().as_bytes())?)
}

/// Works on this machine.
fn work_here((host, index, lines): (Host, Index, Lines)) -> Result<usize, String> {
    work(&host, &index, &lines).map_err(|error| error.to_string())
}

/// Works from anywhere.
fn work_from_afar((address, key): (Address, Key)) -> Result<usize, String> {
    reach(&address, &key).and_then(|remote| work_at(&remote)).map_err(|error| error.to_string())
}

fn work_at(remote: &Remote) -> Result<usize, Box<dyn Error>> {
    work(remote, &remote.find("index")?, &remote.find("lines")?)
}

/// Takes lines until there are none; how many.
fn work(host: &Host, index: &Index, lines: &Lines) -> Result<usize, Box<dyn Error>> {
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

/// Shows how far the others are.
fn watch((index, is_done): (Index, Event)) -> Result<(), String> {
    while is_done.wait_timeout(Duration::from_millis(20)).is_err() {
        eprintln!("{} words", index.len().map_err(|error| error.to_string())?);
    }
    Ok(())
}

fn print(index: &Index) -> Result<(), Box<dyn Error>> {
    let mut words = index.keys()?;
    words.sort();
    for word in words {
        let mut numbers = index.get(&word)?.map_or(Ok(Vec::new()), |numbers| numbers.to_vec())?;
        numbers.sort_unstable();
        writeln!(io::stdout(), "{word}: {numbers:?}")?;
    }
    Ok(())
}
