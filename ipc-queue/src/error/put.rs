//! Why an item was not put: three types for the three ways to put, each with the item in it.

use crate::error::Corruption;
use crate::raw::Stop;
use ipc_codec::EncodeError;
use std::{fmt, io};

/// Why an item was not put, for whatever way to put, without the item.
#[derive(Debug)]
pub(crate) enum Refusal {
    Closed,
    TooLarge { size: usize, limit: usize },
    HandlesUnsupported,
    Encode(EncodeError),
    Corrupt(Corruption),
    Lock(io::Error),
}

impl From<Stop> for Refusal {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Closed => Refusal::Closed,
            Stop::Corrupt(corruption) => Refusal::Corrupt(corruption),
            Stop::Lock(error) => Refusal::Lock(error),
        }
    }
}

impl From<EncodeError> for Refusal {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::TooLarge { size, limit } => Refusal::TooLarge { size, limit },
            EncodeError::TooManyHandles { .. } => Refusal::HandlesUnsupported,
            error => Refusal::Encode(error),
        }
    }
}

macro_rules! put_error {
    (
        $(#[$type_doc:meta])*
        $name:ident $({ $(#[$own_doc:meta])* $own:ident => $own_text:literal })?
    ) => {
        $(#[$type_doc])*
        #[derive(thiserror::Error)]
        #[non_exhaustive]
        pub enum $name<T> {
            $($(#[$own_doc])* #[error($own_text)] $own(T),)?
            /// The queue is closed.
            #[error("the queue is closed")]
            Closed(T),
            /// The encoded item is larger than the queue ever takes, or than the [limits](crate::Builder::limits)
            /// allow.
            #[error("the encoded item needs at least {size} bytes, the limit is {limit}")]
            TooLarge {
                /// The item.
                value: T,
                /// How many bytes were needed when the encoder gave up; the whole item may need more.
                size: usize,
                /// The limit: [`Queue::byte_capacity`](crate::Queue::byte_capacity) or less.
                limit: usize,
            },
            /// The item holds a handle, which items cannot carry yet.
            #[error("the item holds a handle, which a queue does not carry yet")]
            HandlesUnsupported(T),
            /// The item could not be encoded.
            #[error("the item could not be encoded")]
            Encode {
                /// The item.
                value: T,
                /// What the encoder said.
                source: EncodeError,
            },
            /// The memory of the queue has been scribbled over.
            #[error("the queue cannot be used any more")]
            Corrupt {
                /// The item.
                value: T,
                /// What was found.
                source: Corruption,
            },
            /// The lock of the queue is broken.
            #[error("the lock of the queue failed")]
            Os {
                /// The item.
                value: T,
                /// The system's error.
                source: io::Error,
            },
        }

        impl<T> $name<T> {
            pub(crate) fn new(refusal: Refusal, value: T) -> Self {
                match refusal {
                    Refusal::Closed => $name::Closed(value),
                    Refusal::TooLarge { size, limit } => $name::TooLarge { value, size, limit },
                    Refusal::HandlesUnsupported => $name::HandlesUnsupported(value),
                    Refusal::Encode(source) => $name::Encode { value, source },
                    Refusal::Corrupt(source) => $name::Corrupt { value, source },
                    Refusal::Lock(source) => $name::Os { value, source },
                }
            }

            /// The item that was not put.
            pub fn into_inner(self) -> T {
                match self {
                    $($name::$own(value) => value,)?
                    $name::Closed(value)
                    | $name::TooLarge { value, .. }
                    | $name::HandlesUnsupported(value)
                    | $name::Encode { value, .. }
                    | $name::Corrupt { value, .. }
                    | $name::Os { value, .. } => value,
                }
            }

            /// Whether the queue is closed.
            pub fn is_closed(&self) -> bool {
                matches!(self, $name::Closed(_))
            }
        }

        /// Without the item, which need not be printable.
        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $($name::$own(_) => f.write_str(concat!(stringify!($own), "(..)")),)?
                    $name::Closed(_) => f.write_str("Closed(..)"),
                    $name::TooLarge { size, limit, .. } => {
                        let mut f = f.debug_struct("TooLarge");
                        f.field("size", size).field("limit", limit).finish_non_exhaustive()
                    }
                    $name::HandlesUnsupported(_) => f.write_str("HandlesUnsupported(..)"),
                    $name::Encode { source, .. } => {
                        f.debug_struct("Encode").field("source", source).finish_non_exhaustive()
                    }
                    $name::Corrupt { source, .. } => {
                        f.debug_struct("Corrupt").field("source", source).finish_non_exhaustive()
                    }
                    $name::Os { source, .. } => {
                        f.debug_struct("Os").field("source", source).finish_non_exhaustive()
                    }
                }
            }
        }
    };
}

put_error! {
    /// Why [`Queue::put`](crate::Queue::put) did not put the item, which it returns.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = ipc_queue::Queue::bounded(4)?;
    /// queue.close();
    /// let error = queue.put("late".to_string()).unwrap_err();
    /// assert!(error.is_closed());
    /// assert_eq!(error.into_inner(), "late");
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    PutError
}

put_error! {
    /// Why [`Queue::try_put`](crate::Queue::try_put) did not put the item, which it returns.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_queue::{Queue, TryPutError};
    ///
    /// let queue = Queue::bounded(1)?;
    /// queue.try_put(1)?;
    /// assert!(matches!(queue.try_put(2), Err(TryPutError::Full(2))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    TryPutError {
        /// There is no room at the moment.
        Full => "the queue is full"
    }
}

put_error! {
    /// Why [`Queue::put_timeout`](crate::Queue::put_timeout) or [`Queue::put_deadline`](crate::Queue::put_deadline)
    /// did not put the item, which they return.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_queue::{PutTimeoutError, Queue};
    /// use std::time::Duration;
    ///
    /// let queue = Queue::bounded(1)?;
    /// queue.put(1)?;
    /// let result = queue.put_timeout(2, Duration::from_millis(5));
    /// assert!(matches!(result, Err(PutTimeoutError::TimedOut(2))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    PutTimeoutError {
        /// There was no room in time.
        TimedOut => "the queue stayed full until the deadline"
    }
}

macro_rules! widen {
    ($($wide:ident)*) => {$(
        impl<T> From<PutError<T>> for $wide<T> {
            fn from(error: PutError<T>) -> Self {
                match error {
                    PutError::Closed(value) => $wide::Closed(value),
                    PutError::TooLarge { value, size, limit } => $wide::TooLarge { value, size, limit },
                    PutError::HandlesUnsupported(value) => $wide::HandlesUnsupported(value),
                    PutError::Encode { value, source } => $wide::Encode { value, source },
                    PutError::Corrupt { value, source } => $wide::Corrupt { value, source },
                    PutError::Os { value, source } => $wide::Os { value, source },
                }
            }
        }
    )*};
}

widen!(TryPutError PutTimeoutError);
