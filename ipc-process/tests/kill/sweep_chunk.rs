//! The only worker of a pool is killed after so many instructions of a chunk of tasks.
//!
//! The tracer is this process, as for the sweep over system calls. Each task counts its runs in memory that outlives the worker.
//!
//! # Safety
//!
//! Forks this process, which has one thread.
#![allow(unsafe_code)]

use crate::sweep_worker::read;
use crate::trace::{self, Stop};
use crate::{BOUND, settle};
use ipc_codec::handle::Handle;
use ipc_process::{Pool, StartMethod, TaskError};
use ipc_sys::handle::OwnedHandle;
use ipc_sys::memory::SharedMapping;
use ipc_testkit::Rng;
use ipc_testkit::kill::{Args, Row};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How many tasks a chunk has.
const N_TASKS: usize = 3;

/// After how many instructions the tracer looks whether the chunk is done.
const LOOK_EVERY: u64 = 256;

/// No instruction takes as long.
const ASLEEP: Duration = Duration::from_millis(100);

/// What came of a chunk, as the owner tells it.
const RETURNED: u8 = 0;
const DIED: u8 = 1;
const HUNG: u8 = 2;
const WRONG: u8 = 3;

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
    // How many instructions there are, by a run that goes through.
    let (_, n_steps, _) = round(&mut owner, u64::MAX);
    let n_points = args.scale(6, n_steps.max(6));
    let mut rng = Rng::from_env();
    for point in 0..n_points {
        let stretch = (n_steps / n_points).max(1);
        let (outcome, _, was_killed) = round(&mut owner, point * n_steps / n_points + rng.below(stretch));
        row.points += 1;
        row.kills += u64::from(was_killed);
        match (outcome, was_killed) {
            (RETURNED, _) | (DIED, true) => {}
            (HUNG, _) => row.hangs += 1,
            _ => {
                eprintln!("{name}: point {point}: outcome {outcome}, killed: {was_killed}");
                row.ok = false;
            }
        }
    }
    eprintln!("{name}: {n_steps} instructions");
    drop(owner);
    row.ok &= row.kills > n_points / 2 && matches!(trace::wait(pid, true), Ok(Some((_, Stop::Exited(0)))));
    row
}

/// One chunk, with the worker killed after so many instructions. What came of it, how many there were, and whether it was killed.
fn round(owner: &mut UnixStream, n_steps: u64) -> (u8, u64, bool) {
    let worker = i32::from_ne_bytes(read(owner));
    trace::seize(worker).expect("it is there");
    trace::interrupt(worker).expect("it is there");
    let mut is_gone = matches!(trace::wait(worker, true), Ok(Some((_, Stop::Exited(_) | Stop::Killed(_)))));
    // Nothing happens before the chunk is there.
    owner.write_all(b"!").expect("the owner waits");
    owner.read_exact(&mut [0]).expect("the owner has handed it in");
    let mut n_seen = 0;
    let mut is_done = false;
    while !is_gone && !is_done && n_seen < n_steps {
        let start = Instant::now();
        let stepped = trace::step(worker, 0).and_then(|()| trace::wait(worker, true));
        is_gone = matches!(stepped, Ok(Some((_, Stop::Exited(_) | Stop::Killed(_)))) | Err(_));
        n_seen += 1;
        // A worker that sleeps has done what there was to do.
        is_done = (n_seen % LOOK_EVERY == 0 || start.elapsed() > ASLEEP) && has_said(owner);
    }
    let was_killed = n_seen == n_steps;
    if was_killed {
        trace::kill(worker);
        while !matches!(trace::wait(worker, true), Ok(Some((_, Stop::Exited(_) | Stop::Killed(_)))) | Err(_))
        {
        }
    } else if !is_gone {
        // It stands still after its last step.
        let _ = trace::let_go(worker);
    }
    let [outcome] = read(owner);
    owner.write_all(b"!").expect("the owner waits");
    (outcome, n_seen, was_killed)
}

/// Whether the owner has said what came of the chunk.
fn has_said(owner: &UnixStream) -> bool {
    let mut byte = [0_u8];
    // SAFETY: a socket that is there, and room for the byte.
    let n_bytes = unsafe {
        libc::recv(owner.as_raw_fd(), byte.as_mut_ptr().cast(), 1, libc::MSG_PEEK | libc::MSG_DONTWAIT)
    };
    n_bytes > 0
}

/// How often each task has run, in a worker.
static COUNTS: OnceLock<SharedMapping> = OnceLock::new();

fn open_counts(counts: Handle<OwnedHandle>) {
    let counts = SharedMapping::from_handle(counts.into_inner()).expect("shared memory");
    assert!(COUNTS.set(counts).is_ok(), "a worker is initialized once");
}

fn word(counts: &SharedMapping, task: usize) -> &AtomicU64 {
    counts.atomic_u64(task * size_of::<u64>())
}

fn work((task, text): (usize, String)) -> (usize, String) {
    word(COUNTS.get().expect("it was initialized"), task).fetch_add(1, Ordering::Relaxed);
    (task, text + "!")
}

fn input(task: usize) -> (usize, String) {
    (task, "x".repeat(task * 5))
}

/// The owner of the pool: does as it is told until the tracer has enough.
fn own(method: StartMethod, mut tracer: UnixStream) {
    let counts = SharedMapping::create(N_TASKS * size_of::<u64>()).expect("memory");
    let handle = counts.duplicate_handle().expect("a handle");
    let builder = Pool::builder().method(method).workers(1).initializer(open_counts, Handle::from(handle));
    let pool = builder.build().expect("a pool");
    loop {
        let worker = pool.apply(|(): ()| std::process::id(), ()).expect("the next task works");
        if tracer.write_all(&worker.to_ne_bytes()).is_err() || tracer.read_exact(&mut [0]).is_err() {
            return;
        }
        (0..N_TASKS).for_each(|task| word(&counts, task).store(0, Ordering::Relaxed));
        let tasks = pool.tasks().chunk_size(N_TASKS).map_async(work, (0..N_TASKS).map(input));
        tracer.write_all(b"!").expect("the tracer is there");
        let outcome = match tasks.get_timeout(BOUND) {
            Ok(results) => judge(&results, &counts),
            Err(_) => HUNG,
        };
        tracer.write_all(&[outcome]).expect("the tracer is there");
        tracer.read_exact(&mut [0]).expect("the tracer is there");
    }
}

/// One task may have died, and each has run once; the one that died may not have come so far.
fn judge(results: &[Result<(usize, String), TaskError>], counts: &SharedMapping) -> u8 {
    let mut n_died = 0;
    for (task, result) in results.iter().enumerate() {
        let n_runs = word(counts, task).load(Ordering::Relaxed);
        let is_right = match result {
            Ok((number, text)) => n_runs == 1 && *number == task && *text == input(task).1 + "!",
            Err(TaskError::WorkerDied { status }) => {
                n_died += 1;
                n_runs <= 1 && status.signal() == Some(9)
            }
            Err(_) => false,
        };
        if !is_right {
            eprintln!("task {task} ran {n_runs} times, and came to {result:?}");
            return WRONG;
        }
    }
    match n_died {
        0 => RETURNED,
        1 if results.len() == N_TASKS => DIED,
        _ => WRONG,
    }
}
