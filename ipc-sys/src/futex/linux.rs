//! The futex system call, without the flag that keeps it inside one process.
//!
//! # Safety
//!
//! Takes the low half of a word of 64 bits for a word of 32 bits, to name its address to the kernel. No instruction of
//! this process accesses it as such.
#![allow(unsafe_code)]

use rustix::thread::futex::{self, Flags};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Duration;

pub(super) fn wait(word: &AtomicU32, expected: u32, timeout: Duration) {
    let Ok(timeout) = timeout.try_into() else { return };
    // Woken, timed out, interrupted, value already changed: the caller looks at the word again whichever it was.
    let _ = futex::wait(word, Flags::empty(), expected, Some(&timeout));
}

pub(super) fn wake(word: &AtomicU32, count: u32) -> usize {
    // A wake fails only for a bad address, which a reference is not.
    futex::wake(word, Flags::empty(), count).unwrap_or(0)
}

pub(super) fn low_half(word: &AtomicU64) -> &AtomicU32 {
    // SAFETY: the first four bytes of the word are its low half (the crate refuses machines where they are not), they are
    // aligned for a word of half the size, and the borrow of the word keeps them. Only `wait` and `wake` above get the
    // result, which hand its address to the kernel and do not access it.
    unsafe { AtomicU32::from_ptr(word.as_ptr().cast()) }
}
