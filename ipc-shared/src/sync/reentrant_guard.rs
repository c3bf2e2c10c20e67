//! The guard of a reentrant mutex: several of one thread reach the same data, each as a cell.
//!
//! # Safety
//!
//! 1. `data` points to `T` in a cell of the arena that the borrowed lock holds, and outlives the guard.
//! 2. Of all who keep to the protocol, in all processes, only the thread that has the lock reaches the data, and the guard is
//!    its proof. A guard stays in its thread: the pointer makes it neither `Send` nor `Sync`.
//! 3. Any bytes are a valid `T`, and a `Cell<T>` is one in memory. The data is reached as a `Cell` only, of which one
//!    thread may have as many references as it likes.
#![allow(unsafe_code)]

use super::error::{LockError, Recover, Refusal};
use super::raw::{Id, Peers, RawReentrant, RawReentrantError, State};
use crate::arena::Object;
use bytemuck::Pod;
use ipc_sys::clock::Deadline;
use std::cell::Cell;
use std::fmt;
use std::ops::Deref;
use std::ptr::NonNull;

/// Where in a payload the lock stands, and where the data begins.
const LOCK_AT: usize = 0;
pub(super) const DATA_AT: usize = size_of::<RawReentrant>();

/// One of the times that a thread has a [`ReentrantMutex`](super::ReentrantMutex), until it is dropped.
///
/// It lends the data as a [`Cell`], since the same thread may have more guards: `get`, `set`, `replace`, `swap`, and
/// [`Cell::as_slice_of_cells`] for the elements of an array. The lock is released with the last guard, in whatever order they go. If the thread
/// panics meanwhile, the lock is poisoned. A forked child's copy of a guard releases nothing: the parent has the lock.
///
/// # Examples
///
/// ```
/// use ipc_shared::sync::ReentrantMutex;
///
/// let total = ReentrantMutex::new(40_u32)?;
/// let outer = total.lock().unwrap();
/// let inner = total.lock().unwrap();
/// inner.set(inner.get() + 2);
/// assert_eq!(outer.get(), 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The lock belongs to the thread, and the guard does not leave it.
///
/// ```compile_fail
/// # use ipc_shared::sync::ReentrantMutex;
/// let total = ReentrantMutex::new(40_u32)?;
/// let guard = total.lock().unwrap();
/// std::thread::scope(|scope| {
///     scope.spawn(|| guard.get());
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the lock is released when the guard is dropped"]
pub struct ReentrantMutexGuard<'a, T> {
    object: &'a Object,
    lock: &'a RawReentrant,
    me: Id,
    panicked_before: bool,
    data: NonNull<Cell<T>>,
}

impl<'a, T: Pod> ReentrantMutexGuard<'a, T> {
    /// Takes the lock of an object that is a reentrant mutex.
    pub(super) fn lock(object: &'a Object, deadline: Deadline) -> Result<Self, Refusal<Self>> {
        let lock: &RawReentrant = object.get(LOCK_AT);
        let acquired = lock.lock(object.peers(), deadline)?;
        let data = object.address(DATA_AT, size_of::<T>()).cast();
        let panicked_before = std::thread::panicking();
        let guard = ReentrantMutexGuard { object, lock, me: acquired.me, panicked_before, data };
        match acquired.state {
            State::Clean => Ok(guard),
            State::OwnerDied => {
                // What one guard was told, the others of this thread find in the lock, and any of them may repair it.
                lock.mutex().poison();
                Err(Refusal::Lock(LockError::OwnerDied(guard)))
            }
            State::Poisoned => Err(Refusal::Lock(LockError::Poisoned(guard))),
        }
    }
}

impl<T> ReentrantMutexGuard<'_, T> {
    /// Says that the data is in order, after an [`OwnerDied`](LockError::OwnerDied) or a
    /// [`Poisoned`](LockError::Poisoned): the lock is healthy again, whichever guard of the thread says it.
    pub fn recover(&mut self) {
        self.lock.mutex().recover();
    }
}

impl<T> Recover for ReentrantMutexGuard<'_, T> {
    fn recover(&mut self) {
        ReentrantMutexGuard::recover(self);
    }
}

impl<T> Drop for ReentrantMutexGuard<'_, T> {
    fn drop(&mut self) {
        // In a forked child this is a copy, and the parent has the lock.
        if self.object.peers().me() != Some(self.me) {
            return;
        }
        if std::thread::panicking() && !self.panicked_before {
            self.lock.mutex().poison();
        }
        self.lock.unlock(self.me);
    }
}

impl<T> Deref for ReentrantMutexGuard<'_, T> {
    type Target = Cell<T>;

    fn deref(&self) -> &Cell<T> {
        // SAFETY: by the invariants; there is never another reference to the data than of this kind, in this thread.
        unsafe { self.data.as_ref() }
    }
}

impl<T: Copy + fmt::Debug> fmt::Debug for ReentrantMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

impl<G> From<RawReentrantError> for Refusal<G> {
    fn from(error: RawReentrantError) -> Refusal<G> {
        match error {
            RawReentrantError::Lock(error) => Refusal::from(error),
            RawReentrantError::TooDeep => Refusal::Lock(LockError::TooDeep),
        }
    }
}
