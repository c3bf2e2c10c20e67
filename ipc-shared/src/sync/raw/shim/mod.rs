//! What the algorithms stand on: atomic words and sleeping on them, real ones or those of a model.
//!
//! # Safety
//!
//! One cast, until the futex of `ipc-sys` takes a word of 64 bits.

#![allow(unsafe_code)]

pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64};

#[allow(unused_imports)]
pub(crate) use ipc_sys::futex::{wait, wake_all, wake_one};

use ipc_sys::clock::Deadline;
use std::time::Duration;

/// Sleeps while the low half of `word` is that of `expected`.
pub(crate) fn wait_low(word: &AtomicU64, expected: u64, deadline: Deadline) {
    wait(low(word), expected as u32, deadline);
}

/// Wakes one sleeper of the low half.
pub(crate) fn wake_low_one(word: &AtomicU64) {
    wake_one(low(word));
}

/// Whether the deadline has passed.
pub(crate) fn is_over(deadline: Deadline) -> bool {
    deadline.is_over()
}

/// Lets the others run for a moment.
pub(crate) fn pause(moment: Duration) {
    std::thread::sleep(moment);
}

fn low(word: &AtomicU64) -> &AtomicU32 {
    // SAFETY: the four bytes are inside of the word, aligned, and atomic as the word is.
    unsafe { &*std::ptr::from_ref(word).cast::<AtomicU32>() }
}
