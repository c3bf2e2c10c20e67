//! Why a queue could not be made, or why what a message has is no queue of this build.

use ipc_shared::AllocError;
use std::io;

/// Why a queue could not be made. Nothing is left behind.
///
/// # Examples
///
/// ```
/// use ipc_queue::{CreateError, Queue};
///
/// assert!(matches!(Queue::<u32>::bounded(0), Err(CreateError::Capacity { capacity: 0, .. })));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// A capacity is zero, or there is no queue so large.
    #[error("no queue takes {capacity} items and {byte_capacity} bytes")]
    Capacity {
        /// The capacity in items that was asked for.
        capacity: usize,
        /// The capacity in bytes that was asked for or follows from it.
        byte_capacity: usize,
    },
    /// The system did not give the memory.
    #[error("the memory of the queue could not be had")]
    Memory(#[from] AllocError),
    /// The system did not make the sockets beside it.
    #[error("the sockets of the queue could not be made")]
    Sockets(#[source] io::Error),
}

/// Why what came in a message is not the queue that was expected. It reaches the user as the text of a decoding error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("the queue has layout version {found}, this build has version {expected}")]
    Version { found: u64, expected: u64 },
    #[error("the queue is for items of type {found:016x}, this handle for items of type {expected:016x}")]
    ItemType { found: u64, expected: u64 },
    #[error("the queue is damaged: what it says of itself does not fit into its memory")]
    Damaged,
    #[error("the queue is of another kind: it is {found}")]
    OtherKind { found: &'static str },
}
