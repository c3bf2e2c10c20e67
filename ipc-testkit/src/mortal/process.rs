//! Processes that are threads, and are dead when the test says so.

use super::dies_before;
#[cfg(loom)]
use crate::model::look_again;
#[cfg(loom)]
use loom::sync::{Arc, atomic::AtomicBool};
use std::sync::atomic::Ordering::{Acquire, Release};
#[cfg(not(loom))]
use std::sync::{Arc, atomic::AtomicBool};

/// One of the processes of a test, which know of each other's deaths.
#[derive(Clone, Debug)]
pub struct Process {
    dead: Arc<Vec<AtomicBool>>,
    number: u64,
}

/// So many processes, all alive.
pub fn processes<const N: usize>() -> [Process; N] {
    let dead = Arc::new((0..N).map(|_| AtomicBool::new(false)).collect::<Vec<_>>());
    std::array::from_fn(|idx| Process { dead: dead.clone(), number: idx as u64 + 1 })
}

impl Process {
    /// What the test calls it: 1, 2, ..
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Ends the process. The kernel knows it at once; those who sleep in a model look again some time after.
    pub fn die(&self) {
        self.die_unseen();
        #[cfg(loom)]
        look_again();
    }

    /// Ends the process, and nobody who sleeps has looked since.
    pub fn die_unseen(&self) {
        self.dead[self.number as usize - 1].store(true, Release);
    }

    /// Does something, but dies before the step of this number; nothing if it did.
    pub fn mortal<R>(&self, step: u32, body: impl FnOnce() -> R) -> Option<R> {
        let result = dies_before(step, body);
        if result.is_none() {
            self.die();
        }
        result
    }

    /// As [`mortal`](Self::mortal), and nobody who sleeps has looked since.
    pub fn mortal_unseen<R>(&self, step: u32, body: impl FnOnce() -> R) -> Option<R> {
        let result = dies_before(step, body);
        if result.is_none() {
            self.die_unseen();
        }
        result
    }

    /// Does something, dies before the step of this number if it gets there, and then in any case.
    pub fn dies_at<R>(&self, step: u32, body: impl FnOnce() -> R) -> Option<R> {
        let result = dies_before(step, body);
        self.die();
        result
    }

    /// Whether the process that is called so is dead. One that is not of this test is.
    pub fn is_dead(&self, number: u64) -> bool {
        let dead = self.dead.get(number.wrapping_sub(1) as usize);
        dead.is_none_or(|dead| dead.load(Acquire))
    }
}
