//! Two putters and two getters, of which a random one is killed every 0-2 ms and replaced.
//!
//! Promised: no item twice, none torn, those of one producer in order; an item is lost only with a process that was
//! in a get, one for each; every call of the others ends; and afterwards the queue takes what it took before.

use crate::ledger::{CONSUMERS, Ledger, PRODUCERS};
use crate::support::fork_child;
use ipc_queue::{GetTimeoutError, PutTimeoutError, Queue, TryPutError};
use ipc_sys::clock::Deadline;
use ipc_sys::process::{Child, Signal};
use ipc_testkit::Rng;
use ipc_testkit::kill::{Args, Row};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Producer, number, and bytes that follow from them.
type Item = (usize, usize, Vec<u8>);

const KILLS_PER_ROUND: u64 = 100;
/// The longest a call of a survivor may take: others come and go all the time.
const LIMIT: Duration = Duration::from_secs(2);
/// How often a waiting worker looks whether the round is over.
const SLICE: Duration = Duration::from_millis(50);

/// Items and bytes of the queues: narrow, limited by bytes, wide.
const QUEUES: [(usize, usize); 4] = [(1, 200), (3, 1000), (64, 333), (256, 1 << 16)];

pub(crate) fn storm(args: &Args) -> Row {
    let mut row = Row::new("storm");
    let mut rng = Rng::from_env();
    let ledger = Ledger::new();
    let (mut n_put, mut n_lost, mut n_excused, mut n_by_the_dead) = (0, 0, 0, 0);
    for round in 0..args.scale(300, 20_000) / KILLS_PER_ROUND {
        let (capacity, byte_capacity) = QUEUES[round as usize % QUEUES.len()];
        let queue = Queue::builder().capacity(capacity).byte_capacity(byte_capacity).create();
        let queue: Queue<Item> = queue.expect("memory is left");
        let excused = kill_and_replace(&queue, &ledger, &mut rng);
        row.kills += KILLS_PER_ROUND;
        drain(&queue, &ledger);
        let account = ledger.settle();
        row.losses += account.wrong + account.lost.saturating_sub(excused);
        n_put += account.put;
        n_lost += account.lost;
        n_excused += excused;
        n_by_the_dead += account.put_by_the_dead;
        row.ok &= takes_its_capacity(&queue, byte_capacity);
    }
    row.points = row.kills;
    row.hangs = ledger.hangs();
    row.ok &= ledger.faults() == 0;
    eprintln!(
        "storm: {n_put} items put, {n_by_the_dead} more by processes that did not live to say so; {n_lost} lost, \
         {n_excused} processes killed in a get"
    );
    row
}

/// One round; returns how many getters were killed in a call.
fn kill_and_replace(queue: &Queue<Item>, ledger: &Ledger, rng: &mut Rng) -> u64 {
    let start = |worker| fork_child(|| work(worker, queue, ledger));
    let mut workers: Vec<Child> = (0..PRODUCERS + CONSUMERS).map(start).collect();
    let mut excused = 0;
    for _ in 0..KILLS_PER_ROUND {
        sleep(Duration::from_micros(rng.below(2000)));
        let victim = rng.below(workers.len() as u64) as usize;
        workers[victim].signal(Signal::Kill).expect("it is our child");
        workers[victim].wait(Deadline::NEVER).expect("it is our child");
        if let Some(consumer) = victim.checked_sub(PRODUCERS) {
            excused += u64::from(ledger.is_in_get(consumer));
            ledger.set_in_get(consumer, false);
        }
        workers[victim] = start(victim);
    }
    ledger.stop();
    for worker in &workers {
        match worker.wait(Deadline::after(LIMIT)).expect("it is our child") {
            Some(status) if status.success() => {}
            Some(status) => ledger.note_fault(&format!("a worker ended with {status}")),
            None => {
                ledger.note_hang();
                worker.signal(Signal::Kill).expect("it is our child");
                worker.wait(Deadline::NEVER).expect("it is our child");
            }
        }
    }
    excused
}

fn work(worker: usize, queue: &Queue<Item>, ledger: &Ledger) {
    match worker.checked_sub(PRODUCERS) {
        None => produce(worker, queue, ledger),
        Some(consumer) => consume(consumer, queue, ledger),
    }
}

fn produce(producer: usize, queue: &Queue<Item>, ledger: &Ledger) {
    while !ledger.is_stopped() {
        let Some(number) = ledger.next(producer) else { return sleep(SLICE) };
        ledger.intend(producer, number);
        let start = Instant::now();
        let mut item = (producer, number, content(producer, number));
        loop {
            match queue.put_timeout(item, SLICE) {
                Ok(()) => break ledger.has_put(producer, number),
                Err(PutTimeoutError::TimedOut(back)) if !ledger.is_stopped() => item = back,
                Err(PutTimeoutError::TimedOut(_)) => break ledger.has_not_put(producer, number),
                Err(other) => break ledger.note_fault(&format!("put: {other:?}")),
            }
            if start.elapsed() > LIMIT {
                ledger.note_hang();
            }
        }
    }
}

fn consume(consumer: usize, queue: &Queue<Item>, ledger: &Ledger) {
    let mut next = [0; PRODUCERS];
    let mut start = Instant::now();
    while !ledger.is_stopped() {
        ledger.set_in_get(consumer, true);
        match queue.get_timeout(SLICE) {
            Ok(item) => {
                take(&item, &mut next, ledger);
                start = Instant::now();
            }
            Err(GetTimeoutError::TimedOut) if start.elapsed() > LIMIT => ledger.note_hang(),
            Err(GetTimeoutError::TimedOut) => {}
            Err(other) => ledger.note_fault(&format!("get: {other:?}")),
        }
        ledger.set_in_get(consumer, false);
    }
}

/// Notes an item that has come out of the queue.
fn take(item: &Item, next: &mut [usize; PRODUCERS], ledger: &Ledger) {
    let &(producer, number, ref bytes) = item;
    if producer >= PRODUCERS || *bytes != content(producer, number) {
        return ledger.note_fault("an item is torn");
    }
    if number < next[producer] {
        ledger.note_fault("an item is out of order");
    }
    next[producer] = number + 1;
    ledger.has_taken(producer, number);
}

fn drain(queue: &Queue<Item>, ledger: &Ledger) {
    let mut next = [0; PRODUCERS];
    for item in queue.try_iter() {
        match item {
            Ok(item) => take(&item, &mut next, ledger),
            Err(error) => ledger.note_fault(&format!("drain: {error:?}")),
        }
    }
}

/// Whether an empty queue still takes exactly as many items, and as many bytes, as it was made for.
fn takes_its_capacity(queue: &Queue<Item>, byte_capacity: usize) -> bool {
    let is_taken = |result: Result<(), TryPutError<Item>>| result.is_ok();
    let mut good = queue.is_empty();
    // Three bytes each: two small numbers and the length of nothing.
    let fitting = queue.capacity().min(byte_capacity / 3);
    for _ in 0..fitting {
        good &= is_taken(queue.try_put((0, 0, Vec::new())));
    }
    good &= matches!(queue.try_put((0, 0, Vec::new())), Err(TryPutError::Full(_)));
    good &= queue.try_iter().filter(Result::is_ok).count() == fitting && queue.is_empty();
    // One item of all bytes: two small numbers, a length of one to three bytes, and the rest.
    let rest = byte_capacity
        - 2
        - [127, 16_383, usize::MAX].iter().position(|&most| byte_capacity - 3 <= most).unwrap_or(0)
        - 1;
    good &= is_taken(queue.try_put((0, 0, vec![1; rest])));
    good && queue.try_get().is_ok_and(|item| item.2.len() == rest)
}

/// Bytes that no mixture of two items has.
fn content(producer: usize, number: usize) -> Vec<u8> {
    let seed = (number * PRODUCERS + producer) as u32;
    let len = number * 7 % 83;
    (0..len as u32).map(|idx| (seed.wrapping_mul(0x9e37_79b9) >> (idx % 24)) as u8 ^ idx as u8).collect()
}
