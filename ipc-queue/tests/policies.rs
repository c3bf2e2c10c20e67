//! What a put does that finds no room: waits, fails, or drops the oldest.

#[path = "support/common.rs"]
mod common;
mod support;

use common::{Board, LONG, PAUSE, join};
use ipc_queue::{
    LoanError, PutError, PutManyError, PutTimeoutError, Queue, SendError, TryGetError, TryPutError, WhenFull,
};
use ipc_testkit::leaks::Snapshot;
use ipc_testkit::{isolated, watchdog};
use std::thread;
use std::time::{Duration, Instant};
use support::fork_child;

fn small<T: ?Sized>(capacity: usize, byte_capacity: usize, when_full: WhenFull) -> Queue<T> {
    let builder = Queue::builder().capacity(capacity).byte_capacity(byte_capacity);
    builder.when_full(when_full).create().expect("a small queue")
}

#[test]
fn block_waits() {
    let _guard = watchdog(LONG);
    let queue = small(1, 100, WhenFull::Block);
    queue.put(1).expect("there is room");
    thread::scope(|scope| {
        let putter = scope.spawn(|| queue.put(2));
        thread::sleep(PAUSE);
        assert!(!putter.is_finished());
        assert_eq!(queue.get().ok(), Some(1));
        putter.join().expect("put does not panic").expect("there is room now");
    });
}

#[test]
fn fail_fails_at_once_whatever_the_deadline() {
    let _guard = watchdog(LONG);
    let queue = small(2, 100, WhenFull::Fail);
    queue.put(1).expect("there is room");
    assert_eq!(queue.put_many(vec![2, 3, 4]).unwrap_err().into_inner(), [3, 4]);
    assert!(matches!(queue.put(3), Err(PutError::Full(3))));
    assert!(matches!(queue.try_put(3), Err(TryPutError::Full(3))));
    assert!(matches!(queue.put_timeout(3, Duration::MAX), Err(PutTimeoutError::TimedOut(3))));
    assert!(matches!(queue.put_many_timeout(vec![3], Duration::MAX), Err(PutManyError::NoRoom(_))));
    assert_eq!(queue.get_many(5).ok(), Some(vec![1, 2]));
    queue.put(3).expect("there is room again");
    queue.close();
    assert!(matches!(queue.put(4), Err(PutError::Closed(4))));
}

#[test]
fn fail_fails_for_want_of_bytes_and_for_loans_too() {
    let _guard = watchdog(LONG);
    let queue: Queue<[u8]> = small(2, 100, WhenFull::Fail);
    queue.put_bytes(&[1; 100]).expect("there is room");
    assert!(matches!(queue.put_bytes(&[2; 90]), Err(PutError::Full(()))));
    queue.put_bytes(&[2; 101]).expect("it lies outside");
    assert!(matches!(queue.put_bytes(&[3; 101]), Err(PutError::Full(()))));
    let builder = Queue::<[u8]>::builder().capacity(1).buffers(2, 10).when_full(WhenFull::Fail);
    let frames = builder.create().expect("a small queue");
    frames.loan(5).expect("it is free").put().expect("there is room");
    assert!(matches!(frames.loan(5).expect("it is free").put(), Err(PutError::Full(_))));
    let (sender, receiver) =
        Queue::builder().capacity(1).when_full(WhenFull::Fail).create_channel().expect("a small channel");
    sender.send(1).expect("there is room");
    assert!(matches!(sender.send(2), Err(SendError::Full(2))));
    assert_eq!(receiver.recv().ok(), Some(1));
}

#[test]
fn the_policy_travels_with_the_queue() {
    let _guard = watchdog(LONG);
    let there: Queue<u8> = common::travel(&small::<u8>(1, 10, WhenFull::Fail)).expect("a queue");
    there.put(1).expect("there is room");
    assert!(matches!(there.put(2), Err(PutError::Full(2))));
    let there: Queue<u8> = common::travel(&small::<u8>(1, 10, WhenFull::DropOldest)).expect("a queue");
    (0..10).for_each(|number| there.put(number).expect("the oldest goes"));
    assert_eq!(there.get().ok(), Some(9));
}

#[test]
fn drop_oldest_keeps_the_latest() {
    let _guard = watchdog(LONG);
    let queue = small(3, 100, WhenFull::DropOldest);
    for number in 0..50 {
        queue.put(number).expect("the oldest goes");
        assert_eq!(queue.len(), 3.min(number as usize + 1));
    }
    assert_eq!(queue.get_many(10).ok(), Some(vec![47, 48, 49]));
    queue.put_many((0..100).collect()).expect("the oldest go");
    queue.try_put(100).expect("the oldest goes");
    queue.put_timeout(101, Duration::ZERO).expect("the oldest goes");
    assert_eq!(queue.get_many(10).ok(), Some(vec![99, 100, 101]));
    queue.close();
    assert!(matches!(queue.put(1), Err(PutError::Closed(1))));
}

/// Room for bytes is made as often as it takes, and by no more than that.
#[test]
fn drop_oldest_drops_no_more_than_it_must() {
    let _guard = watchdog(LONG);
    let queue: Queue<[u8]> = small(10, 800, WhenFull::DropOldest);
    for number in 0..8 {
        queue.put_bytes(&[number; 96]).expect("there is room");
    }
    queue.put_bytes(&[8; 800]).expect("the oldest go");
    // The ring has room for 800 bytes and three words for each of ten items: 130 words, of which this takes 101.
    let left: Vec<u8> = std::iter::from_fn(|| queue.try_get_bytes().ok()).map(|bytes| bytes[0]).collect();
    assert_eq!(left, [6, 7, 8]);
}

#[test]
fn drop_oldest_drops_what_lies_outside_and_what_is_lent() {
    isolated(|| {
        let before = Snapshot::take();
        let queue: Queue<[u8]> = small(3, 50, WhenFull::DropOldest);
        let with_queue = Snapshot::take().descriptors();
        for number in 0..2000_u64 {
            queue.put_bytes(&[number as u8; 100]).expect("the oldest goes");
        }
        assert_eq!(Snapshot::take().descriptors(), with_queue);
        assert_eq!(queue.len(), 3);
        assert_eq!(*queue.take().expect("it is there"), [1997_u64 as u8; 100]);
        drop(queue);

        let builder = Queue::<[u8]>::builder().capacity(2).byte_capacity(1).buffers(3, 10);
        let frames = builder.when_full(WhenFull::DropOldest).create().expect("a small queue");
        for number in 0..20 {
            let mut frame = frames.try_loan(1).expect("the dropped ones are free");
            frame[0] = number;
            frame.put().expect("the oldest goes");
        }
        let held = frames.take().expect("it is there");
        assert_eq!(*held, [18]);
        frames.loan(1).expect("it is free").put().expect("there is room");
        assert!(matches!(frames.try_loan(1), Err(LoanError::NoneFree)));
        assert_eq!(*held, [18], "what somebody reads is not dropped");
        drop((held, frames));
        before.assert_no_growth();
    });
}

/// What is dropped needs not be done.
#[test]
fn drop_oldest_drops_tasks() {
    let _guard = watchdog(LONG);
    let tasks = Queue::builder().capacity(2).when_full(WhenFull::DropOldest).create_joinable();
    let tasks = tasks.expect("a small queue");
    (0..10).for_each(|number| tasks.put(number).expect("the oldest goes"));
    for number in [8, 9] {
        assert_eq!(tasks.get().ok(), Some(number));
        tasks.task_done().expect("it was taken");
    }
    tasks.task_done().expect_err("those that were dropped are done");
    assert_eq!(tasks.join_timeout(LONG).map(|finished| finished.lost).ok(), Some(0));
}

/// More large items than a socket holds: those that drop or fail do not begin to wait.
#[test]
fn no_policy_waits_for_the_sockets() {
    isolated(|| {
        for policy in [WhenFull::DropOldest, WhenFull::Fail] {
            let queue: Queue<[u8]> = small(2000, 10, policy);
            let mut n_put = 0;
            for number in 0..2000_u64 {
                match queue.put_bytes_timeout(&number.to_le_bytes().repeat(5), LONG) {
                    Ok(()) => n_put += 1,
                    Err(PutTimeoutError::TimedOut(())) if policy == WhenFull::Fail => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
            println!("{policy:?}: {n_put} were put, {} are there", queue.len());
            let mut last = None;
            while let Ok(bytes) = queue.try_get_bytes() {
                let number = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"));
                assert!(last.is_none_or(|last| last + 1 == number), "a row without holes");
                last = Some(number);
            }
            let expected = if policy == WhenFull::Fail { n_put - 1 } else { 1999 };
            assert_eq!(last, Some(expected));
        }
    });
}

/// Producers that never wait and consumers that are too slow: what arrives is in order, comes once, and the end of each row
/// arrives or was pushed out by others.
#[test]
fn drop_oldest_with_many_processes() {
    isolated(|| {
        const PRODUCERS: usize = 3;
        const ITEMS: u64 = 20_000;
        let queue: Queue<(usize, u64)> = small(5, 60, WhenFull::DropOldest);
        let board = Board::new(PRODUCERS * ITEMS as usize + 1);
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|producer| {
                fork_child(|| {
                    let start = Instant::now();
                    for number in 0..ITEMS {
                        queue.put((producer, number)).expect("it is open");
                    }
                    assert!(start.elapsed() < LONG);
                })
            })
            .collect();
        let consumers: Vec<_> = (0..2)
            .map(|_| {
                fork_child(|| {
                    let mut next = [0; PRODUCERS];
                    for item in &queue {
                        let (producer, number) = item.expect("a whole item");
                        assert!(number >= next[producer]);
                        next[producer] = number + 1;
                        board.add(producer * ITEMS as usize + number as usize);
                    }
                })
            })
            .collect();
        producers.iter().for_each(join);
        queue.close();
        consumers.iter().for_each(join);
        let counts = (0..PRODUCERS * ITEMS as usize).map(|idx| board.get(idx));
        let (n_taken, most) = counts.fold((0, 0), |(sum, most), count| (sum + count, most.max(count)));
        println!("{n_taken} of {} were taken", PRODUCERS as u64 * ITEMS);
        assert_eq!(most, 1, "nothing comes twice");
        assert!(matches!(queue.try_get(), Err(TryGetError::Closed)));
    });
}
