//! Shared memory with a name, which any process of the user can open: the name appears when the object is whole.
//!
//! An object is bytes and nothing else: no header tells strangers from friends, so that programs of any make can
//! share one. What they agree on is its size. It is zero until the object is whole, and then final: a process that
//! finds an object of no bytes has come too early, or its maker is gone.
//!
//! # What a port provides
//!
//! - `create(name, size, fill) -> mapping`: makes an object of exactly `size` zero bytes, reserved in full (no later
//!   access fails for lack of memory), open to its user only, lets `fill` write into it, and gives it the name; it is
//!   an error if the name exists. A process that is killed anywhere in this leaves no name, or the name of an object
//!   that is whole. Where the system cannot do that, it may leave the name of an object of no bytes; and others may
//!   find the object whole before `fill` is through.
//! - `open(name, access) -> mapping`: of exactly the `size` that the object was made with, also where the system
//!   rounds it up; nothing if the object has no bytes yet. If it has bytes that are not reserved, because a stranger
//!   made it, `open` reserves them.
//! - `from_handle(handle, size) -> mapping`: the same for a handle that came from another process, as writable as the
//!   handle is. Reserves nothing: a sender could make us pay for an object that has cost it nothing.
//! - `refers_to(name, handle)`: whether the name is that of this object.
//! - `unlink(name)`: removes the name and nothing else; the bytes live as long as anybody has them mapped.
//! - `map(handle, size, writable) -> pointer` and `unmap(pointer, size)`.
//!
//! # What is trusted
//!
//! Whoever may open the name may also shrink the object or punch holes into it, on Linux, and then an access of
//! another process ends that process (`SIGBUS`). Named memory is for processes that trust each other that far;
//! [`SharedMapping`](crate::memory::SharedMapping) is for all others.

mod linux;
use linux as imp;

mod mapping;
mod name;

pub use mapping::NamedMapping;
pub use name::{Name, NameError};

use crate::handle::AsHandle;
use std::{error, fmt, io};

/// What a process may do with an object that it opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read.
    ReadOnly,
    /// Read and write.
    ReadWrite,
}

/// A step that the system refused: the name of the call, and the system's error.
#[derive(Debug)]
pub struct CallError {
    /// What was called.
    pub call: &'static str,
    /// What the system said.
    pub error: io::Error,
}

impl CallError {
    /// The kind of the system's error.
    pub fn kind(&self) -> io::ErrorKind {
        self.error.kind()
    }

    fn of<E: Into<io::Error>>(call: &'static str) -> impl Fn(E) -> CallError {
        move |error| CallError { call, error: error.into() }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed", self.call)
    }
}

impl error::Error for CallError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Makes an object of `size` zero bytes, reserved in full, lets `fill` write into it, and gives it the name.
///
/// # Errors
///
/// `AlreadyExists`; `InvalidInput` for a size of zero; `StorageFull`, `OutOfMemory` or `FileTooLarge` when the memory
/// cannot be had; the system's error otherwise. Nothing is left behind.
///
/// # Other processes
///
/// Only processes of the same user can open the name. If this one is killed meanwhile, there is no name, or the
/// object is whole.
///
/// # Platform
///
/// Linux: a file without a name in `/dev/shm` (`O_TMPFILE`), `fallocate`, `linkat`. Where the file system there has
/// no such files: `O_CREAT | O_EXCL`, `fallocate` that leaves the size at zero, `ftruncate`. A process that is
/// killed between the first and the last of these leaves an object of no bytes.
///
/// # Examples
///
/// ```
/// use ipc_sys::named::{Access, Name, create, open, unlink};
///
/// let name = Name::new(&format!("multiproc-example-{}", std::process::id()))?;
/// let here = create(&name, 100, |_| ())?;
/// let there = open(&name, Access::ReadOnly)?.expect("it has bytes");
/// assert_eq!((here.size(), there.size()), (100, 100));
/// unlink(&name)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn create(name: &Name, size: usize, fill: impl Fn(&NamedMapping)) -> Result<NamedMapping, CallError> {
    imp::create(name, size, fill)
}

/// Opens the object of this name; `None` if it has no bytes yet.
///
/// # Errors
///
/// `NotFound`; `PermissionDenied`; `InvalidData` when there is something else of this name; the system's error
/// otherwise, also when bytes that its maker did not reserve cannot be had.
pub fn open(name: &Name, access: Access) -> Result<Option<NamedMapping>, CallError> {
    imp::open(name, access)
}

/// Removes the name. The object lives as long as a process has it mapped or holds its handle.
///
/// # Errors
///
/// `NotFound`; the system's error otherwise.
pub fn unlink(name: &Name) -> Result<(), CallError> {
    imp::unlink(name)
}

/// Whether the name exists and is that of the object behind this handle.
///
/// # Errors
///
/// The system's error, but not for a name that does not exist.
pub fn refers_to(name: &Name, object: impl AsHandle) -> Result<bool, CallError> {
    imp::refers_to(name, object.as_fd())
}
