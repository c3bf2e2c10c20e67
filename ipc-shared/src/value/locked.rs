//! A variable with a lock.

use crate::arena::{AllocError, Arena, Kind};
use crate::sync::{LockError, LockTimeoutError, Mutex, MutexGuard, TryLockError};
use bytemuck::Pod;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::time::{Duration, Instant};

/// A variable in shared memory, with a lock: Python's `Value`.
///
/// It is a [`Mutex`] that can also be read and written in one call. What may be in it is told [here](crate::value#types).
/// Clones are the same variable. It has 64 bytes of shared memory, if the data has up to 32, and no descriptor.
///
/// # Blocking
///
/// Every operation takes the lock and waits as [`Mutex::lock`] does: until it is free, or its owner has ended.
///
/// # Other processes
///
/// It can be sent, as an argument of a process or in any other message of the family, and a forked child has those of its
/// parent. When a process is killed with the lock held, the next operation is told: it fails with
/// [`LockError::OwnerDied`], and those after it with [`LockError::Poisoned`], until somebody who [locks](Value::lock)
/// it says that the data is in order.
///
/// # Examples
///
/// How do several processes add to one number?
///
/// ```
/// use ipc_shared::Value;
///
/// let total = Value::new(0_u64)?;
/// // Sent to another process, this would be the same number.
/// let theirs = total.clone();
/// theirs.update(|total| *total += 5)?;
/// assert_eq!(total.get()?, 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// How do I go on when somebody died in the middle of a change?
///
/// ```
/// use ipc_shared::Value;
/// use ipc_shared::sync::LockError;
///
/// let total = Value::new(0_u64)?;
/// if total.get().is_err() {
///     // Whether half a change can be seen in the data, only the program knows. One number is never half changed.
///     total.lock().or_else(LockError::recover).map_err(LockError::without_guard)?;
/// }
/// assert_eq!(total.get()?, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Value<T>(Mutex<T>);

impl<T: Pod> Value<T> {
    /// Makes a variable in the [arena of this process](Arena::default).
    ///
    /// # Errors
    ///
    /// [`AllocError`]: the system lacks memory or descriptors, or the data has 16 MiB or more.
    ///
    /// # Examples
    ///
    /// ```
    /// let number = ipc_shared::Value::new(7_i32)?;
    /// assert_eq!(number.get()?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(value: T) -> Result<Value<T>, AllocError> {
        Value::new_in(&Arena::default(), value)
    }

    /// Makes a variable in an arena of the caller's choice.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn new_in(arena: &Arena, value: T) -> Result<Value<T>, AllocError> {
        Mutex::of_kind(Kind::Value, arena, value).map(Value)
    }

    /// A copy of the data.
    ///
    /// # Errors
    ///
    /// [`LockError`], without a guard: the lock is released, and poisoned if it was not.
    pub fn get(&self) -> Result<T, LockError<()>> {
        self.with(|value| *value)
    }

    /// Sets the data.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); the data stays as it is.
    pub fn set(&self, value: T) -> Result<(), LockError<()>> {
        self.with(|place| *place = value)
    }

    /// Sets the data, and returns what was there.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    pub fn replace(&self, value: T) -> Result<T, LockError<()>> {
        self.with(|place| std::mem::replace(place, value))
    }

    /// Changes the data by a function, under the lock, and returns what the function does.
    ///
    /// If the function panics, the value is poisoned.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); the function was not called.
    ///
    /// # Examples
    ///
    /// ```
    /// let best = ipc_shared::Value::new([3.0, 0.5])?;
    /// let is_better = best.update(|best| {
    ///     let is_better = best[1] < 0.75;
    ///     if is_better {
    ///         *best = [4.0, 0.75];
    ///     }
    ///     is_better
    /// })?;
    /// assert!(is_better);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> Result<R, LockError<()>> {
        self.with(change)
    }

    /// Takes the lock, as [`Mutex::lock`] does.
    ///
    /// # Errors
    ///
    /// [`LockError`]. In all but one case the lock is held, and the error has the guard.
    ///
    /// # Examples
    ///
    /// ```
    /// let pair = ipc_shared::Value::new([1, 2])?;
    /// let mut guard = pair.lock().unwrap();
    /// guard[1] += guard[0];
    /// assert_eq!(*guard, [1, 3]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn lock(&self) -> Result<MutexGuard<'_, T>, LockError<MutexGuard<'_, T>>> {
        self.0.lock()
    }

    /// Takes the lock if it is free, as [`Mutex::try_lock`] does.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] when somebody else has it; otherwise as [`lock`](Self::lock).
    #[inline]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError<MutexGuard<'_, T>>> {
        self.0.try_lock()
    }

    /// Takes the lock if it is free within a time, as [`Mutex::lock_timeout`] does.
    ///
    /// # Errors
    ///
    /// [`LockTimeoutError::TimedOut`] when the time is over; otherwise as [`lock`](Self::lock).
    pub fn lock_timeout(
        &self,
        timeout: Duration,
    ) -> Result<MutexGuard<'_, T>, LockTimeoutError<MutexGuard<'_, T>>> {
        self.0.lock_timeout(timeout)
    }

    /// Takes the lock if it is free before an instant, as [`Mutex::lock_deadline`] does.
    ///
    /// # Errors
    ///
    /// As [`lock_timeout`](Self::lock_timeout).
    pub fn lock_deadline(
        &self,
        deadline: Instant,
    ) -> Result<MutexGuard<'_, T>, LockTimeoutError<MutexGuard<'_, T>>> {
        self.0.lock_deadline(deadline)
    }

    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> Result<R, LockError<()>> {
        let mut guard = self.lock().map_err(LockError::without_guard)?;
        Ok(work(&mut guard))
    }
}

impl<T> Clone for Value<T> {
    /// Another handle to the same variable.
    fn clone(&self) -> Self {
        Value(self.0.clone())
    }
}

impl<T> fmt::Debug for Value<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").finish_non_exhaustive()
    }
}

/// As a handle in a message of the family; in any other format it is an error.
impl<T: Pod> Serialize for Value<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// From a handle in a message of the family, which is refused if it is not a value with data of the same size.
impl<'de, T: Pod> Deserialize<'de> for Value<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Mutex::receive(Kind::Value, deserializer).map(Value)
    }
}
