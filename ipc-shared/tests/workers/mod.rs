//! Ways to have several workers at a time, so that a test can be held against each of them.

// Each test file uses some of these.
#![allow(dead_code)]

use crate::support::{fork_child, join};
use ipc_shared::{Arena, RawValue};
use ipc_sys::process::Child;

/// How workers are made. Whoever uses one is the body of `ipc_testkit::isolated`.
pub(crate) trait Workers {
    /// Runs `body` in `count` workers at a time, with the numbers from 0 on, and waits for all of them.
    fn run(count: usize, body: impl Fn(usize) + Sync) {
        let ready = RawValue::new_in(&Arena::new(), 0_u32).expect("memory is left");
        Self::start(count, |number| {
            // Nobody begins before all are there: what is short would be over before the next one has started.
            ready.fetch_add(1);
            while (ready.load() as usize) < count {
                std::thread::yield_now();
            }
            body(number);
        });
    }

    /// Starts the workers, and waits for all of them.
    fn start(count: usize, body: impl Fn(usize) + Sync);
}

/// Each worker is a thread.
pub(crate) struct Threads;

impl Workers for Threads {
    fn start(count: usize, body: impl Fn(usize) + Sync) {
        let body = &body;
        std::thread::scope(|scope| (0..count).for_each(|number| drop(scope.spawn(move || body(number)))));
    }
}

/// Each worker is a forked child.
pub(crate) struct Forked;

impl Workers for Forked {
    fn start(count: usize, body: impl Fn(usize) + Sync) {
        let children: Vec<Child> = (0..count).map(|number| fork_child(|| body(number))).collect();
        children.iter().for_each(join);
    }
}

/// Makes a test of each function for each way.
#[macro_export]
macro_rules! for_all_workers {
    ($($name:ident)*) => {
        mod threads {
            $(#[test] fn $name() { ipc_testkit::isolated(super::$name::<super::workers::Threads>); })*
        }
        mod forked {
            $(#[test] fn $name() { ipc_testkit::isolated(super::$name::<super::workers::Forked>); })*
        }
    };
}
