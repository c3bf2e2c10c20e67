//! Permits, and the shared memory they come from: what both kinds of semaphores stand on.

use super::holders::{Plan, cells_at};
use super::raw::{AcquireError, AddError, Cell, Id, RawSemaphore};
use crate::arena::{AllocError, Arena, Kind, Object};
use ipc_sys::clock::Deadline;
use serde::{Deserializer, Serializer};
use std::fmt;

const SEMAPHORE_AT: usize = 0;
const CELLS_AT: usize = size_of::<RawSemaphore>();

/// One permit of a [`Semaphore`](super::Semaphore), or several that were acquired at once, until it is dropped.
///
/// It borrows the semaphore. It belongs to the process, so that another thread of it may drop it. When the process ends in
/// any way the permit is free again. A forked child's copy gives nothing back: the parent has the permit.
///
/// # Examples
///
/// ```
/// use ipc_shared::sync::Semaphore;
///
/// let semaphore = Semaphore::new(3)?;
/// let permit = semaphore.acquire_many(2).unwrap();
/// assert_eq!((permit.n_permits(), semaphore.available_permits()), (2, 1));
/// drop(permit);
/// assert_eq!(semaphore.available_permits(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the permit is given back when it is dropped"]
pub struct Permit<'a> {
    from: &'a Permits,
    /// The process that has acquired it.
    holder: Id,
    n: u32,
}

impl Permit<'_> {
    /// How many permits these are.
    pub fn n_permits(&self) -> u32 {
        self.n
    }

    /// Keeps the permit for good: it does not come back, neither now nor when the process ends, unless somebody
    /// [adds](super::Semaphore::add_permits) another. A forked child's copy keeps nothing.
    ///
    /// # Examples
    ///
    /// How do I let one process acquire and another release, as with Python's semaphores?
    ///
    /// ```
    /// use ipc_shared::sync::Semaphore;
    ///
    /// let slots = Semaphore::new(1)?;
    /// slots.acquire().unwrap().forget();
    /// assert_eq!(slots.available_permits(), 0);
    /// // In any process, which need not have acquired anything:
    /// slots.add_permits(1)?;
    /// assert_eq!(slots.available_permits(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn forget(self) {
        self.from.raw().forget(self.from.cells(), self.from.object.peers(), self.holder, self.n);
        // It has nothing but numbers and a reference.
        std::mem::forget(self);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.from.raw().release(self.from.cells(), self.from.object.peers(), self.holder, self.n);
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("n_permits", &self.n).finish_non_exhaustive()
    }
}

/// A semaphore of either kind.
#[derive(Clone)]
pub(super) struct Permits {
    object: Object,
}

impl Permits {
    /// Makes one, with room for as many processes that have permits.
    pub(super) fn create(
        kind: Kind,
        arena: &Arena,
        permits: u32,
        bound: Option<u32>,
        max_holders: usize,
    ) -> Result<Permits, AllocError> {
        let permits_of = Permits { object: plan(kind).create(arena, max_holders)? };
        permits_of.raw().init(permits, bound);
        Ok(permits_of)
    }

    pub(super) fn acquire(&self, n: u32, deadline: Deadline) -> Result<Permit<'_>, AcquireError> {
        let holder = self.raw().acquire(self.cells(), self.object.peers(), n, deadline)?;
        Ok(Permit { from: self, holder, n })
    }

    pub(super) fn add(&self, n: u32) -> Result<(), AddError> {
        self.raw().add(self.cells(), n)
    }

    pub(super) fn available(&self) -> u32 {
        self.raw().available(self.cells(), self.object.peers())
    }

    pub(super) fn send<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.send(serializer)
    }

    pub(super) fn receive<'de, D: Deserializer<'de>>(
        kind: Kind,
        deserializer: D,
    ) -> Result<Permits, D::Error> {
        Ok(Permits { object: plan(kind).receive(deserializer)? })
    }

    fn raw(&self) -> &RawSemaphore {
        self.object.get(SEMAPHORE_AT)
    }

    fn cells(&self) -> &[Cell] {
        cells_at(&self.object, CELLS_AT)
    }
}

fn plan(kind: Kind) -> Plan {
    Plan { kind, data_size: 0, fixed: CELLS_AT }
}
