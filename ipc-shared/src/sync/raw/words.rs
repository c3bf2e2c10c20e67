//! The words that locks with cells consist of: every change of one is a step, before which a test can end the process.
//!
//! Loads acquire and changes release, without exception: these locks do more per call than a weaker order could save.

use super::shim::{self, AtomicU32, AtomicU64};
use ipc_sys::clock::Deadline;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};

#[cfg(all(test, not(loom)))]
pub(super) use ipc_testkit::mortal::step;
/// Ends the process in a test; nothing otherwise. The words of a model have steps of their own.
#[cfg(not(all(test, not(loom))))]
#[inline(always)]
pub(super) fn step() {}

/// A word of 64 bits.
#[repr(transparent)]
#[derive(Debug)]
pub(super) struct Word64(AtomicU64);

impl Word64 {
    #[cfg(test)]
    pub(super) fn new(value: u64) -> Word64 {
        Word64(AtomicU64::new(value))
    }

    #[inline]
    pub(super) fn get(&self) -> u64 {
        self.0.load(Acquire)
    }

    #[inline]
    pub(super) fn set(&self, value: u64) {
        step();
        self.0.store(value, Release);
    }

    /// Adds, wrapping around; returns the sum.
    #[inline]
    pub(super) fn add(&self, n: u64) -> u64 {
        step();
        self.0.fetch_add(n, AcqRel).wrapping_add(n)
    }

    /// Puts `new` in the place of `old`, if that is what the word holds.
    #[inline]
    pub(super) fn exchange(&self, old: u64, new: u64) -> bool {
        step();
        self.0.compare_exchange(old, new, AcqRel, Acquire).is_ok()
    }
}

/// A word of 32 bits, which can be slept on.
#[repr(transparent)]
#[derive(Debug)]
pub(super) struct Word32(AtomicU32);

impl Word32 {
    #[cfg(test)]
    pub(super) fn new(value: u32) -> Word32 {
        Word32(AtomicU32::new(value))
    }

    #[inline]
    pub(super) fn get(&self) -> u32 {
        self.0.load(Acquire)
    }

    #[inline]
    pub(super) fn set(&self, value: u32) {
        step();
        self.0.store(value, Release);
    }

    /// Adds, wrapping around.
    #[inline]
    pub(super) fn add(&self, n: u32) {
        step();
        self.0.fetch_add(n, AcqRel);
    }

    /// Sets bits; returns what the word held before.
    #[inline]
    pub(super) fn set_bits(&self, bits: u32) -> u32 {
        step();
        self.0.fetch_or(bits, AcqRel)
    }

    /// Clears bits; returns what the word held before.
    #[inline]
    pub(super) fn clear_bits(&self, bits: u32) -> u32 {
        step();
        self.0.fetch_and(!bits, AcqRel)
    }

    /// Puts `new` in the place of `old`, if that is what the word holds.
    #[inline]
    pub(super) fn exchange(&self, old: u32, new: u32) -> bool {
        step();
        self.0.compare_exchange(old, new, AcqRel, Acquire).is_ok()
    }

    pub(super) fn sleep_while(&self, value: u32, deadline: Deadline) {
        shim::wait(&self.0, value, deadline);
    }

    pub(super) fn wake_one(&self) {
        step();
        shim::wake_one(&self.0);
    }

    pub(super) fn wake_all(&self) {
        step();
        shim::wake_all(&self.0);
    }
}
