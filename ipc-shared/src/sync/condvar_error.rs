//! Why a condition variable was not waited for, or what was found when the lock was taken again.

use super::error::{LockError, Recover};
use std::error::Error;
use std::fmt;

/// Why a wait for a [`Condvar`](super::Condvar) has ended otherwise than by a notification and a healthy lock.
///
/// # Examples
///
/// How do I go on when the other process has died with the lock?
///
/// ```
/// use ipc_shared::sync::{Condvar, CondvarError, Mutex};
///
/// fn wait_for_work(jobs: &Mutex<u32>, changed: &Condvar) -> Result<(), CondvarError<()>> {
///     let guard = jobs.lock().or_else(|error| error.recover()).map_err(|error| error.without_guard())?;
///     let guard = changed.wait_while(guard, |jobs| *jobs == 0).or_else(CondvarError::recover);
///     *guard.map_err(CondvarError::without_guard)? -= 1;
///     Ok(())
/// }
///
/// let jobs = Mutex::new(1)?;
/// wait_for_work(&jobs, &Condvar::new()?)?;
/// assert_eq!(*jobs.lock().unwrap(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub enum CondvarError<G> {
    /// The wait is over, and the lock that was taken again has something to tell.
    Lock(LockError<G>),
    /// As many threads wait as [can](super::Condvar::MAX_WAITERS). The lock was held all the time, and this is its guard.
    TooManyWaiters(G),
}

/// Why a wait for a [`Condvar`](super::Condvar) with a deadline has ended otherwise than by a notification and a healthy
/// lock.
///
/// # Examples
///
/// ```
/// use ipc_shared::sync::{Condvar, CondvarTimeoutError, Mutex};
/// use std::time::Duration;
///
/// let (lock, changed) = (Mutex::new(7_u8)?, Condvar::new()?);
/// let guard = lock.lock().unwrap();
/// match changed.wait_timeout(guard, Duration::from_millis(10)) {
///     Err(CondvarTimeoutError::TimedOut(guard)) => assert_eq!(*guard, 7),
///     _ => unreachable!("nobody notifies"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub enum CondvarTimeoutError<G> {
    /// The time is over. The lock is held, by this guard.
    TimedOut(G),
    /// The wait has failed otherwise, in time or not.
    Condvar(CondvarError<G>),
}

impl<G> CondvarError<G> {
    /// Takes the data for good: the guard, as if nothing had happened, and the lock is healthy again.
    ///
    /// # Errors
    ///
    /// What is not about the data: [`TooManyWaiters`](CondvarError::TooManyWaiters), [`LockError::Forked`].
    #[allow(private_bounds)]
    pub fn recover(self) -> Result<G, CondvarError<G>>
    where
        G: Recover,
    {
        match self {
            CondvarError::Lock(error) => error.recover().map_err(CondvarError::Lock),
            CondvarError::TooManyWaiters(_) => Err(self),
        }
    }

    /// The guard, if there is one.
    pub fn into_guard(self) -> Option<G> {
        match self {
            CondvarError::Lock(error) => error.into_guard(),
            CondvarError::TooManyWaiters(guard) => Some(guard),
        }
    }

    /// The same error without the guard, which is dropped. Unlike a guard this may go anywhere, by `?` for instance.
    pub fn without_guard(self) -> CondvarError<()> {
        match self {
            CondvarError::Lock(error) => CondvarError::Lock(error.without_guard()),
            CondvarError::TooManyWaiters(_) => CondvarError::TooManyWaiters(()),
        }
    }
}

impl<G> CondvarTimeoutError<G> {
    /// The guard, if there is one.
    pub fn into_guard(self) -> Option<G> {
        match self {
            CondvarTimeoutError::TimedOut(guard) => Some(guard),
            CondvarTimeoutError::Condvar(error) => error.into_guard(),
        }
    }

    /// The same error without the guard, which is dropped.
    pub fn without_guard(self) -> CondvarTimeoutError<()> {
        match self {
            CondvarTimeoutError::TimedOut(_) => CondvarTimeoutError::TimedOut(()),
            CondvarTimeoutError::Condvar(error) => CondvarTimeoutError::Condvar(error.without_guard()),
        }
    }
}

impl<G> From<LockError<G>> for CondvarError<G> {
    fn from(error: LockError<G>) -> CondvarError<G> {
        CondvarError::Lock(error)
    }
}

impl<G> fmt::Display for CondvarError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CondvarError::Lock(error) => error.fmt(f),
            CondvarError::TooManyWaiters(_) => {
                f.write_str("too many threads wait for the condition variable")
            }
        }
    }
}

impl<G> fmt::Display for CondvarTimeoutError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CondvarTimeoutError::TimedOut(_) => f.write_str("no notification until the time was over"),
            CondvarTimeoutError::Condvar(error) => error.fmt(f),
        }
    }
}

impl<G> fmt::Debug for CondvarError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CondvarError::Lock(error) => error.fmt(f),
            CondvarError::TooManyWaiters(_) => f.write_str("TooManyWaiters(..)"),
        }
    }
}

impl<G> fmt::Debug for CondvarTimeoutError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CondvarTimeoutError::TimedOut(_) => f.write_str("TimedOut(..)"),
            CondvarTimeoutError::Condvar(error) => error.fmt(f),
        }
    }
}

impl<G> Error for CondvarError<G> {}
impl<G> Error for CondvarTimeoutError<G> {}
