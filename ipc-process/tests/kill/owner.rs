//! The owner of a pool in a process of its own, which does as the tracer tells it, and tells what came of it.
//!
//! The tracer is the scenario's process. In each round it gets the number of the worker that is next, traces that worker, has the
//! owner hand something in, kills the worker or not, and hears what came of it.
//!
//! # Safety
//!
//! Forks this process, which has one thread.
#![allow(unsafe_code)]

use crate::trace::{self, Stop};
use ipc_process::Pool;
use ipc_testkit::kill::Row;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What came of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Returned,
    /// It died with its worker, or is the child that died.
    Died,
    Hung,
    Wrong,
    /// It went as it should, and not everything is gone.
    LeftBehind,
}

const OUTCOMES: [Outcome; 5] =
    [Outcome::Returned, Outcome::Died, Outcome::Hung, Outcome::Wrong, Outcome::LeftBehind];

impl Outcome {
    /// As the exit code of a process.
    pub(crate) fn code(self) -> i32 {
        self as i32
    }

    pub(crate) fn from_code(code: i32) -> Outcome {
        usize::try_from(code).ok().and_then(|code| OUTCOMES.get(code).copied()).unwrap_or(Outcome::Wrong)
    }

    /// Counts one point of a sweep: what came of it, and whether somebody was killed there.
    pub(crate) fn count(self, row: &mut Row, point: u64, was_killed: bool) {
        row.points += 1;
        row.kills += u64::from(was_killed);
        match (self, was_killed) {
            // Whoever was killed may have said everything before.
            (Outcome::Returned, _) | (Outcome::Died, true) => {}
            (Outcome::Hung, _) => row.hangs += 1,
            _ => {
                eprintln!("{}: point {point}: {self:?}, killed: {was_killed}", row.scenario);
                row.ok = false;
            }
        }
    }
}

/// Forks this process, which has one thread; the copy ends with the code.
pub(crate) fn fork(work: impl FnOnce() -> Outcome) -> i32 {
    // SAFETY: this process has one thread.
    match unsafe { libc::fork() } {
        0 => {
            // A panic must not unwind into what was copied from the tracer.
            let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or(Outcome::Wrong);
            // SAFETY: the end of this process, and of nothing else.
            unsafe { libc::_exit(outcome.code()) }
        }
        pid => pid,
    }
}

/// The owner, for the tracer.
pub(crate) struct Owner {
    pid: i32,
    line: UnixStream,
}

/// The tracer, for the owner.
pub(crate) struct Tracer(UnixStream);

impl Owner {
    pub(crate) fn start(own: impl FnOnce(Tracer)) -> Owner {
        let (line, theirs) = UnixStream::pair().expect("a socket");
        let mut line = Some(line);
        let pid = fork(|| {
            // The copy's; or else the owner would not see the end of the tracer.
            line = None;
            own(Tracer(theirs));
            Outcome::Returned
        });
        Owner { pid, line: line.expect("it is closed in the copy alone") }
    }

    /// Traces the worker that is next, and has the owner begin a round.
    pub(crate) fn begin(&mut self) -> i32 {
        let worker = i32::from_ne_bytes(read(&mut self.line));
        trace::seize(worker).expect("it is there");
        trace::interrupt(worker).expect("it is there");
        self.go_on();
        worker
    }

    pub(crate) fn go_on(&mut self) {
        self.line.write_all(b"!").expect("the owner waits");
    }

    /// Whether the owner has said something.
    pub(crate) fn has_said(&self) -> bool {
        let mut byte = [0_u8];
        let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
        // SAFETY: a socket that is there, and room for the byte.
        unsafe { libc::recv(self.line.as_raw_fd(), byte.as_mut_ptr().cast(), 1, flags) > 0 }
    }

    /// Waits until the owner says something.
    pub(crate) fn hear(&mut self) -> Outcome {
        let [code] = read(&mut self.line);
        Outcome::from_code(code.into())
    }

    /// Has the owner end; whether it did so as it should.
    pub(crate) fn end(self) -> bool {
        drop(self.line);
        matches!(trace::wait(self.pid, true), Ok(Some((_, Stop::Exited(code)))) if Outcome::from_code(code) == Outcome::Returned)
    }
}

impl Tracer {
    /// Has the only worker of the pool be killed in each round, until the tracer has enough.
    pub(crate) fn rounds(mut self, pool: &Pool, mut round: impl FnMut(&mut Tracer) -> Outcome) {
        loop {
            let worker = pool.apply(|(): ()| std::process::id(), ()).expect("the next task works");
            if self.0.write_all(&worker.to_ne_bytes()).is_err() || self.0.read_exact(&mut [0]).is_err() {
                return;
            }
            let outcome = round(&mut self);
            self.say(outcome);
            let [_] = read(&mut self.0);
        }
    }

    pub(crate) fn say(&mut self, outcome: Outcome) {
        self.0.write_all(&[outcome.code() as u8]).expect("the tracer is there");
    }
}

fn read<const N: usize>(from: &mut UnixStream) -> [u8; N] {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes).expect("the other side is there");
    bytes
}
