//! A semaphore that never has more permits than it was made with.

use super::holders::DEFAULT_HOLDERS;
use super::permit::{Permit, Permits};
use super::raw::MAX_PERMITS;
use super::{AcquireError, AcquireTimeoutError, AddPermitsError, TryAcquireError};
use crate::arena::{AllocError, Arena, Kind};
use ipc_sys::clock::Deadline;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::time::{Duration, Instant};

/// A [`Semaphore`](super::Semaphore) that never has more permits than it was made with, as Python's.
///
/// In all else it is one: [who gives back what](super::Semaphore#who-gives-back-what), how it waits, what a killed process
/// leaves. Since no more processes than its permits can have some, a small one has less memory: 64 bytes for one, 128 for up to 5.
///
/// The bound counts all permits that there are, free or held, and not, as in Python, the free ones only: to add one
/// somebody must have [forgotten](Permit::forget) one before, and giving back is never refused. The check is exact, whoever
/// adds at the same time.
///
/// # Examples
///
/// How do I notice that something is released twice?
///
/// ```
/// use ipc_shared::sync::{AddPermitsError, BoundedSemaphore};
///
/// let slots = BoundedSemaphore::new(1)?;
/// slots.acquire()?.forget();
/// slots.add_permits(1)?;
/// assert_eq!(slots.add_permits(1), Err(AddPermitsError::Full));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct BoundedSemaphore {
    permits: Permits,
}

impl BoundedSemaphore {
    /// Makes a semaphore with as many permits, and never more, in the [arena of this process](Arena::default).
    ///
    /// # Errors
    ///
    /// As [`Semaphore::new`](super::Semaphore::new).
    ///
    /// # Panics
    ///
    /// As [`Semaphore::new`](super::Semaphore::new).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::BoundedSemaphore;
    ///
    /// assert_eq!(BoundedSemaphore::new(3)?.available_permits(), 3);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn new(permits: u32) -> Result<BoundedSemaphore, AllocError> {
        BoundedSemaphore::new_in(&Arena::default(), permits)
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
    /// use ipc_shared::{Arena, sync::BoundedSemaphore};
    ///
    /// let arena = Arena::new();
    /// assert_eq!(BoundedSemaphore::new_in(&arena, 3)?.available_permits(), 3);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn new_in(arena: &Arena, permits: u32) -> Result<BoundedSemaphore, AllocError> {
        BoundedSemaphore::with_max_holders(arena, permits, DEFAULT_HOLDERS)
    }

    /// Makes a semaphore of which at least `max_holders` processes, or as many as there are permits, can have some at the
    /// same moment.
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
    /// use ipc_shared::{Arena, sync::BoundedSemaphore};
    ///
    /// let large = BoundedSemaphore::with_max_holders(&Arena::default(), 1000, 500)?;
    /// # assert_eq!(large.available_permits(), 1000);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn with_max_holders(
        arena: &Arena,
        permits: u32,
        max_holders: usize,
    ) -> Result<BoundedSemaphore, AllocError> {
        assert!(permits <= MAX_PERMITS, "{permits} permits, of which there can be {MAX_PERMITS}");
        let max_holders = max_holders.min(permits as usize);
        let permits = Permits::create(Kind::BoundedSemaphore, arena, permits, Some(permits), max_holders)?;
        Ok(BoundedSemaphore { permits })
    }

    /// Takes a permit: as [`Semaphore::acquire`](super::Semaphore::acquire).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::BoundedSemaphore;
    ///
    /// assert_eq!(BoundedSemaphore::new(1)?.acquire()?.n_permits(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn acquire(&self) -> Result<Permit<'_>, AcquireError> {
        self.acquire_many(1)
    }

    /// Takes a permit if one is free: as [`Semaphore::try_acquire`](super::Semaphore::try_acquire).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::BoundedSemaphore;
    ///
    /// assert!(BoundedSemaphore::new(0)?.try_acquire().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_acquire(&self) -> Result<Permit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes a permit if one is free within a time: as [`Semaphore::acquire_timeout`](super::Semaphore::acquire_timeout).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::BoundedSemaphore;
    /// use std::time::Duration;
    ///
    /// let late = Duration::from_millis(10);
    /// assert!(BoundedSemaphore::new(0)?.acquire_timeout(late).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Permit<'_>, AcquireTimeoutError> {
        self.acquire_many_timeout(1, timeout)
    }

    /// Takes a permit if one is free before an instant: as [`Semaphore::acquire_deadline`](super::Semaphore::acquire_deadline).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::BoundedSemaphore;
    /// use std::time::{Duration, Instant};
    ///
    /// let soon = Instant::now() + Duration::from_millis(10);
    /// assert!(BoundedSemaphore::new(0)?.acquire_deadline(soon).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn acquire_deadline(&self, deadline: Instant) -> Result<Permit<'_>, AcquireTimeoutError> {
        self.acquire_many_deadline(1, deadline)
    }

    /// Takes `n` permits at once: as [`Semaphore::acquire_many`](super::Semaphore::acquire_many).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::BoundedSemaphore;
    ///
    /// assert_eq!(BoundedSemaphore::new(2)?.acquire_many(2)?.n_permits(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn acquire_many(&self, n: u32) -> Result<Permit<'_>, AcquireError> {
        Ok(self.permits.acquire(n, Deadline::NEVER)?)
    }

    /// Takes `n` permits if as many are free: as [`Semaphore::try_acquire_many`](super::Semaphore::try_acquire_many).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::BoundedSemaphore;
    ///
    /// assert!(BoundedSemaphore::new(2)?.try_acquire_many(3).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_acquire_many(&self, n: u32) -> Result<Permit<'_>, TryAcquireError> {
        Ok(self.permits.acquire(n, Deadline::NOW)?)
    }

    /// Takes `n` permits if as many are free at a moment within a time: as [`Semaphore::acquire_many_timeout`](super::Semaphore::acquire_many_timeout).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::BoundedSemaphore;
    /// use std::time::Duration;
    ///
    /// let late = Duration::from_millis(10);
    /// assert!(BoundedSemaphore::new(2)?.acquire_many_timeout(3, late).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn acquire_many_timeout(&self, n: u32, timeout: Duration) -> Result<Permit<'_>, AcquireTimeoutError> {
        Ok(self.permits.acquire(n, Deadline::after(timeout))?)
    }

    /// Takes `n` permits if as many are free at a moment before an instant: as [`Semaphore::acquire_many_deadline`](super::Semaphore::acquire_many_deadline).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::BoundedSemaphore;
    /// use std::time::{Duration, Instant};
    ///
    /// let soon = Instant::now() + Duration::from_millis(10);
    /// assert!(BoundedSemaphore::new(2)?.acquire_many_deadline(3, soon).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn acquire_many_deadline(
        &self,
        n: u32,
        deadline: Instant,
    ) -> Result<Permit<'_>, AcquireTimeoutError> {
        Ok(self.permits.acquire(n, Deadline::at(deadline))?)
    }

    /// Adds `n` permits in the place of some that were forgotten, by any process.
    ///
    /// # Errors
    ///
    /// [`AddPermitsError::Full`]: there would be more than the semaphore was made with. None was added. Python's `ValueError`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::BoundedSemaphore;
    ///
    /// let slots = BoundedSemaphore::new(1)?;
    /// // The permit that is held counts.
    /// let permit = slots.acquire()?;
    /// assert!(slots.add_permits(1).is_err());
    /// permit.forget();
    /// assert!(slots.add_permits(1).is_ok());
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
    /// use ipc_shared::sync::BoundedSemaphore;
    ///
    /// assert_eq!(BoundedSemaphore::new(3)?.available_permits(), 3);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn available_permits(&self) -> u32 {
        self.permits.available()
    }
}

impl fmt::Debug for BoundedSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedSemaphore")
            .field("available_permits", &self.available_permits())
            .finish_non_exhaustive()
    }
}

/// As a handle in a message of the family; in any other format it is an error.
impl Serialize for BoundedSemaphore {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.permits.send(serializer)
    }
}

/// From a handle in a message of the family, which is refused if it is not a bounded semaphore.
impl<'de> Deserialize<'de> for BoundedSemaphore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(BoundedSemaphore { permits: Permits::receive(Kind::BoundedSemaphore, deserializer)? })
    }
}
