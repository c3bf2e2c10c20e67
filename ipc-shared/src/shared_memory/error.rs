//! Why memory could not be made, opened, reached or unlinked.

use super::NameError;
use ipc_sys::named::CallError;
use std::io;

/// Why memory could not be made. Nothing is left behind.
///
/// # Examples
///
/// ```
/// use ipc_shared::SharedMemory;
/// use ipc_shared::shared_memory::{CreateError, NameError};
///
/// assert!(matches!(SharedMemory::unnamed(0), Err(CreateError::Size { size: 0 })));
/// assert!(matches!(SharedMemory::create("a/b", 1), Err(CreateError::Name(NameError::Slash))));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// This is no name.
    #[error("shared memory cannot have this name")]
    Name(#[from] NameError),
    /// The size is zero, or larger than any memory.
    #[error("shared memory cannot have {size} bytes")]
    Size {
        /// The size that was asked for.
        size: usize,
    },
    /// The name is taken: by memory, or by what a killed process has left.
    #[error("shared memory named {name:?} exists already")]
    AlreadyExists {
        /// The name.
        name: String,
    },
    /// There is not so much room for shared memory.
    #[error("there is no room for {size} bytes of shared memory")]
    NoSpace {
        /// The size that was asked for.
        size: usize,
        /// What the system said.
        source: io::Error,
    },
    /// This process may not make files of this size (`RLIMIT_FSIZE`).
    #[error("this process may not make {size} bytes of shared memory")]
    LimitExceeded {
        /// The size that was asked for.
        size: usize,
        /// What the system said.
        source: io::Error,
    },
    /// This process may not make names.
    #[error("shared memory named {name:?} is not allowed")]
    NotAllowed {
        /// The name.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused for another reason: too many handles, too little memory.
    #[error("shared memory could not be made: {call} failed")]
    System {
        /// What was called.
        call: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl CreateError {
    pub(super) fn of_named(name: &str, size: usize, failure: CallError) -> CreateError {
        let CallError { call, error: source } = failure;
        match source.kind() {
            io::ErrorKind::AlreadyExists => CreateError::AlreadyExists { name: name.to_owned() },
            io::ErrorKind::PermissionDenied => CreateError::NotAllowed { name: name.to_owned(), source },
            _ => CreateError::of(call, size, source),
        }
    }

    pub(super) fn of_unnamed(size: usize, source: io::Error) -> CreateError {
        CreateError::of("making memory without a name", size, source)
    }

    fn of(call: &'static str, size: usize, source: io::Error) -> CreateError {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                CreateError::NoSpace { size, source }
            }
            io::ErrorKind::FileTooLarge => CreateError::LimitExceeded { size, source },
            _ => CreateError::System { call, source },
        }
    }
}

/// Why a name could not be opened.
///
/// # Examples
///
/// ```
/// use ipc_shared::SharedMemory;
/// use ipc_shared::shared_memory::OpenError;
///
/// let error = SharedMemory::open("nobody has made this").unwrap_err();
/// assert!(matches!(error, OpenError::NotFound { name } if name == "nobody has made this"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// This is no name.
    #[error("shared memory cannot have this name")]
    Name(#[from] NameError),
    /// There is nothing of this name.
    #[error("there is no shared memory named {name:?}")]
    NotFound {
        /// The name.
        name: String,
    },
    /// The object had no bytes, and still has none after nearly a second: its maker was killed, or is stopped.
    ///
    /// Nothing of the sort is left by [`SharedMemory`](crate::SharedMemory) itself on Linux. Who knows that the maker
    /// is gone removes the name with [`unlink_name`](crate::SharedMemory::unlink_name).
    #[error("shared memory named {name:?} was begun and not finished")]
    Stale {
        /// The name.
        name: String,
    },
    /// There is something else of this name: a folder, a socket, a link.
    #[error("what is named {name:?} is no shared memory")]
    NotMemory {
        /// The name.
        name: String,
    },
    /// This process may not open it: it belongs to another user.
    #[error("shared memory named {name:?} may not be opened")]
    NotAllowed {
        /// The name.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// Its maker has reserved less than its size, and there is no room for the rest.
    #[error("there is no room for all bytes of the shared memory named {name:?}")]
    NoSpace {
        /// The name.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused for another reason: too many handles, too little memory.
    #[error("shared memory named {name:?} could not be opened: {call} failed")]
    System {
        /// The name.
        name: String,
        /// What was called.
        call: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl OpenError {
    pub(super) fn of(name: &str, failure: CallError) -> OpenError {
        let CallError { call, error: source } = failure;
        let name = name.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => OpenError::NotFound { name },
            io::ErrorKind::InvalidData => OpenError::NotMemory { name },
            io::ErrorKind::PermissionDenied => OpenError::NotAllowed { name, source },
            io::ErrorKind::StorageFull => OpenError::NoSpace { name, source },
            _ => OpenError::System { name, call, source },
        }
    }
}

/// Why memory could neither be opened nor made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenOrCreateError {
    /// It could not be opened, for another reason than that it does not exist.
    #[error(transparent)]
    Open(OpenError),
    /// It did not exist and could not be made.
    #[error(transparent)]
    Create(CreateError),
    /// It exists with another size.
    #[error("shared memory named {name:?} has {found} bytes instead of {wanted}")]
    SizeDiffers {
        /// The name.
        name: String,
        /// The size that was asked for.
        wanted: usize,
        /// The size that it has.
        found: usize,
    },
}

/// Why a name was not removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnlinkError {
    /// This is no name.
    #[error("shared memory cannot have this name")]
    Name(#[from] NameError),
    /// The memory has no name to remove.
    #[error("the shared memory has no name")]
    Unnamed,
    /// There is nothing of this name, or the name is that of other memory by now.
    #[error("there is no shared memory named {name:?}")]
    NotFound {
        /// The name.
        name: String,
    },
    /// The system refused for another reason, for example because the name belongs to another user.
    #[error("the name {name:?} could not be removed: {call} failed")]
    System {
        /// The name.
        name: String,
        /// What was called.
        call: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl UnlinkError {
    pub(super) fn of(name: &str, failure: CallError) -> UnlinkError {
        let CallError { call, error: source } = failure;
        let name = name.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => UnlinkError::NotFound { name },
            _ => UnlinkError::System { name, call, source },
        }
    }
}

/// Why bytes could not be reached. Nothing was read or written.
///
/// # Examples
///
/// ```
/// use ipc_shared::SharedMemory;
/// use ipc_shared::shared_memory::AccessError;
///
/// let memory = SharedMemory::unnamed(100)?;
/// assert_eq!(memory.write(98, b"abc"), Err(AccessError::OutOfBounds { offset: 98, len: 3, size: 100 }));
/// assert!(matches!(memory.atomic_u64(4), Err(AccessError::Misaligned { offset: 4, align: 8 })));
/// # Ok::<(), ipc_shared::shared_memory::CreateError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The range does not lie inside the memory.
    #[error("{len} bytes at offset {offset} are not inside {size} bytes of shared memory")]
    OutOfBounds {
        /// Where the range begins.
        offset: usize,
        /// How many bytes it has.
        len: usize,
        /// How many bytes the memory has.
        size: usize,
    },
    /// The offset of a word is not a multiple of its size.
    #[error("the offset {offset} is not a multiple of {align}")]
    Misaligned {
        /// The offset.
        offset: usize,
        /// What it has to be a multiple of.
        align: usize,
    },
    /// The memory was opened for reading only.
    #[error("the shared memory was opened for reading only")]
    ReadOnly,
}
