//! A lock in shared memory that reports the death of its owner.
//!
//! # What a port provides
//!
//! - `SIZE`, `ALIGN`: what one lock takes of the memory.
//! - `init(address)`, `lock(address, deadline)`, `unlock(address)`: a lock between processes which the kernel hands
//!   on when its owner dies, saying so once.
//!
//! # Safety
//!
//! The platform's lock is a C object at an address. [`RobustLock`] keeps these invariants:
//!
//! 1. The address is `SIZE` bytes inside a [`SharedMapping`] that the lock borrows, aligned to `ALIGN`.
//! 2. The bytes were initialised as a lock, once, before the memory was handed to anybody.
#![allow(unsafe_code)]

mod linux;
use linux as imp;

use crate::clock::Deadline;
use crate::memory::SharedMapping;
use std::io;
use std::marker::PhantomData;

/// Bytes of shared memory that one lock takes.
///
/// # Examples
///
/// ```
/// use ipc_sys::{clock::Deadline, memory::SharedMapping, robust};
///
/// let memory = SharedMapping::create(2 * robust::SIZE)?;
/// // SAFETY: nobody else has the memory yet; the two lie side by side.
/// let first = unsafe { robust::RobustLock::create(&memory, 0) }?;
/// // SAFETY: as above.
/// let second = unsafe { robust::RobustLock::create(&memory, robust::SIZE) }?;
/// let _guard = first.lock(Deadline::NEVER)?;
/// assert!(second.lock(Deadline::NOW)?.is_some());
/// # Ok::<(), std::io::Error>(())
/// ```
pub const SIZE: usize = imp::SIZE;

/// A lock at a place in shared memory.
///
/// It is meant for short sections of code that change shared state by a single last store: when an owner dies
/// inside, the next one finds the old state or the new one and goes on.
///
/// # Other processes
///
/// All users must be trusted not to scribble over the lock: it is an object of the C library.
///
/// # Examples
///
/// ```
/// use ipc_sys::{clock::Deadline, memory::SharedMapping, robust::RobustLock};
///
/// let memory = SharedMapping::create(4096)?;
/// // SAFETY: nobody else has the memory yet, and nothing else uses its first bytes.
/// let lock = unsafe { RobustLock::create(&memory, 0) }?;
/// let guard = lock.lock(Deadline::NEVER)?.expect("there is no deadline");
/// assert!(!guard.owner_died());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RobustLock<'a> {
    memory: &'a SharedMapping,
    offset: usize,
}

/// The right to be inside; dropping it unlocks.
///
/// It borrows the memory, so that a locked lock is never unmapped: the kernel could not hand it on then.
///
/// # Examples
///
/// ```
/// use ipc_sys::{clock::Deadline, memory::SharedMapping, robust::RobustLock};
/// use ipc_sys::process::{Forked, exit_now, fork};
///
/// let memory = SharedMapping::create(4096)?;
/// // SAFETY: nobody else has the memory yet, and nothing else uses its first bytes.
/// let lock = unsafe { RobustLock::create(&memory, 0) }?;
/// // SAFETY: there is no other thread.
/// match unsafe { fork() }? {
///     Forked::Child => {
///         let _guard = lock.lock(Deadline::NEVER);
///         exit_now(0) // Dies while it is inside.
///     }
///     Forked::Parent(child) => child.wait(Deadline::NEVER)?,
/// };
/// let guard = lock.lock(Deadline::NEVER)?.expect("there is no deadline");
/// assert!(guard.owner_died());
/// drop(guard);
/// // It is said once.
/// assert!(lock.lock(Deadline::NEVER)?.is_some_and(|guard| !guard.owner_died()));
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "the lock is released when the guard is dropped"]
#[derive(Debug)]
pub struct RobustGuard<'a> {
    lock: RobustLock<'a>,
    owner_died: bool,
    /// The owner is a thread: the guard stays on it.
    not_send: PhantomData<*mut ()>,
}

impl<'a> RobustLock<'a> {
    /// Makes the lock at `offset`.
    ///
    /// # Errors
    ///
    /// The system's error when it has no such locks.
    ///
    /// # Panics
    ///
    /// When the place is not inside the memory or not aligned to 8 bytes.
    ///
    /// # Safety
    ///
    /// No other process and no other code uses the [`SIZE`] bytes at `offset`, now or later, except by
    /// [`RobustLock::open`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::{memory::SharedMapping, robust::RobustLock};
    ///
    /// let memory = SharedMapping::create(4096)?;
    /// // SAFETY: nobody else has the memory yet, and nothing else uses its first bytes.
    /// let lock = unsafe { RobustLock::create(&memory, 0) }?;
    /// drop(lock.lock(ipc_sys::clock::Deadline::NEVER)?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub unsafe fn create(memory: &'a SharedMapping, offset: usize) -> io::Result<Self> {
        let lock = RobustLock { memory, offset };
        // SAFETY: invariant 1 by `address`; that nobody else uses the bytes is the caller's promise.
        unsafe { imp::init(lock.address()) }?;
        Ok(lock)
    }

    /// The lock that [`RobustLock::create`] made at `offset` of this memory.
    ///
    /// # Safety
    ///
    /// There is one.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::{clock::Deadline, memory::SharedMapping, robust::RobustLock};
    ///
    /// let here = SharedMapping::create(4096)?;
    /// // SAFETY: nobody else has the memory yet, and nothing else uses its first bytes.
    /// let lock = unsafe { RobustLock::create(&here, 0) }?;
    ///
    /// let there = SharedMapping::from_handle(here.duplicate_handle()?)?; // Perhaps in another process.
    /// // SAFETY: made above.
    /// let same = unsafe { RobustLock::open(&there, 0) };
    /// let guard = same.lock(Deadline::NEVER)?;
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| assert!(lock.lock(Deadline::NOW).is_ok_and(|guard| guard.is_none())));
    /// });
    /// drop(guard);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub unsafe fn open(memory: &'a SharedMapping, offset: usize) -> Self {
        RobustLock { memory, offset }
    }

    /// Takes the lock; `None` when the deadline passed first.
    ///
    /// # Blocking
    ///
    /// While another thread of any process owns the lock and lives, until the deadline. The death of the owner ends the
    /// wait.
    ///
    /// # Errors
    ///
    /// The system's error, when the calling thread owns the lock already or the lock is broken.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::{clock::Deadline, memory::SharedMapping, robust::RobustLock};
    /// use std::time::Duration;
    ///
    /// let memory = SharedMapping::create(4096)?;
    /// // SAFETY: nobody else has the memory yet, and nothing else uses its first bytes.
    /// let lock = unsafe { RobustLock::create(&memory, 0) }?;
    /// let guard = lock.lock(Deadline::NEVER)?.expect("there is no deadline");
    /// // The owner itself is told instead of waiting for ever.
    /// assert!(lock.lock(Deadline::NEVER).is_err());
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         let soon = Deadline::after(Duration::from_millis(10));
    ///         assert!(lock.lock(soon).is_ok_and(|guard| guard.is_none()));
    ///     });
    /// });
    /// drop(guard);
    /// assert!(lock.lock(Deadline::NOW)?.is_some());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn lock(self, deadline: Deadline) -> io::Result<Option<RobustGuard<'a>>> {
        // SAFETY: invariants 1 and 2.
        let locked = unsafe { imp::lock(self.address(), deadline) }?;
        Ok(locked.map(|owner_died| RobustGuard { lock: self, owner_died, not_send: PhantomData }))
    }

    fn address(self) -> *mut u8 {
        self.memory.checked(self.offset, imp::SIZE, imp::ALIGN)
    }
}

impl RobustGuard<'_> {
    /// Whether the owner before died while it was inside.
    pub fn owner_died(&self) -> bool {
        self.owner_died
    }
}

impl Drop for RobustGuard<'_> {
    fn drop(&mut self) {
        // SAFETY: invariants 1 and 2, and this thread owns the lock: the guard does not leave it.
        unsafe { imp::unlock(self.lock.address()) }
    }
}
