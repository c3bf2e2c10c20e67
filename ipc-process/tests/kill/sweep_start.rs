//! A child, or the fork server that makes it, is killed at each system call between its first instruction and its end.
//!
//! The tracer is this process. It forks a *parent*, which starts the child as any program would and tells by its exit code
//! how that went; both are traced from their first instruction.

use crate::owner::{Outcome, fork};
use crate::trace::{self, Stop};
use crate::{BOUND, settle};
use ipc_process::{Builder, JoinError, JoinTimeoutError, SpawnError, StartMethod};
use ipc_testkit::kill::{Args, Row};
use ipc_testkit::leaks::Snapshot;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Who is killed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victim {
    /// What the parent makes: the child, or the fork server.
    First,
    /// The child of the fork server.
    Second,
}

pub(crate) fn run(name: &str, method: StartMethod, victim: Victim, args: &Args) -> Row {
    settle();
    let mut row = Row::new(name);
    let is_long = method != StartMethod::Fork && victim == Victim::First;
    let stride = args.scale(if is_long { 2 } else { 1 }, 1) as u32;
    for n_stops in (1..).step_by(stride as usize) {
        let (outcome, was_killed) = round(method, victim, n_stops);
        outcome.count(&mut row, n_stops.into(), was_killed);
        if !was_killed {
            break;
        }
    }
    row
}

/// Kills the victim at its `n_stops`th stop. How it went for the parent, and whether the victim came that far.
fn round(method: StartMethod, victim: Victim, n_stops: u32) -> (Outcome, bool) {
    let (mut go, told) = UnixStream::pair().expect("a socket");
    let parent = fork(|| be_parent(method, told));
    trace::seize(parent).expect("it is a child");
    go.write_all(b"!").expect("it waits");
    let (mut first, mut second, mut n_seen, mut was_killed) = (None, None, 0, false);
    loop {
        let (pid, stop) = trace::wait(-1, true).expect("there are children").expect("it waited");
        // What cannot be told to go on was killed meanwhile.
        let _ = match stop {
            Stop::Exited(code) if pid == parent => return (Outcome::from_code(code), was_killed),
            Stop::Killed(signal) if pid == parent => panic!("signal {signal} ended the parent"),
            Stop::Exited(_) | Stop::Killed(_) => continue,
            Stop::Child(new) if pid == parent => {
                first.get_or_insert(new);
                trace::go_on(pid, 0)
            }
            Stop::Child(new) => {
                second.get_or_insert(new);
                trace::to_system_call(pid, 0)
            }
            Stop::SystemCall if Some(pid) == if victim == Victim::First { first } else { second } => {
                n_seen += 1;
                if n_seen == n_stops {
                    trace::kill(pid);
                    was_killed = true;
                    continue;
                }
                trace::to_system_call(pid, 0)
            }
            // Its first stop comes before it has done anything, and may come before the parent tells of it.
            Stop::Other(signal) if pid != parent => trace::to_system_call(pid, signal),
            Stop::Other(signal) => trace::go_on(pid, signal),
            Stop::SystemCall => trace::go_on(pid, 0),
        };
    }
}

/// Starts a child, and tells how that went.
fn be_parent(method: StartMethod, mut told: UnixStream) -> Outcome {
    told.read_exact(&mut [0]).expect("the tracer is there");
    // This process has not started a daemon yet. One that cannot even be tried costs it a lifeline of its own, and no process.
    let impossible = Builder::new().method(StartMethod::Spawn).daemon(true).executable("\0");
    let result = impossible.spawn(|(): ()| (), ());
    assert!(matches!(result, Err(SpawnError::InvalidInput { .. })), "{result:?}");
    let before = Snapshot::take();
    let (tx, rx) = ipc_pipe::simplex::<u64>().expect("a pipe");
    let builder = Builder::new().method(method).daemon(true).start_timeout(BOUND);
    let sum = |rx: ipc_pipe::Receiver<u64>| rx.iter().map(|n| n.expect("a number")).sum::<u64>();
    let started = builder.spawn(sum, rx);
    // If the child is gone, so is the other end.
    let _ = tx.send(7);
    drop(tx);
    let outcome = match started.map(|process| process.join_timeout(BOUND)) {
        Ok(Ok(7)) => Outcome::Returned,
        Ok(Err(JoinTimeoutError::Join(JoinError::Signaled { signal: 9, .. }))) => Outcome::Died,
        Err(SpawnError::Died { status }) if status.signal() == Some(9) => Outcome::Died,
        Err(SpawnError::TimedOut) | Ok(Err(JoinTimeoutError::TimedOut(_))) => Outcome::Hung,
        other => {
            eprintln!("it came to {other:?}");
            Outcome::Wrong
        }
    };
    ipc_process::stop_forkserver();
    let left = before.growth(Duration::from_secs(1));
    if left.is_empty() {
        outcome
    } else {
        eprintln!("left behind:\n{left}");
        Outcome::LeftBehind
    }
}
