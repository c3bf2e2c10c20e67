//! Why a queue could not be made, or why a handle is no queue of this build.

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
    /// A capacity is zero, or the queue would be larger than the address space.
    #[error("no queue takes {capacity} items and {byte_capacity} bytes")]
    Capacity {
        /// The capacity in items that was asked for.
        capacity: usize,
        /// The capacity in bytes that was asked for or follows from it.
        byte_capacity: usize,
    },
    /// The system did not give the memory.
    #[error("the memory of the queue could not be had")]
    Memory(#[source] io::Error),
    /// The system did not make the lock.
    #[error("the lock of the queue could not be made")]
    Lock(#[source] io::Error),
}

/// Why a handle that came from another process is not the queue that was expected. The handle is closed.
///
/// # Examples
///
/// ```
/// use ipc_queue::{OpenError, Queue};
///
/// let numbers = Queue::<u32>::bounded(4)?;
/// let error = Queue::<String>::from_handle(numbers.duplicate_handle()?).unwrap_err();
/// assert!(matches!(error, OpenError::ItemType { .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The handle is no shared memory of the family, or it could not be mapped.
    #[error("the handle is not the memory of a queue")]
    Memory(#[source] io::Error),
    /// The memory is smaller than the smallest queue.
    #[error("the memory has {size} bytes, a queue has at least {least}")]
    TooSmall {
        /// Its size in bytes.
        size: usize,
        /// The least size of a queue.
        least: usize,
    },
    /// The memory is something else than a queue.
    #[error("the memory begins with {found:02x?}, which no queue does")]
    Magic {
        /// Its first bytes.
        found: [u8; 8],
    },
    /// The queue was made by a build with another version of the layout.
    #[error("the queue has layout version {found}, this build has version {expected}")]
    Version {
        /// The version of the queue.
        found: u64,
        /// The version of this build.
        expected: u64,
    },
    /// The queue was made by a build that puts its parts at other places.
    #[error("the queue has layout {found:016x}, this build has {expected:016x}")]
    Layout {
        /// The fingerprint of the queue.
        found: u64,
        /// The fingerprint of this build.
        expected: u64,
    },
    /// The memory has another size than the header says.
    #[error("the header says {stated} bytes, the memory has {actual}")]
    Size {
        /// What the header says.
        stated: u64,
        /// The size of the memory.
        actual: usize,
    },
    /// The capacities in the header do not make a queue of the size of the memory.
    #[error("{capacity} items and {byte_capacity} bytes do not make a queue of {actual} bytes")]
    Capacity {
        /// The capacity in items, as the header says.
        capacity: u64,
        /// The capacity in bytes, as the header says.
        byte_capacity: u64,
        /// The size of the memory.
        actual: usize,
    },
    /// The queue was made for items of another type.
    #[error("the queue is for items of type {found:016x}, this handle for items of type {expected:016x}")]
    ItemType {
        /// The number of the type that the queue was made for.
        found: u64,
        /// The number of the type that was expected.
        expected: u64,
    },
}
