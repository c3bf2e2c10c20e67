//! Processes that are killed in the middle of their calls, on a queue that the kernel keeps: a pipe.
//!
//! # Safety
//!
//! 1. The process has one thread, so that what it forks may do anything.
//! 2. A child that is not collected keeps its number: a signal reaches it and nobody else.

#![allow(unsafe_code)]

use ipc_testkit::history::{Fifo, History, Log, Op, Outcome, Rule};
use ipc_testkit::{Rng, isolated};
use rustix::io::{read, write};
use rustix::pipe::{PipeFlags, pipe_with};
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::time::Duration;

const N_WORKERS: usize = 4;
const N_CALLS: usize = 2_000;
const N_ROUNDS: usize = 25;

/// Values of 8 bytes, which go in and out whole: none is cut by the end of a page.
struct Pipe {
    reader: OwnedFd,
    writer: OwnedFd,
    /// How many values are taken at a time, and kept for the calls to come. More than one is wrong.
    n_at_once: usize,
}

impl Pipe {
    fn new(n_at_once: usize) -> Pipe {
        let (reader, writer) =
            pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC).expect("there are descriptors");
        Pipe { reader, writer, n_at_once }
    }

    fn put(&self, value: u64) -> Outcome {
        write(&self.writer, &value.to_le_bytes()).map_or(Outcome::Full, |_| Outcome::Done)
    }

    fn get(&self, kept: &mut VecDeque<u64>) -> Outcome {
        if kept.is_empty() {
            let mut bytes = vec![0; 8 * self.n_at_once];
            let n_bytes = read(&self.reader, &mut bytes).unwrap_or(0);
            let value = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).expect("8 bytes");
            kept.extend(bytes[..n_bytes].chunks(8).map(value));
        }
        kept.pop_front().map_or(Outcome::Empty, Outcome::Got)
    }
}

/// Puts and gets until it is killed or its log is full.
fn work(pipe: &Pipe, log: &Log, worker: usize) {
    let mut writer = log.writer(worker);
    let mut kept = VecDeque::new();
    for number in 0.. {
        if writer.room() == 0 {
            return;
        }
        let value = (worker as u64) << 32 | number;
        if (number + worker as u64) % 2 == 0 {
            let call = writer.call(Op::Put(value));
            call.ret(pipe.put(value));
        } else {
            let call = writer.call(Op::Get);
            call.ret(pipe.get(&mut kept));
        }
    }
}

/// Finds the pipe empty in the end, so that what is lost is known.
fn drain(pipe: &Pipe, log: &Log, worker: usize) {
    let mut writer = log.writer(worker);
    loop {
        let call = writer.call(Op::Get);
        let outcome = pipe.get(&mut VecDeque::new());
        let is_empty = outcome == Outcome::Empty;
        call.ret(outcome);
        if is_empty {
            return;
        }
    }
}

fn fork(body: impl FnOnce()) -> libc::pid_t {
    // SAFETY: by Invariant 1.
    match unsafe { libc::fork() } {
        -1 => panic!("cannot fork"),
        0 => {
            body();
            // SAFETY: it takes no pointer and does not return.
            unsafe { libc::_exit(0) }
        }
        pid => pid,
    }
}

fn kill_and_collect(pid: libc::pid_t) {
    // SAFETY: it takes no pointer; by Invariant 2 it is the child.
    unsafe { libc::kill(pid, libc::SIGKILL) };
    // SAFETY: no status is written.
    unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
}

/// Workers that are killed one after the other while they work.
fn round(rng: &mut Rng, n_at_once: usize) -> History {
    let pipe = Pipe::new(n_at_once);
    let log = Log::create(N_WORKERS + 1, N_CALLS);
    let pids: Vec<libc::pid_t> = (0..N_WORKERS).map(|worker| fork(|| work(&pipe, &log, worker))).collect();
    for (worker, pid) in pids.into_iter().enumerate() {
        std::thread::sleep(Duration::from_micros(rng.below(1_000)));
        kill_and_collect(pid);
        log.died(worker);
    }
    if n_at_once == 1 {
        drain(&pipe, &log, N_WORKERS);
    }
    log.history()
}

#[test]
fn a_pipe_loses_at_most_what_the_dead_were_taking() {
    isolated(|| {
        let mut rng = Rng::from_env();
        let (mut n_operations, mut n_cut_short) = (0, 0);
        for _ in 0..N_ROUNDS {
            let history = round(&mut rng, 1);
            Fifo::unbounded().check(&history).unwrap_or_else(|violation| panic!("{violation}"));
            n_operations += history.operations().len();
            n_cut_short +=
                history.operations().iter().filter(|operation| operation.outcome.is_none()).count();
        }
        assert!(n_operations > 10 * N_ROUNDS, "{n_operations}");
        assert!(n_cut_short > 0, "some were killed in a call");
    });
}

#[test]
fn a_worker_that_takes_ahead_is_found() {
    isolated(|| {
        let mut rng = Rng::from_env();
        let rules = (0..N_ROUNDS).filter_map(|_| Fifo::unbounded().check(&round(&mut rng, 4)).err());
        let rules: Vec<Rule> = rules.map(|violation| violation.rule).collect();
        assert!(!rules.is_empty(), "values overtake each other, and a death takes several");
        assert!(rules.iter().all(|rule| matches!(rule, Rule::Order | Rule::Lost | Rule::Empty)), "{rules:?}");
    });
}
