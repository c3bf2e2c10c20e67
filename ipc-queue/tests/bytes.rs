//! Byte strings: copied, and lent and read in place.

#[path = "support/common.rs"]
mod common;
mod support;

use common::{Board, LONG, PAUSE, collect, foreign_fork, join, kill};
use ipc_codec::Limits;
use ipc_queue::{
    CreateError, GetError, GetTimeoutError, LoanError, PutError, PutTimeoutError, Queue, QueueError,
    TryGetError, TryPutError,
};
use ipc_testkit::leaks::Snapshot;
use ipc_testkit::{isolated, watchdog};
use std::thread;
use std::time::{Duration, Instant};
use support::fork_child;

fn small(capacity: usize, byte_capacity: usize) -> Queue<[u8]> {
    Queue::builder().capacity(capacity).byte_capacity(byte_capacity).create().expect("a small queue")
}

fn with_buffers(capacity: usize, count: usize, size: usize) -> Queue<[u8]> {
    let builder = Queue::builder().capacity(capacity).byte_capacity(1);
    builder.buffers(count, size).create().expect("a small queue")
}

#[test]
fn all_forms() {
    let _guard = watchdog(LONG);
    let lines = small(4, 100);
    lines.put_bytes(b"one").expect("there is room");
    lines.try_put_bytes(b"").expect("there is room");
    lines.put_bytes_timeout(b"three", Duration::ZERO).expect("there is room");
    lines.put_bytes_deadline(b"four", Instant::now()).expect("there is room");
    assert!(matches!(lines.try_put_bytes(b"five"), Err(TryPutError::Full(()))));
    let start = Instant::now();
    assert!(matches!(lines.put_bytes_timeout(b"five", PAUSE), Err(PutTimeoutError::TimedOut(()))));
    assert!(start.elapsed() >= PAUSE);
    let deadline = Instant::now() + PAUSE;
    assert!(matches!(lines.put_bytes_deadline(b"five", deadline), Err(PutTimeoutError::TimedOut(()))));
    assert!(Instant::now() >= deadline);
    assert_eq!(lines.get_bytes().ok(), Some(b"one".to_vec()));
    assert_eq!(lines.try_get_bytes().ok(), Some(Vec::new()));
    assert_eq!(lines.get_bytes_timeout(LONG).ok(), Some(b"three".to_vec()));
    assert_eq!(lines.get_bytes_deadline(Instant::now()).ok(), Some(b"four".to_vec()));
    assert!(matches!(lines.try_get_bytes(), Err(TryGetError::Empty)));
    let start = Instant::now();
    assert!(matches!(lines.get_bytes_timeout(PAUSE), Err(GetTimeoutError::TimedOut)));
    assert!(start.elapsed() >= PAUSE);
    lines.close();
    assert!(matches!(lines.put_bytes(b"late"), Err(PutError::Closed(()))));
    assert!(matches!(lines.get_bytes(), Err(GetError::Closed)));
}

#[test]
fn every_length_at_every_place() {
    let _guard = watchdog(LONG);
    let lines = small(3, 50);
    let mut line = Vec::new();
    for len in 0..=200_usize {
        for shift in 0..8 {
            let bytes: Vec<u8> = (0..len).map(|idx| (idx * 7 + shift) as u8).collect();
            lines.put_bytes(&bytes).expect("there is room");
            lines.put_bytes(&bytes[..shift.min(len)]).expect("there is room");
            assert_eq!(lines.get_bytes_into(&mut line).ok(), Some(len));
            assert_eq!(line, bytes);
            assert_eq!(lines.get_bytes_into(&mut line).ok(), Some(shift.min(len)));
            assert_eq!(line, bytes[..shift.min(len)]);
        }
    }
}

#[test]
fn the_memory_of_the_last_is_used_again() {
    let _guard = watchdog(LONG);
    let lines = small(4, 1000);
    let mut line = Vec::with_capacity(600);
    let start = line.as_ptr();
    for len in [500, 3, 0, 600, 599] {
        lines.put_bytes(&vec![len as u8; len]).expect("there is room");
        assert_eq!(lines.get_bytes_into(&mut line).ok(), Some(len));
        assert_eq!(line, vec![len as u8; len]);
        assert_eq!((line.as_ptr(), line.capacity()), (start, 600));
    }
}

#[test]
fn limits_hold_for_those_who_put_and_those_who_take() {
    let _guard = watchdog(LONG);
    let lines = small(4, 100).with_limits(Limits::with_max_frame(500));
    for result in [lines.put_bytes(&[1; 501]), lines.put_bytes(&[1; 100_000])] {
        let Err(PutError::Failed { source: QueueError::TooLarge { limit: 500, .. }, .. }) = result else {
            panic!("{result:?}")
        };
    }
    assert!(lines.is_empty());
    let narrow = lines.clone().with_limits(Limits::with_max_frame(50));
    // One lies in the ring, one outside of it.
    for len in [60, 500] {
        let mut line = Vec::new();
        for way in 0..4 {
            lines.put_bytes(&vec![7; len]).expect("there is room");
            let error = match way {
                0 => narrow.get_bytes_into(&mut line).map(drop).unwrap_err(),
                1 => narrow.get_bytes().map(drop).unwrap_err(),
                2 => narrow.take().map(drop).unwrap_err(),
                _ => match narrow.try_get_bytes().unwrap_err() {
                    TryGetError::Failed(error) => GetError::Failed(error),
                    other => panic!("{other:?}"),
                },
            };
            assert!(matches!(error, GetError::Failed(QueueError::Decode(_))), "{len}, {way}: {error:?}");
            assert!(lines.is_empty());
        }
        lines.put_bytes(&vec![7; len]).expect("there is room");
        assert_eq!(lines.get_bytes().ok(), Some(vec![7; len]));
    }
}

#[test]
fn a_loan_is_written_and_read_in_place() {
    isolated(|| {
        let frames = with_buffers(4, 3, 100_000);
        let child = fork_child(|| {
            for number in 0..100_u8 {
                let mut frame = frames.loan(100_000 - usize::from(number)).expect("one will be free");
                frame.fill(number);
                frame.put().expect("there is room");
            }
        });
        for number in 0..100_u8 {
            let frame = frames.take().expect("it is there");
            assert_eq!(frame.len(), 100_000 - usize::from(number));
            assert!(frame.iter().all(|&byte| byte == number));
            thread::yield_now();
            assert!(frame.iter().all(|&byte| byte == number), "nobody writes while it is read");
        }
        join(&child);
    });
}

#[test]
fn loans_and_copies_keep_their_turn() {
    let _guard = watchdog(LONG);
    let frames = with_buffers(4, 2, 10);
    frames.put_bytes(&[1; 3]).expect("there is room");
    let mut frame = frames.loan(2).expect("a buffer is free");
    frame.fill(2);
    frame.put().expect("there is room");
    frames.put_bytes(&[3; 300]).expect("there is room");
    assert_eq!(*frames.take().expect("it is there"), [1; 3]);
    // One that was written in place may be copied out.
    assert_eq!(frames.get_bytes().ok(), Some(vec![2; 2]));
    assert_eq!(*frames.take().expect("it is there"), [3; 300]);
    assert!(matches!(frames.try_take(), Err(TryGetError::Empty)));
    assert!(matches!(frames.take_timeout(PAUSE), Err(GetTimeoutError::TimedOut)));
    assert!(matches!(frames.take_deadline(Instant::now()), Err(GetTimeoutError::TimedOut)));
    assert!(frames.try_loan(10).is_ok() && frames.try_loan(0).is_ok());
}

/// All of the items may be loans, however few bytes the ring has for copies.
#[test]
fn a_queue_takes_as_many_loans_as_items() {
    let _guard = watchdog(LONG);
    for capacity in [1, 2, 5, 16] {
        let frames = with_buffers(capacity, capacity + 1, 8);
        for _ in 0..3 {
            for number in 0..capacity {
                let mut frame = frames.try_loan(8).expect("a buffer is free");
                frame.fill(number as u8);
                frame.try_put().unwrap_or_else(|error| panic!("{number} of {capacity}: {error:?}"));
            }
            let error = frames.try_loan(8).expect("one is left").try_put().unwrap_err();
            assert!(matches!(error, TryPutError::Full(_)));
            drop(error);
            for number in 0..capacity {
                assert_eq!(*frames.try_take().expect("it is there"), [number as u8; 8]);
            }
        }
    }
}

#[test]
fn dropping_frees() {
    let _guard = watchdog(LONG);
    let frames = with_buffers(4, 1, 100);
    for _ in 0..10 {
        let frame = frames.try_loan(100).expect("it is free");
        assert!(matches!(frames.try_loan(100), Err(LoanError::NoneFree)));
        drop(frame);
        frames.try_loan(50).expect("it is free").put().expect("there is room");
        assert!(matches!(frames.try_loan(100), Err(LoanError::NoneFree)));
        let taken = frames.take().expect("it is there");
        assert!(matches!(frames.try_loan(100), Err(LoanError::NoneFree)));
        drop(taken);
        // What is taken out as a copy frees it at once.
        frames.try_loan(7).expect("it is free").put().expect("there is room");
        assert_eq!(frames.get_bytes().map(|bytes| bytes.len()).ok(), Some(7));
    }
}

#[test]
fn a_loan_that_was_not_put_comes_back() {
    let _guard = watchdog(LONG);
    let frames = with_buffers(1, 2, 100);
    frames.loan(1).expect("it is free").put().expect("there is room");
    let mut frame = frames.loan(3).expect("it is free");
    frame.copy_from_slice(b"abc");
    let frame = frame.try_put().unwrap_err().into_inner();
    let start = Instant::now();
    let frame = frame.put_timeout(PAUSE).unwrap_err().into_inner();
    assert!(start.elapsed() >= PAUSE);
    frames.close();
    let error = frame.put().unwrap_err();
    assert!(error.is_closed());
    assert_eq!(*error.into_inner(), *b"abc");
    assert_eq!(frames.take().map(|taken| taken.len()).ok(), Some(1));
    assert!(matches!(frames.take(), Err(GetError::Closed)));
    assert!(matches!(frames.loan(1), Err(LoanError::Closed)));
}

#[test]
fn wrong_sizes_are_refused() {
    let _guard = watchdog(LONG);
    let none = small(4, 100);
    assert!(matches!(none.loan(0), Err(LoanError::TooLarge { size: 0, largest: 0 })));
    let frames = with_buffers(4, 1, 100);
    for size in [101, 1 << 20, usize::MAX] {
        assert!(matches!(frames.loan(size), Err(LoanError::TooLarge { largest: 100, .. })));
    }
    assert_eq!(frames.loan(100).expect("it is free").len(), 100);
    assert!(frames.loan(0).expect("it is free").is_empty());
    for (count, size) in [(1 << 17, 1), (1, usize::MAX), (usize::MAX, usize::MAX)] {
        let error = Queue::<[u8]>::builder().buffers(count, size).create().unwrap_err();
        assert!(matches!(error, CreateError::Capacity { .. }), "{error:?}");
    }
}

#[test]
fn a_loan_waits_for_a_free_buffer() {
    let _guard = watchdog(LONG);
    let frames = with_buffers(4, 1, 100);
    let frame = frames.loan(1).expect("it is free");
    let start = Instant::now();
    assert!(matches!(frames.loan_timeout(1, PAUSE), Err(LoanError::NoneFree)));
    assert!(start.elapsed() >= PAUSE);
    let deadline = Instant::now() + PAUSE;
    assert!(matches!(frames.loan_deadline(1, deadline), Err(LoanError::NoneFree)));
    assert!(Instant::now() >= deadline);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| frames.loan(2).map(|frame| frame.len()));
        thread::sleep(PAUSE);
        assert!(!waiter.is_finished());
        drop(frame);
        assert_eq!(waiter.join().expect("loan does not panic").ok(), Some(2));
    });
}

#[test]
fn close_ends_the_wait_for_a_buffer() {
    let _guard = watchdog(LONG);
    let frames = with_buffers(4, 1, 100);
    let _frame = frames.loan(1).expect("it is free");
    thread::scope(|scope| {
        let waiter = scope.spawn(|| frames.loan(2).map(drop));
        thread::sleep(PAUSE);
        frames.close();
        assert!(matches!(waiter.join().expect("loan does not panic"), Err(LoanError::Closed)));
    });
}

/// The copies of a loan and of what was taken that a forked child has free nothing, and put nothing.
#[test]
fn a_forked_copy_frees_nothing() {
    isolated(|| {
        let frames = with_buffers(4, 2, 100);
        frames.loan(1).expect("it is free").put().expect("there is room");
        let (taken, lent) = (frames.take().expect("it is there"), frames.loan(5).expect("it is free"));
        let mut both = (Some(taken), Some(lent));
        let child = fork_child(|| {
            drop(both.0.take());
            let error = both.1.take().expect("a copy").put().unwrap_err();
            assert!(matches!(error, PutError::Failed { source: QueueError::Forked, .. }), "{error:?}");
            drop(error);
            assert!(matches!(frames.try_loan(1), Err(LoanError::NoneFree)));
        });
        join(&child);
        let pid = foreign_fork(|| {
            drop((both.0.take(), both.1.take()));
            matches!(frames.try_loan(1), Err(LoanError::NoneFree))
        });
        assert_eq!(collect(pid), 0);
        assert!(matches!(frames.try_loan(1), Err(LoanError::NoneFree)));
        drop(both);
        assert!(frames.try_loan(1).is_ok());
    });
}

/// Buffers of those who are killed with them in hand are found, however often.
#[test]
fn the_dead_keep_no_buffer() {
    isolated(|| {
        let (frames, board) = (with_buffers(4, 3, 100), Board::new(1));
        for round in 0..30 {
            frames.loan(1).expect("it is free").put().expect("there is room");
            let victim = fork_child(|| {
                let hands = (frames.take(), frames.loan(1), frames.loan(1));
                board.add(0);
                thread::sleep(LONG);
                drop(hands);
            });
            board.wait_for(0, round + 1);
            kill(&victim);
            let frame = frames.loan_timeout(100, LONG).expect("they are nobody's");
            frame.put().expect("there is room");
            frames.take().expect("it is there");
        }
    });
}

/// Loans in several processes, with a policy and without, all contents whole.
#[test]
fn many_processes_lend_and_take() {
    isolated(|| {
        let before = Snapshot::take();
        let frames = with_buffers(4, 3, 256);
        let children: Vec<_> = (0..4_u8)
            .map(|child| {
                fork_child(|| {
                    for round in 0..1500_usize {
                        if child % 2 == 0 {
                            let mut frame = frames.loan(1 + round % 256).expect("one will be free");
                            frame.fill(round as u8);
                            frame.put().expect("there will be room");
                        } else {
                            let frame = frames.take().expect("one will come");
                            assert!(frame.iter().all(|&byte| byte == frame[0]));
                            assert_eq!(frame.len(), 1 + usize::from(frame[0]));
                        }
                    }
                })
            })
            .collect();
        children.iter().for_each(join);
        assert!(frames.is_empty());
        let all: Vec<_> = (0..3).map(|_| frames.try_loan(256)).collect();
        assert!(all.iter().all(Result::is_ok), "none has got lost");
        drop((all, children, frames));
        before.assert_no_growth();
    });
}
