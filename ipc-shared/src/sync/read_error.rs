//! Why a read-write lock was not taken for reading, or was taken and has something to tell.

use super::raw;
use std::error::Error;
use std::fmt;

/// Something is wrong with what a read-write lock protects, with the lock, or with this process.
///
/// A reader cannot put anything in order, so it is never the one that is told of a death: a
/// [writer](super::RwLock::write) is, once. Until then, and until a writer has recovered, readers find the lock poisoned.
///
/// # Examples
///
/// How do I read whatever happened?
///
/// ```
/// use ipc_shared::sync::{ReadError, RwLock};
///
/// let limits = RwLock::new([10_u32, 20])?;
/// let guard = match limits.read() {
///     Ok(guard) | Err(ReadError::Poisoned(guard)) => guard,
///     Err(other) => return Err(other.without_guard().into()),
/// };
/// assert_eq!(guard[1], 20);
/// # drop(guard);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub enum ReadError<G> {
    /// A writer has ended or panicked, and nobody has put the data in order since. The lock is held.
    Poisoned(G),
    /// As many other processes as there is room for read. The lock was not taken.
    TooManyReaders,
    /// This process was forked when it could get no part of its own in the shared memory: it lacked descriptors or memory.
    /// The lock was not taken.
    Forked,
}

/// Why a read-write lock was not taken for reading at once.
///
/// # Examples
///
/// ```
/// use ipc_shared::sync::{RwLock, TryReadError};
///
/// let lock = RwLock::new(())?;
/// let writer = lock.write().unwrap();
/// assert!(matches!(lock.try_read(), Err(TryReadError::WouldBlock)));
/// # drop(writer);
/// # Ok::<(), ipc_shared::AllocError>(())
/// ```
pub enum TryReadError<G> {
    /// Somebody writes, or waits to write.
    WouldBlock,
    /// Nobody writes, and there is something to tell.
    Read(ReadError<G>),
}

/// Why a read-write lock was not taken for reading in time.
///
/// # Examples
///
/// ```
/// use ipc_shared::sync::{ReadTimeoutError, RwLock};
/// use std::time::Duration;
///
/// let lock = RwLock::new(())?;
/// let writer = lock.write().unwrap();
/// let late = lock.read_timeout(Duration::from_millis(10));
/// assert!(matches!(late, Err(ReadTimeoutError::TimedOut)));
/// # drop(writer);
/// # drop(late);
/// # Ok::<(), ipc_shared::AllocError>(())
/// ```
pub enum ReadTimeoutError<G> {
    /// Somebody wrote, or waited to write, all the time.
    TimedOut,
    /// Nobody wrote any more, and there is something to tell.
    Read(ReadError<G>),
}

impl<G> ReadError<G> {
    /// The guard, if there is one: the data may be half changed.
    pub fn into_guard(self) -> Option<G> {
        match self {
            ReadError::Poisoned(guard) => Some(guard),
            ReadError::TooManyReaders | ReadError::Forked => None,
        }
    }

    /// The same error without the guard, which is dropped. Unlike a guard it may go anywhere, by `?` for instance.
    pub fn without_guard(self) -> ReadError<()> {
        match self {
            ReadError::Poisoned(_) => ReadError::Poisoned(()),
            ReadError::TooManyReaders => ReadError::TooManyReaders,
            ReadError::Forked => ReadError::Forked,
        }
    }
}

/// What any way of reading may come to.
pub(super) enum ReadRefusal<G> {
    TimedOut,
    Read(ReadError<G>),
}

impl<G> From<raw::ReadError> for ReadRefusal<G> {
    fn from(error: raw::ReadError) -> ReadRefusal<G> {
        match error {
            raw::ReadError::TimedOut => ReadRefusal::TimedOut,
            raw::ReadError::Forked => ReadRefusal::Read(ReadError::Forked),
            raw::ReadError::TooManyReaders => ReadRefusal::Read(ReadError::TooManyReaders),
        }
    }
}

/// Of a wait without a deadline.
impl<G> From<ReadRefusal<G>> for ReadError<G> {
    fn from(refusal: ReadRefusal<G>) -> ReadError<G> {
        match refusal {
            ReadRefusal::TimedOut => unreachable!("a deadline that never comes has passed"),
            ReadRefusal::Read(error) => error,
        }
    }
}

impl<G> From<ReadRefusal<G>> for TryReadError<G> {
    fn from(refusal: ReadRefusal<G>) -> TryReadError<G> {
        match refusal {
            ReadRefusal::TimedOut => TryReadError::WouldBlock,
            ReadRefusal::Read(error) => TryReadError::Read(error),
        }
    }
}

impl<G> From<ReadRefusal<G>> for ReadTimeoutError<G> {
    fn from(refusal: ReadRefusal<G>) -> ReadTimeoutError<G> {
        match refusal {
            ReadRefusal::TimedOut => ReadTimeoutError::TimedOut,
            ReadRefusal::Read(error) => ReadTimeoutError::Read(error),
        }
    }
}

impl<G> fmt::Display for ReadError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ReadError::Poisoned(_) => "the lock is poisoned: what it protects was left half changed",
            ReadError::TooManyReaders => "too many other processes read",
            ReadError::Forked => "this process was forked without a part in the shared memory of the lock",
        })
    }
}

impl<G> fmt::Display for TryReadError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryReadError::WouldBlock => f.write_str("somebody else writes or waits to write"),
            TryReadError::Read(error) => error.fmt(f),
        }
    }
}

impl<G> fmt::Display for ReadTimeoutError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadTimeoutError::TimedOut => f.write_str("others wrote until the time was over"),
            ReadTimeoutError::Read(error) => error.fmt(f),
        }
    }
}

impl<G> fmt::Debug for ReadError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ReadError::Poisoned(_) => "Poisoned(..)",
            ReadError::TooManyReaders => "TooManyReaders",
            ReadError::Forked => "Forked",
        })
    }
}

impl<G> fmt::Debug for TryReadError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryReadError::WouldBlock => f.write_str("WouldBlock"),
            TryReadError::Read(error) => error.fmt(f),
        }
    }
}

impl<G> fmt::Debug for ReadTimeoutError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadTimeoutError::TimedOut => f.write_str("TimedOut"),
            ReadTimeoutError::Read(error) => error.fmt(f),
        }
    }
}

impl<G> Error for ReadError<G> {}
impl<G> Error for TryReadError<G> {}
impl<G> Error for ReadTimeoutError<G> {}
