//! The words and the kernel of a model, with the deadlines of the family.

use ipc_sys::clock::Deadline;
use ipc_testkit::model::{self, Until};
use std::time::Duration;

pub(crate) use ipc_testkit::model::{wake, wake_all, wake_low_one};
pub(crate) use ipc_testkit::mortal::{AtomicU32, AtomicU64};
pub(crate) use loom::sync::atomic::fence;

/// Sleeps while `word` holds `expected`. There is no look again: a lost wake-up is to be seen.
pub(crate) fn wait_at_most(word: &AtomicU32, expected: u32, deadline: Deadline, _: Duration) {
    model::wait(word, expected, until(deadline));
}

/// Sleeps while the low half of `word` is that of `expected`.
pub(crate) fn wait_low(word: &AtomicU64, expected: u64, deadline: Deadline) {
    model::wait_low(word, expected, until(deadline));
}

/// Whether the deadline has passed.
pub(crate) fn is_over(deadline: Deadline) -> bool {
    model::is_over(until(deadline))
}

/// What a word holds, for who has the lock that it belongs to.
pub(crate) fn load_owned(word: &AtomicU64) -> u64 {
    word.load_owned()
}

/// The time of a model does not pass by itself: a deadline that is neither now nor never has passed when the model says so.
fn until(deadline: Deadline) -> Until {
    match deadline {
        Deadline::NOW => Until::Now,
        Deadline::NEVER => Until::Woken,
        _ => Until::Expired,
    }
}
