//! Owned and borrowed handles: what the platform calls a file descriptor or a `HANDLE`.
//!
//! The family's other crates use these names, so that none of them asks which system it runs on.
//! Every handle that this crate makes is close-on-exec from its first instant: no window, no child of
//! another thread that inherits it by accident.
//!
//! # What a port provides
//!
//! An owned handle type that closes on drop, a borrowed one with a lifetime, a trait to borrow, and
//! [`duplicate`].

use std::io;

pub use std::os::fd::{AsFd as AsHandle, BorrowedFd as BorrowedHandle, OwnedFd as OwnedHandle};

/// Makes a second handle to the same object, close-on-exec.
///
/// # Errors
///
/// The system's error when the table of the process is full (`EMFILE` on Linux).
///
/// # Examples
///
/// ```
/// let file = std::fs::File::open("/dev/null")?;
/// let copy = ipc_sys::handle::duplicate(&file)?;
/// drop(file);
/// // The copy keeps the object open.
/// std::fs::File::from(copy).metadata()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn duplicate(handle: impl AsHandle) -> io::Result<OwnedHandle> {
    handle.as_fd().try_clone_to_owned()
}
