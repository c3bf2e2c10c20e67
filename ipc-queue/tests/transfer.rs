//! A queue in a message: what arrives is the same queue, or an error; nothing leaks.

#[path = "support/common.rs"]
mod common;
mod support;

use common::{Board, join, travel};
use ipc_codec::{Limits, Message, decode, encode};
use ipc_queue::{JoinableQueue, Queue, Receiver, Sender, channel};
use ipc_shared::Arena;
use ipc_shared::sync::Mutex;
use ipc_sys::handle::{AsHandle, OwnedHandle};
use ipc_sys::memory::SharedMapping;
use ipc_testkit::leaks::Snapshot;
use ipc_testkit::{isolated, isolated_within};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use support::fork_child;

#[derive(Serialize, Deserialize)]
struct Job {
    input: Queue<u32>,
    output: Queue<String>,
}

fn small<T>() -> Queue<T> {
    Queue::builder().capacity(3).byte_capacity(100).create().expect("a small queue")
}

/// The handles of a message, once more.
fn handles(message: &Message) -> Vec<OwnedHandle> {
    let copies = message.handles().iter().map(|handle| handle.as_fd().try_clone_to_owned());
    copies.collect::<Result<_, _>>().expect("handles are left")
}

#[test]
fn a_queue_travels() {
    let limits = Limits::default();
    let job = Job { input: Queue::bounded(2).unwrap(), output: Queue::bounded(3).unwrap() };
    let message = encode(&job, &limits).expect("queues can be encoded");
    let there: Job = message.decode(&limits).expect("both are what they should be");
    assert_eq!((there.input.capacity(), there.output.capacity()), (2, 3));
    job.input.put(7).expect("there is room");
    there.output.put(there.input.get().expect("there is an item").to_string()).expect("there is room");
    assert_eq!(job.output.get().ok().as_deref(), Some("7"));
    there.input.close();
    assert!(job.input.is_closed());
}

#[test]
fn what_is_in_the_queue_stays_there_while_it_travels() {
    isolated(|| {
        let before = Snapshot::take();
        let here = small();
        here.put_many(vec![1, 2, 3]).expect("there is room");
        let message = encode(&here, &Limits::default()).expect("a queue");
        drop(here);
        let there: Queue<i32> = message.decode(&Limits::default()).expect("the message had it");
        assert_eq!(there.get_many(5).ok(), Some(vec![1, 2, 3]));
        assert_eq!((there.capacity(), there.byte_capacity()), (3, 100));
        drop(there);
        before.assert_no_growth();
    });
}

/// A queue that goes round through processes that were there before it.
#[test]
fn a_queue_travels_by_a_queue() {
    isolated(|| {
        let posts: Queue<Queue<u64>> = small();
        let worker = fork_child(|| {
            for queue in &posts {
                let queue = queue.expect("a queue");
                let number = queue.get().expect("there is an item");
                queue.put(number * 2).expect("there is room");
                queue.close();
            }
        });
        for number in 0..50 {
            let queue = small();
            queue.put(number).expect("there is room");
            posts.put(queue.clone()).expect("the worker takes them");
            while !queue.is_closed() {
                std::thread::yield_now();
            }
            assert_eq!(queue.get().ok(), Some(number * 2));
        }
        posts.close();
        join(&worker);
    });
}

#[test]
fn another_type_is_refused() {
    isolated(|| {
        let before = Snapshot::take();
        let error = travel::<Queue<String>>(&small::<u32>()).unwrap_err();
        assert!(error.contains("the queue is for items of type"), "{error}");
        let error = travel::<Queue<[u8]>>(&small::<Vec<u8>>()).unwrap_err();
        assert!(error.contains("the queue is for items of type"), "{error}");
        before.assert_no_growth();
    });
}

#[test]
fn another_kind_is_refused() {
    isolated(|| {
        let before = Snapshot::take();
        let refuse = |result: Result<(), String>, what: &str| {
            let error = result.unwrap_err();
            assert!(error.contains(what), "{error}");
        };
        let (sender, receiver) = channel::<u32>(2).expect("a small channel");
        let joinable = JoinableQueue::<u32>::bounded(2).expect("a small queue");
        let plain = small::<u32>();
        refuse(travel::<Queue<u32>>(&sender).map(drop), "it is the sender of a channel");
        refuse(travel::<Queue<u32>>(&receiver).map(drop), "it is the receiver of a channel");
        refuse(travel::<Queue<u32>>(&joinable).map(drop), "it is a joinable queue");
        refuse(travel::<JoinableQueue<u32>>(&plain).map(drop), "it is a queue");
        refuse(travel::<Sender<u32>>(&plain).map(drop), "it is a queue");
        refuse(travel::<Sender<u32>>(&receiver).map(drop), "it is the receiver of a channel");
        refuse(travel::<Receiver<u32>>(&sender).map(drop), "it is the sender of a channel");
        refuse(travel::<Receiver<u32>>(&joinable).map(drop), "it is a joinable queue");
        drop((sender, receiver, joinable, plain));
        before.assert_no_growth();
    });
}

#[test]
fn a_lock_is_no_queue() {
    isolated(|| {
        let arena = Arena::new();
        let lock = Mutex::new_in(&arena, 7_u64).expect("memory is left");
        let of_lock = encode(&lock, &Limits::default()).expect("a lock");
        decode::<Queue<u32>>(of_lock.bytes(), handles(&of_lock), &Limits::default()).map(drop).unwrap_err();
        // Its memory in the place of the queue's.
        let of_queue = encode(&small::<u32>(), &Limits::default()).expect("a queue");
        let mut mixed = handles(&of_queue);
        mixed[0] = handles(&of_lock).remove(0);
        decode::<Queue<u32>>(of_queue.bytes(), mixed, &Limits::default()).map(drop).unwrap_err();
        // And the queue's in the place of the lock's.
        let mut mixed = handles(&of_lock);
        mixed[0] = handles(&of_queue).remove(0);
        decode::<Mutex<u64>>(of_lock.bytes(), mixed, &Limits::default()).map(drop).unwrap_err();
        assert_eq!(*lock.lock().expect("it is free"), 7);
    });
}

/// Other files in the place of each handle, all the bytes changed, all the lengths.
#[test]
fn other_messages_are_refused() {
    isolated(|| {
        let before = Snapshot::take();
        let limits = Limits::default();
        let queue = small::<u32>();
        let message = encode(&queue, &limits).expect("a queue");
        let n_handles = message.handles().len();
        for idx in 0..n_handles {
            for file in ["/dev/null", "/proc/self/maps"] {
                let mut mixed = handles(&message);
                mixed[idx] = File::open(file).expect("Linux has it").into();
                decode::<Queue<u32>>(message.bytes(), mixed, &limits).map(drop).unwrap_err();
            }
            let mut fewer = handles(&message);
            fewer.remove(idx);
            decode::<Queue<u32>>(message.bytes(), fewer, &limits).map(drop).unwrap_err();
        }
        for len in 0..message.bytes().len() {
            decode::<Queue<u32>>(&message.bytes()[..len], handles(&message), &limits).map(drop).unwrap_err();
        }
        for at in 0..message.bytes().len() {
            for byte in 0..=255 {
                let mut bytes = message.bytes().to_vec();
                bytes[at] = byte;
                // What is still a queue works.
                if let Ok(there) = decode::<Queue<u32>>(&bytes, handles(&message), &limits) {
                    let _ = (there.try_put(1), there.try_get(), there.len());
                }
            }
        }
        queue.put(7).expect("nothing has happened to it");
        assert_eq!(queue.get().ok(), Some(7));
        drop((queue, message));
        before.assert_no_growth();
    });
}

/// Every word of the memory is given other values before the queue is decoded.
#[test]
fn damaged_memory_is_refused_or_works() {
    isolated_within(Duration::from_secs(120), || {
        let limits = Limits::default();
        let numbers = [0, 1, 2, 1 << 31, 1 << 32, 2 << 32, 1 << 40, i64::MAX as u64, u64::MAX];
        let mut n_refused = 0;
        let queue = small::<u32>();
        let message = encode(&queue, &limits).expect("a queue");
        let memory = SharedMapping::from_handle(handles(&message).remove(0)).expect("the memory");
        for at in (0..memory.size()).step_by(8) {
            let word = memory.atomic_u64(at);
            let good = word.load(Relaxed);
            // Where no word stands it is only looked at now and then.
            if good == 0 && at % 4096 > 400 && at % 1000 != 0 {
                continue;
            }
            for number in numbers {
                word.store(number, Relaxed);
                match decode::<Queue<u32>>(message.bytes(), handles(&message), &limits) {
                    Ok(there) => {
                        let _ = (there.try_put(1), there.try_get(), there.len(), there.is_closed());
                    }
                    Err(_) => n_refused += 1,
                }
                word.store(good, Relaxed);
            }
        }
        println!("{n_refused} times refused");
        assert!(n_refused > 30);
    });
}

#[test]
fn limits_do_not_travel() {
    let here = small::<Vec<u8>>().with_limits(Limits::with_max_frame(10));
    let there: Queue<Vec<u8>> = travel(&here).expect("a queue");
    there.put(vec![0; 50]).expect("the defaults are wide");
    here.get().expect_err("here they are narrow");
}

/// Not one descriptor or mapping more after any number of rounds.
#[test]
fn making_sending_and_dropping_leaves_nothing() {
    isolated_within(Duration::from_secs(240), || {
        let round = |number: u64| {
            let queue = small();
            queue.put(number).expect("there is room");
            let there: Queue<u64> = travel(&queue).expect("a queue");
            drop(queue);
            assert_eq!(there.get().ok(), Some(number));
        };
        (0..10).for_each(round);
        let before = Snapshot::take();
        (0..10_000).for_each(round);
        before.assert_no_growth();
        let grown = Snapshot::take().rss_kib().saturating_sub(before.rss_kib());
        assert!(grown < 1024, "{grown} KiB");
    });
}

#[test]
fn a_queue_has_four_descriptors() {
    isolated(|| {
        let count = || Snapshot::take().descriptors();
        let none = count();
        let queue = small::<u32>();
        assert_eq!(count(), none + 4);
        let clone = queue.clone();
        assert_eq!(count(), none + 4);
        let there: Queue<u32> = travel(&queue).expect("a queue");
        let of_second = count() - none - 4;
        assert!(of_second <= 4, "{of_second}");
        queue.pollable().expect("handles are left");
        queue.pollable().expect("handles are left");
        assert_eq!(count(), none + 4 + of_second + 3);
        drop((queue, there));
        assert_eq!(count(), none + 7);
        drop(clone);
        assert_eq!(count(), none);
    });
}

/// Numbers that one process has put are there for the next before the first has ended, and it does not wait for a taker.
#[test]
fn what_was_put_is_there_at_once_and_the_end_waits_for_nobody() {
    isolated(|| {
        let board = Board::new(1);
        let queue = small();
        let child = fork_child(|| {
            queue.put(7).expect("there is room");
            board.set(0, 1);
            while board.get(0) < 2 {}
            queue.put(8).expect("there is room");
        });
        while board.get(0) < 1 {}
        assert_eq!((queue.len(), queue.try_get().ok()), (1, Some(7)));
        board.set(0, 2);
        join(&child);
        assert_eq!(queue.try_get().ok(), Some(8));
    });
}
