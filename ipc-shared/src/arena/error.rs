//! What can go wrong when something is put into an arena, or comes from another process.

use std::io;
use thiserror::Error;

/// Why a lock, a value or another small thing could not be made.
///
/// # Examples
///
/// ```
/// use ipc_shared::AllocError;
///
/// // Nothing of it is left, and the same call works when the system has what it lacked.
/// fn advise(error: &AllocError) -> &'static str {
///     match error {
///         AllocError::System { .. } => "free some memory or some descriptors, and try again",
///         AllocError::TooManyProcesses => "share it with fewer processes",
///         _ => "no way",
///     }
/// }
/// assert_eq!(advise(&AllocError::TooManyProcesses), "share it with fewer processes");
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AllocError {
    /// The system refused: no memory, no descriptors, no `/proc`.
    #[error("cannot {call}")]
    System {
        /// What was to be done.
        call: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// As many processes and messages as there can be have a part in the arena.
    #[error("too many processes share the arena")]
    TooManyProcesses,
    /// No memory has so many bytes.
    #[error("{size} bytes are too large for shared memory")]
    TooLarge {
        /// The bytes that were asked for.
        size: usize,
    },
    /// This process was forked when it could get no part of its own in the arena: it lacked descriptors, or memory.
    #[error("this process was forked without a part in the arena")]
    Forked,
}

impl AllocError {
    pub(super) fn system(call: &'static str, source: io::Error) -> AllocError {
        AllocError::System { call, source }
    }
}

/// Why something that came in a message cannot be used. It reaches the user as the text of a decoding error.
#[derive(Debug, Error)]
pub(crate) enum OpenError {
    #[error("cannot {call}: {source}")]
    System { call: &'static str, source: io::Error },
    #[error("the memory is no segment of an arena")]
    NoSegment,
    #[error("the segment is from another version of the family: {what} {found:#x} instead of {expected:#x}")]
    Stranger { what: &'static str, found: u32, expected: u32 },
    #[error("the header of the segment is damaged")]
    Damaged,
    #[error("what is shared is gone: its last holder has ended, or has dropped it")]
    Gone,
    #[error("the message says {wanted}, but shared memory has {found}")]
    OtherShape { wanted: super::Shape, found: super::Shape },
    #[error("a {wanted} is expected, and the message has {found}")]
    OtherType { wanted: super::Shape, found: super::Shape },
    #[error("the message says {said}, but the memory has {size} bytes")]
    TooSmall { said: super::Shape, size: usize },
    #[error("{0}{reason}", reason = source_text(.0))]
    Join(#[from] AllocError),
}

fn source_text(error: &AllocError) -> String {
    std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default()
}
