//! The only worker of a pool is killed after so many instructions of a chunk of tasks.
//!
//! Each task counts its runs in memory that outlives the worker.

use crate::owner::{Outcome, Owner, Tracer};
use crate::trace::{self, Stop};
use crate::{BOUND, settle};
use ipc_codec::handle::Handle;
use ipc_process::{Pool, StartMethod, TaskError};
use ipc_sys::handle::OwnedHandle;
use ipc_sys::memory::SharedMapping;
use ipc_testkit::Rng;
use ipc_testkit::kill::{Args, Row};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How many tasks a chunk has.
const N_TASKS: usize = 3;

/// After how many instructions the tracer looks whether the chunk is done.
const LOOK_EVERY: u64 = 256;

/// No instruction takes as long.
const ASLEEP: Duration = Duration::from_millis(100);

pub(crate) fn run(name: &str, method: StartMethod, args: &Args) -> Row {
    settle();
    let mut row = Row::new(name);
    let mut owner = Owner::start(|tracer| own(method, tracer));
    // How many instructions there are, by a run that goes through.
    let (_, n_steps, _) = round(&mut owner, u64::MAX);
    let n_points = args.scale(6, n_steps.max(6));
    let mut rng = Rng::from_env();
    for point in 0..n_points {
        let stretch = (n_steps / n_points).max(1);
        let (outcome, _, was_killed) = round(&mut owner, point * n_steps / n_points + rng.below(stretch));
        outcome.count(&mut row, point, was_killed);
    }
    eprintln!("{name}: {n_steps} instructions");
    row.ok &= owner.end() && row.kills > n_points / 2;
    row
}

/// One chunk, with the worker killed after so many instructions. What came of it, how many there were, and whether it was killed.
fn round(owner: &mut Owner, n_steps: u64) -> (Outcome, u64, bool) {
    let worker = owner.begin();
    let has_ended = |stop| matches!(stop, Ok(Some((_, Stop::Exited(_) | Stop::Killed(_)))) | Err(_));
    let mut is_gone = has_ended(trace::wait(worker, true));
    // Nothing happens before the chunk is there.
    owner.hear();
    let mut n_seen = 0;
    let mut is_done = false;
    while !is_gone && !is_done && n_seen < n_steps {
        let start = Instant::now();
        is_gone = has_ended(trace::step(worker, 0).and_then(|()| trace::wait(worker, true)));
        n_seen += 1;
        // A worker that sleeps has done what there was to do.
        is_done = (n_seen % LOOK_EVERY == 0 || start.elapsed() > ASLEEP) && owner.has_said();
    }
    let was_killed = n_seen == n_steps;
    if was_killed {
        trace::kill(worker);
        while !has_ended(trace::wait(worker, true)) {}
    } else if !is_gone {
        // It stands still after its last step.
        let _ = trace::let_go(worker);
    }
    let outcome = owner.hear();
    owner.go_on();
    (outcome, n_seen, was_killed)
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

/// The owner of the pool.
fn own(method: StartMethod, tracer: Tracer) {
    let counts = SharedMapping::create(N_TASKS * size_of::<u64>()).expect("memory");
    let handle = counts.duplicate_handle().expect("a handle");
    let builder = Pool::builder().method(method).workers(1).initializer(open_counts, Handle::from(handle));
    let pool = builder.build().expect("a pool");
    tracer.rounds(&pool, |tracer| {
        (0..N_TASKS).for_each(|task| word(&counts, task).store(0, Ordering::Relaxed));
        let tasks = pool.tasks().chunk_size(N_TASKS).map_async(work, (0..N_TASKS).map(input));
        // It is there.
        tracer.say(Outcome::Returned);
        match tasks.get_timeout(BOUND) {
            Ok(results) => judge(&results, &counts),
            Err(_) => Outcome::Hung,
        }
    });
}

/// One task may have died, and each has run once; the one that died may not have come so far.
fn judge(results: &[Result<(usize, String), TaskError>], counts: &SharedMapping) -> Outcome {
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
            return Outcome::Wrong;
        }
    }
    match n_died {
        0 => Outcome::Returned,
        1 if results.len() == N_TASKS => Outcome::Died,
        _ => Outcome::Wrong,
    }
}
