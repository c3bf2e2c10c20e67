//! The guard of a mutex over data in shared memory.
//!
//! # Safety
//!
//! 1. `data` points to `T` in a cell that the borrowed lock holds, and outlives the guard.
//! 2. Of all who keep to the protocol, in all processes, only the owner of the lock reaches the data, and the guard is its
//!    proof of being the owner.
//! 3. Any bytes are a valid `T`.
//! 4. An [`Again`] has the borrow and the `data` of a guard, and makes a guard of them only when it has the lock.
#![allow(unsafe_code)]

use super::error::{LockError, Recover, Refusal};
use super::raw::{Acquired, Id, Peers, RawMutex, State};
use crate::arena::Object;
use bytemuck::Pod;
use ipc_sys::clock::Deadline;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Where in a payload the lock stands, and where the data begins.
pub(crate) const LOCK_AT: usize = 0;
pub(crate) const DATA_AT: usize = size_of::<RawMutex>();

/// The right to the data of a [`Mutex`](super::Mutex), a [`Value`](crate::Value) or an [`Array`](crate::Array), until it is
/// dropped.
///
/// The guard borrows the lock, so the memory stays where it is. If the thread panics meanwhile, the lock is poisoned, as
/// the locks of the standard library are. A forked child's copy of a guard releases nothing: the parent has the lock.
///
/// # Examples
///
/// ```
/// use ipc_shared::sync::Mutex;
///
/// let best = Mutex::new([f64::INFINITY; 2])?;
/// let mut guard = best.lock().unwrap();
/// guard[0] = guard[0].min(0.25);
/// drop(guard);
/// assert_eq!(*best.lock().unwrap(), [0.25, f64::INFINITY]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Can it outlive its lock? The compiler refuses:
///
/// ```compile_fail,E0505
/// use ipc_shared::sync::Mutex;
///
/// let best = Mutex::new(0_u8)?;
/// let mut guard = best.lock().unwrap();
/// drop(best);
/// *guard = 1;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the lock is released when the guard is dropped"]
pub struct MutexGuard<'a, T: ?Sized> {
    held: Held<'a>,
    data: NonNull<T>,
}

// SAFETY: a shared guard gives shared access to the data and no more.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

/// A mutex that this process has locked.
pub(crate) struct Held<'a> {
    object: &'a Object,
    lock: &'a RawMutex,
    me: Id,
    /// Whether the data may be half changed.
    suspect: bool,
    panicked_before: bool,
}

impl<'a> Held<'a> {
    /// Takes the lock if it is free and the data is in order: what is nearly always the case, and has to be fast.
    #[inline]
    pub(crate) fn lock_free(object: &'a Object) -> Option<Held<'a>> {
        let lock: &RawMutex = object.get(LOCK_AT);
        let Acquired { me, state } = lock.take_free(object.peers().me()?)?;
        if state != State::Clean {
            // Whoever locks next is told the same.
            lock.unlock(me);
            return None;
        }
        Some(Held { object, lock, me, suspect: false, panicked_before: std::thread::panicking() })
    }

    #[inline]
    pub(crate) fn lock(object: &'a Object, deadline: Deadline) -> Result<Held<'a>, Refusal<Held<'a>>> {
        let lock: &RawMutex = object.get(LOCK_AT);
        let acquired = lock.lock(object.peers(), deadline)?;
        let panicked_before = std::thread::panicking();
        let held = |suspect| Held { object, lock, me: acquired.me, suspect, panicked_before };
        match acquired.state {
            State::Clean => Ok(held(false)),
            State::OwnerDied => Err(Refusal::Lock(LockError::OwnerDied(held(true)))),
            State::Poisoned => Err(Refusal::Lock(LockError::Poisoned(held(true)))),
        }
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        // In a forked child this is a copy, and the parent has the lock.
        if self.object.peers().me() != Some(self.me) {
            return;
        }
        if self.suspect || std::thread::panicking() && !self.panicked_before {
            self.lock.poison();
        }
        self.lock.unlock(self.me);
    }
}

impl<'a, T: Pod> MutexGuard<'a, T> {
    /// The guard for one `T`.
    #[inline]
    pub(crate) fn of_one(held: Held<'a>) -> MutexGuard<'a, T> {
        let data = held.object.address(DATA_AT, size_of::<T>()).cast();
        MutexGuard { held, data }
    }
}

impl<'a, T: Pod> MutexGuard<'a, [T]> {
    /// The guard for `len` of them.
    #[inline]
    pub(crate) fn of_slice(held: Held<'a>, len: usize) -> MutexGuard<'a, [T]> {
        let start = held.object.address(DATA_AT, len * size_of::<T>()).cast();
        MutexGuard { held, data: NonNull::slice_from_raw_parts(start, len) }
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// How to take the same lock again, after the guard is gone.
    pub(crate) fn again(&self) -> Again<'a, T> {
        Again { object: self.held.object, data: self.data }
    }
}

/// A lock that a guard was of, and its data: what a condition variable keeps while it waits.
pub(crate) struct Again<'a, T: ?Sized> {
    object: &'a Object,
    data: NonNull<T>,
}

impl<'a, T: ?Sized> Again<'a, T> {
    /// Takes the lock, whenever it is free.
    pub(crate) fn lock(self) -> Result<MutexGuard<'a, T>, LockError<MutexGuard<'a, T>>> {
        let guard = |held| MutexGuard { held, data: self.data };
        match Held::lock(self.object, Deadline::NEVER) {
            Ok(held) => Ok(guard(held)),
            Err(refusal) => Err(LockError::from(refusal.map(guard))),
        }
    }
}

impl<T: ?Sized> MutexGuard<'_, T> {
    /// Says that the data is in order, after an [`OwnerDied`](LockError::OwnerDied) or a
    /// [`Poisoned`](LockError::Poisoned): the lock is healthy again.
    pub fn recover(&mut self) {
        self.held.suspect = false;
        self.held.lock.recover();
    }
}

impl<T: ?Sized> Recover for MutexGuard<'_, T> {
    fn recover(&mut self) {
        MutexGuard::recover(self);
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: by the invariants, and the borrow of `self` excludes a mutable one.
        unsafe { self.data.as_ref() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: by the invariants, and the borrow of `self` excludes any other.
        unsafe { self.data.as_mut() }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
