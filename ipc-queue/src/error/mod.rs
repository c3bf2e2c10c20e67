//! What can go wrong: one type for each operation, and what could not be put comes back in it.

mod get;
mod open;
mod put;

pub use get::{GetError, GetTimeoutError, TryGetError};
pub use open::{CreateError, OpenError};
pub use put::{PutError, PutTimeoutError, TryPutError};

pub(crate) use put::Refusal;

/// What no process of the family writes was found in the memory of a queue.
///
/// The queue has been scribbled over, by a bug in a process that holds it or on purpose, and is of no use any more.
///
/// # Examples
///
/// ```
/// use ipc_queue::{Queue, TryGetError};
/// use ipc_sys::memory::SharedMapping;
///
/// let queue = Queue::<u32>::bounded(4)?;
/// let memory = SharedMapping::from_handle(queue.duplicate_handle()?)?;
/// memory.write(128, &[0xff; 8]);
/// assert!(matches!(queue.try_get(), Err(TryGetError::Corrupt(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the memory of the queue is corrupt: {what}")]
pub struct Corruption {
    what: &'static str,
}

impl Corruption {
    pub(crate) fn new(what: &'static str) -> Self {
        Corruption { what }
    }
}
