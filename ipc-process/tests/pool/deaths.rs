//! The ways to die times the places to die in: exactly that task fails, a hundred others do not, and the pool is whole again.
//!
//! # Safety
//!
//! Signals sent to this very process, with their default actions.
#![allow(unsafe_code)]

use super::{assert_ends, assert_full, double, eventually, hold, pool, signal};
use ipc_process::{ExitStatus, Pool, StartMethod, TaskError};
use rustix::process::Signal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The numbers of workers that every way to die is tried with.
pub(crate) const SIZES: [usize; 3] = [1, 2, 5];

/// A way to die.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Way {
    Panic,
    ExitWell,
    ExitBadly,
    Abort,
    Kill,
    Segfault,
}

pub(crate) const WAYS: [Way; 6] =
    [Way::Panic, Way::ExitWell, Way::ExitBadly, Way::Abort, Way::Kill, Way::Segfault];

/// Dies.
pub(crate) fn die(way: Way) -> ! {
    let number = match way {
        Way::Panic => panic!("the end"),
        Way::ExitWell => std::process::exit(0),
        Way::ExitBadly => std::process::exit(7),
        Way::Abort => std::process::abort(),
        Way::Kill => libc::SIGKILL,
        Way::Segfault => libc::SIGSEGV,
    };
    // SAFETY: the default action runs no code.
    unsafe { libc::signal(number, libc::SIG_DFL) };
    // SAFETY: ends this process.
    unsafe { libc::raise(number) };
    unreachable!("the signal ends the process")
}

/// The status of a worker that died this way; none for a panic, which kills nobody.
pub(crate) fn status(way: Way) -> Option<ExitStatus> {
    let signaled = |signal| Some(ExitStatus::Signaled { signal, core_dumped: false });
    match way {
        Way::Panic => None,
        Way::ExitWell => Some(ExitStatus::Exited(0)),
        Way::ExitBadly => Some(ExitStatus::Exited(7)),
        Way::Abort => signaled(libc::SIGABRT),
        Way::Kill => signaled(libc::SIGKILL),
        Way::Segfault => signaled(libc::SIGSEGV),
    }
}

#[track_caller]
pub(crate) fn assert_died<R>(way: Way, result: Result<R, TaskError>) {
    match (status(way), result.map(|_| ())) {
        (None, Err(TaskError::Panicked(report))) => assert_eq!(report.message(), "the end"),
        (Some(expected), Err(TaskError::WorkerDied { status })) => assert_eq!(status, expected),
        (_, other) => panic!("{way:?}: {other:?}"),
    }
}

/// Dies when it is decoded.
pub(crate) struct DiesDecoded(pub(crate) Way);

impl Serialize for DiesDecoded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DiesDecoded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        die(Way::deserialize(deserializer)?)
    }
}

/// Dies when it is encoded.
pub(crate) struct DiesEncoded(pub(crate) Way);

impl Serialize for DiesEncoded {
    fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
        die(self.0)
    }
}

impl<'de> Deserialize<'de> for DiesEncoded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Way::deserialize(deserializer).map(DiesEncoded)
    }
}

/// Has one task of 101 die, for every way and size of pool.
fn matrix(method: StartMethod, one_dies: fn(&Pool, Way) -> Result<(), TaskError>) {
    for size in SIZES {
        let pool = pool(method, size);
        let mut n_deaths = 0;
        for way in WAYS {
            std::thread::scope(|scope| {
                let others: Vec<_> = (0..50).map(|n| (n, pool.apply_async(double, n))).collect();
                let dying = scope.spawn(|| one_dies(&pool, way));
                let more = (50..100).map(|n| (n, pool.apply_async(double, n)));
                for (n, task) in others.into_iter().chain(more.collect::<Vec<_>>()) {
                    assert_eq!(task.get().expect("it is not concerned"), n * 2, "{way:?}, {size} workers");
                }
                assert_died(way, dying.join().expect("it panics only elsewhere"));
            });
            n_deaths += u64::from(status(way).is_some());
            assert_full(&pool, size);
            assert_eq!(pool.deaths(), n_deaths, "{way:?}, {size} workers");
        }
    }
}

pub(crate) fn a_death_while_decoding_fails_that_task_alone(method: StartMethod) {
    matrix(method, |pool, way| pool.apply(|_: DiesDecoded| (), DiesDecoded(way)));
}

pub(crate) fn a_death_while_running_fails_that_task_alone(method: StartMethod) {
    matrix(method, |pool, way| pool.apply(|way: Way| die(way), way));
}

pub(crate) fn a_death_while_encoding_fails_that_task_alone(method: StartMethod) {
    matrix(method, |pool, way| pool.apply(DiesEncoded, way).map(|_| ()));
}

pub(crate) fn a_death_while_idle_fails_no_task(method: StartMethod) {
    for size in SIZES {
        let pool = pool(method, size);
        let mut n_deaths = 0;
        for way in WAYS {
            die_idle(&pool, way, assert_full(&pool, size));
            for (n, result) in pool.map(double, 0..100).into_iter().enumerate() {
                assert_eq!(result.expect("nobody was in a task"), n as u64 * 2, "{way:?}, {size} workers");
            }
            n_deaths += u64::from(status(way).is_some());
            eventually("the death is counted", || pool.deaths() == n_deaths);
            assert_full(&pool, size);
        }
    }
}

/// Has one of the workers die while it waits for a task.
fn die_idle(pool: &Pool, way: Way, pids: std::collections::BTreeSet<u32>) {
    let from_outside = |number: Signal| {
        let process = hold(*pids.first().expect("a worker"));
        signal(&process, number);
        assert_ends(&process);
    };
    match way {
        Way::Kill => from_outside(Signal::KILL),
        Way::Abort => from_outside(Signal::ABORT),
        Way::Segfault => from_outside(Signal::SEGV),
        // A thread that a task left behind.
        Way::Panic | Way::ExitWell | Way::ExitBadly => {
            let (go, told) = ipc_pipe::simplex::<Way>().expect("a pipe");
            let leave = |told: ipc_pipe::Receiver<Way>| {
                std::thread::spawn(move || die(told.recv().expect("a way")));
                std::process::id()
            };
            let pid = pool.apply(leave, told).expect("a process id");
            let process = hold(pid);
            go.send(way).expect("the thread is there");
            if way != Way::Panic {
                assert_ends(&process);
            }
        }
    }
}

pub(crate) fn every_task_of_many_may_kill_its_worker(method: StartMethod) {
    let pool = pool(method, 5);
    let ways = WAYS.into_iter().cycle().take(60);
    for (way, result) in ways.clone().zip(pool.map(|way: Way| die(way), ways)) {
        assert_died::<()>(way, result);
    }
    assert_full(&pool, 5);
    assert_eq!(pool.deaths(), 50);
}
