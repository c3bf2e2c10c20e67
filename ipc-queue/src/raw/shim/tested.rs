//! The futex of the system, and real words that count their changes, so that a test can end a process before each.

use ipc_sys::clock::Deadline;
use ipc_sys::futex;
use ipc_testkit::mortal::step;
use std::time::Duration;

pub(crate) use ipc_testkit::mortal::{AtomicU32, AtomicU64};
pub(crate) use std::sync::atomic::fence;

pub(crate) fn wait_at_most(word: &AtomicU32, expected: u32, deadline: Deadline, longest: Duration) {
    step();
    futex::wait_at_most(word, expected, deadline, longest);
}

pub(crate) fn wake(word: &AtomicU32, count: u32) -> usize {
    step();
    futex::wake(word, count)
}

pub(crate) fn wake_all(word: &AtomicU32) {
    step();
    futex::wake_all(word);
}

pub(crate) fn is_over(deadline: Deadline) -> bool {
    deadline.is_over()
}

/// Between a store and a look at what somebody may have stored who looks at the first.
pub(crate) fn store_before_look() {
    std::sync::atomic::compiler_fence(std::sync::atomic::Ordering::SeqCst);
}

/// What a word holds, for who has the lock that it belongs to.
pub(crate) fn load_owned(word: &AtomicU64) -> u64 {
    word.load_owned()
}
