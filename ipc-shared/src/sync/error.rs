//! Why a lock was not taken, or was taken and has something to tell. The guard comes with the error.

use super::raw::RawLockError;
use std::error::Error;
use std::fmt;

/// Something is wrong with what a lock protects, or with this process.
///
/// In the first two variants the lock *is* held, and the guard reaches the data. Whoever can tell that the data is in
/// order, or can put it in order, says so by [`recover`](LockError::recover). A guard that is dropped without leaves
/// the lock [`Poisoned`](LockError::Poisoned) for the next one.
///
/// # Examples
///
/// How do I go on after the death of another process?
///
/// ```
/// use ipc_shared::sync::{LockError, Mutex};
///
/// let total = Mutex::new(0_u64)?;
/// let mut guard = match total.lock() {
///     Ok(guard) => guard,
///     Err(LockError::OwnerDied(mut guard)) => {
///         *guard = 0;
///         guard.recover();
///         guard
///     }
///     Err(other) => return Err(other.without_guard().into()),
/// };
/// *guard += 1;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// How do I go on whatever happened?
///
/// ```
/// use ipc_shared::sync::{LockError, Mutex};
///
/// let total = Mutex::new(0_u64)?;
/// *total.lock().or_else(LockError::recover).map_err(LockError::without_guard)? += 1;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub enum LockError<G> {
    /// The process that had the lock has ended with it. This is told once for each death.
    OwnerDied(G),
    /// Somebody who had the lock has panicked, or has dropped the guard of an earlier error without recovering.
    Poisoned(G),
    /// This process was forked when it could get no part of its own in the shared memory: it lacked descriptors or memory.
    /// The lock was not taken.
    Forked,
    /// This thread has the [`ReentrantMutex`](super::ReentrantMutex) 2^32 - 1 times, and did not get it once more. No other lock
    /// says so.
    TooDeep,
}

/// Why a lock was not taken at once.
///
/// # Examples
///
/// ```
/// use ipc_shared::sync::{Mutex, TryLockError};
///
/// let lock = Mutex::new(())?;
/// let guard = lock.lock().unwrap();
/// assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub enum TryLockError<G> {
    /// Somebody else has it.
    WouldBlock,
    /// The lock was free, with something to tell.
    Lock(LockError<G>),
}

/// Why a lock was not taken in time.
///
/// # Examples
///
/// ```
/// use ipc_shared::sync::{LockTimeoutError, Mutex};
/// use std::time::Duration;
///
/// let lock = Mutex::new(())?;
/// let guard = lock.lock().unwrap();
/// let late = lock.lock_timeout(Duration::from_millis(10));
/// assert!(matches!(late, Err(LockTimeoutError::TimedOut)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub enum LockTimeoutError<G> {
    /// Somebody else had it all the time.
    TimedOut,
    /// The lock became free in time, with something to tell.
    Lock(LockError<G>),
}

/// A guard that can say that the data is in order again.
pub(crate) trait Recover {
    fn recover(&mut self);
}

impl<G> LockError<G> {
    /// Takes the data for good: the guard, as if nothing had happened, and the lock is healthy again.
    ///
    /// # Errors
    ///
    /// [`Forked`](LockError::Forked) and [`TooDeep`](LockError::TooDeep), which nothing can be done about.
    #[allow(private_bounds)]
    pub fn recover(self) -> Result<G, LockError<G>>
    where
        G: Recover,
    {
        match self {
            LockError::OwnerDied(mut guard) | LockError::Poisoned(mut guard) => {
                guard.recover();
                Ok(guard)
            }
            LockError::Forked | LockError::TooDeep => Err(self),
        }
    }

    /// The guard, if there is one. Dropped as it is, it leaves the lock poisoned.
    pub fn into_guard(self) -> Option<G> {
        match self {
            LockError::OwnerDied(guard) | LockError::Poisoned(guard) => Some(guard),
            LockError::Forked | LockError::TooDeep => None,
        }
    }

    /// The same error without the guard, which is dropped: the lock is poisoned then, if it was not.
    ///
    /// Unlike a guard this may go anywhere, by `?` for instance.
    pub fn without_guard(self) -> LockError<()> {
        match self {
            LockError::OwnerDied(_) => LockError::OwnerDied(()),
            LockError::Poisoned(_) => LockError::Poisoned(()),
            LockError::Forked => LockError::Forked,
            LockError::TooDeep => LockError::TooDeep,
        }
    }

    pub(crate) fn map<H>(self, wrap: impl FnOnce(G) -> H) -> LockError<H> {
        match self {
            LockError::OwnerDied(guard) => LockError::OwnerDied(wrap(guard)),
            LockError::Poisoned(guard) => LockError::Poisoned(wrap(guard)),
            LockError::Forked => LockError::Forked,
            LockError::TooDeep => LockError::TooDeep,
        }
    }
}

/// What any way of locking may come to.
pub(crate) enum Refusal<G> {
    TimedOut,
    Lock(LockError<G>),
}

impl<G> Refusal<G> {
    pub(crate) fn map<H>(self, wrap: impl FnOnce(G) -> H) -> Refusal<H> {
        match self {
            Refusal::TimedOut => Refusal::TimedOut,
            Refusal::Lock(error) => Refusal::Lock(error.map(wrap)),
        }
    }
}

impl<G> From<RawLockError> for Refusal<G> {
    fn from(error: RawLockError) -> Refusal<G> {
        match error {
            RawLockError::TimedOut => Refusal::TimedOut,
            RawLockError::Forked => Refusal::Lock(LockError::Forked),
        }
    }
}

/// Of a wait without a deadline.
impl<G> From<Refusal<G>> for LockError<G> {
    fn from(refusal: Refusal<G>) -> LockError<G> {
        match refusal {
            Refusal::TimedOut => unreachable!("a deadline that never comes has passed"),
            Refusal::Lock(error) => error,
        }
    }
}

impl<G> From<Refusal<G>> for TryLockError<G> {
    fn from(refusal: Refusal<G>) -> TryLockError<G> {
        match refusal {
            Refusal::TimedOut => TryLockError::WouldBlock,
            Refusal::Lock(error) => TryLockError::Lock(error),
        }
    }
}

impl<G> From<Refusal<G>> for LockTimeoutError<G> {
    fn from(refusal: Refusal<G>) -> LockTimeoutError<G> {
        match refusal {
            Refusal::TimedOut => LockTimeoutError::TimedOut,
            Refusal::Lock(error) => LockTimeoutError::Lock(error),
        }
    }
}

impl<G> fmt::Display for LockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LockError::OwnerDied(_) => "the process that had the lock has ended with it",
            LockError::Poisoned(_) => "the lock is poisoned: what it protects was left half changed",
            LockError::Forked => "this process was forked without a part in the shared memory of the lock",
            LockError::TooDeep => "the thread has the lock too many times",
        })
    }
}

impl<G> fmt::Display for TryLockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryLockError::WouldBlock => f.write_str("somebody else has the lock"),
            TryLockError::Lock(error) => error.fmt(f),
        }
    }
}

impl<G> fmt::Display for LockTimeoutError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LockTimeoutError::TimedOut => f.write_str("somebody else had the lock until the time was over"),
            LockTimeoutError::Lock(error) => error.fmt(f),
        }
    }
}

impl<G> fmt::Debug for LockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LockError::OwnerDied(_) => "OwnerDied(..)",
            LockError::Poisoned(_) => "Poisoned(..)",
            LockError::Forked => "Forked",
            LockError::TooDeep => "TooDeep",
        })
    }
}

impl<G> fmt::Debug for TryLockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryLockError::WouldBlock => f.write_str("WouldBlock"),
            TryLockError::Lock(error) => error.fmt(f),
        }
    }
}

impl<G> fmt::Debug for LockTimeoutError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LockTimeoutError::TimedOut => f.write_str("TimedOut"),
            LockTimeoutError::Lock(error) => error.fmt(f),
        }
    }
}

impl<G> Error for LockError<G> {}
impl<G> Error for TryLockError<G> {}
impl<G> Error for LockTimeoutError<G> {}
