//! A semaphore between processes: permits that come back when their holder ends.

use super::holders::DEFAULT_HOLDERS;
use super::permit::{Permit, Permits};
use super::raw::MAX_PERMITS;
use super::{AcquireError, AcquireTimeoutError, AddPermitsError, TryAcquireError};
use crate::arena::{AllocError, Arena, Kind};
use ipc_sys::clock::Deadline;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::time::{Duration, Instant};

/// A number of permits, of which each is held by one process at a time.
///
/// Clones are the same semaphore. It has 1 KiB of shared memory and no descriptor, and room for 61 processes that have
/// permits at the same moment, whatever the number of permits, threads, and processes that have none: see
/// [`with_max_holders`](Self::with_max_holders).
///
/// # Who gives back what
///
/// A [`Permit`] is given back by the process that has acquired it: by dropping it, or by ending. In Python any process may
/// release what another has acquired, and what a killed process had is lost; here the two are told apart. Whoever wants to
/// hand permits from one process to another, to count things for instance, [forgets](Permit::forget) what it acquires, and
/// anybody [adds](Self::add_permits) permits. These do not depend on the life of anybody.
///
/// # Blocking
///
/// A waiter spins for a moment and then sleeps. What ends the wait is that a permit is given back or added, that a process that
/// has one ends in any way, or the deadline, which is missed by up to 50 ms if a process was stopped in the middle of a call.
/// A process that was stopped keeps its permits, however long. There is no order: whoever comes while a permit is free has
/// it, also before those who wait.
///
/// # Other processes
///
/// A semaphore can be sent, as an argument of a process or in any other message of the family, and a forked child has those
/// of its parent, but none of the permits.
///
/// # Source
///
/// Waiting and waking are those of Drepper's *Futexes are tricky* (2011), with a bell beside the count. The count itself is of
/// our own: what each process has stands in words of its own, which count for nothing when it has ended, so that no death
/// leaves a count to repair.
///
/// # Examples
///
/// How do I let at most two processes at a time do something?
///
/// ```
/// use ipc_shared::sync::Semaphore;
///
/// let downloads = Semaphore::new(2)?;
/// // Sent to other processes, this would be the same semaphore.
/// let theirs = downloads.clone();
/// let (one, two) = (downloads.acquire().unwrap(), theirs.acquire().unwrap());
/// assert!(theirs.try_acquire().is_err());
/// drop(one);
/// assert!(theirs.try_acquire().is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Semaphore {
    pub(super) permits: Permits,
}

impl Semaphore {
    /// The most permits that a semaphore can have, as in Python.
    pub const MAX_PERMITS: u32 = MAX_PERMITS;

    /// Makes a semaphore with as many permits in the [arena of this process](Arena::default).
    ///
    /// # Errors
    ///
    /// [`AllocError`]: the system lacks memory or descriptors.
    ///
    /// # Panics
    ///
    /// If there are more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::Semaphore;
    ///
    /// assert_eq!(Semaphore::new(3)?.available_permits(), 3);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn new(permits: u32) -> Result<Semaphore, AllocError> {
        Semaphore::new_in(&Arena::default(), permits)
    }

    /// Makes a semaphore in an arena of the caller's choice.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::{Arena, sync::Semaphore};
    ///
    /// let arena = Arena::new();
    /// assert_eq!(Semaphore::new_in(&arena, 3)?.available_permits(), 3);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn new_in(arena: &Arena, permits: u32) -> Result<Semaphore, AllocError> {
        Semaphore::with_max_holders(arena, permits, DEFAULT_HOLDERS)
    }

    /// Makes a semaphore of which at least `max_holders` processes can have permits at the same moment.
    ///
    /// Each costs 16 bytes of memory, and some time of each call. More than the 4,096 processes that can share an arena are
    /// never needed; a semaphore for all of them has memory of its own, with two descriptors.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::{Arena, sync::Semaphore};
    ///
    /// let large = Semaphore::with_max_holders(&Arena::default(), 1000, 500)?;
    /// # assert_eq!(large.available_permits(), 1000);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn with_max_holders(
        arena: &Arena,
        permits: u32,
        max_holders: usize,
    ) -> Result<Semaphore, AllocError> {
        assert!(permits <= MAX_PERMITS, "{permits} permits, of which there can be {MAX_PERMITS}");
        let permits = Permits::create(Kind::Semaphore, arena, permits, None, max_holders)?;
        Ok(Semaphore { permits })
    }

    /// Takes a permit.
    ///
    /// # Blocking
    ///
    /// Until one is free.
    ///
    /// # Errors
    ///
    /// [`AcquireError`]: too many processes have permits already, or this process is a forked child that lacked something.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::Semaphore;
    ///
    /// let semaphore = Semaphore::new(1)?;
    /// let permit = semaphore.acquire()?;
    /// assert_eq!(semaphore.available_permits(), 0);
    /// # drop(permit);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn acquire(&self) -> Result<Permit<'_>, AcquireError> {
        self.acquire_many(1)
    }

    /// Takes a permit if one is free, or if the process that has one has ended.
    ///
    /// # Blocking
    ///
    /// For up to 50 ms, if a process was stopped in the middle of a call.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError::NoPermits`] when others have them all; otherwise as [`acquire`](Self::acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::Semaphore;
    ///
    /// assert!(Semaphore::new(1)?.try_acquire().is_ok());
    /// assert!(Semaphore::new(0)?.try_acquire().is_err());
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn try_acquire(&self) -> Result<Permit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes a permit if one is free within a time.
    ///
    /// # Blocking
    ///
    /// As [`acquire`](Self::acquire), and at most for `timeout`.
    ///
    /// # Errors
    ///
    /// [`AcquireTimeoutError::TimedOut`] when the time is over; otherwise as [`acquire`](Self::acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::Semaphore;
    /// use std::time::Duration;
    ///
    /// assert!(Semaphore::new(0)?.acquire_timeout(Duration::from_millis(10)).is_err());
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Permit<'_>, AcquireTimeoutError> {
        self.acquire_many_timeout(1, timeout)
    }

    /// Takes a permit if one is free before an instant.
    ///
    /// # Blocking
    ///
    /// As [`acquire`](Self::acquire), and at most until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`acquire_timeout`](Self::acquire_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::Semaphore;
    /// use std::time::{Duration, Instant};
    ///
    /// let soon = Instant::now() + Duration::from_millis(10);
    /// assert!(Semaphore::new(0)?.acquire_deadline(soon).is_err());
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn acquire_deadline(&self, deadline: Instant) -> Result<Permit<'_>, AcquireTimeoutError> {
        self.acquire_many_deadline(1, deadline)
    }

    /// Takes `n` permits at once.
    ///
    /// # Blocking
    ///
    /// Until as many are free at the same moment. None is kept back meanwhile, so that others who want fewer may keep it
    /// waiting; more than there are is waited for until somebody adds some.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::Semaphore;
    ///
    /// let semaphore = Semaphore::new(5)?;
    /// let three = semaphore.acquire_many(3)?;
    /// assert_eq!(semaphore.available_permits(), 2);
    /// # drop(three);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn acquire_many(&self, n: u32) -> Result<Permit<'_>, AcquireError> {
        Ok(self.permits.acquire(n, Deadline::NEVER)?)
    }

    /// Takes `n` permits if as many are free.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::Semaphore;
    ///
    /// let semaphore = Semaphore::new(2)?;
    /// assert!(semaphore.try_acquire_many(3).is_err());
    /// assert!(semaphore.try_acquire_many(2).is_ok());
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn try_acquire_many(&self, n: u32) -> Result<Permit<'_>, TryAcquireError> {
        Ok(self.permits.acquire(n, Deadline::NOW)?)
    }

    /// Takes `n` permits if as many are free at a moment within a time.
    ///
    /// # Blocking
    ///
    /// As [`acquire_many`](Self::acquire_many), and at most for `timeout`.
    ///
    /// # Errors
    ///
    /// As [`acquire_timeout`](Self::acquire_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::Semaphore;
    /// use std::time::Duration;
    ///
    /// assert!(Semaphore::new(2)?.acquire_many_timeout(2, Duration::from_secs(1)).is_ok());
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn acquire_many_timeout(&self, n: u32, timeout: Duration) -> Result<Permit<'_>, AcquireTimeoutError> {
        Ok(self.permits.acquire(n, Deadline::after(timeout))?)
    }

    /// Takes `n` permits if as many are free at a moment before an instant.
    ///
    /// # Blocking
    ///
    /// As [`acquire_many`](Self::acquire_many), and at most until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`acquire_timeout`](Self::acquire_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::Semaphore;
    /// use std::time::{Duration, Instant};
    ///
    /// let soon = Instant::now() + Duration::from_secs(1);
    /// assert!(Semaphore::new(2)?.acquire_many_deadline(2, soon).is_ok());
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn acquire_many_deadline(
        &self,
        n: u32,
        deadline: Instant,
    ) -> Result<Permit<'_>, AcquireTimeoutError> {
        Ok(self.permits.acquire(n, Deadline::at(deadline))?)
    }

    /// Adds `n` permits: Python's `release`, by any process, whether it has acquired something or not.
    ///
    /// A [`Permit`] that somebody has is given back by itself, and is one more beside these.
    ///
    /// # Errors
    ///
    /// [`AddPermitsError`]: there would be more than [`MAX_PERMITS`](Self::MAX_PERMITS). None was added.
    ///
    /// # Other processes
    ///
    /// Permits that were added stay when the process ends that has added them.
    ///
    /// # Examples
    ///
    /// How do I count things that one process makes and another takes?
    ///
    /// ```
    /// use ipc_shared::sync::Semaphore;
    ///
    /// let ready = Semaphore::new(0)?;
    /// // Who makes them:
    /// ready.add_permits(2)?;
    /// // Who takes them, each once:
    /// ready.acquire()?.forget();
    /// assert_eq!(ready.available_permits(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_permits(&self, n: u32) -> Result<(), AddPermitsError> {
        Ok(self.permits.add(n)?)
    }

    /// How many permits were free a moment ago: Python's `get_value`. What dead processes had is free.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::Semaphore;
    ///
    /// assert_eq!(Semaphore::new(3)?.available_permits(), 3);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn available_permits(&self) -> u32 {
        self.permits.available()
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available_permits", &self.available_permits())
            .finish_non_exhaustive()
    }
}

/// As a handle in a message of the family; in any other format it is an error.
impl Serialize for Semaphore {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.permits.send(serializer)
    }
}

/// From a handle in a message of the family, which is refused if it is not a semaphore.
impl<'de> Deserialize<'de> for Semaphore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Semaphore { permits: Permits::receive(Kind::Semaphore, deserializer)? })
    }
}
