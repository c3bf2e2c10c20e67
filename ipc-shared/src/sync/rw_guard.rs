//! The guards of a read-write lock over data in shared memory.
//!
//! # Safety
//!
//! 1. `data` points to `T` in a cell that the borrowed lock holds, and outlives the guard.
//! 2. Of all who keep to the protocol, in all processes, only who writes changes the data, and while one writes nobody else
//!    reaches it. A guard is the proof of reading or of writing.
//! 3. Any bytes are a valid `T`.
#![allow(unsafe_code)]

use super::error::{LockError, Recover, Refusal};
use super::holders::cells_at;
use super::raw::{Cell, Id, Peers, RawRwLock, State};
use super::read_error::{ReadError, ReadRefusal};
use crate::arena::Object;
use bytemuck::Pod;
use ipc_sys::clock::Deadline;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Where in a payload the lock stands, and where its cells begin. The data follows them.
const LOCK_AT: usize = 0;
pub(super) const CELLS_AT: usize = size_of::<RawRwLock>();

/// The right to read the data of a [`RwLock`](super::RwLock), beside others who read, until it is dropped.
///
/// The guard borrows the lock, so the memory stays where it is. A forked child's copy of a guard releases nothing: the parent
/// reads.
///
/// # Examples
///
/// ```
/// use ipc_shared::sync::RwLock;
///
/// let lock = RwLock::new(17_u8)?;
/// let (one, two) = (lock.read().unwrap(), lock.read().unwrap());
/// assert_eq!((*one, *two), (17, 17));
/// # drop((one, two));
/// # Ok::<(), ipc_shared::AllocError>(())
/// ```
#[must_use = "the lock is released when the guard is dropped"]
pub struct RwLockReadGuard<'a, T> {
    held: Held<'a>,
    data: NonNull<T>,
}

/// The right to change the data of a [`RwLock`](super::RwLock), until it is dropped.
///
/// The guard borrows the lock, so the memory stays where it is. If the thread panics meanwhile, the lock is poisoned, as
/// the locks of the standard library are. A forked child's copy of a guard releases nothing: the parent writes.
///
/// # Examples
///
/// ```
/// use ipc_shared::sync::RwLock;
///
/// let lock = RwLock::new(17_u8)?;
/// *lock.write().unwrap() += 1;
/// assert_eq!(*lock.read().unwrap(), 18);
/// # Ok::<(), ipc_shared::AllocError>(())
/// ```
#[must_use = "the lock is released when the guard is dropped"]
pub struct RwLockWriteGuard<'a, T> {
    held: Held<'a>,
    data: NonNull<T>,
    panicked_before: bool,
}

// SAFETY: a shared guard gives shared access to the data and no more.
unsafe impl<T: Sync> Sync for RwLockReadGuard<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for RwLockWriteGuard<'_, T> {}

/// A read-write lock that this process has taken, by the name that it had then.
struct Held<'a> {
    object: &'a Object,
    me: Id,
}

impl<'a, T: Pod> RwLockReadGuard<'a, T> {
    /// Takes the lock for reading.
    pub(super) fn lock(object: &'a Object, deadline: Deadline) -> Result<Self, ReadRefusal<Self>> {
        let acquired = raw(object).read(cells(object), object.peers(), deadline)?;
        let guard = RwLockReadGuard { held: Held { object, me: acquired.me }, data: data_of(object) };
        match acquired.state {
            State::Clean => Ok(guard),
            State::OwnerDied | State::Poisoned => Err(ReadRefusal::Read(ReadError::Poisoned(guard))),
        }
    }
}

impl<'a, T: Pod> RwLockWriteGuard<'a, T> {
    /// Takes the lock for writing.
    pub(super) fn lock(object: &'a Object, deadline: Deadline) -> Result<Self, Refusal<Self>> {
        let acquired = raw(object).write(cells(object), object.peers(), deadline)?;
        let panicked_before = std::thread::panicking();
        let held = Held { object, me: acquired.me };
        let guard = RwLockWriteGuard { held, data: data_of(object), panicked_before };
        // What was told once is poisoned from now on, unless this writer recovers.
        match acquired.state {
            State::Clean => Ok(guard),
            State::OwnerDied => Err(Refusal::Lock(LockError::OwnerDied(guard))),
            State::Poisoned => Err(Refusal::Lock(LockError::Poisoned(guard))),
        }
    }
}

impl<T> RwLockWriteGuard<'_, T> {
    /// Says that the data is in order, after an [`OwnerDied`](LockError::OwnerDied) or a
    /// [`Poisoned`](LockError::Poisoned): the lock is healthy again.
    pub fn recover(&mut self) {
        raw(self.held.object).recover();
    }
}

impl<T> Recover for RwLockWriteGuard<'_, T> {
    fn recover(&mut self) {
        RwLockWriteGuard::recover(self);
    }
}

impl<T> Drop for RwLockReadGuard<'_, T> {
    fn drop(&mut self) {
        let Held { object, me } = self.held;
        raw(object).unlock_read(cells(object), object.peers(), me);
    }
}

impl<T> Drop for RwLockWriteGuard<'_, T> {
    fn drop(&mut self) {
        let Held { object, me } = self.held;
        // In a forked child this is a copy, and the parent writes.
        if object.peers().me() != Some(me) {
            return;
        }
        if std::thread::panicking() && !self.panicked_before {
            raw(object).poison();
        }
        raw(object).unlock_write(object.peers(), me);
    }
}

impl<T> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: by the invariants: nobody changes the data while this guard lives.
        unsafe { self.data.as_ref() }
    }
}

impl<T> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: by the invariants, and the borrow of `self` excludes a mutable one.
        unsafe { self.data.as_ref() }
    }
}

impl<T> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: by the invariants, and the borrow of `self` excludes any other.
        unsafe { self.data.as_mut() }
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

pub(super) fn raw(object: &Object) -> &RawRwLock {
    object.get(LOCK_AT)
}

fn cells(object: &Object) -> &[Cell] {
    cells_at(object, CELLS_AT)
}

fn data_of<T>(object: &Object) -> NonNull<T> {
    let offset = CELLS_AT + object.shape().len() * size_of::<Cell>();
    object.address(offset, size_of::<T>()).cast()
}
