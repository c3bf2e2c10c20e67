//! Why an item was not put: a type for each way to put, alike but for the names of the reasons, each with the item in it.

use super::{Ending, QueueError};
use std::fmt;

/// Why an item was not put, for whatever way to put.
#[derive(Debug)]
pub(crate) enum Unput {
    /// There was no room, now or in time.
    NoRoom,
    Ending(Ending),
}

impl<E: Into<Ending>> From<E> for Unput {
    fn from(error: E) -> Unput {
        Unput::Ending(error.into())
    }
}

macro_rules! put_error {
    (
        $(#[$type_doc:meta])*
        $name:ident {
            $(#[$full_doc:meta])* $full:ident => $full_text:literal,
            $(#[$ended_doc:meta])* [$ended:ident $is_ended:ident] => $ended_text:literal,
        }
    ) => {
        $(#[$type_doc])*
        #[derive(thiserror::Error)]
        #[non_exhaustive]
        pub enum $name<T> {
            $(#[$full_doc])*
            #[error($full_text)]
            $full(T),
            $(#[$ended_doc])*
            #[error($ended_text)]
            $ended(T),
            /// Something is wrong with the queue or the item.
            #[error("{source}")]
            Failed {
                /// The item.
                value: T,
                /// What is wrong.
                source: QueueError,
            },
        }

        impl<T> $name<T> {
            pub(crate) fn new(why: Unput, value: T) -> Self {
                match why {
                    Unput::NoRoom => $name::$full(value),
                    Unput::Ending(Ending::Ended) => $name::$ended(value),
                    Unput::Ending(Ending::Failed(source)) => $name::Failed { value, source },
                }
            }

            /// The item that was not put.
            pub fn into_inner(self) -> T {
                match self {
                    $name::$full(value) | $name::$ended(value) | $name::Failed { value, .. } => value,
                }
            }

            $(#[$ended_doc])*
            pub fn $is_ended(&self) -> bool {
                matches!(self, $name::$ended(_))
            }
        }

        /// Without the item, which need not be printable.
        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $name::$full(_) => f.write_str(concat!(stringify!($full), "(..)")),
                    $name::$ended(_) => f.write_str(concat!(stringify!($ended), "(..)")),
                    $name::Failed { source, .. } => {
                        f.debug_struct("Failed").field("source", source).finish_non_exhaustive()
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
    PutError {
        /// There is no room, and the queue was made to [fail](crate::WhenFull::Fail) then.
        Full => "the queue is full",
        /// The queue is closed.
        [Closed is_closed] => "the queue is closed",
    }
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
        Full => "the queue is full",
        /// The queue is closed.
        [Closed is_closed] => "the queue is closed",
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
        /// There was no room in time, or there is none and the queue was made to [fail](crate::WhenFull::Fail) then.
        TimedOut => "the queue stayed full until the deadline",
        /// The queue is closed.
        [Closed is_closed] => "the queue is closed",
    }
}

put_error! {
    /// Why [`Queue::put_many`](crate::Queue::put_many) and its like did not put all items. Those that were not put, the last
    /// ones, come back.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_queue::{PutManyError, Queue};
    ///
    /// let queue = Queue::bounded(2)?;
    /// match queue.try_put_many(vec![1, 2, 3]) {
    ///     Err(PutManyError::NoRoom(rest)) => assert_eq!(rest, [3]),
    ///     other => panic!("{other:?}"),
    /// }
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    PutManyError {
        /// There was no room for all of them, now or in time.
        NoRoom => "the queue has no room for all items",
        /// The queue is closed.
        [Closed is_closed] => "the queue is closed",
    }
}

put_error! {
    /// Why [`Sender::send`](crate::Sender::send) did not send the item, which it returns.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = ipc_queue::channel(4)?;
    /// drop(receiver);
    /// let error = sender.send("to nobody".to_string()).unwrap_err();
    /// assert!(error.is_disconnected());
    /// assert_eq!(error.into_inner(), "to nobody");
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    SendError {
        /// There is no room, and the channel was made to [fail](crate::WhenFull::Fail) then.
        Full => "the channel is full",
        /// All receivers are gone.
        [Disconnected is_disconnected] => "all receivers are gone",
    }
}

put_error! {
    /// Why [`Sender::try_send`](crate::Sender::try_send) did not send the item, which it returns.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_queue::TrySendError;
    ///
    /// let (sender, receiver) = ipc_queue::channel(1)?;
    /// sender.try_send(1)?;
    /// assert!(matches!(sender.try_send(2), Err(TrySendError::Full(2))));
    /// # drop(receiver);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    TrySendError {
        /// There is no room at the moment.
        Full => "the channel is full",
        /// All receivers are gone.
        [Disconnected is_disconnected] => "all receivers are gone",
    }
}

put_error! {
    /// Why [`Sender::send_timeout`](crate::Sender::send_timeout) or [`Sender::send_deadline`](crate::Sender::send_deadline)
    /// did not send the item, which they return.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_queue::SendTimeoutError;
    /// use std::time::Duration;
    ///
    /// let (sender, receiver) = ipc_queue::channel(1)?;
    /// sender.send(1)?;
    /// let result = sender.send_timeout(2, Duration::from_millis(5));
    /// assert!(matches!(result, Err(SendTimeoutError::TimedOut(2))));
    /// # drop(receiver);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    SendTimeoutError {
        /// There was no room in time.
        TimedOut => "the channel stayed full until the deadline",
        /// All receivers are gone.
        [Disconnected is_disconnected] => "all receivers are gone",
    }
}
