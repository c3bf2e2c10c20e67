//! Four who put and four who get, of which one is killed every 0-300 us, and all that they were told: a queue must have been able to
//! answer so.

use crate::survive::row_of;
use ipc_queue::{GetTimeoutError, PutManyError, PutTimeoutError, Queue, TryGetError, TryPutError};
use ipc_sys::clock::Deadline;
use ipc_sys::memory::SharedMapping;
use ipc_sys::process::{Child, Signal};
use ipc_testkit::Rng;
use ipc_testkit::history::{Fifo, Log, Op, Outcome, Writer};
use ipc_testkit::kill::{Args, Row, Sweep};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::fork_child;
use crate::survive::LIMIT;

const PRODUCERS: usize = 4;
const WORKERS: usize = 8;
/// Calls of all workers together, and the most of one.
const CALLS: u64 = 2000;
/// How long one who waits stays in one call.
const SLICE: Duration = Duration::from_millis(5);
/// The longest time between two kills, in microseconds.
const LONGEST_CALM: u64 = 300;
/// Deaths in one history, at most.
const DEATHS: usize = 64;
const BATCH: u64 = 4;

/// Capacities: of one item, narrow, wide.
const CAPACITIES: [usize; 3] = [1, 4, 32];

pub(crate) fn run(args: &Args) -> Row {
    let mut rng = Rng::from_env();
    let mut swept = Sweep::default();
    let (mut losses, mut n_lost, mut n_got) = (0, 0, 0);
    for round in 0..args.scale(20, 1000) {
        let capacity = CAPACITIES[round as usize % CAPACITIES.len()];
        let queue: Queue<u64> = Queue::bounded(capacity).expect("memory is left");
        let log = Log::create(WORKERS + DEATHS + 1, CALLS as usize * 2);
        let count = SharedMapping::create(8).expect("memory is left");
        rage(&queue, &log, count.atomic_u64(0), &mut rng, &mut swept);
        drain(&queue, &mut log.writer(WORKERS + DEATHS));
        match Fifo::bounded(capacity).check(&log.history()) {
            Ok(passed) => (n_lost, n_got) = (n_lost + passed.lost, n_got + passed.got),
            Err(violation) => {
                eprintln!("histories: round {round}, capacity {capacity}: {violation}");
                losses += 1;
            }
        }
        swept.points += 1;
    }
    eprintln!("histories: {} kills, {n_got} items, {n_lost} lost with getters", swept.kills);
    Row { losses, ..row_of(&swept, "histories") }
}

/// One history.
fn rage(queue: &Queue<u64>, log: &Log, count: &AtomicU64, rng: &mut Rng, swept: &mut Sweep) {
    let start = |worker: usize, writer: usize| {
        let child = fork_child(|| work(worker, queue, &mut log.writer(writer), count));
        (child, writer)
    };
    let mut workers: Vec<(Child, usize)> = (0..WORKERS).map(|worker| start(worker, worker)).collect();
    for next in WORKERS..WORKERS + DEATHS {
        sleep(Duration::from_micros(rng.below(LONGEST_CALM)));
        if count.load(Relaxed) >= CALLS {
            break;
        }
        let victim = rng.below(WORKERS as u64) as usize;
        let (child, writer) = &workers[victim];
        child.signal(Signal::Kill).expect("it was not waited for");
        child.wait(Deadline::NEVER).expect("it is a child");
        log.died(*writer);
        swept.kills += 1;
        workers[victim] = start(victim, next);
    }
    count.store(CALLS, Relaxed);
    let since = Instant::now();
    for (child, writer) in &workers {
        let left = LIMIT.saturating_sub(since.elapsed());
        let ending = child.wait(Deadline::after(left)).expect("it is a child");
        if ending.is_none() {
            swept.hangs += 1;
            child.signal(Signal::Kill).expect("it was not waited for");
            child.wait(Deadline::NEVER).expect("it is a child");
        }
        swept.failed += u64::from(ending.is_some_and(|ending| !ending.success()));
        log.died(*writer);
    }
}

/// Calls and notes, until all calls together are enough.
fn work(worker: usize, queue: &Queue<u64>, writer: &mut Writer<'_>, count: &AtomicU64) {
    loop {
        let number = count.fetch_add(1, Relaxed);
        if number >= CALLS || writer.room() < 2 * BATCH as usize {
            return;
        }
        match (worker < PRODUCERS, number % 7) {
            (true, 0) => put_many(number, queue, writer),
            (true, way) => put(number * BATCH, way, queue, writer),
            (false, 0) => get_many(queue, writer),
            (false, way) => get(way, queue, writer),
        }
    }
}

fn put(value: u64, way: u64, queue: &Queue<u64>, writer: &mut Writer<'_>) {
    let call = writer.call(Op::Put(value));
    let outcome = if way % 2 == 0 {
        match queue.try_put(value) {
            Ok(()) => Outcome::Done,
            Err(TryPutError::Full(_)) => Outcome::Full,
            Err(error) => panic!("{error:?}"),
        }
    } else {
        match queue.put_timeout(value, SLICE) {
            Ok(()) => Outcome::Done,
            Err(PutTimeoutError::TimedOut(_)) => Outcome::Full,
            Err(error) => panic!("{error:?}"),
        }
    };
    call.ret(outcome);
}

fn put_many(number: u64, queue: &Queue<u64>, writer: &mut Writer<'_>) {
    let values: Vec<u64> = (number * BATCH..(number + 1) * BATCH).collect();
    let call = writer.call(Op::PutMany(values.clone()));
    call.ret(match queue.put_many_timeout(values, SLICE) {
        Ok(()) => Outcome::Done,
        Err(PutManyError::NoRoom(rest)) => Outcome::DonePartly(BATCH as usize - rest.len()),
        Err(error) => panic!("{error:?}"),
    });
}

fn get(way: u64, queue: &Queue<u64>, writer: &mut Writer<'_>) {
    let call = writer.call(Op::Get);
    let outcome = if way % 2 == 0 {
        match queue.try_get() {
            Ok(value) => Outcome::Got(value),
            Err(TryGetError::Empty) => Outcome::Empty,
            Err(error) => panic!("{error:?}"),
        }
    } else {
        match queue.get_timeout(SLICE) {
            Ok(value) => Outcome::Got(value),
            Err(GetTimeoutError::TimedOut) => Outcome::Empty,
            Err(error) => panic!("{error:?}"),
        }
    };
    call.ret(outcome);
}

fn get_many(queue: &Queue<u64>, writer: &mut Writer<'_>) {
    let call = writer.call(Op::GetMany(BATCH as usize));
    let values = queue.get_many_timeout(BATCH as usize, SLICE).expect("it is open");
    call.ret(if values.is_empty() { Outcome::Empty } else { Outcome::GotMany(values) });
}

/// Takes what is left, and finds the queue empty.
fn drain(queue: &Queue<u64>, writer: &mut Writer<'_>) {
    loop {
        let call = writer.call(Op::Get);
        match queue.try_get() {
            Ok(value) => call.ret(Outcome::Got(value)),
            Err(TryGetError::Empty) => return call.ret(Outcome::Empty),
            Err(error) => panic!("{error:?}"),
        }
    }
}
