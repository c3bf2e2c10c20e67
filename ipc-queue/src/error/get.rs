//! Why no item came: three types for the three ways to get, alike but for the reason to give up.

use crate::error::Corruption;
use crate::raw::Stop;
use ipc_codec::DecodeError;
use std::io;

macro_rules! get_error {
    (
        $(#[$type_doc:meta])*
        $name:ident $({ $(#[$own_doc:meta])* $own:ident => $own_text:literal })?
    ) => {
        $(#[$type_doc])*
        #[derive(Debug, thiserror::Error)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$own_doc])* #[error($own_text)] $own,)?
            /// The queue is closed, and all items were taken.
            #[error("the queue is closed and drained")]
            Closed,
            /// An item was taken that could not be decoded. It is lost; the queue goes on.
            #[error("an item could not be decoded and is lost")]
            Decode(#[source] DecodeError),
            /// The memory of the queue has been scribbled over.
            #[error("the queue cannot be used any more")]
            Corrupt(#[source] Corruption),
            /// The lock of the queue is broken.
            #[error("the lock of the queue failed")]
            Os(#[source] io::Error),
        }

        impl $name {
            /// Whether the queue has ended: closed, and drained.
            pub fn is_closed(&self) -> bool {
                matches!(self, $name::Closed)
            }
        }

        impl From<Stop> for $name {
            fn from(stop: Stop) -> Self {
                match stop {
                    Stop::Closed => $name::Closed,
                    Stop::Corrupt(corruption) => $name::Corrupt(corruption),
                    Stop::Lock(error) => $name::Os(error),
                }
            }
        }

        impl From<DecodeError> for $name {
            fn from(error: DecodeError) -> Self {
                $name::Decode(error)
            }
        }
    };
}

get_error! {
    /// Why [`Queue::get`](crate::Queue::get) returned no item.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = ipc_queue::Queue::<u32>::bounded(4)?;
    /// queue.close();
    /// assert!(queue.get().unwrap_err().is_closed());
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    GetError
}

get_error! {
    /// Why [`Queue::try_get`](crate::Queue::try_get) returned no item.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = ipc_queue::Queue::<u32>::bounded(4)?;
    /// assert!(matches!(queue.try_get(), Err(ipc_queue::TryGetError::Empty)));
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    TryGetError {
        /// There is no item at the moment.
        Empty => "the queue is empty"
    }
}

get_error! {
    /// Why [`Queue::get_timeout`](crate::Queue::get_timeout) or [`Queue::get_deadline`](crate::Queue::get_deadline)
    /// returned no item.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_queue::{GetTimeoutError, Queue};
    /// use std::time::Duration;
    ///
    /// let queue = Queue::<u32>::bounded(4)?;
    /// let result = queue.get_timeout(Duration::from_millis(5));
    /// assert!(matches!(result, Err(GetTimeoutError::TimedOut)));
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    GetTimeoutError {
        /// No item came in time.
        TimedOut => "no item came in time"
    }
}

macro_rules! widen {
    ($($wide:ident)*) => {$(
        impl From<GetError> for $wide {
            fn from(error: GetError) -> Self {
                match error {
                    GetError::Closed => $wide::Closed,
                    GetError::Decode(error) => $wide::Decode(error),
                    GetError::Corrupt(corruption) => $wide::Corrupt(corruption),
                    GetError::Os(error) => $wide::Os(error),
                }
            }
        }
    )*};
}

widen!(TryGetError GetTimeoutError);
