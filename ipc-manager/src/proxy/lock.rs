//! Locks, reentrant ones, too.

use super::{no_args, proxy, thread, waits};
use crate::client::Reference;
use crate::error::CallError;
use crate::wire::{Op, TypeId};
use ipc_sys::clock::Deadline;
use std::marker::PhantomData;
use std::sync::Arc;

proxy! {
    /// A lock. Made by [`Host::lock`](crate::Host::lock).
    ///
    /// # Other processes
    ///
    /// A lock whose holder ends is free; the next one that gets it is told by [`LockGuard::was_abandoned`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_manager::{CallError, Manager};
    /// use std::time::Duration;
    /// # ipc_process::init();
    ///
    /// let manager = Manager::start()?;
    /// let lock = manager.lock()?;
    /// let guard = lock.lock()?;
    /// assert!(lock.is_locked()?);
    /// assert!(matches!(lock.try_lock(), Err(CallError::TimedOut)));
    /// assert!(lock.lock_timeout(Duration::from_millis(10)).unwrap_err().is_timeout());
    /// drop(guard);
    /// assert!(!lock.lock()?.was_abandoned());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    Lock<> of Lock
}

proxy! {
    /// A lock that the thread which has it can take again. Made by [`Host::reentrant_lock`](crate::Host::reentrant_lock).
    ///
    /// # Other processes
    ///
    /// As for [`Lock`].
    ///
    /// # Examples
    ///
    /// ```
    /// # ipc_process::init();
    /// let manager = ipc_manager::Manager::start()?;
    /// let lock = manager.reentrant_lock()?;
    /// let (once, twice) = (lock.lock()?, lock.lock()?);
    /// drop(once);
    /// std::thread::scope(|scope| scope.spawn(|| assert!(lock.try_lock().is_err())).join().unwrap());
    /// twice.release()?;
    /// assert!(!lock.is_locked()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ReentrantLock<> of ReentrantLock
}

/// A lock that is held until this is dropped.
#[derive(Debug)]
#[must_use = "the lock is free again when the guard is dropped"]
pub struct LockGuard<'a> {
    object: Arc<Reference>,
    type_id: TypeId,
    token: u64,
    was_abandoned: bool,
    is_held: bool,
    lock: PhantomData<&'a ()>,
}

macro_rules! locks {
    ($Type:ident) => {
        impl $Type {
            waits! {
                /// Takes the lock.
                ///
                /// # Blocking
                ///
                /// Until it is free. Others of this process are not held up.
                ///
                /// # Errors
                ///
                /// [`CallError`].
                lock, try_lock, lock_timeout, lock_deadline () -> LockGuard<'_> = lock_until
            }

            /// Whether somebody has it.
            pub fn is_locked(&self) -> Result<bool, CallError> {
                self.call(Op::State, no_args, |reply| reply.bool())
            }

            fn lock_until(&self, deadline: Deadline) -> Result<LockGuard<'_>, CallError> {
                let write = |request: &mut crate::client::Request<'_>| {
                    request.deadline(deadline);
                    request.word(thread())
                };
                let (token, was_abandoned) =
                    self.call(Op::Take, write, |reply| Ok((reply.from.u64()?, reply.bool()?)))?;
                let object = Arc::clone(&self.object);
                Ok(LockGuard {
                    object,
                    type_id: self.type_id,
                    token,
                    was_abandoned,
                    is_held: true,
                    lock: PhantomData,
                })
            }
        }
    };
}

locks!(Lock);
locks!(ReentrantLock);

impl LockGuard<'_> {
    /// Whether the one who had it before ended without a release: what the lock protects may be half changed.
    pub fn was_abandoned(&self) -> bool {
        self.was_abandoned
    }

    /// Releases the lock, and says if that failed; dropping the guard does so in silence.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub fn release(mut self) -> Result<(), CallError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), CallError> {
        if !std::mem::take(&mut self.is_held) {
            return Ok(());
        }
        self.object.hand_back(Op::Release, self.type_id, self.token)
    }
}

impl Drop for LockGuard<'_> {
    fn drop(&mut self) {
        // The server is gone, and the lock with it.
        let _ = self.end();
    }
}
