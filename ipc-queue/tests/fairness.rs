//! Many who put and many who get on two processors: everything arrives, and nobody waits for ever.
//!
//! `IPC_QUEUE_LONG=1` has it go on for a minute, and asserts that no call took longer than two seconds.

#[path = "support/common.rs"]
mod common;
mod support;

use common::{Board, is_long, join, long_or};
use ipc_queue::Queue;
use ipc_testkit::isolated_within;
use std::time::{Duration, Instant};
use support::fork_child;

const EACH: usize = 32;
/// How long a call may take.
const MOST: Duration = Duration::from_secs(2);

// What the board has: for each producer and consumer its calls, and the longest call of each.
const PUT: usize = 0;
const GOT: usize = EACH;
const LONGEST: usize = 2 * EACH;
const SUM_PUT: usize = 4 * EACH;
const SUM_GOT: usize = SUM_PUT + 1;
const BEGUN: usize = SUM_PUT + 2;

fn timed<T>(board: &Board, who: usize, call: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = call();
    board.raise(LONGEST + who, start.elapsed().as_micros() as u64);
    result
}

fn run(capacity: usize) {
    let queue: Queue<(usize, u64)> = Queue::bounded(capacity).expect("a small queue");
    let (board, time) = (Board::new(BEGUN + 1), long_or(Duration::from_secs(2)));
    let consumers: Vec<_> = (0..EACH)
        .map(|consumer| {
            fork_child(|| {
                let mut next = [0; EACH];
                while let Ok((producer, number)) = timed(&board, EACH + consumer, || queue.get()) {
                    assert!(number >= next[producer]);
                    next[producer] = number + 1;
                    board.add(GOT + consumer);
                    board.number(SUM_GOT).fetch_add(number, std::sync::atomic::Ordering::SeqCst);
                }
            })
        })
        .collect();
    let producers: Vec<_> = (0..EACH)
        .map(|producer| {
            fork_child(|| {
                board.add(BEGUN);
                board.wait_for(BEGUN, EACH as u64);
                let end = Instant::now() + time;
                let mut number = 0;
                while number == 0 || Instant::now() < end {
                    timed(&board, producer, || queue.put((producer, number))).expect("it is open");
                    board.number(SUM_PUT).fetch_add(number, std::sync::atomic::Ordering::SeqCst);
                    number += 1;
                }
                board.set(PUT + producer, number);
            })
        })
        .collect();
    producers.iter().for_each(join);
    queue.close();
    consumers.iter().for_each(join);
    report(capacity, &board);
}

fn report(capacity: usize, board: &Board) {
    let all = |from: usize, count: usize| (from..from + count).map(|idx| board.get(idx)).collect::<Vec<_>>();
    let (put, got, longest) = (all(PUT, EACH), all(GOT, EACH), all(LONGEST, 2 * EACH));
    let range = |numbers: &[u64]| format!("{:?} to {:?}", numbers.iter().min(), numbers.iter().max());
    println!(
        "capacity {capacity}: {} items; each producer {}, each consumer {}",
        put.iter().sum::<u64>(),
        range(&put),
        range(&got)
    );
    println!("the longest call of each: put {}, get {} us", range(&longest[..EACH]), range(&longest[EACH..]));
    assert_eq!(put.iter().sum::<u64>(), got.iter().sum::<u64>());
    assert_eq!(board.get(SUM_PUT), board.get(SUM_GOT));
    assert!(put.iter().all(|&count| count > 0), "everybody has put something");
    let longest = longest.into_iter().max().unwrap_or(0);
    if is_long() {
        assert!(u128::from(longest) <= MOST.as_micros(), "somebody waited for {longest} us");
    }
}

#[test]
fn many_at_a_wide_queue() {
    isolated_within(Duration::from_secs(240), || run(1000));
}

#[test]
fn many_at_a_narrow_queue() {
    isolated_within(Duration::from_secs(240), || run(4));
}
