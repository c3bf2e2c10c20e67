//! The futex system call, without the flag that keeps it inside one process.

use rustix::thread::futex::{self, Flags};
use std::sync::atomic::AtomicU32;
use std::time::Duration;

pub(super) fn wait(word: &AtomicU32, expected: u32, timeout: Duration) {
    let Ok(timeout) = timeout.try_into() else { return };
    // Woken, timed out, interrupted, value already changed: the caller looks at the word again whichever it was.
    let _ = futex::wait(word, Flags::empty(), expected, Some(&timeout));
}

pub(super) fn wake(word: &AtomicU32, count: u32) {
    // A wake fails only for a bad address, which a reference is not.
    let _ = futex::wake(word, Flags::empty(), count);
}
