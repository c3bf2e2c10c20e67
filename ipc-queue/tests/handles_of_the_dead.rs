//! Processes that die with items that have handles, or in the middle of putting and getting them: what nobody has any more is closed.

#[path = "support/cargo.rs"]
mod cargo;
#[path = "support/common.rs"]
mod common;
mod support;

use cargo::{Item, Watched, checked_number, item_of};
use common::kill;
use ipc_codec::handle::Handle;
use ipc_queue::{GetTimeoutError, Queue, TryGetError};
use ipc_sys::clock::Deadline;
use ipc_sys::readiness::{Interest, wait_one};
use ipc_testkit::kill::sweep;
use ipc_testkit::{Rng, isolated, isolated_within};
use std::os::unix::net::UnixStream;
use std::thread::sleep;
use std::time::Duration;
use support::fork_child;

const LONG: Duration = Duration::from_secs(30);

#[test]
fn a_taker_that_dies_closes_what_it_has() {
    isolated(|| {
        let queue = Queue::bounded(8).expect("a small queue");
        let (watched, handle) = Watched::new();
        queue.put(Item::Stream(1, handle)).expect("there is room");
        let taker = fork_child(|| {
            // A copy of the other side would keep it open.
            let _item = queue.get().expect("there is one");
            queue.put(Item::Plain(2)).expect("there is room");
            sleep(LONG);
        });
        assert!(matches!(queue.get(), Ok(Item::Plain(2) | Item::Stream(..))));
        kill(&taker);
        drop(queue);
        watched.wait_for_close();
    });
}

/// Killed at any instruction of a get: the item is there with its handle, or the handle is closed.
#[test]
fn takers_killed_anywhere_leave_no_handle_open() {
    isolated_within(Duration::from_secs(180), || {
        let mut seen = Seen::default();
        let make = || {
            let queue = Queue::bounded(4).expect("a small queue");
            let (watched, handle) = Watched::with_number(7);
            queue.put(Item::Stream(7, handle)).expect("there is room");
            (queue, watched)
        };
        let get = |(queue, _): &(Queue<Item>, Watched)| drop(queue.get());
        let swept = sweep(13, make, get, |(queue, watched), point| seen.look(&queue, &watched, point));
        println!("{} points: {seen:?}", swept.points);
        assert!(swept.points == 0 || seen.is_enough());
    });
}

/// Killed at any instruction of a put: the item is there with its handle, or the handle is closed.
#[test]
fn putters_killed_anywhere_leave_no_handle_open() {
    isolated_within(Duration::from_secs(180), || {
        let mut seen = Seen::default();
        let make = || (Queue::bounded(4).expect("a small queue"), Watched::with_number(7));
        type State = (Queue<Item>, (Watched, Handle<UnixStream>));
        let put = |(queue, (_, handle)): &State| {
            let handle = Handle::new(handle.try_clone().expect("descriptors are left"));
            queue.put(Item::Stream(7, handle)).expect("there is room");
        };
        let swept = sweep(13, make, put, |(queue, (watched, handle)), point| {
            drop(handle);
            seen.look(&queue, &watched, point);
        });
        println!("{} points: {seen:?}", swept.points);
        assert!(swept.points == 0 || seen.is_enough());
    });
}

/// What was found after the deaths, and how often.
#[derive(Debug, Default)]
struct Seen {
    there: u32,
    closed: u32,
    /// The handle is on its way still, with no item.
    to_be_closed: u32,
}

impl Seen {
    /// Looks at what one has left, and goes on.
    #[track_caller]
    fn look(&mut self, queue: &Queue<Item>, watched: &Watched, point: u64) {
        match queue.try_get() {
            Ok(item) => {
                assert_eq!(checked_number(item), 7, "at {point}");
                self.there += 1;
            }
            Err(TryGetError::Empty) if watched.is_closed() => self.closed += 1,
            Err(TryGetError::Empty) => {
                self.to_be_closed += 1;
                find_what_is_left(queue, self.to_be_closed);
            }
            Err(other) => panic!("at {point}: {other}"),
        }
        watched.wait_for_close();
        goes_on(queue);
    }

    /// Before and after the item was taken or put somebody has died.
    fn is_enough(&self) -> bool {
        self.there > 0 && self.closed > 0
    }
}

/// Putters that die with their handles on the way, over and over, stop nothing up.
#[test]
fn random_kills() {
    isolated_within(Duration::from_secs(120), || {
        let queue = Queue::bounded(1000).expect("a queue");
        let mut rng = Rng::from_env();
        let mut n_taken = 0;
        for _ in 0..200 {
            let putter = fork_child(|| {
                for number in 0.. {
                    queue.put(item_of(number)).expect("it is taken");
                }
            });
            let taker = fork_child(|| while queue.get().map(checked_number).is_ok() {});
            sleep(Duration::from_micros(rng.below(3000)));
            kill(&putter);
            if rng.one_in(2) {
                for item in queue.try_iter() {
                    checked_number(item.expect("an item"));
                    n_taken += 1;
                }
            }
            kill(&taker);
        }
        for item in queue.try_iter() {
            checked_number(item.expect("an item"));
        }
        println!("{n_taken} taken in between");
        goes_on(&queue);
    });
}

/// Handles that belong to no item are found by who waits for one, by who polls, and by who gets the next handles.
#[track_caller]
fn find_what_is_left(queue: &Queue<Item>, n_times: u32) {
    match n_times {
        0..5 => {
            let result = queue.get_timeout(Duration::from_millis(300));
            assert!(matches!(result, Err(GetTimeoutError::TimedOut)));
        }
        5..50 => {
            let is_readable = |_| {
                let descriptor = queue.pollable().expect("descriptors are left");
                wait_one(descriptor, Interest::Read, Deadline::NOW).expect("it can be polled")
            };
            // Once it may be: what the dead has changed is not known.
            assert!(!(0..10).all(is_readable));
        }
        _ => goes_on(queue),
    }
}

/// Items with and without handles go through.
#[track_caller]
fn goes_on(queue: &Queue<Item>) {
    for number in 0..7 {
        queue.put(item_of(number)).expect("there is room");
        assert_eq!(checked_number(queue.get().expect("there is one")), number);
    }
    assert!(queue.is_empty());
}
