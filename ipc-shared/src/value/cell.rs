//! A number in shared memory that every process changes in one step.
//!
//! # Safety
//!
//! One implementation says that a cell is its atomic and nothing else.
#![allow(unsafe_code)]

use super::atomic::{Atomic, AtomicInteger};
use crate::arena::Overlay;
use std::fmt;
use std::sync::atomic::Ordering::SeqCst;

/// A number in shared memory, changed without a lock: what a [`RawValue`](crate::RawValue) is, and what a
/// [`RawArray`](crate::RawArray) has many of.
///
/// Every operation is one step, also for a process that is killed in it: others find the number before or after. It is
/// sequentially consistent: all processes see all operations in one order, and what one wrote to shared memory before
/// it changed a number is visible to whoever has seen the change. An operation costs what the same one of `AtomicU64` costs.
/// Weaker orderings, and what else the standard library has, are behind [`as_std`](Self::as_std).
///
/// Numbers are equal here when their bits are: a NaN is itself, and `0.0` is not `-0.0`.
///
/// # Examples
///
/// ```
/// use ipc_shared::RawValue;
///
/// let ready = RawValue::new(0_u32)?;
/// assert_eq!(ready.fetch_add(1), 0);
/// assert_eq!(ready.compare_exchange(0, 7), Err(1));
/// assert_eq!(ready.swap(9), 1);
/// assert_eq!(ready.load(), 9);
/// # Ok::<(), ipc_shared::AllocError>(())
/// ```
#[repr(transparent)]
pub struct AtomicCell<T: Atomic>(T::Cell);

// SAFETY: transparent over an `Overlay`.
unsafe impl<T: Atomic> Overlay for AtomicCell<T> {}

impl<T: Atomic> AtomicCell<T> {
    /// The number.
    #[inline]
    pub fn load(&self) -> T {
        T::load(&self.0, SeqCst)
    }

    /// Sets the number.
    #[inline]
    pub fn store(&self, value: T) {
        T::store(&self.0, value, SeqCst);
    }

    /// Sets the number, and returns the one before.
    #[inline]
    pub fn swap(&self, value: T) -> T {
        T::swap(&self.0, value)
    }

    /// Sets the number if it is `current`, and returns it.
    ///
    /// # Errors
    ///
    /// The number that was found, if it is another one; then nothing is changed.
    #[inline]
    pub fn compare_exchange(&self, current: T, new: T) -> Result<T, T> {
        T::compare_exchange(&self.0, current, new)
    }

    /// Changes the number by a function, and returns the one before.
    ///
    /// The function is called again whenever another process was faster.
    ///
    /// # Examples
    ///
    /// How do I add up numbers with a fraction?
    ///
    /// ```
    /// use ipc_shared::RawValue;
    ///
    /// let total = RawValue::new(1.5_f64)?;
    /// total.update(|total| total + 0.25);
    /// assert_eq!(total.load(), 1.75);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    #[inline]
    pub fn update(&self, change: impl FnMut(T) -> T) -> T {
        T::update(&self.0, change)
    }

    /// The atomic of the standard library that has the bits: an `AtomicU64` for `u64` and `f64`, an `AtomicU8` for `bool`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::RawValue;
    /// use std::sync::atomic::Ordering;
    ///
    /// let hits = RawValue::new(0_u64)?;
    /// hits.as_std().fetch_add(1, Ordering::Relaxed);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    #[inline]
    pub fn as_std(&self) -> &T::Std {
        &self.0
    }
}

/// Sums that do not fit wrap around, as those of the standard library's atomics do.
impl<T: AtomicInteger> AtomicCell<T> {
    /// Adds to the number, and returns the one before.
    #[inline]
    pub fn fetch_add(&self, value: T) -> T {
        T::fetch_add(&self.0, value)
    }

    /// Subtracts from the number, and returns the one before.
    #[inline]
    pub fn fetch_sub(&self, value: T) -> T {
        T::fetch_sub(&self.0, value)
    }

    /// Keeps the bits that `value` has, too, and returns the number before.
    #[inline]
    pub fn fetch_and(&self, value: T) -> T {
        T::fetch_and(&self.0, value)
    }

    /// Sets the bits that `value` has, and returns the number before.
    #[inline]
    pub fn fetch_or(&self, value: T) -> T {
        T::fetch_or(&self.0, value)
    }

    /// Turns over the bits that `value` has, and returns the number before.
    #[inline]
    pub fn fetch_xor(&self, value: T) -> T {
        T::fetch_xor(&self.0, value)
    }

    /// Sets the number to `value` if that is larger, and returns the one before.
    #[inline]
    pub fn fetch_max(&self, value: T) -> T {
        T::fetch_max(&self.0, value)
    }

    /// Sets the number to `value` if that is smaller, and returns the one before.
    #[inline]
    pub fn fetch_min(&self, value: T) -> T {
        T::fetch_min(&self.0, value)
    }
}

impl<T: Atomic + fmt::Debug> fmt::Debug for AtomicCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load().fmt(f)
    }
}
