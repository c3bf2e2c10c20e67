//! The words and the kernel of a model, with the deadlines of the family.

use ipc_sys::clock::Deadline;
use ipc_testkit::model::{self, Until};
use std::time::Duration;

pub(crate) use ipc_testkit::model::{wake, wake_all};
pub(crate) use ipc_testkit::mortal::{AtomicU32, AtomicU64};
pub(crate) use loom::sync::atomic::fence;

/// Sleeps while `word` holds `expected`. There is no look again: a lost wake-up is to be seen.
pub(crate) fn wait_at_most(word: &AtomicU32, expected: u32, deadline: Deadline, _: Duration) {
    model::wait(word, expected, until(deadline));
}

/// Whether the deadline has passed.
pub(crate) fn is_over(deadline: Deadline) -> bool {
    model::is_over(until(deadline))
}

/// Between a store and a look at what somebody may have stored who looks at the first. No time passes in a model.
pub(crate) fn store_before_look() {
    fence(std::sync::atomic::Ordering::SeqCst);
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
