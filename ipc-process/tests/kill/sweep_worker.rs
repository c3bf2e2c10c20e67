//! The only worker of a pool is killed at each system call that it makes for a task.
//!
//! The tracer is this process. It forks an *owner*, which has the pool, hands in a task when it is told to, and tells what came
//! of it and which process the next worker is.
//!
//! # Safety
//!
//! Forks this process, which has one thread.
#![allow(unsafe_code)]

use crate::trace::{self, Stop};
use crate::{BOUND, settle};
use ipc_pipe::{Receiver, simplex};
use ipc_process::{GetError, Pool, StartMethod, TaskError};
use ipc_testkit::kill::{Args, Row};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// What came of a task, as the owner tells it.
const RETURNED: u8 = 0;
const DIED: u8 = 1;
const HUNG: u8 = 2;
const WRONG: u8 = 3;

/// How many tasks in a row have to be done before the worker came to the stop, until there are no more stops.
const MARGIN: u32 = 3;

pub(crate) fn run(name: &str, method: StartMethod, args: &Args) -> Row {
    settle();
    let mut row = Row::new(name);
    let (mut owner, theirs) = UnixStream::pair().expect("a socket");
    // SAFETY: this process has one thread.
    let pid = match unsafe { libc::fork() } {
        0 => {
            drop(owner);
            // A panic must not unwind into what was copied from the tracer.
            let ended = catch_unwind(AssertUnwindSafe(|| own(method, theirs)));
            // SAFETY: the end of this process, and of nothing else.
            unsafe { libc::_exit(i32::from(ended.is_err())) }
        }
        pid => pid,
    };
    drop(theirs);
    for _ in 0..args.scale(1, 5) {
        let (mut n_stops, mut n_unreached) = (1, 0);
        while n_unreached < MARGIN {
            let (outcome, was_killed) = round(&mut owner, n_stops);
            row.points += 1;
            row.kills += u64::from(was_killed);
            match (outcome, was_killed) {
                (RETURNED, _) | (DIED, true) => {}
                (HUNG, _) => row.hangs += 1,
                _ => {
                    eprintln!("{name}: stop {n_stops}: outcome {outcome}, killed: {was_killed}");
                    row.ok = false;
                }
            }
            n_stops += 1;
            n_unreached = if was_killed { 0 } else { n_unreached + 1 };
        }
    }
    drop(owner);
    row.ok &= matches!(trace::wait(pid, true), Ok(Some((_, Stop::Exited(0)))));
    row
}

/// One task, with the worker killed at its `n_stops`th stop. What came of it, and whether the worker came that far.
fn round(owner: &mut UnixStream, n_stops: u32) -> (u8, bool) {
    let worker = i32::from_ne_bytes(read(owner));
    trace::seize(worker).expect("it is there");
    trace::interrupt(worker).expect("it is there");
    owner.write_all(b"!").expect("the owner waits");
    owner.set_nonblocking(true).expect("a socket");
    let (mut outcome, mut n_seen, mut was_killed, mut is_gone) = ([0], 0, false, false);
    let outcome = loop {
        let reported = if is_gone { None } else { trace::wait(worker, false).expect("it is traced") };
        match reported {
            Some((_, Stop::Exited(_) | Stop::Killed(_))) => is_gone = true,
            Some((_, Stop::SystemCall)) if n_seen + 1 == n_stops => {
                n_seen += 1;
                was_killed = true;
                trace::kill(worker);
            }
            Some((_, stop)) => {
                n_seen += u32::from(stop == Stop::SystemCall);
                let signal = if let Stop::Other(signal) = stop { signal } else { 0 };
                // If it cannot go on, it was killed.
                let _ = trace::to_system_call(worker, signal);
            }
            None if owner.read_exact(&mut outcome).is_ok() => break outcome[0],
            None => std::thread::sleep(Duration::from_micros(20)),
        }
    };
    owner.set_nonblocking(false).expect("a socket");
    release(worker, is_gone);
    owner.write_all(b"!").expect("the owner waits");
    (outcome, was_killed)
}

/// Lets a worker go on without a tracer, or sees to its end.
fn release(worker: i32, is_gone: bool) {
    if is_gone {
        return;
    }
    // Ends with the next stop, or with the end of the worker.
    let _ = trace::interrupt(worker);
    if let Ok(Some((_, stop))) = trace::wait(worker, true) {
        if !matches!(stop, Stop::Exited(_) | Stop::Killed(_)) && trace::let_go(worker).is_err() {
            // It was killed in its stop, and its end is still to be reported.
            let _ = trace::wait(worker, true);
        }
    }
}

pub(crate) fn read<const N: usize>(from: &mut UnixStream) -> [u8; N] {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes).expect("the owner is there");
    bytes
}

/// Large enough to travel in memory of its own, both ways.
fn work((bytes, numbers): (Vec<u8>, Receiver<u64>)) -> (Vec<u8>, u64) {
    (bytes, numbers.iter().map(|n| n.expect("a number")).sum())
}

/// The owner of the pool: does as it is told until the tracer has enough.
fn own(method: StartMethod, mut tracer: UnixStream) {
    let pool = Pool::builder().method(method).workers(1).build().expect("a pool");
    loop {
        let worker = pool.apply(|(): ()| std::process::id(), ()).expect("the next task works");
        if tracer.write_all(&worker.to_ne_bytes()).is_err() || tracer.read_exact(&mut [0]).is_err() {
            return;
        }
        let (tx, rx) = simplex().expect("a pipe");
        let task = pool.apply_async(work, (vec![5_u8; 50_000], rx));
        // If the worker was killed already, and took the task with it, the other end is gone.
        let _ = tx.send(7);
        drop(tx);
        let outcome = match task.get_timeout(BOUND) {
            Ok((bytes, 7)) if bytes == vec![5_u8; 50_000] => RETURNED,
            Err(GetError::Task(TaskError::WorkerDied { status })) if status.signal() == Some(9) => DIED,
            Err(GetError::TimedOut(_)) => HUNG,
            other => {
                eprintln!("it came to {:?}", other.map(|(_, sum)| sum));
                WRONG
            }
        };
        tracer.write_all(&[outcome]).expect("the tracer is there");
        tracer.read_exact(&mut [0]).expect("the tracer is there");
    }
}
