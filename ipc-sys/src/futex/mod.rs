//! Sleeping on a word in shared memory until somebody changes it.
//!
//! # What a port provides
//!
//! - `wait(word, expected, timeout)`: sleeps while the word holds `expected`, at most for `timeout`; may wake
//!   for no reason; never sleeps when the word differs at the call.
//! - `wake(word, count)`: wakes up to `count` sleepers of any process that maps the word.

mod linux;
use linux as imp;

use crate::clock::Deadline;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// The longest uninterrupted sleep.
///
/// A process that is killed after it was woken, or before it could wake others, takes a wake-up with it. Whoever
/// sleeps looks again after this time, so that the loss is a delay and never a hang.
pub const RECHECK: Duration = Duration::from_millis(100);

/// Sleeps while `word` holds `expected`, until a wake, the deadline, or [`RECHECK`], whichever comes first.
///
/// The caller looks at the word again in every case: wake-ups may come for no reason.
///
/// # Blocking
///
/// Returns at once when the word does not hold `expected` or the deadline has passed. Signals end the sleep
/// early and are not reported.
///
/// # Other processes
///
/// Works on a word of a [`SharedMapping`](crate::memory::SharedMapping) between all processes that map it.
///
/// # Examples
///
/// ```
/// use ipc_sys::{clock::Deadline, futex, memory::SharedMapping};
/// use std::sync::atomic::Ordering;
///
/// let memory = SharedMapping::create(64)?;
/// let word = memory.atomic_u32(0);
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         word.store(1, Ordering::Release);
///         futex::wake_all(word);
///     });
///     while word.load(Ordering::Acquire) == 0 {
///         futex::wait(word, 0, Deadline::NEVER);
///     }
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) {
    let timeout = deadline.remaining_at_most(RECHECK);
    if !timeout.is_zero() {
        imp::wait(word, expected, timeout);
    }
}

/// Wakes one sleeper of `word`, if there is one.
pub fn wake_one(word: &AtomicU32) {
    imp::wake(word, 1);
}

/// Wakes all sleepers of `word`.
pub fn wake_all(word: &AtomicU32) {
    imp::wake(word, i32::MAX as u32);
}
