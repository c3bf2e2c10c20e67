//! Memory and sockets that somebody has damaged, and left: each call gives a value or an error, and ends.

#[path = "support/common.rs"]
mod common;
#[path = "support/ground.rs"]
mod ground;
#[path = "support/reach.rs"]
mod reach;
mod support;

use common::{LONG, join, limit_memory, processor_time};
use ground::{BELL, END, GETS_AT, HANDS_AT, LOCK, PUTS_AT, SLOT_BITS};
use ipc_queue::{
    GetError, GetTimeoutError, LoanError, PutTimeoutError, QueueError, TryGetError, TryPutError,
};
use ipc_sys::clock::Deadline;
use ipc_sys::futex;
use ipc_sys::handle::AsHandle;
use ipc_sys::memory::FrozenBytes;
use ipc_testkit::{isolated, isolated_within};
use reach::{BYTES, CAPACITY, N_UNITS, Queues};
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};
use support::fork_child;

const TIMEOUT: Duration = Duration::from_millis(30);

/// Each word of the memory to each extreme, with one, some and no items in the queue, by one process that calls everything.
#[test]
fn every_word_may_hold_anything() {
    isolated_within(Duration::from_secs(240), || {
        let values = [0, 1, 7, 8, 255, 256, 257, 1 << 31, 1 << 32, i64::MAX as u64, u64::MAX - 1, u64::MAX];
        let queues = Queues::new();
        for (which, reach) in queues.reach().iter().enumerate() {
            let fields = (reach.start..reach.start + HANDS_AT + 100).step_by(8);
            for at in fields.chain((reach.ring..reach.ring + 300).step_by(40)) {
                for value in values {
                    reach.restore();
                    match which {
                        0 => drop(queues.bytes.try_put_bytes(&[5; 80])),
                        1 => drop(queues.tasks.try_put_many(vec![vec![5; 30]; 3])),
                        _ => drop(queues.latest.try_put_many(vec![vec![5; 30]; 9])),
                    }
                    reach.store(at, value);
                    let _ =
                        (queues.bytes.try_get_bytes(), queues.tasks.try_get_many(9), queues.latest.try_get());
                    let _ = (
                        queues.bytes.try_put_bytes(&[1]),
                        queues.tasks.try_put(vec![1]),
                        queues.latest.try_put(vec![1]),
                    );
                    let _ = (
                        queues.bytes.len(),
                        queues.tasks.len(),
                        queues.tasks.join_timeout(Duration::ZERO).is_ok(),
                    );
                    let _ = (queues.bytes.try_take(), queues.bytes.try_loan(9), queues.tasks.task_done());
                }
            }
        }
    });
}

/// All words of the ring are records, so that they follow each other for ever.
#[test]
fn a_ring_without_an_end() {
    isolated(|| {
        limit_memory(1 << 30);
        let queues = Queues::new();
        let [bytes, tasks, latest] = queues.reach();
        let long = (BYTES as u64) << 8;
        // Of no bytes, of a few, of a few at once outside, in a buffer, and as long as the ring; and padded.
        for record in [
            1,
            1 | 8 << 8,
            1 | 16 << 8 | 2 << 1,
            1 | 16 << 8 | 3 << 1,
            1 | long,
            1 | 1 << 7,
            1 | 1 << 7 | 8 << 8,
            1 | 1 << 7 | long,
        ] {
            for reach in [&bytes, &tasks, &latest] {
                reach.restore();
                (0..N_UNITS).for_each(|idx| reach.store(reach.ring + 8 * idx, record));
            }
            let check = |found: usize| assert!(found <= N_UNITS, "{found} items, {record:#x}");
            let _ = queues.tasks.try_get_many(usize::MAX).map(|items| check(items.len()));
            let _ = queues.latest.try_get_many(usize::MAX).map(|items| check(items.len()));
            let _ = queues.latest.try_put(vec![1; 100]);
            let _ = queues.tasks.try_put(vec![1; 100]);
            let _ = (queues.bytes.try_get_bytes(), queues.bytes.try_take().is_ok());
            check(queues.tasks.len());
            check(queues.bytes.try_loan(1).map_or(0, |loan| loan.len()));
        }
    });
}

/// A process that dies with the lock has left such a ring: whoever comes next has to find the end of it.
#[test]
fn a_ring_without_an_end_to_be_mended() {
    isolated(|| {
        let queues = Queues::new();
        let [bytes, ..] = queues.reach();
        (0..N_UNITS).for_each(|idx| bytes.store(bytes.ring + 8 * idx, 1 | 8 << 8));
        let dead = bytes.names()[0] + (7 << SLOT_BITS);
        bytes.store(bytes.start + PUTS_AT + LOCK, dead);
        let error = queues.bytes.try_put_bytes(&[1]).unwrap_err();
        assert!(matches!(error, TryPutError::Failed { source: QueueError::Corrupt(_), .. }), "{error:?}");
        let error = queues.bytes.try_get_bytes();
        assert!(error.is_ok() || matches!(error, Err(TryGetError::Failed(_))), "{error:?}");
    });
}

/// A full queue that says that it has no item: those that drop the oldest find none.
#[test]
fn full_and_empty_at_once() {
    isolated(|| {
        let queues = Queues::new();
        let [_, tasks, latest] = queues.reach();
        for reach in [&tasks, &latest] {
            reach.store(reach.start + PUTS_AT + END, (CAPACITY as u64) << 32 | 5);
            reach.store(reach.start + GETS_AT + END, 5);
        }
        let start = Instant::now();
        let before = processor_time();
        for queue in [&*queues.tasks, &queues.latest] {
            assert!(matches!(queue.try_put(vec![1]), Err(TryPutError::Full(_))));
            assert!(matches!(queue.put_timeout(vec![1], TIMEOUT * 10), Err(PutTimeoutError::TimedOut(_))));
            assert!(matches!(queue.try_get(), Err(TryGetError::Empty)));
            assert!(matches!(queue.get_timeout(TIMEOUT * 10), Err(GetTimeoutError::TimedOut)));
        }
        let used = processor_time() - before;
        println!("{used:?} in {:?}", start.elapsed());
        assert!(start.elapsed() >= 40 * TIMEOUT);
        assert!(used < start.elapsed() / 4, "{used:?}");
    });
}

/// Both locks are said to be somebody's who lives and gives neither back: the caller itself, or another process. Who has a
/// deadline gives up after it, and nothing is taken from anybody.
#[test]
fn locks_that_nobody_gives_back() {
    isolated_within(Duration::from_secs(120), || {
        let queues = Queues::new();
        let reach = queues.reach();
        let liar = fork_child(|| std::thread::sleep(LONG * 10));
        let _ = queues.latest.put_many(vec![vec![1]; CAPACITY]);
        let names = reach[2].names();
        assert!(names.len() >= 2);
        queues.bytes.put_bytes(&[1]).expect("there is room");
        for side in [PUTS_AT, GETS_AT] {
            for idx in 0..2 {
                for reach in &reach {
                    reach.store(reach.start + side + LOCK, reach.names()[idx]);
                }
                let mut longest = Duration::ZERO;
                let mut timed = |what: &str, call: &dyn Fn()| {
                    let start = Instant::now();
                    call();
                    longest = longest.max(start.elapsed());
                    println!("{side} {idx} {what}: {:?}", start.elapsed());
                };
                timed("try_put", &|| drop(queues.latest.try_put(vec![1])));
                timed("put_timeout", &|| drop(queues.latest.put_timeout(vec![1], TIMEOUT)));
                timed("a large put", &|| drop(queues.latest.put_timeout(vec![1; 1000], TIMEOUT)));
                timed("put_many", &|| drop(queues.latest.put_many_timeout(vec![vec![1]; 3], TIMEOUT)));
                timed("try_get", &|| drop(queues.bytes.try_get_bytes()));
                timed("get_timeout", &|| drop(queues.bytes.get_bytes_timeout(TIMEOUT)));
                timed("get_many", &|| drop(queues.tasks.get_many_timeout(5, TIMEOUT)));
                timed("loan", &|| drop(queues.bytes.loan_timeout(5, TIMEOUT)));
                timed("pollable", &|| drop(queues.tasks.pollable()));
                timed("join", &|| drop(queues.tasks.join_timeout(TIMEOUT)));
                println!("{longest:?}");
                for reach in &reach {
                    let word = reach.memory.atomic_u64(reach.start + side + LOCK);
                    assert_eq!(word.load(SeqCst), reach.names()[idx]);
                    word.store(0, SeqCst);
                }
            }
        }
        common::kill(&liar);
    });
}

/// Numbers of tasks that together are more than there are numbers.
#[test]
fn hands_full_of_anything() {
    isolated(|| {
        let queues = Queues::new();
        let [_, reach, _] = queues.reach();
        queues.tasks.put(vec![1]).expect("there is room");
        for number in [u64::MAX, u64::MAX / 2 + 1, 1 << 32] {
            for (idx, name) in reach.names().into_iter().enumerate() {
                reach.store(reach.start + HANDS_AT + 16 * idx, name);
                reach.store(reach.start + HANDS_AT + 16 * idx + 8, number);
            }
            let _ = queues.tasks.join_timeout(Duration::from_millis(1)).is_ok();
            let _ = (queues.tasks.task_done().is_ok(), queues.tasks.try_get().is_ok());
        }
    });
}

/// A bell that rings all the time wakes nobody for long.
#[test]
fn a_bell_that_never_stops() {
    isolated(|| {
        let queues = Queues::new();
        let reach = queues.reach();
        let child = fork_child(|| {
            let end = Instant::now() + 20 * TIMEOUT;
            let bell = reach[1].memory.atomic_u32(reach[1].start + PUTS_AT + BELL);
            while Instant::now() < end {
                bell.fetch_add(1, SeqCst);
                futex::wake_all(bell);
            }
        });
        let before = processor_time();
        assert!(matches!(queues.tasks.get_timeout(15 * TIMEOUT), Err(GetTimeoutError::TimedOut)));
        let used = processor_time() - before;
        println!("{used:?} of {:?}", 15 * TIMEOUT);
        assert!(used < 5 * TIMEOUT, "{used:?}");
        join(&child);
    });
}

/// Handles that belong to no item, as a process leaves that is killed before it puts theirs, and words for those who poll: what
/// is behind them comes with what belongs to it.
#[test]
fn strays_in_front_of_the_handles() {
    isolated(|| {
        let queues = Queues::new();
        let [reach, ..] = queues.reach();
        let other = FrozenBytes::freeze(&[&[6; 1000]]).expect("memory is left");
        for round in 0..50_u64 {
            for ticket in [0, round] {
                let sent = reach.sockets[0].send(&[&ticket.to_le_bytes()], &[other.as_fd()], Deadline::NOW);
                sent.expect("there is room");
            }
            reach.sockets[0].send(&[&[0]], &[], Deadline::NOW).expect("there is room");
            queues.bytes.put_bytes(&[7; 1000]).expect("there is room");
            assert!(queues.bytes.get_bytes().is_ok_and(|bytes| bytes == [7; 1000]), "round {round}");
        }
    });
}

/// An item outside of the ring is as large as whoever sent it says: nothing is allocated beyond the limits.
#[test]
fn an_item_as_large_as_one_likes() {
    isolated(|| {
        let queues = Queues::new();
        let [bytes, tasks, _] = queues.reach();
        let huge = FrozenBytes::freeze(&[&vec![7; 64 << 20]]).expect("memory is left");
        limit_memory(200 << 20);
        for way in 0..4 {
            for reach in [&bytes, &tasks] {
                reach.restore();
                let ticket = 1;
                reach.sockets[0]
                    .send(&[&u64::to_le_bytes(ticket)], &[huge.as_fd()], Deadline::NOW)
                    .expect("there is room");
                for (idx, word) in [1 | 2 << 1 | 16 << 8, ticket, 64 << 20, 0].into_iter().enumerate() {
                    reach.store(reach.ring + 8 * idx, word);
                }
                reach.store(reach.start + PUTS_AT + END, 1 << 32 | 3);
            }
            let found = match way {
                0 => queues.bytes.get_bytes().map(|bytes| bytes.len()),
                1 => queues.bytes.take().map(|bytes| bytes.len()),
                2 => queues.tasks.get().map(|item| item.len()),
                _ => queues.tasks.get_many(3).map(|items| items.len()),
            };
            assert!(matches!(found, Err(GetError::Failed(QueueError::Decode(_)))), "{way}: {found:?}");
        }
        assert!(matches!(queues.bytes.try_loan(1 << 20), Err(LoanError::TooLarge { .. })));
    });
}
