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
///
/// # Examples
///
/// ```
/// use ipc_sys::{clock::Deadline, futex};
/// use std::time::Duration;
///
/// // However far the deadline is, a sleeper looks again after this time.
/// let deadline = Deadline::after(Duration::from_secs(60));
/// assert_eq!(deadline.remaining_at_most(futex::RECHECK), futex::RECHECK);
/// ```
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
///     // Each takes one of two turns.
///     for _ in 0..2 {
///         scope.spawn(|| {
///             let take = |n: u32| n.checked_sub(1);
///             while word.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).is_err() {
///                 futex::wait(word, 0, Deadline::NEVER);
///             }
///         });
///     }
///     for _ in 0..2 {
///         word.fetch_add(1, Ordering::Release);
///         futex::wake_one(word);
///     }
/// });
/// assert_eq!(word.load(Ordering::Acquire), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wake_one(word: &AtomicU32) {
    imp::wake(word, 1);
}

/// Wakes all sleepers of `word`.
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
///     for _ in 0..3 {
///         scope.spawn(|| {
///             while word.load(Ordering::Acquire) == 0 {
///                 futex::wait(word, 0, Deadline::NEVER);
///             }
///         });
///     }
///     // First the word, then the wake: who comes in between finds the word changed and does not sleep.
///     word.store(1, Ordering::Release);
///     futex::wake_all(word);
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wake_all(word: &AtomicU32) {
    imp::wake(word, i32::MAX as u32);
}
