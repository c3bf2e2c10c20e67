//! Why a permit was not acquired, or not added.

use super::raw;
use thiserror::Error;

/// Why no permit was acquired, however long one waits.
///
/// # Examples
///
/// ```
/// use ipc_shared::sync::{AcquireError, Semaphore};
///
/// fn advise(error: AcquireError) -> &'static str {
///     match error {
///         AcquireError::TooManyHolders => "make it with room for more processes",
///         _ => "this process can use nothing of its parent's",
///     }
/// }
/// assert!(Semaphore::new(1)?.acquire().is_ok());
/// # Ok::<(), ipc_shared::AllocError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AcquireError {
    /// There are permits, but as many other processes as there is room for have some.
    #[error("too many other processes have permits of the semaphore")]
    TooManyHolders,
    /// This process was forked when it could get no part of its own in the shared memory: it lacked descriptors or memory.
    #[error("this process was forked without a part in the shared memory of the semaphore")]
    Forked,
}

/// Why no permit was acquired at once.
///
/// # Examples
///
/// ```
/// use ipc_shared::sync::{Semaphore, TryAcquireError};
///
/// let none = Semaphore::new(0)?;
/// assert!(matches!(none.try_acquire(), Err(TryAcquireError::NoPermits)));
/// # Ok::<(), ipc_shared::AllocError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TryAcquireError {
    /// Others have them all.
    #[error("no permit is free")]
    NoPermits,
    /// It is of no use to try again.
    #[error(transparent)]
    Acquire(#[from] AcquireError),
}

/// Why no permit was acquired in time.
///
/// # Examples
///
/// ```
/// use ipc_shared::sync::{AcquireTimeoutError, Semaphore};
/// use std::time::Duration;
///
/// let none = Semaphore::new(0)?;
/// let late = none.acquire_timeout(Duration::from_millis(10));
/// assert!(matches!(late, Err(AcquireTimeoutError::TimedOut)));
/// # Ok::<(), ipc_shared::AllocError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AcquireTimeoutError {
    /// Others had them all the time.
    #[error("no permit was free until the time was over")]
    TimedOut,
    /// It is of no use to wait for longer.
    #[error(transparent)]
    Acquire(#[from] AcquireError),
}

/// Why no permit was added: Python's `ValueError`.
///
/// # Examples
///
/// ```
/// use ipc_shared::sync::{AddPermitsError, BoundedSemaphore};
///
/// let semaphore = BoundedSemaphore::new(2)?;
/// assert_eq!(semaphore.add_permits(1), Err(AddPermitsError::Full));
/// # Ok::<(), ipc_shared::AllocError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddPermitsError {
    /// There would be more permits than the semaphore may have.
    #[error("the semaphore would have more permits than its bound")]
    Full,
    /// Somebody who should not changes the memory of the semaphore all the time.
    #[error("the memory of the semaphore is being overwritten")]
    Damaged,
}

/// Of a wait without a deadline.
impl From<raw::AcquireError> for AcquireError {
    fn from(error: raw::AcquireError) -> AcquireError {
        match error {
            raw::AcquireError::TimedOut => unreachable!("a deadline that never comes has passed"),
            raw::AcquireError::Forked => AcquireError::Forked,
            raw::AcquireError::TooManyHolders => AcquireError::TooManyHolders,
        }
    }
}

impl From<raw::AcquireError> for TryAcquireError {
    fn from(error: raw::AcquireError) -> TryAcquireError {
        match error {
            raw::AcquireError::TimedOut => TryAcquireError::NoPermits,
            other => TryAcquireError::Acquire(other.into()),
        }
    }
}

impl From<raw::AcquireError> for AcquireTimeoutError {
    fn from(error: raw::AcquireError) -> AcquireTimeoutError {
        match error {
            raw::AcquireError::TimedOut => AcquireTimeoutError::TimedOut,
            other => AcquireTimeoutError::Acquire(other.into()),
        }
    }
}

impl From<raw::AddError> for AddPermitsError {
    fn from(error: raw::AddError) -> AddPermitsError {
        match error {
            raw::AddError::Full => AddPermitsError::Full,
            raw::AddError::Corrupt => AddPermitsError::Damaged,
        }
    }
}
