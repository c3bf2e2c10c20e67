//! Killing workers at random, to show that it changes nothing.

use multiproc::Pool;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The pause between two kills, in milliseconds: at least this, and less than that.
const PAUSE: (u64, u64) = (100, 250);

/// A thread's orders to kill, until they are withdrawn.
#[derive(Debug)]
pub(crate) struct Chaos {
    random: RandomState,
    is_over: Mutex<bool>,
    over: Condvar,
}

/// Ends the chaos when it is dropped.
#[must_use = "the chaos ends when it is dropped"]
#[derive(Debug)]
pub(crate) struct EndGuard<'a>(&'a Chaos);

impl Chaos {
    pub(crate) fn new() -> Self {
        Chaos { random: RandomState::new(), is_over: Mutex::new(false), over: Condvar::new() }
    }

    /// Kills one worker after another, with pauses, until the guard is dropped.
    pub(crate) fn kill_workers(&self, pool: &Pool) {
        let mut n_kills = 0_u64;
        while !self.is_over_after(self.pause(n_kills)) {
            let workers = pool.workers();
            if let Some(victim) = workers.get(self.number(n_kills, workers.len() as u64) as usize) {
                // One that just ended needs no killing.
                let _ = victim.kill();
            }
            n_kills += 1;
        }
    }

    /// Withdraws the orders at the end of a block.
    pub(crate) fn end_on_drop(&self) -> EndGuard<'_> {
        EndGuard(self)
    }

    fn is_over_after(&self, pause: Duration) -> bool {
        let is_over = self.is_over.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.over.wait_timeout_while(is_over, pause, |is_over| !*is_over);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn pause(&self, n_kills: u64) -> Duration {
        let (least, most) = PAUSE;
        Duration::from_millis(least + self.number(!n_kills, most - least))
    }

    /// A number below `bound` that differs from run to run; 0 if there is none.
    fn number(&self, seed: u64, bound: u64) -> u64 {
        self.random.hash_one(seed).checked_rem(bound).unwrap_or(0)
    }
}

impl Drop for EndGuard<'_> {
    fn drop(&mut self) {
        *self.0.is_over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.over.notify_all();
    }
}
