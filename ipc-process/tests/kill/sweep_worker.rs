//! The only worker of a pool is killed at each system call that it makes for a task.

use crate::owner::{Outcome, Owner, Tracer};
use crate::trace::{self, Stop};
use crate::{BOUND, settle};
use ipc_pipe::{Receiver, simplex};
use ipc_process::{GetError, Pool, StartMethod, TaskError};
use ipc_testkit::kill::{Args, Row};
use std::time::Duration;

/// How many tasks in a row have to be done before the worker came to the stop, until there are no more stops.
const MARGIN: u32 = 3;

pub(crate) fn run(name: &str, method: StartMethod, args: &Args) -> Row {
    settle();
    let mut row = Row::new(name);
    let mut owner = Owner::start(|tracer| own(method, tracer));
    for _ in 0..args.scale(1, 5) {
        let (mut n_stops, mut n_unreached) = (1, 0);
        while n_unreached < MARGIN {
            let (outcome, was_killed) = round(&mut owner, n_stops);
            outcome.count(&mut row, n_stops.into(), was_killed);
            n_stops += 1;
            n_unreached = if was_killed { 0 } else { n_unreached + 1 };
        }
    }
    row.ok &= owner.end();
    row
}

/// One task, with the worker killed at its `n_stops`th stop. What came of it, and whether the worker came that far.
fn round(owner: &mut Owner, n_stops: u32) -> (Outcome, bool) {
    let worker = owner.begin();
    let (mut n_seen, mut is_gone) = (0, false);
    loop {
        let reported = if is_gone { None } else { trace::wait(worker, false).expect("it is traced") };
        match reported {
            Some((_, Stop::Exited(_) | Stop::Killed(_))) => is_gone = true,
            Some((_, stop)) => {
                n_seen += u32::from(stop == Stop::SystemCall);
                if stop == Stop::SystemCall && n_seen == n_stops {
                    trace::kill(worker);
                    continue;
                }
                let signal = if let Stop::Other(signal) = stop { signal } else { 0 };
                // If it cannot go on, it was killed.
                let _ = trace::to_system_call(worker, signal);
            }
            None if owner.has_said() => break,
            None => std::thread::sleep(Duration::from_micros(20)),
        }
    }
    let outcome = owner.hear();
    release(worker, is_gone);
    owner.go_on();
    (outcome, n_seen >= n_stops)
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

/// Large enough to travel in memory of its own, both ways.
fn work((bytes, numbers): (Vec<u8>, Receiver<u64>)) -> (Vec<u8>, u64) {
    (bytes, numbers.iter().map(|n| n.expect("a number")).sum())
}

/// The owner of the pool.
fn own(method: StartMethod, tracer: Tracer) {
    let pool = Pool::builder().method(method).workers(1).build().expect("a pool");
    tracer.rounds(&pool, |_| {
        let (tx, rx) = simplex().expect("a pipe");
        let task = pool.apply_async(work, (vec![5_u8; 50_000], rx));
        // If the worker was killed already, and took the task with it, the other end is gone.
        let _ = tx.send(7);
        drop(tx);
        match task.get_timeout(BOUND) {
            Ok((bytes, 7)) if bytes == vec![5_u8; 50_000] => Outcome::Returned,
            Err(GetError::Task(TaskError::WorkerDied { status })) if status.signal() == Some(9) => {
                Outcome::Died
            }
            Err(GetError::TimedOut(_)) => Outcome::Hung,
            other => {
                eprintln!("it came to {:?}", other.map(|(_, sum)| sum));
                Outcome::Wrong
            }
        }
    });
}
