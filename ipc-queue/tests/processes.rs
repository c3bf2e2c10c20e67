//! Several processes on one queue.

#[path = "support/common.rs"]
mod common;
mod support;

use common::{join, kill, resume, stop};
use ipc_queue::{GetError, Queue, TryGetError, TryPutError};
use ipc_sys::memory::SharedMapping;
use ipc_testkit::{isolated, isolated_within};
use std::sync::atomic::Ordering::Relaxed;
use std::thread::sleep;
use std::time::Duration;
use support::fork_child;

/// `test_fork` of CPython: what was put before the fork is there after it, once.
#[test]
fn items_from_before_the_fork_are_there_once() {
    isolated(|| {
        let queue = Queue::bounded(100).expect("a small queue");
        (0..10).for_each(|item| queue.put(item).expect("there is room"));
        join(&fork_child(|| (10..20).for_each(|item| queue.put(item).expect("there is room"))));
        for item in 0..20 {
            assert_eq!(queue.get().ok(), Some(item));
        }
        assert!(queue.is_empty());
    });
}

#[test]
fn request_and_answer() {
    isolated(|| {
        let (requests, answers) = (Queue::bounded(1).expect("small"), Queue::bounded(1).expect("small"));
        let child = fork_child(|| {
            for request in &requests {
                let request: u64 = request.expect("a number");
                answers.put(request + 1).expect("the parent takes answers");
            }
            answers.close();
        });
        for number in 0..2000 {
            requests.put(number).expect("the child takes requests");
            assert_eq!(answers.get().ok(), Some(number + 1));
        }
        requests.close();
        assert!(matches!(answers.get(), Err(GetError::Closed)));
        join(&child);
    });
}

fn many_to_many(capacity: usize) {
    const PRODUCERS: usize = 4;
    const CONSUMERS: usize = 4;
    const ITEMS: usize = 10_000;
    let queue = Queue::bounded(capacity).expect("a small queue");
    // How often each item was taken.
    let taken = SharedMapping::create(PRODUCERS * ITEMS * 8).expect("memory is left");
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|producer| {
            fork_child(|| {
                for number in 0..ITEMS {
                    let text = "x".repeat(number % 50);
                    queue.put((producer, number, text)).expect("the queue is open");
                }
            })
        })
        .collect();
    let consumers: Vec<_> = (0..CONSUMERS)
        .map(|_| {
            fork_child(|| {
                let mut next = [0; PRODUCERS];
                for item in &queue {
                    let (producer, number, text): (usize, usize, String) = item.expect("a whole item");
                    assert!(number >= next[producer], "items of one producer come in their order");
                    next[producer] = number + 1;
                    assert_eq!(text.len(), number % 50);
                    taken.atomic_u64((producer * ITEMS + number) * 8).fetch_add(1, Relaxed);
                }
            })
        })
        .collect();
    producers.iter().for_each(join);
    queue.close();
    consumers.iter().for_each(join);
    for idx in 0..PRODUCERS * ITEMS {
        assert_eq!(taken.atomic_u64(idx * 8).load(Relaxed), 1, "item {} of {}", idx % ITEMS, idx / ITEMS);
    }
}

#[test]
fn many_to_many_through_a_wide_queue() {
    isolated_within(Duration::from_secs(120), || many_to_many(1000));
}

#[test]
fn many_to_many_through_a_narrow_queue() {
    isolated_within(Duration::from_secs(120), || many_to_many(3));
}

#[test]
fn a_killed_getter_takes_no_wake_up_with_it() {
    isolated(|| {
        let queue = Queue::bounded(1).expect("a small queue");
        for round in 0..20 {
            let victim = fork_child(|| drop(queue.get()));
            let other =
                fork_child(|| assert_eq!(queue.get_timeout(Duration::from_secs(10)).ok(), Some(round)));
            sleep(Duration::from_millis(5));
            kill(&victim);
            queue.put(round).expect("there is room");
            join(&other);
        }
    });
}

/// A stopped process may be stopped anywhere, in the lock as well; calls with a deadline end in either case, and
/// nothing is taken from the one that is stopped.
#[test]
fn a_stopped_process_keeps_nobody_with_a_deadline() {
    isolated(|| {
        let queue = Queue::bounded(10).expect("a small queue");
        let busy = fork_child(|| {
            loop {
                queue.put(vec![7_u8; 10_000]).expect("the queue is open");
                queue.get().expect("the queue is open");
            }
        });
        let mut n_held = 0;
        for _ in 0..100 {
            sleep(Duration::from_millis(1));
            stop(&busy);
            match queue.try_put(vec![1]) {
                Ok(()) => {}
                Err(TryPutError::Full(_)) => n_held += 1,
                Err(other) => panic!("{other:?}"),
            }
            // It may be stopped with the lock of the one side and not of the other.
            match queue.try_get() {
                Ok(_) => {}
                Err(TryGetError::Empty) => n_held += 1,
                Err(other) => panic!("{other:?}"),
            }
            resume(&busy);
        }
        println!("stopped inside {n_held} times of 200");
        kill(&busy);
    });
}
