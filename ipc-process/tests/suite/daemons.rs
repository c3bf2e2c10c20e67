//! Daemons end together with their parent, in whatever way it ends; other processes do not.
//!
//! # Safety
//!
//! One test forks a process that has another thread. That one sleeps in a join and holds nothing.
#![allow(unsafe_code)]

use super::{assert_ends, hold, method_of, readable_within, signal, start};
use ipc_pipe::{Pipe, Sender, pipe, simplex};
use ipc_process::{Builder, Process, StartMethod};
use ipc_sys::handle::OwnedHandle;
use rustix::process::Signal;
use std::time::Duration;

/// Answers numbers until nobody asks any more, and stays alive then.
fn answer_for_ever(server: Pipe<u64, u64>) {
    for number in server.iter() {
        let _ = server.send(number.expect("a number") + 1);
    }
    loop {
        std::thread::park();
    }
}

type MiddleArgs = (String, bool, Sender<u32>, Pipe<u64, u64>);

fn start_below((method, daemon, pids, server): MiddleArgs) -> Process<()> {
    let builder = Builder::new().method(method_of(&method)).daemon(daemon);
    let process = builder.spawn(answer_for_ever, server).expect("a process");
    pids.send(process.pid()).expect("the reader is there");
    process
}

fn middle(args: MiddleArgs) {
    let _process = start_below(args);
    loop {
        std::thread::park();
    }
}

fn middle_that_returns(args: MiddleArgs) {
    start_below(args);
}

/// A process in the middle, one below it, and the end of a pipe to the latter.
fn start_tree(
    method: StartMethod,
    middle: fn(MiddleArgs),
    daemon: bool,
) -> (Process<()>, OwnedHandle, Pipe<u64, u64>) {
    let (client, server) = pipe().expect("a pipe");
    let (pids, pid) = simplex().expect("a pipe");
    // The middle one is a fresh process, so that it has what any program has.
    let middle = start(StartMethod::Spawn, middle, (method.to_string(), daemon, pids, server));
    let below = hold(pid.recv().expect("a process id"));
    (middle, below, client)
}

pub(crate) fn a_daemon_ends_with_its_killed_parent(method: StartMethod) {
    for ask in [true, false] {
        let (middle, below, client) = start_tree(method, middle, true);
        if ask {
            client.send(1).expect("it is there");
            assert_eq!(client.recv().expect("a number"), 2);
        }
        // Without the question the parent dies while the daemon is being born, too.
        middle.kill().expect("it is there");
        assert_ends(&below);
        middle.join().expect_err("it was killed");
    }
}

pub(crate) fn a_stopped_daemon_ends_with_its_killed_parent(method: StartMethod) {
    let (middle, below, client) = start_tree(method, middle, true);
    client.send(1).expect("it is there");
    assert_eq!(client.recv().expect("a number"), 2);
    signal(&below, Signal::STOP);
    middle.kill().expect("it is there");
    assert_ends(&below);
    middle.join().expect_err("it was killed");
}

pub(crate) fn a_daemon_ends_when_its_parent_returns(method: StartMethod) {
    let (client, server) = pipe::<u64, u64>().expect("a pipe");
    let (pids, pid) = simplex().expect("a pipe");
    let args = (method.to_string(), true, pids, server);
    start(StartMethod::Spawn, middle_that_returns, args).join().expect("an end");
    // Its process id may be nobody's by now. Its end of the pipe cannot be another's.
    assert!(pid.recv().expect("a process id") > 0);
    while client.try_send(0).is_ok() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let end = client.iter().find(Result::is_err);
    assert!(end.is_none(), "{end:?}");
}

pub(crate) fn another_process_goes_on_without_its_parent(method: StartMethod) {
    let (middle, below, client) = start_tree(method, middle, false);
    middle.kill().expect("it is there");
    middle.join().expect_err("it was killed");
    for number in 0..10 {
        client.send(number).expect("it is there");
        assert_eq!(client.recv().expect("a number"), number + 1);
    }
    assert!(!readable_within(&below, Duration::from_millis(100)), "it ended with its parent");
    signal(&below, Signal::KILL);
    assert_ends(&below);
}

/// A signal at the death of the parent, as Linux has it, comes at the death of the parent's thread.
pub(crate) fn the_end_of_the_starting_thread_means_nothing(method: StartMethod) {
    super::elsewhere(method, start_by_a_thread);
}

fn start_by_a_thread(method: String) {
    let (client, server) = pipe::<u64, u64>().expect("a pipe");
    let starter = std::thread::spawn(move || {
        let builder = Builder::new().method(method_of(&method)).daemon(true);
        // SAFETY: the other thread sleeps in the join below.
        unsafe { builder.spawn_despite_threads(answer_for_ever, server) }.expect("a process")
    });
    let process = starter.join().expect("no panic");
    client.send(1).expect("it is there");
    assert_eq!(client.recv().expect("a number"), 2);
    assert!(!readable_within(process.sentinel(), Duration::from_millis(200)), "it ended with the thread");
    client.send(2).expect("it is there");
    assert_eq!(client.recv().expect("a number"), 3);
    process.kill().expect("it is there");
    process.join().expect_err("it was killed");
}
