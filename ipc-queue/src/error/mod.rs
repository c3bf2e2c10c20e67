//! What can go wrong: one type for each operation, and what could not be put comes back in it.

mod get;
mod open;
mod put;

pub use get::{GetError, GetTimeoutError, RecvError, RecvTimeoutError, TryGetError, TryRecvError};
pub use open::CreateError;
pub use put::{
    PutError, PutManyError, PutTimeoutError, SendError, SendTimeoutError, TryPutError, TrySendError,
};

pub(crate) use open::OpenError;
pub(crate) use put::Unput;

use crate::raw_queue::Stop;
use ipc_codec::{DecodeError, EncodeError};
use std::io;

/// What is wrong with a queue or an item: the part that the errors of all operations have in common.
///
/// # Examples
///
/// ```
/// use ipc_codec::Limits;
/// use ipc_queue::{PutError, Queue, QueueError};
///
/// let queue = Queue::bounded(4)?.with_limits(Limits::with_max_frame(8));
/// match queue.put([1_u64 << 63; 2]) {
///     Err(PutError::Failed { value, source: QueueError::TooLarge { limit, .. } }) => {
///         assert_eq!((value.len(), limit), (2, 8));
///     }
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), ipc_queue::CreateError>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// The encoded item is larger than the [limits](crate::Builder::limits) allow.
    #[error("the encoded item needs at least {size} bytes, the limit is {limit}")]
    TooLarge {
        /// How many bytes were needed when the encoder gave up; the whole item may need more.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// The item could not be encoded.
    #[error("the item could not be encoded")]
    Encode(#[source] EncodeError),
    /// An item was taken that could not be decoded. It is lost; the queue goes on.
    #[error("an item could not be decoded and is lost")]
    Decode(#[source] DecodeError),
    /// An item was taken whose handles are lost, and the item with them: this process has no room for descriptors. The queue
    /// goes on.
    #[error("the handles of an item were lost, and the item with them: the table of handles is full")]
    HandlesLost,
    /// The memory of the queue has been scribbled over. The queue is of no use any more.
    #[error("the queue cannot be used any more")]
    Corrupt(#[source] Corruption),
    /// This process was forked when it could get no part of its own in the queue: it lacked descriptors, or memory.
    #[error("this process was forked without a part in the queue")]
    Forked,
    /// The system refused: memory for a large item, or descriptors for its handles.
    #[error("the system refused")]
    Os(#[source] io::Error),
}

impl QueueError {
    /// Whether only the item is concerned, and the queue goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(ipc_queue::QueueError::HandlesLost.is_of_item());
    /// assert!(!ipc_queue::QueueError::Forked.is_of_item());
    /// ```
    pub fn is_of_item(&self) -> bool {
        !matches!(self, QueueError::Corrupt(_) | QueueError::Forked)
    }
}

impl From<EncodeError> for QueueError {
    fn from(error: EncodeError) -> QueueError {
        match error {
            EncodeError::TooLarge { size, limit } => QueueError::TooLarge { size, limit },
            error => QueueError::Encode(error),
        }
    }
}

/// What no process of the family writes was found in the memory of a queue.
///
/// The queue has been scribbled over, by a bug in a process that holds it or on purpose.
///
/// # Examples
///
/// ```
/// fn is_of_use(error: &ipc_queue::QueueError) -> bool {
///     !matches!(error, ipc_queue::QueueError::Corrupt(_))
/// }
/// # assert!(is_of_use(&ipc_queue::QueueError::HandlesLost));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the memory of the queue is corrupt: {what}")]
pub struct Corruption {
    what: &'static str,
}

impl Corruption {
    pub(crate) const fn new(what: &'static str) -> Self {
        Corruption { what }
    }
}

/// Why an operation ended without success: the queue has, or something is wrong.
#[derive(Debug)]
pub enum Ending {
    /// Closed, or all on the other side are gone.
    Ended,
    /// Something is wrong.
    Failed(QueueError),
}

impl From<Stop> for Ending {
    fn from(stop: Stop) -> Ending {
        Ending::Failed(match stop {
            Stop::Closed | Stop::Abandoned => return Ending::Ended,
            Stop::Corrupt(corruption) => QueueError::Corrupt(corruption),
            Stop::HandlesLost => QueueError::HandlesLost,
            Stop::TooLarge { size, limit } => QueueError::Decode(DecodeError::TooLarge { size, limit }),
            Stop::Forked => QueueError::Forked,
            Stop::Os(error) => QueueError::Os(error),
        })
    }
}

impl From<EncodeError> for Ending {
    fn from(error: EncodeError) -> Ending {
        Ending::Failed(error.into())
    }
}

impl From<DecodeError> for Ending {
    fn from(error: DecodeError) -> Ending {
        Ending::Failed(QueueError::Decode(error))
    }
}
