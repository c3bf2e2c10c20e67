//! The real words, and the futex of the system.

use ipc_sys::clock::Deadline;

pub(crate) use ipc_sys::futex::{wait_at_most, wait_low, wake, wake_all, wake_low_one};
pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64};

/// Whether the deadline has passed.
pub(crate) fn is_over(deadline: Deadline) -> bool {
    deadline.is_over()
}
