//! A process that is killed at every instruction of one put, one get, one close.
//!
//! After each: the queue is as before the call or as after it, takes exactly what it took, and nobody waits.

use ipc_queue::{GetTimeoutError, Queue};
use ipc_testkit::kill::{Args, Row, sweep};
use std::time::{Duration, Instant};

const CAPACITY: usize = 4;
/// Items of ten bytes: the sixth begins in the ring before its end and goes over it.
const BYTES: usize = 55;
/// For what needs no waiting at all: the lock of a dead process is handed on at once.
const LIMIT: Duration = Duration::from_secs(1);

type Item = [u8; 10];

/// A queue in one of its states, and what the killed process does.
struct Case {
    name: &'static str,
    /// Items that went through before, so that the next ones stand elsewhere in the ring.
    passed: u8,
    /// Items that are in the queue.
    items: u8,
    call: fn(&Queue<Item>),
    /// What the queue holds after the call, for what it held before.
    after: fn(&[u8]) -> Vec<u8>,
}

const NEW: u8 = 99;

fn put(queue: &Queue<Item>) {
    queue.put([NEW; 10]).expect("there is room");
}

fn get(queue: &Queue<Item>) {
    queue.get().expect("there is an item");
}

fn with_new(before: &[u8]) -> Vec<u8> {
    [before, &[NEW]].concat()
}

fn without_first(before: &[u8]) -> Vec<u8> {
    before[1..].to_vec()
}

pub(crate) fn put_into_empty(args: &Args) -> Row {
    run(args, Case { name: "put_into_empty", passed: 0, items: 0, call: put, after: with_new })
}

pub(crate) fn put_second(args: &Args) -> Row {
    run(args, Case { name: "put_second", passed: 1, items: 1, call: put, after: with_new })
}

pub(crate) fn put_last(args: &Args) -> Row {
    run(args, Case { name: "put_last", passed: 0, items: CAPACITY as u8 - 1, call: put, after: with_new })
}

pub(crate) fn put_over_the_end(args: &Args) -> Row {
    run(args, Case { name: "put_over_the_end", passed: 2, items: 3, call: put, after: with_new })
}

pub(crate) fn get_only(args: &Args) -> Row {
    run(args, Case { name: "get_only", passed: 0, items: 1, call: get, after: without_first })
}

pub(crate) fn get_from_full(args: &Args) -> Row {
    run(
        args,
        Case { name: "get_from_full", passed: 0, items: CAPACITY as u8, call: get, after: without_first },
    )
}

pub(crate) fn get_over_the_end(args: &Args) -> Row {
    run(args, Case { name: "get_over_the_end", passed: 5, items: 3, call: get, after: without_first })
}

pub(crate) fn close(args: &Args) -> Row {
    run(args, Case { name: "close", passed: 0, items: 2, call: |queue| queue.close(), after: <[u8]>::to_vec })
}

fn run(args: &Args, case: Case) -> Row {
    let mut row = Row::new(case.name);
    let before: Vec<u8> = (0..case.items).collect();
    let after = (case.after)(&before);
    let (mut n_old, mut n_new) = (0_u64, 0_u64);
    let make = || make(case.passed, case.items);
    let swept = sweep(args.scale(29, 1), make, case.call, |queue, point| {
        let start = Instant::now();
        let is_closed = queue.is_closed();
        let found = drain(&queue);
        match &found {
            // A call that changes no items closes the queue.
            _ if before == after && found == before && is_closed => n_new += 1,
            _ if found == before => n_old += 1,
            _ if found == after => n_new += 1,
            other => {
                eprintln!("{}: {other:?} after a kill at point {point}", case.name);
                row.losses += 1;
            }
        }
        if !is_closed && !takes_its_capacity(&queue) {
            eprintln!("{}: another capacity after a kill at point {point}", case.name);
            row.ok = false;
        }
        row.hangs += u64::from(start.elapsed() > LIMIT);
    });
    row.points = swept.points;
    row.kills = swept.points;
    // From some instruction on the queue is as after the call, and never at the first.
    row.ok &= n_new > 0 && n_new < swept.points;
    // Some take another way, by the time or by what the allocator has at hand; the rest must be enough.
    row.ok &= swept.missed <= swept.points / 10;
    eprintln!(
        "{}: {} instructions, {} points, {n_old} found the queue as before, {n_new} as after; {} missed",
        case.name, swept.steps, swept.points, swept.missed
    );
    row
}

/// A queue whose ring has been used, with the items `0..items`.
fn make(passed: u8, items: u8) -> Queue<Item> {
    let queue = Queue::builder().capacity(CAPACITY).byte_capacity(BYTES).create().expect("memory is left");
    // One that stays until the next is in keeps the ring from beginning anew.
    for number in 0..passed {
        queue.put([number; 10]).expect("there is room");
        if number > 0 {
            queue.get().expect("there is an item");
        }
    }
    for number in 0..items {
        queue.put([number; 10]).expect("there is room");
        if passed > 0 && number == 0 {
            queue.get().expect("there is an item");
        }
    }
    assert_eq!(queue.len(), items as usize);
    queue
}

/// What is in the queue, each item by its number; a torn one is 255.
fn drain(queue: &Queue<Item>) -> Vec<u8> {
    let mut numbers = Vec::new();
    while !queue.is_empty() {
        match queue.get_timeout(2 * LIMIT) {
            Ok(item) => numbers.push(if item == [item[0]; 10] { item[0] } else { 255 }),
            Err(GetTimeoutError::Closed | GetTimeoutError::TimedOut) => break,
            Err(_) => numbers.push(254),
        }
    }
    numbers
}

/// Whether an empty queue takes exactly its capacity, at each place of the ring.
fn takes_its_capacity(queue: &Queue<Item>) -> bool {
    (0..3).all(|_| {
        let fits = (0..CAPACITY as u8).all(|number| queue.try_put([number; 10]).is_ok());
        fits && queue.try_put([0; 10]).is_err() && drain(queue) == [0, 1, 2, 3]
    })
}
