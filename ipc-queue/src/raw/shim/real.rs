//! The real words, and the futex of the system.

use ipc_sys::clock::Deadline;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

pub(crate) use ipc_sys::futex::{wait_at_most, wake, wake_all};
pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, fence};

/// Whether the deadline has passed.
pub(crate) fn is_over(deadline: Deadline) -> bool {
    deadline.is_over()
}

/// Between a store and a look at what somebody may have stored who looks at the first: see the [lock](super::super::lock).
#[inline]
pub(crate) fn store_before_look() {
    std::sync::atomic::compiler_fence(SeqCst);
}

/// What a word holds, for who has the lock that it belongs to.
#[inline]
pub(crate) fn load_owned(word: &AtomicU64) -> u64 {
    word.load(Relaxed)
}
