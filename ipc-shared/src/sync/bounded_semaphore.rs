//! A semaphore that never has more permits than it was made with.

use super::Semaphore;
use super::holders::DEFAULT_HOLDERS;
use super::permit::Permits;
use super::raw::MAX_PERMITS;
use crate::arena::{AllocError, Arena, Kind};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::Deref;

/// A [`Semaphore`] that never has more permits than it was made with, as Python's.
///
/// In all else it is one, and has its methods: [who gives back what](Semaphore#who-gives-back-what), how it waits, what a
/// killed process leaves. Since no more processes than its permits can have some, a small one has less memory: 64 bytes for
/// one, 128 for up to 5.
///
/// The bound counts all permits that there are, free or held, and not, as in Python, the free ones only: to add one
/// somebody must have [forgotten](super::Permit::forget) one before, and giving back is never refused. The check is exact, whoever
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
///
/// [`add_permits`](Semaphore::add_permits) is Python's `release` without `acquire`, and `Full` its `ValueError`: the permit
/// that is held counts.
///
/// ```
/// use ipc_shared::sync::BoundedSemaphore;
///
/// let slots = BoundedSemaphore::new(1)?;
/// let permit = slots.acquire()?;
/// assert!(slots.try_acquire().is_err() && slots.add_permits(1).is_err());
/// permit.forget();
/// assert!(slots.add_permits(1).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct BoundedSemaphore(Semaphore);

impl BoundedSemaphore {
    /// Makes a semaphore with as many permits, and never more, in the [arena of this process](Arena::default).
    ///
    /// # Errors
    ///
    /// As [`Semaphore::new`].
    ///
    /// # Panics
    ///
    /// As [`Semaphore::new`].
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
        Ok(BoundedSemaphore(Semaphore { permits }))
    }
}

impl Deref for BoundedSemaphore {
    type Target = Semaphore;

    fn deref(&self) -> &Semaphore {
        &self.0
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
        self.0.permits.send(serializer)
    }
}

/// From a handle in a message of the family, which is refused if it is not a bounded semaphore.
impl<'de> Deserialize<'de> for BoundedSemaphore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(BoundedSemaphore(Semaphore { permits: Permits::receive(Kind::BoundedSemaphore, deserializer)? }))
    }
}
