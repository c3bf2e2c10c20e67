//! What a process needs that forks others in place of its owner: whose child it is, where the owner writes, and to be left alone.

use super::imp;
use crate::handle::{BorrowedHandle, OwnedHandle};
use std::{fmt, io};

/// The handle of this process's parent, readable once that has ended; `None` if `pid` is not the parent, or not any more.
///
/// # Errors
///
/// The system's error when the table of handles is full.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::process::open_parent;
/// use ipc_sys::readiness::{Interest, wait_one};
/// use std::os::fd::AsFd;
///
/// let parent = open_parent(std::os::unix::process::parent_id())?.expect("whoever runs the tests");
/// assert!(!wait_one(parent.as_fd(), Interest::Read, Deadline::NOW)?);
/// // No process is its own parent.
/// assert!(open_parent(std::process::id())?.is_none());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn open_parent(pid: u32) -> io::Result<Option<OwnedHandle>> {
    imp::open_parent(pid)
}

/// Calls `work` with the number and the handle of this process, to hand to others; the handle is closed then.
///
/// # Errors
///
/// The system's error when the table of handles is full; `work` is not called then.
///
/// # Examples
///
/// ```
/// use ipc_sys::handle::duplicate;
/// use ipc_sys::process::{Child, with_own_handle};
///
/// let (pid, copy) = with_own_handle(|pid, handle| (pid, duplicate(handle)))?;
/// assert_eq!(pid, std::process::id());
/// assert!(!Child::from_handle(pid, copy?).has_ended(ipc_sys::clock::Deadline::NOW)?);
/// # Ok::<(), std::io::Error>(())
/// ```
// Inline: as `ForkPreparation::bury_others`.
#[inline]
pub fn with_own_handle<R>(work: impl FnOnce(u32, BorrowedHandle<'_>) -> R) -> io::Result<R> {
    imp::with_own_handle(work)
}

/// Which files the standard streams of this process are; `None` for one that is closed.
///
/// Two streams with the same value are the same file, as long as somebody has it open.
///
/// # Examples
///
/// ```
/// use ipc_sys::process::{replace_stdio, stream_ids};
/// use std::os::fd::AsFd;
///
/// let before = stream_ids();
/// let (_here, there) = std::os::unix::net::UnixStream::pair()?;
/// replace_stdio(0, there.as_fd())?;
/// assert_ne!(stream_ids()[0], before[0]);
/// assert_eq!(stream_ids()[1..], before[1..]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn stream_ids() -> [Option<(u64, u64)>; 3] {
    [0, 1, 2].map(imp::stream_id)
}

/// A handle of its own to a standard stream of this process, which is not in the place of one.
///
/// # Errors
///
/// The system's error when the stream is closed, or the table of handles full.
///
/// # Panics
///
/// When `number` is above 2.
///
/// # Examples
///
/// ```
/// use std::io::Write;
///
/// let stdout = ipc_sys::process::copy_stream(1)?;
/// writeln!(std::fs::File::from(stdout), "hello")?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn copy_stream(number: usize) -> io::Result<OwnedHandle> {
    assert!(number <= 2, "there is no standard stream {number}");
    imp::copy_stream(number)
}

/// Has this process not be interrupted from the keyboard, as its owner and its children are.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::process::{ExitStatus, Forked, Signal, exit_now, fork, ignore_interrupts};
///
/// let ignored = ignore_interrupts();
/// // SAFETY: there is no other thread; the child sleeps and exits.
/// match unsafe { fork() }? {
///     Forked::Child => {
///         std::thread::sleep(std::time::Duration::from_millis(50));
///         exit_now(3)
///     }
///     Forked::Parent(child) => {
///         child.signal(Signal::Interrupt)?;
///         assert_eq!(child.wait(Deadline::NEVER)?, Some(ExitStatus::Exited(3)));
///     }
/// }
/// ignored.restore(); // As a child does that is not to be spared.
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn ignore_interrupts() -> InterruptsIgnored {
    InterruptsIgnored(imp::ignore_interrupts())
}

/// What [`ignore_interrupts`] gives: what an interrupt did before.
#[derive(Clone, Copy)]
pub struct InterruptsIgnored(imp::InterruptAction);

impl InterruptsIgnored {
    /// Has an interrupt do again what it did before.
    #[inline]
    pub fn restore(&self) {
        imp::restore_interrupts(&self.0);
    }
}

impl fmt::Debug for InterruptsIgnored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InterruptsIgnored").finish_non_exhaustive()
    }
}
