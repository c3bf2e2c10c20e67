//! A read-write lock between processes, with data or without.

use super::error::{LockError, LockTimeoutError, TryLockError};
use super::holders::{DEFAULT_HOLDERS, Plan};
use super::read_error::{ReadError, ReadTimeoutError, TryReadError};
use super::rw_guard::{CELLS_AT, RwLockReadGuard, RwLockWriteGuard, raw};
use crate::arena::{AllocError, Arena, Kind, Object, PAYLOAD_ALIGN};
use bytemuck::Pod;
use ipc_sys::clock::Deadline;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

/// A lock that many have for reading or one has for writing, and the data that it protects.
///
/// `RwLock<()>` is a lock for something else, as `Mutex<()>` is. Clones are the same lock. It has 1 KiB of shared memory, if the
/// data has up to 192 bytes, no descriptor, and room for 48 processes at least that read at the same moment, with any number of
/// threads: see
/// [`with_max_readers`](Self::with_max_readers). For data that is read in a moment a [`Mutex`](super::Mutex) is faster.
///
/// # Blocking
///
/// A waiter spins for a moment and then sleeps. What ends the wait is that the others release the lock or end in any way, or the
/// deadline, which is missed by up to 50 ms if a process was stopped in the middle of a call. A process that was stopped
/// keeps the lock, however long.
///
/// While somebody waits to write, new readers wait, too, so that readers who follow each other keep no writer out. A thread
/// that reads and wants to read once more gets in nevertheless, after 50 ms; one that reads and wants to write, or the other way
/// round, waits for itself for ever. Writers who follow each other without end keep readers out.
///
/// # Other processes
///
/// It can be sent, as an argument of a process or in any other message of the family, and a forked child has those of its
/// parent. When a process is killed while it reads, nothing has happened. When one is killed while it writes, the next writer is
/// told, once, by [`LockError::OwnerDied`]; readers find the lock [poisoned](ReadError::Poisoned) until a writer recovers.
///
/// # Source
///
/// One mutex around the words of all who take part, and a word for the writer that waits, as in the writer-preferring lock of
/// Courtois, Heymans and Parnas, *Concurrent Control with "Readers" and "Writers"* (1971). The readers are no count but words of each
/// process, which count for nothing when it has ended.
///
/// # Examples
///
/// How do many processes look at settings that one changes at times?
///
/// ```
/// use ipc_shared::sync::RwLock;
///
/// let limits = RwLock::new([10_u32, 20])?;
/// // Sent to another process, this would be the same lock and the same numbers.
/// let theirs = limits.clone();
/// limits.write().unwrap()[1] = 30;
/// let (one, two) = (limits.read().unwrap(), theirs.read().unwrap());
/// assert_eq!(one[1] + two[1], 60);
/// # drop((one, two));
/// # Ok::<(), ipc_shared::AllocError>(())
/// ```
///
/// How do I go on after the death of a writer?
///
/// ```
/// use ipc_shared::sync::{LockError, RwLock};
///
/// let limits = RwLock::new([10_u32, 20])?;
/// let mut guard = limits.write().or_else(LockError::recover).map_err(LockError::without_guard)?;
/// *guard = [10, 20];
/// # drop(guard);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RwLock<T = ()> {
    object: Object,
    data: PhantomData<fn() -> T>,
}

impl<T: Pod> RwLock<T> {
    const PLAN: Plan = {
        assert!(align_of::<T>() <= PAYLOAD_ALIGN, "data in shared memory is aligned to 16 at most");
        Plan { kind: Kind::RwLock, data_size: size_of::<T>(), fixed: CELLS_AT + size_of::<T>() }
    };

    /// Makes a lock with its data in the [arena of this process](Arena::default).
    ///
    /// # Errors
    ///
    /// [`AllocError`]: the system lacks memory or descriptors.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::RwLock;
    ///
    /// let lock = RwLock::new(17_i32)?;
    /// assert_eq!(*lock.read().unwrap(), 17);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn new(data: T) -> Result<RwLock<T>, AllocError> {
        RwLock::new_in(&Arena::default(), data)
    }

    /// Makes a lock in an arena of the caller's choice.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::{Arena, sync::RwLock};
    ///
    /// let arena = Arena::new();
    /// let lock = RwLock::new_in(&arena, 17_i32)?;
    /// assert_eq!(*lock.read().unwrap(), 17);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn new_in(arena: &Arena, data: T) -> Result<RwLock<T>, AllocError> {
        RwLock::with_max_readers(arena, data, DEFAULT_HOLDERS)
    }

    /// Makes a lock that at least `max_readers` processes can read at the same moment.
    ///
    /// Each costs 16 bytes of memory, and some time of each call. More than the 4,096 processes that can share an arena are
    /// never needed; a lock for all of them has memory of its own, with two descriptors.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::{Arena, sync::RwLock};
    ///
    /// let lock = RwLock::with_max_readers(&Arena::default(), 17_i32, 500)?;
    /// assert_eq!(*lock.read().unwrap(), 17);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn with_max_readers(arena: &Arena, data: T, max_readers: usize) -> Result<RwLock<T>, AllocError> {
        let lock = RwLock { object: Self::PLAN.create(arena, max_readers)?, data: PhantomData };
        // Nobody else has it yet, so it is free, and healthy.
        if let Ok(mut guard) = lock.try_write() {
            *guard = data;
        }
        Ok(lock)
    }

    /// Takes the lock for reading, beside others.
    ///
    /// # Blocking
    ///
    /// Until nobody writes or waits to write.
    ///
    /// # Errors
    ///
    /// [`ReadError`]. If it is poisoned the lock is held, and the error has the guard.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::RwLock;
    ///
    /// let lock = RwLock::new(17_u32)?;
    /// assert_eq!(*lock.read().unwrap(), 17);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn read(&self) -> Result<RwLockReadGuard<'_, T>, ReadError<RwLockReadGuard<'_, T>>> {
        Ok(RwLockReadGuard::lock(&self.object, Deadline::NEVER)?)
    }

    /// Takes the lock for reading if nobody writes or waits to write.
    ///
    /// # Errors
    ///
    /// [`TryReadError::WouldBlock`] when somebody writes or waits to write; otherwise as [`read`](Self::read).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::RwLock;
    ///
    /// let lock = RwLock::new(17_u32)?;
    /// let one = lock.read().unwrap();
    /// assert!(lock.try_read().is_ok());
    /// # drop(one);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryReadError<RwLockReadGuard<'_, T>>> {
        Ok(RwLockReadGuard::lock(&self.object, Deadline::NOW)?)
    }

    /// Takes the lock for reading within a time.
    ///
    /// # Blocking
    ///
    /// As [`read`](Self::read), and at most for `timeout`.
    ///
    /// # Errors
    ///
    /// [`ReadTimeoutError::TimedOut`] when the time is over; otherwise as [`read`](Self::read).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::RwLock;
    /// use std::time::Duration;
    ///
    /// let lock = RwLock::new(17_u32)?;
    /// assert_eq!(*lock.read_timeout(Duration::from_secs(1)).unwrap(), 17);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn read_timeout(
        &self,
        timeout: Duration,
    ) -> Result<RwLockReadGuard<'_, T>, ReadTimeoutError<RwLockReadGuard<'_, T>>> {
        Ok(RwLockReadGuard::lock(&self.object, Deadline::after(timeout))?)
    }

    /// Takes the lock for reading before an instant.
    ///
    /// # Blocking
    ///
    /// As [`read`](Self::read), and at most until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`read_timeout`](Self::read_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::RwLock;
    /// use std::time::{Duration, Instant};
    ///
    /// let lock = RwLock::new(17_u32)?;
    /// let soon = Instant::now() + Duration::from_secs(1);
    /// assert_eq!(*lock.read_deadline(soon).unwrap(), 17);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn read_deadline(
        &self,
        deadline: Instant,
    ) -> Result<RwLockReadGuard<'_, T>, ReadTimeoutError<RwLockReadGuard<'_, T>>> {
        Ok(RwLockReadGuard::lock(&self.object, Deadline::at(deadline))?)
    }

    /// Takes the lock for writing, alone.
    ///
    /// # Blocking
    ///
    /// Until nobody else reads or writes.
    ///
    /// # Errors
    ///
    /// [`LockError`]. In all but one case the lock is held, and the error has the guard.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::RwLock;
    ///
    /// let lock = RwLock::new(17_u32)?;
    /// *lock.write().unwrap() += 1;
    /// assert_eq!(*lock.read().unwrap(), 18);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn write(&self) -> Result<RwLockWriteGuard<'_, T>, LockError<RwLockWriteGuard<'_, T>>> {
        Ok(RwLockWriteGuard::lock(&self.object, Deadline::NEVER)?)
    }

    /// Takes the lock for writing if nobody else reads or writes.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] when somebody else reads or writes; otherwise as [`write`](Self::write).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::RwLock;
    ///
    /// let lock = RwLock::new(17_u32)?;
    /// let reader = lock.read().unwrap();
    /// assert!(lock.try_write().is_err());
    /// # drop(reader);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError<RwLockWriteGuard<'_, T>>> {
        Ok(RwLockWriteGuard::lock(&self.object, Deadline::NOW)?)
    }

    /// Takes the lock for writing within a time.
    ///
    /// # Blocking
    ///
    /// As [`write`](Self::write), and at most for `timeout`.
    ///
    /// # Errors
    ///
    /// [`LockTimeoutError::TimedOut`] when the time is over; otherwise as [`write`](Self::write).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::RwLock;
    /// use std::time::Duration;
    ///
    /// let lock = RwLock::new(17_u32)?;
    /// *lock.write_timeout(Duration::from_secs(1)).unwrap() = 1;
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn write_timeout(
        &self,
        timeout: Duration,
    ) -> Result<RwLockWriteGuard<'_, T>, LockTimeoutError<RwLockWriteGuard<'_, T>>> {
        Ok(RwLockWriteGuard::lock(&self.object, Deadline::after(timeout))?)
    }

    /// Takes the lock for writing before an instant.
    ///
    /// # Blocking
    ///
    /// As [`write`](Self::write), and at most until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`write_timeout`](Self::write_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::RwLock;
    /// use std::time::{Duration, Instant};
    ///
    /// let lock = RwLock::new(17_u32)?;
    /// *lock.write_deadline(Instant::now() + Duration::from_secs(1)).unwrap() = 1;
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn write_deadline(
        &self,
        deadline: Instant,
    ) -> Result<RwLockWriteGuard<'_, T>, LockTimeoutError<RwLockWriteGuard<'_, T>>> {
        Ok(RwLockWriteGuard::lock(&self.object, Deadline::at(deadline))?)
    }

    /// Whether a writer has died or left the data in disorder, and nobody had recovered it a moment ago. A death is known only
    /// since somebody has tried to take the lock.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::RwLock;
    ///
    /// assert!(!RwLock::new(())?.is_poisoned());
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn is_poisoned(&self) -> bool {
        raw(&self.object).is_poisoned()
    }
}

impl<T> Clone for RwLock<T> {
    /// Another handle to the same lock.
    fn clone(&self) -> Self {
        RwLock { object: self.object.clone(), data: PhantomData }
    }
}

impl<T> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLock").finish_non_exhaustive()
    }
}

/// As a handle in a message of the family; in any other format it is an error.
impl<T: Pod> Serialize for RwLock<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.send(serializer)
    }
}

/// From a handle in a message of the family, which is refused if it is not a read-write lock with data of the same size.
impl<'de, T: Pod> Deserialize<'de> for RwLock<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(RwLock { object: Self::PLAN.receive(deserializer)?, data: PhantomData })
    }
}
