//! A mutex between processes that the thread which has it can take again.

use super::error::{LockError, LockTimeoutError, TryLockError};
use super::reentrant_guard::{DATA_AT, ReentrantMutexGuard};
use crate::arena::{AllocError, Arena, Kind, Object};
use crate::elements::{receive, shape_of};
use bytemuck::Pod;
use ipc_sys::clock::Deadline;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

/// A lock that one thread of one process has at a time, as often as it likes, and the data that it protects.
///
/// For functions that lock and call each other. As several guards of the thread reach the data at once, they lend it as a
/// [`Cell`](std::cell::Cell); where nobody locks twice, [`Mutex`](super::Mutex) lends it as it is. Clones are the same lock. It
/// has 64 bytes of shared memory, if the data has up to 16, and no descriptor.
///
/// Python's `RLock` is released by a call, which fails for who is not the owner; here a guard releases, and there is no
/// guard but that of an owner.
///
/// # Blocking
///
/// As a [`Mutex`](super::Mutex). The thread that has the lock never waits for it.
///
/// # Other processes
///
/// As a [`Mutex`](super::Mutex): it can be sent and forked, and the death of its owner is told to the next one, once. After
/// that, and until somebody [recovers](ReentrantMutexGuard::recover), every lock finds it poisoned, those of the
/// same thread included. The thread of a child that was forked by the owner is not the owner.
///
/// # Source
///
/// The mutex, and beside it the number of the thread and how often it has the lock, as in the reentrant mutex of
/// `parking_lot` (crate `lock_api`).
///
/// # Examples
///
/// How do functions that lock call each other?
///
/// ```
/// use ipc_shared::sync::ReentrantMutex;
///
/// fn deposit(account: &ReentrantMutex<i64>, amount: i64) {
///     let balance = account.lock().unwrap();
///     balance.set(balance.get() + amount);
/// }
///
/// fn move_all(from: &ReentrantMutex<i64>, to: &ReentrantMutex<i64>) {
///     let rest = from.lock().unwrap();
///     deposit(to, rest.get());
///     deposit(from, -rest.get()); // Locks `from` once more.
/// }
///
/// let (ours, theirs) = (ReentrantMutex::new(30)?, ReentrantMutex::new(12)?);
/// move_all(&ours, &theirs);
/// assert_eq!((ours.lock().unwrap().get(), theirs.lock().unwrap().get()), (0, 42));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ReentrantMutex<T = ()> {
    object: Object,
    data: PhantomData<fn() -> T>,
}

impl<T: Pod> ReentrantMutex<T> {
    /// Makes a reentrant mutex with its data in the [arena of this process](Arena::default).
    ///
    /// # Errors
    ///
    /// [`AllocError`]: the system lacks memory or descriptors.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::ReentrantMutex;
    ///
    /// let lock = ReentrantMutex::new(())?;
    /// let guard = lock.lock().unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(data: T) -> Result<ReentrantMutex<T>, AllocError> {
        ReentrantMutex::new_in(&Arena::default(), data)
    }

    /// Makes a reentrant mutex in an arena of the caller's choice.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::{Arena, sync::ReentrantMutex};
    ///
    /// let lock = ReentrantMutex::new_in(&Arena::new(), 17_i32)?;
    /// assert_eq!(lock.lock().unwrap().get(), 17);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new_in(arena: &Arena, data: T) -> Result<ReentrantMutex<T>, AllocError> {
        let (shape, size) = shape_of::<T>(Kind::ReentrantMutex, 1)?;
        let object = Object::create(arena, shape, DATA_AT + size)?;
        let mutex = ReentrantMutex { object, data: PhantomData };
        // Nobody else has it yet, so it is free, and healthy.
        if let Ok(guard) = mutex.try_lock() {
            guard.set(data);
        }
        Ok(mutex)
    }

    /// Takes the lock, once more if this thread has it.
    ///
    /// # Blocking
    ///
    /// Until no other thread has the lock, or its owner has ended.
    ///
    /// # Errors
    ///
    /// [`LockError`]. In the first two cases the lock is held, and the error has the guard.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::ReentrantMutex;
    /// use std::cell::Cell;
    ///
    /// let lock = ReentrantMutex::new([0_u8; 3])?;
    /// let outer = lock.lock().unwrap();
    /// let inner = lock.lock().unwrap();
    /// let elements: &Cell<[u8]> = &*inner;
    /// elements.as_slice_of_cells()[1].set(7);
    /// assert_eq!(outer.get(), [0, 7, 0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn lock(&self) -> Result<ReentrantMutexGuard<'_, T>, LockError<ReentrantMutexGuard<'_, T>>> {
        Ok(ReentrantMutexGuard::lock(&self.object, Deadline::NEVER)?)
    }

    /// Takes the lock if no other thread has it, or if its owner has ended.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] when another thread has it; otherwise as [`lock`](Self::lock).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::ReentrantMutex;
    ///
    /// let lock = ReentrantMutex::new(())?;
    /// let guard = lock.lock().unwrap();
    /// assert!(lock.try_lock().is_ok());
    /// let there = std::thread::scope(|scope| scope.spawn(|| lock.try_lock().is_ok()).join());
    /// assert!(!there.unwrap());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_lock(&self) -> Result<ReentrantMutexGuard<'_, T>, TryLockError<ReentrantMutexGuard<'_, T>>> {
        Ok(ReentrantMutexGuard::lock(&self.object, Deadline::NOW)?)
    }

    /// Takes the lock if no other thread has it within a time.
    ///
    /// # Blocking
    ///
    /// As [`lock`](Self::lock), and at most for `timeout`.
    ///
    /// # Errors
    ///
    /// [`LockTimeoutError::TimedOut`] when the time is over; otherwise as [`lock`](Self::lock).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::ReentrantMutex;
    /// use std::time::Duration;
    ///
    /// let lock = ReentrantMutex::new(0_u8)?;
    /// lock.lock_timeout(Duration::from_secs(1)).unwrap().set(1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn lock_timeout(
        &self,
        timeout: Duration,
    ) -> Result<ReentrantMutexGuard<'_, T>, LockTimeoutError<ReentrantMutexGuard<'_, T>>> {
        Ok(ReentrantMutexGuard::lock(&self.object, Deadline::after(timeout))?)
    }

    /// Takes the lock if no other thread has it before an instant.
    ///
    /// # Blocking
    ///
    /// As [`lock`](Self::lock), and at most until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`lock_timeout`](Self::lock_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::ReentrantMutex;
    /// use std::time::{Duration, Instant};
    ///
    /// let lock = ReentrantMutex::new(0_u8)?;
    /// lock.lock_deadline(Instant::now() + Duration::from_secs(1)).unwrap().set(1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn lock_deadline(
        &self,
        deadline: Instant,
    ) -> Result<ReentrantMutexGuard<'_, T>, LockTimeoutError<ReentrantMutexGuard<'_, T>>> {
        Ok(ReentrantMutexGuard::lock(&self.object, Deadline::at(deadline))?)
    }
}

impl<T> Clone for ReentrantMutex<T> {
    /// Another handle to the same lock.
    fn clone(&self) -> Self {
        ReentrantMutex { object: self.object.clone(), data: PhantomData }
    }
}

impl<T> fmt::Debug for ReentrantMutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReentrantMutex").finish_non_exhaustive()
    }
}

/// As a handle in a message of the family; in any other format it is an error.
impl<T: Pod> Serialize for ReentrantMutex<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.send(serializer)
    }
}

/// From a handle in a message of the family, which is refused if it is not a reentrant mutex with data of the same size.
impl<'de, T: Pod> Deserialize<'de> for ReentrantMutex<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = receive::<T, D>(Kind::ReentrantMutex, false, DATA_AT, deserializer)?;
        Ok(ReentrantMutex { object, data: PhantomData })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    /// Where the lock counts how often its owner has it.
    const DEPTH_AT: usize = 28;

    #[test]
    fn too_deep_is_an_error_and_the_lock_is_held_as_before() {
        let lock = ReentrantMutex::new(7_u8).expect("memory is left");
        let outer = lock.lock().expect("it is free");
        let depth: &AtomicU32 = lock.object.get(DEPTH_AT);
        assert_eq!(depth.load(Relaxed), 1);
        depth.store(u32::MAX, Relaxed);
        assert!(matches!(lock.lock(), Err(LockError::TooDeep)));
        assert!(matches!(lock.try_lock(), Err(TryLockError::Lock(LockError::TooDeep))));
        assert_eq!((depth.load(Relaxed), outer.get()), (u32::MAX, 7));
        depth.store(1, Relaxed);
        drop(outer);
        assert!(std::thread::spawn(move || lock.try_lock().is_ok()).join().expect("it returns"));
    }
}
