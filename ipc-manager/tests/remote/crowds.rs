//! Many clients at once, and many who are none.

use crate::{PATIENCE, Way, open, open_with, reach, tests, until};
use ipc_manager::{Manager, Value};
use ipc_pipe::Address;
use ipc_testkit::leaks::Snapshot;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

tests! {
    many_clients_at_once
    silence_and_garbage_hold_nobody_up
    the_silent_are_sent_away_though_nobody_else_comes
    a_client_that_does_not_read_holds_nobody_up
}

/// The number to be reached: a small one, and a large one if `IPC_MANAGER_LONG` is set.
fn long_or(short: usize, long: usize) -> usize {
    if std::env::var_os("IPC_MANAGER_LONG").is_some() { long } else { short }
}

fn many_clients_at_once() {
    let open = open();
    let n_clients = long_or(50, 1000);
    let sum: Value<u64> = open.manager.value(0).expect("a value");
    open.gate.publish("sum", &sum).expect("a name");
    let before = Snapshot::take();
    let begin = Instant::now();
    let remotes: Vec<_> = (0..n_clients).map(|_| reach(&open.way)).collect();
    println!("{n_clients} clients have come in {:?}", begin.elapsed());
    let sums: Vec<Value<u64>> = remotes.iter().map(|remote| remote.find("sum").expect("it")).collect();
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for part in sums.chunks(n_clients.div_ceil(8)) {
            scope.spawn(move || {
                for _ in 0..4 {
                    part.iter().for_each(|sum| assert!(sum.fetch_add(1).is_ok()));
                }
            });
        }
    });
    println!("{} calls took {:?}", 4 * n_clients, begin.elapsed());
    assert_eq!(sum.get().expect("a number"), 4 * n_clients as u64);
    assert_eq!(open.manager.clients().expect("clients").len(), n_clients + 1);
    let begin = Instant::now();
    drop((sums, remotes));
    until("all are gone", || open.manager.clients().expect("clients").len() == 1);
    until("all handles are closed", || Snapshot::take().descriptors() <= before.descriptors());
    println!("they have gone in {:?}", begin.elapsed());
}

fn address(way: &Way) -> std::net::SocketAddr {
    match way.0 {
        Address::Tcp(at) => at,
        _ => unreachable!("it is TCP"),
    }
}

fn silence_and_garbage_hold_nobody_up() {
    let open = open();
    let n_strangers = long_or(300, 10_000);
    let at = address(&open.way);
    reach(&open.way);
    let before = Snapshot::take();
    let mut slowest = Duration::ZERO;
    let mut silent = Vec::new();
    for n in 0..n_strangers {
        let mut stranger = TcpStream::connect(at).expect("the gate");
        if n % 2 == 0 {
            // It may be turned away by now.
            let _ = stranger.write_all(&[n as u8; 1024]);
        }
        silent.push(stranger);
        if n % (n_strangers / 10) == 0 {
            let start = Instant::now();
            reach(&open.way).value(n).expect("the honest are served");
            slowest = slowest.max(start.elapsed());
        }
        // Strangers whom the gate has turned away need no descriptor here.
        if silent.len() > 1000 {
            silent.clear();
        }
    }
    println!("the slowest of the honest took {slowest:?}");
    assert!(slowest < PATIENCE);
    until("those who were garbled were counted", || open.gate.turned_away().malformed > 0);
    drop(silent);
    until("all handles are closed", || {
        reach(&open.way);
        Snapshot::take().descriptors() <= before.descriptors()
    });
}

fn the_silent_are_sent_away_though_nobody_else_comes() {
    let open = open_with(|gate| gate.handshake_timeout(Duration::from_millis(300)));
    let mut silent = TcpStream::connect(address(&open.way)).expect("the gate");
    silent.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut said = Vec::new();
    silent.read_to_end(&mut said).expect("the gate hangs up");
    until("it was counted", || open.gate.turned_away().timed_out == 1);
}

/// It asks for much, and reads nothing of it.
fn a_client_that_does_not_read_holds_nobody_up() {
    let open = open();
    let text = open.manager.value("x".repeat(16 << 20)).expect("a value");
    open.gate.publish("text", &text).expect("a name");
    let process = crate::client(&open, |way| {
        let remote = reach(&way);
        let text: Value<String> = remote.find("text").expect("it");
        let done = remote.find::<ipc_manager::Event>("done").expect("the event");
        // One of them is in the middle of a reply at any time, and that is more than the sockets hold.
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let text = text.clone();
                std::thread::spawn(move || while text.get().is_ok() {})
            })
            .collect();
        done.set().expect("set");
        readers.into_iter().for_each(|reader| reader.join().expect("it reads until it is killed"));
    });
    std::thread::sleep(Duration::from_millis(50));
    let pid = rustix::process::Pid::from_raw(process.pid() as i32).expect("a process has a number");
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).expect("it stops");
    let remote = Manager::connect(&open.way.0, &open.way.1).expect("the others are served");
    let value = remote.value(0).expect("a value");
    // Long enough for the gate to have come to the reply that is not read.
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(1000) {
        value.fetch_add(1).expect("a number");
    }
    crate::kill(&process);
    until("it is gone", || open.manager.clients().expect("clients").len() == 2);
}
