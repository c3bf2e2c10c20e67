//! The real words, and the futex of the system.

use ipc_sys::clock::Deadline;
use std::sync::atomic::Ordering::Relaxed;

pub(crate) use ipc_sys::futex::{wait_at_most, wait_low, wake, wake_all, wake_low_one};
pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, fence};

/// Whether the deadline has passed.
pub(crate) fn is_over(deadline: Deadline) -> bool {
    deadline.is_over()
}

/// What a word holds, for who has the lock that it belongs to.
#[inline]
pub(crate) fn load_owned(word: &AtomicU64) -> u64 {
    word.load(Relaxed)
}
