//! Sleeping on a word in shared memory until somebody changes it.
//!
//! # What a port provides
//!
//! - `wait(word, expected, timeout)`: sleeps while the word holds `expected`, at most for `timeout`; may wake
//!   for no reason; never sleeps when the word differs at the call.
//! - `wake(word, count) -> woken`: wakes up to `count` sleepers of any process that maps the word.
//! - `low_half(word) -> word`: the half of a word of 64 bits that holds its low bits, for these calls alone.

mod linux;
use linux as imp;

use crate::clock::Deadline;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
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
pub const RECHECK: Duration = Duration::from_millis(50);

/// The longest uninterrupted sleep of [`wait_low`].
///
/// Twice [`RECHECK`]: who sleeps on a word with an owner asks the kernel at each look whether the owner lives, and a waiter
/// should take less than a two-thousandth of a processor.
///
/// # Examples
///
/// ```
/// use ipc_sys::futex::{OWNER_RECHECK, RECHECK};
///
/// assert_eq!(OWNER_RECHECK, 2 * RECHECK);
/// ```
pub const OWNER_RECHECK: Duration = Duration::from_millis(100);

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
    wait_at_most(word, expected, deadline, RECHECK);
}

/// As [`wait`], with another longest sleep than [`RECHECK`].
///
/// # Examples
///
/// ```
/// use ipc_sys::{clock::Deadline, futex, memory::SharedMapping};
/// use std::time::{Duration, Instant};
///
/// let memory = SharedMapping::create(64)?;
/// let start = Instant::now();
/// futex::wait_at_most(memory.atomic_u32(0), 0, Deadline::NEVER, Duration::from_millis(2));
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wait_at_most(word: &AtomicU32, expected: u32, deadline: Deadline, longest: Duration) {
    let timeout = deadline.remaining_at_most(longest);
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

/// Wakes up to `count` sleepers of `word`, and tells how many it has woken: as long as it is `count`, there may be more.
///
/// # Examples
///
/// ```
/// use ipc_sys::{futex, memory::SharedMapping};
///
/// let memory = SharedMapping::create(64)?;
/// assert_eq!(futex::wake(memory.atomic_u32(0), 7), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wake(word: &AtomicU32, count: u32) -> usize {
    imp::wake(word, count.min(i32::MAX as u32))
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

/// Sleeps while the low 32 bits of `word` are those of `expected`, until a wake, the deadline, or [`OWNER_RECHECK`], whichever
/// comes first.
///
/// The whole word is compared once before the sleep; the kernel then compares the low half alone. So a change of the
/// high half that comes in between, and is not followed by a wake, is noticed after [`OWNER_RECHECK`] only. A protocol whose
/// every change alters the low half, or wakes, has no such delay. As for [`wait`], the caller looks at the word again in
/// every case.
///
/// # Blocking
///
/// As [`wait`]: returns at once when the word differs from `expected` at the call or the deadline has passed.
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
/// // The high half is the owner of a turn, the low half counts the turns.
/// let memory = SharedMapping::create(64)?;
/// let turn = memory.atomic_u64(0);
/// turn.store(7 << 32, Ordering::Release);
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         turn.store(8 << 32 | 1, Ordering::Release);
///         futex::wake_low_all(turn);
///     });
///     while turn.load(Ordering::Acquire) >> 32 == 7 {
///         futex::wait_low(turn, 7 << 32, Deadline::NEVER);
///     }
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wait_low(word: &AtomicU64, expected: u64, deadline: Deadline) {
    let timeout = deadline.remaining_at_most(OWNER_RECHECK);
    if !timeout.is_zero() && word.load(Ordering::Relaxed) == expected {
        imp::wait(imp::low_half(word), expected as u32, timeout);
    }
}

/// Wakes one sleeper of [`wait_low`] on `word`, if there is one.
///
/// # Examples
///
/// ```
/// use ipc_sys::{clock::Deadline, futex, memory::SharedMapping};
/// use std::sync::atomic::Ordering;
///
/// let memory = SharedMapping::create(64)?;
/// let count = memory.atomic_u64(0);
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         count.fetch_add(1, Ordering::Release);
///         futex::wake_low_one(count);
///     });
///     while count.load(Ordering::Acquire) == 0 {
///         futex::wait_low(count, 0, Deadline::NEVER);
///     }
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wake_low_one(word: &AtomicU64) {
    wake_one(imp::low_half(word));
}

/// Wakes all sleepers of [`wait_low`] on `word`.
///
/// # Examples
///
/// ```
/// use ipc_sys::{clock::Deadline, futex, memory::SharedMapping};
/// use std::sync::atomic::Ordering;
///
/// let memory = SharedMapping::create(64)?;
/// let count = memory.atomic_u64(0);
/// std::thread::scope(|scope| {
///     for _ in 0..3 {
///         scope.spawn(|| {
///             while count.load(Ordering::Acquire) == 0 {
///                 futex::wait_low(count, 0, Deadline::NEVER);
///             }
///         });
///     }
///     count.store(1, Ordering::Release);
///     futex::wake_low_all(count);
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wake_low_all(word: &AtomicU64) {
    wake_all(imp::low_half(word));
}
