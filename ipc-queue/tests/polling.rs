//! The descriptor of a queue: readable when there may be something to take, and quiet when there is not.

#[path = "support/common.rs"]
mod common;
mod support;

use common::{Board, LONG, PAUSE, eventually, join, kill, processor_time, stop, travel, wait_for_sleep};
use ipc_queue::{Queue, TryGetError};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::AsHandle;
use ipc_sys::readiness::{Group, Interest, Watch, wait, wait_one};
use ipc_testkit::leaks::Snapshot;
use ipc_testkit::{isolated, watchdog};
use std::thread;
use std::time::{Duration, Instant};
use support::fork_child;

fn small<T>(capacity: usize) -> Queue<T> {
    Queue::builder().capacity(capacity).byte_capacity(100).create().expect("a small queue")
}

fn is_readable<T>(queue: &Queue<T>) -> bool {
    wait_one(queue.pollable().expect("handles are left"), Interest::Read, Deadline::NOW)
        .expect("it can be polled")
}

/// Waits for an item by the descriptor alone; how often it woke up.
fn get_by_poll<T: serde::de::DeserializeOwned>(queue: &Queue<T>) -> (Option<T>, usize) {
    let mut n_woken = 0;
    loop {
        match queue.try_get() {
            Ok(item) => return (Some(item), n_woken),
            Err(TryGetError::Closed) => return (None, n_woken),
            Err(TryGetError::Empty) => {}
            Err(other) => panic!("{other:?}"),
        }
        let handle = queue.pollable().expect("handles are left");
        assert!(
            wait_one(handle, Interest::Read, Deadline::after(LONG)).expect("it can be polled"),
            "an item came"
        );
        n_woken += 1;
    }
}

#[test]
fn it_tells_whether_there_is_something() {
    let _guard = watchdog(LONG);
    let queue = small(4);
    for round in 0..20 {
        assert!(!is_readable(&queue), "round {round}");
        queue.put(1).expect("there is room");
        assert!(is_readable(&queue) && is_readable(&queue), "looking changes nothing");
        queue.put(2).expect("there is room");
        assert_eq!(queue.try_get().ok(), Some(1));
        assert!(is_readable(&queue), "one is left");
        assert_eq!(queue.try_get().ok(), Some(2));
        assert!(queue.try_get().is_err());
    }
    assert!(!is_readable(&queue));
    queue.close();
    assert!(is_readable(&queue) && is_readable(&queue));
}

/// Once it was asked for, a get that finds nothing arms it: the descriptor stays the same, and may be kept.
#[test]
fn a_get_that_finds_nothing_arms_it() {
    let _guard = watchdog(LONG);
    let (queue, other) = (small(4), small::<i32>(4));
    let handle = queue.pollable().expect("handles are left");
    let readable = || wait_one(handle, Interest::Read, Deadline::NOW).expect("it can be polled");
    for round in 0..20 {
        assert!(!readable(), "round {round}");
        queue.put(round).expect("there is room");
        assert!(readable());
        assert_eq!(queue.try_get().ok(), Some(round));
        match round % 4 {
            0 => drop(queue.try_get()),
            1 => drop(queue.get_timeout(Duration::from_millis(1))),
            2 => drop(queue.try_get_many(3)),
            _ => assert_eq!(queue.try_iter().count(), 0),
        }
    }
    assert!(!is_readable(&other));
}

#[test]
fn it_can_be_waited_for_with_others_and_inside_of_others() {
    let _guard = watchdog(LONG);
    let queues = [small(4), small(4), small(4)];
    let handles = || [0, 1, 2].map(|idx: usize| queues[idx].pollable().expect("handles are left"));
    let outer = Group::new(&handles()).expect("handles are left");
    for round in 0..30 {
        let idx = round % 3;
        handles();
        assert!(!wait_one(outer.as_fd(), Interest::Read, Deadline::NOW).expect("it can be polled"));
        queues[idx].put(round).expect("there is room");
        assert!(wait_one(outer.as_fd(), Interest::Read, Deadline::after(LONG)).expect("it can be polled"));
        let mut watches = handles().map(|handle| Watch::new(handle, Interest::Read));
        assert_eq!(wait(&mut watches, Deadline::NOW).ok(), Some(1));
        assert!(watches[idx].is_ready());
        assert_eq!(queues[idx].try_get().ok(), Some(round));
    }
}

/// Who waits for an empty queue sleeps: the descriptor becomes readable for the items, and not much oftener.
#[test]
fn a_poller_of_an_empty_queue_sleeps() {
    isolated(|| {
        let queue = small::<u32>(4);
        let before = processor_time();
        let end = Instant::now() + Duration::from_secs(1);
        let mut n_woken = 0;
        while Instant::now() < end {
            assert!(queue.try_get().is_err());
            let handle = queue.pollable().expect("handles are left");
            n_woken +=
                usize::from(wait_one(handle, Interest::Read, Deadline::at(end)).expect("it can be polled"));
        }
        let used = processor_time() - before;
        println!("woken {n_woken} times, {used:?} in a second");
        // It looks again every 100 ms.
        assert!(n_woken <= 10);
        assert!(used < Duration::from_millis(50), "{used:?}");
    });
}

#[test]
fn an_item_of_another_process_wakes() {
    isolated(|| {
        const ITEMS: u64 = 2000;
        let (queue, answers) = (small(4), small(4));
        let child = fork_child(|| {
            for number in 0..ITEMS {
                queue.put(number).expect("it is open");
                assert_eq!(get_by_poll(&answers).0, Some(number + 1));
            }
            queue.close();
        });
        let mut n_woken = 0;
        for number in 0..ITEMS {
            let (item, more) = get_by_poll(&queue);
            assert_eq!(item, Some(number));
            n_woken += more;
            answers.put(number + 1).expect("it is open");
        }
        assert_eq!(get_by_poll(&queue).0, None);
        join(&child);
        println!("woken {n_woken} times for {ITEMS} items");
        assert!(n_woken <= 3 * ITEMS as usize);
    });
}

#[test]
fn close_makes_it_readable() {
    isolated(|| {
        let (queue, board) = (small::<u32>(4), Board::new(1));
        let pollers: Vec<_> = (0..2)
            .map(|_| {
                fork_child(|| {
                    board.add(0);
                    assert_eq!(get_by_poll(&queue).0, None);
                })
            })
            .collect();
        board.wait_for(0, 2);
        pollers.iter().for_each(wait_for_sleep);
        queue.close();
        pollers.iter().for_each(join);
    });
}

/// Two processes with a descriptor each, made before the fork or after it or in a message, take everything between them, and
/// nobody sleeps while something is there.
#[test]
fn two_pollers() {
    isolated(|| {
        const ITEMS: usize = 6000;
        for way in 0..3 {
            let (queue, taken): (Queue<usize>, _) = (small(3), Board::new(ITEMS));
            if way == 0 {
                queue.pollable().expect("handles are left");
            }
            let pollers: Vec<_> = (0..2)
                .map(|_| {
                    fork_child(|| {
                        let queue = if way == 2 { travel(&queue).expect("a queue") } else { queue.clone() };
                        while let (Some(number), _) = get_by_poll(&queue) {
                            taken.add(number);
                        }
                    })
                })
                .collect();
            for number in 0..ITEMS {
                // In bursts and alone, so that both sides fall asleep.
                if number % 100 == 0 {
                    thread::sleep(Duration::from_millis(2));
                }
                queue.put_timeout(number, LONG).expect("the pollers take everything");
            }
            eventually(|| queue.is_empty());
            queue.close();
            pollers.iter().for_each(join);
            assert!((0..ITEMS).all(|number| taken.get(number) == 1), "way {way}");
        }
    });
}

/// One of two pollers stands still, or is killed, after it was woken: the other one still learns of the items.
#[test]
fn a_poller_that_stands_still_keeps_no_other_from_waking() {
    isolated(|| {
        let (queue, board) = (small::<u64>(8), Board::new(2));
        let poller = |idx: usize| {
            let (queue, board) = (&queue, &board);
            move || {
                while let (Some(_), _) = get_by_poll(queue) {
                    board.add(idx);
                }
            }
        };
        let (still, busy) = (fork_child(poller(0)), fork_child(poller(1)));
        wait_for_sleep(&still);
        wait_for_sleep(&busy);
        stop(&still);
        for number in 0..20 {
            queue.put(number).expect("there is room");
            board.wait_for(1, number + 1);
        }
        kill(&still);
        for number in 20..40 {
            queue.put(number).expect("there is room");
            board.wait_for(1, number + 1);
        }
        queue.close();
        join(&busy);
    });
}

/// Handles of items go by the same sockets: neither disturbs the other.
#[test]
fn large_items_and_polls() {
    isolated(|| {
        let queue: Queue<Vec<u8>> = small(20);
        let child = fork_child(|| {
            for number in 0..1000_usize {
                queue.put(vec![number as u8; number % 300]).expect("it is open");
            }
            queue.close();
        });
        for number in 0..1000_usize {
            assert_eq!(get_by_poll(&queue).0, Some(vec![number as u8; number % 300]));
        }
        assert_eq!(get_by_poll(&queue).0, None);
        join(&child);
    });
}

/// Items that are taken otherwise, with get and by threads, while somebody polls.
#[test]
fn polls_among_gets() {
    let _guard = watchdog(LONG);
    let queue = small(4);
    let taken = thread::scope(|scope| {
        let poller = scope.spawn(|| std::iter::from_fn(|| get_by_poll(&queue).0).count());
        let getter = scope.spawn(|| queue.iter().count());
        (0..5000).for_each(|number| queue.put(number).expect("it is open"));
        queue.close();
        poller.join().expect("no panic") + getter.join().expect("no panic")
    });
    assert_eq!(taken, 5000);
}

/// Arming again and again leaves no tokens behind that take the place of handles.
#[test]
fn polling_fills_no_socket() {
    isolated(|| {
        let before = Snapshot::take();
        let queue = small(4);
        for round in 0..2000 {
            assert!(!is_readable(&queue));
            queue.put(vec![1_u8; 10]).expect("there is room");
            assert!(is_readable(&queue));
            queue.get().expect("there is an item");
            if round % 100 == 0 {
                queue.put(vec![2; 200]).expect("there is room");
                assert!(is_readable(&queue));
                assert_eq!(queue.get().ok(), Some(vec![2; 200]));
            }
        }
        thread::sleep(PAUSE);
        drop(queue);
        before.assert_no_growth();
    });
}
