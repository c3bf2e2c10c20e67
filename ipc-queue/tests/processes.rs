//! Several processes on one queue.

mod support;

use ipc_queue::{GetError, Queue, TryGetError, TryPutError};
use ipc_sys::clock::Deadline;
use ipc_sys::memory::SharedMapping;
use ipc_sys::process::{Child, ExitStatus, Signal};
use ipc_testkit::{isolated, isolated_within};
use std::sync::atomic::Ordering::Relaxed;
use std::thread::sleep;
use std::time::{Duration, Instant};
use support::fork_child;

/// `test_fork` of CPython: what was put before the fork is there after it, once.
#[test]
fn items_from_before_the_fork_are_there_once() {
    isolated(|| {
        let queue = Queue::bounded(100).expect("a small queue");
        (0..10).for_each(|item| queue.put(item).expect("there is room"));
        join_all(&[fork_child(|| (10..20).for_each(|item| queue.put(item).expect("there is room")))]);
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
        join_all(&[child]);
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
    join_all(&producers);
    queue.close();
    join_all(&consumers);
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
            victim.signal(Signal::Kill).expect("it is our child");
            victim.wait(Deadline::NEVER).expect("it is our child");
            queue.put(round).expect("there is room");
            join_all(&[other]);
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
        let pid = i32::try_from(busy.pid()).expect("a small number");
        let mut n_held = 0;
        for _ in 0..100 {
            sleep(Duration::from_millis(1));
            send(pid, "STOP");
            let start = Instant::now();
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
            assert!(start.elapsed() < Duration::from_secs(5));
            send(pid, "CONT");
        }
        println!("stopped inside {n_held} times of 200");
        busy.signal(Signal::Kill).expect("it is our child");
        let status = busy.wait(Deadline::NEVER).expect("it is our child");
        assert_eq!(status, Some(ExitStatus::Signaled { signal: 9, core_dumped: false }));
    });
}

fn send(pid: i32, signal: &str) {
    let status = std::process::Command::new("kill").args([format!("-{signal}"), pid.to_string()]).status();
    assert!(status.expect("the program is there").success());
    while signal == "STOP"
        && !std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("alive").contains(") T")
    {
        std::thread::yield_now();
    }
}

/// Waits for the end of each child, which is that of its body.
#[track_caller]
fn join_all(children: &[Child]) {
    for child in children {
        let status = child.wait(Deadline::NEVER).expect("a child can be waited for");
        assert_eq!(status, Some(ExitStatus::Exited(0)));
    }
}
