//! The event: one word, whose parity is the flag.
//!
//! | word | means | who may leave it, and how |
//! | --- | --- | --- |
//! | even | not set; half of it are the times it was cleared | `set`: adds the lowest bit, then wakes all |
//! | odd | set | `clear`: adds one, which is the next even word |
//!
//! A waiter sleeps on the even word that it has seen and returns as soon as the word is another: also if the event was set
//! and cleared while it slept. Each change is one exchange that cannot fail for long, without an owner: a survivor finds
//! the event as it was before or after. A setter that is killed before it wakes leaves the sleepers to look for themselves,
//! within `RECHECK`.

use super::shim::{self, AtomicU32};
use super::spin::Patience;
use ipc_sys::clock::Deadline;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// A flag to wait for. All zero is one that is not set; any other bytes are an event, too.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct RawEvent {
    word: AtomicU32,
}

#[cfg(not(all(test, loom)))]
const _: () = assert!(size_of::<RawEvent>() == 4 && align_of::<RawEvent>() == 4);

/// The bit of the word that is the flag.
const SET: u32 = 1;

impl RawEvent {
    /// One that is not set.
    #[cfg(test)]
    pub(crate) fn new() -> RawEvent {
        RawEvent { word: AtomicU32::new(0) }
    }

    /// Sets the flag and wakes all who wait. A signal handler may call it: it is one instruction and one system call.
    pub(crate) fn set(&self) {
        // Release: pairs with the acquire of who sees the flag.
        if self.word.fetch_or(SET, AcqRel) & SET == 0 {
            shim::wake_all(&self.word);
        }
    }

    /// Takes the flag back.
    pub(crate) fn clear(&self) {
        let word = self.word.load(Acquire);
        if word & SET != 0 {
            // If it fails, somebody else has cleared: this call has taken place right after.
            let _ = self.word.compare_exchange(word, word.wrapping_add(1), Release, Relaxed);
        }
    }

    /// Whether the flag is set.
    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        self.word.load(Acquire) & SET != 0
    }

    /// Waits until the flag is set; false if it was not until the deadline.
    pub(crate) fn wait(&self, deadline: Deadline) -> bool {
        let first = self.word.load(Acquire);
        if first & SET != 0 {
            return true;
        }
        let mut patience = Patience::default();
        while self.word.load(Acquire) == first {
            if shim::is_over(deadline) {
                return false;
            }
            shim::wait(&self.word, first, deadline);
            patience.turn();
        }
        true
    }
}

#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(all(test, loom))]
mod model;
