//! What the algorithms stand on: atomic words, sleeping on them, and the time.

pub(super) use ipc_sys::futex::{wait_at_most, wait_low, wake, wake_all, wake_low_one};
pub(super) use std::sync::atomic::{AtomicU32, AtomicU64};
