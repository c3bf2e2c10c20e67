//! A mutex between processes, with data or without.

use super::error::{LockError, LockTimeoutError, Refusal, TryLockError};
use super::guard::{DATA_AT, Held, MutexGuard};
use crate::arena::{AllocError, Arena, Kind, Object};
use crate::elements::{receive, shape_of};
use bytemuck::Pod;
use ipc_sys::clock::Deadline;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

/// A lock that one thread of one process has at a time, and the data that it protects.
///
/// `Mutex<()>` is a lock for something else: a part of a [`SharedMemory`](crate::SharedMemory), a file, a printer. Clones are
/// the same lock. It has 64 bytes of shared memory, if the data has up to 32, and no descriptor.
///
/// # Blocking
///
/// A waiter spins for a moment and then sleeps. What ends the wait is that the lock is released, that the process that has
/// it ends in any way, or the deadline. A process that was stopped keeps its locks, however long. A thread that locks
/// twice waits for itself, for ever: see [`ReentrantMutex`](super::ReentrantMutex).
///
/// # Other processes
///
/// A mutex can be sent, as an argument of a process or in any other message of the family, and a forked child has those of
/// its parent. When a process is killed with the lock held, the next one who locks has it at once and is told:
/// [`LockError::OwnerDied`].
///
/// # Source
///
/// The word and its waiters are the third mutex of Drepper, *Futexes are tricky* (2011), with the owner's name in the word, as
/// in robust futexes, and another way to learn of its death. In contrast to the kernel's list of robust futexes, which
/// ends at 2,048, there is no limit to the number of locks that one process has when it is killed.
///
/// # Examples
///
/// How do I count across processes?
///
/// ```
/// use ipc_shared::sync::Mutex;
///
/// let count = Mutex::new(0_u64)?;
/// // Sent to another process, this would be the same lock and the same number.
/// let theirs = count.clone();
/// std::thread::scope(|scope| {
///     for _ in 0..2 {
///         scope.spawn(|| (0..1000).for_each(|_| *theirs.lock().unwrap() += 1));
///     }
/// });
/// assert_eq!(*count.lock().unwrap(), 2000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Mutex<T = ()> {
    object: Object,
    data: PhantomData<fn() -> T>,
}

impl<T: Pod> Mutex<T> {
    /// Makes a mutex with its data in the [arena of this process](Arena::default).
    ///
    /// # Errors
    ///
    /// [`AllocError`]: the system lacks memory or descriptors.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::Mutex;
    ///
    /// let lock = Mutex::new(())?;
    /// let guard = lock.lock().unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// The data is plain: it means the same in every process. A pointer does not, and is refused by the compiler.
    ///
    /// ```compile_fail
    /// let lock = ipc_shared::sync::Mutex::new(String::from("text"))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(data: T) -> Result<Mutex<T>, AllocError> {
        Mutex::new_in(&Arena::default(), data)
    }

    /// Makes a mutex in an arena of the caller's choice.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::{Arena, sync::Mutex};
    ///
    /// let arena = Arena::new();
    /// let lock = Mutex::new_in(&arena, 17_i32)?;
    /// assert_eq!(*lock.lock().unwrap(), 17);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new_in(arena: &Arena, data: T) -> Result<Mutex<T>, AllocError> {
        Mutex::of_kind(Kind::Mutex, arena, data)
    }

    /// Takes the lock.
    ///
    /// # Blocking
    ///
    /// Until the lock is free or its owner has ended.
    ///
    /// # Errors
    ///
    /// [`LockError`]. In all but one case the lock is held, and the error has the guard.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::Mutex;
    ///
    /// let lock = Mutex::new(1_u32)?;
    /// *lock.lock().unwrap() += 1;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn lock(&self) -> Result<MutexGuard<'_, T>, LockError<MutexGuard<'_, T>>> {
        self.lock_until(Deadline::NEVER)
    }

    /// Takes the lock if it is free, or if its owner has ended.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] when somebody else has it; otherwise as [`lock`](Self::lock).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::Mutex;
    ///
    /// let lock = Mutex::new(())?;
    /// let guard = lock.try_lock().unwrap();
    /// assert!(lock.try_lock().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError<MutexGuard<'_, T>>> {
        self.lock_until(Deadline::NOW)
    }

    /// Takes the lock if it is free within a time.
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
    /// use ipc_shared::sync::Mutex;
    /// use std::time::Duration;
    ///
    /// let lock = Mutex::new(0_u8)?;
    /// *lock.lock_timeout(Duration::from_secs(1)).unwrap() = 1;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn lock_timeout(
        &self,
        timeout: Duration,
    ) -> Result<MutexGuard<'_, T>, LockTimeoutError<MutexGuard<'_, T>>> {
        self.lock_until(Deadline::after(timeout))
    }

    /// Takes the lock if it is free before an instant.
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
    /// use ipc_shared::sync::Mutex;
    /// use std::time::{Duration, Instant};
    ///
    /// let lock = Mutex::new(0_u8)?;
    /// *lock.lock_deadline(Instant::now() + Duration::from_secs(1)).unwrap() = 1;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn lock_deadline(
        &self,
        deadline: Instant,
    ) -> Result<MutexGuard<'_, T>, LockTimeoutError<MutexGuard<'_, T>>> {
        self.lock_until(Deadline::at(deadline))
    }

    /// As [`new_in`](Self::new_in), for the types that are a mutex by another name.
    pub(crate) fn of_kind(kind: Kind, arena: &Arena, data: T) -> Result<Mutex<T>, AllocError> {
        let (shape, size) = shape_of::<T>(kind, 1)?;
        let mutex = Mutex { object: Object::create(arena, shape, DATA_AT + size)?, data: PhantomData };
        // Nobody else has it yet, so it is free, and healthy.
        if let Ok(mut guard) = mutex.try_lock() {
            *guard = data;
        }
        Ok(mutex)
    }

    /// As decoding, for the types that are a mutex by another name.
    pub(crate) fn receive<'de, D: Deserializer<'de>>(
        kind: Kind,
        deserializer: D,
    ) -> Result<Mutex<T>, D::Error> {
        let object = receive::<T, D>(kind, false, DATA_AT, deserializer)?;
        Ok(Mutex { object, data: PhantomData })
    }

    /// Locks. The way of the free lock has nothing in common with the other, so that the guard stays in registers.
    #[inline]
    fn lock_until<'a, E: From<Refusal<MutexGuard<'a, T>>>>(
        &'a self,
        deadline: Deadline,
    ) -> Result<MutexGuard<'a, T>, E> {
        match Held::lock_free(&self.object) {
            Some(held) => Ok(MutexGuard::of_one(held)),
            None => self.lock_slow(deadline),
        }
    }

    #[cold]
    #[inline(never)]
    fn lock_slow<'a, E: From<Refusal<MutexGuard<'a, T>>>>(
        &'a self,
        deadline: Deadline,
    ) -> Result<MutexGuard<'a, T>, E> {
        match Held::lock(&self.object, deadline) {
            Ok(held) => Ok(MutexGuard::of_one(held)),
            Err(refusal) => Err(refusal.map(MutexGuard::of_one).into()),
        }
    }
}

impl<T> Clone for Mutex<T> {
    /// Another handle to the same lock.
    fn clone(&self) -> Self {
        Mutex { object: self.object.clone(), data: PhantomData }
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").finish_non_exhaustive()
    }
}

/// As a handle in a message of the family; in any other format it is an error.
impl<T: Pod> Serialize for Mutex<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.send(serializer)
    }
}

/// From a handle in a message of the family, which is refused if it is not a mutex with data of the same size.
impl<'de, T: Pod> Deserialize<'de> for Mutex<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Mutex::receive(Kind::Mutex, deserializer)
    }
}
