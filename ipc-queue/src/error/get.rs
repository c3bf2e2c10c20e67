//! Why no item came: a type for each way to get, alike but for the names of the reasons.

use super::{Ending, QueueError};

macro_rules! get_error {
    (
        $(#[$type_doc:meta])*
        $name:ident {
            $([$(#[$own_doc:meta])* $own:ident => $own_text:literal])?
            $(#[$ended_doc:meta])* [$ended:ident $is_ended:ident] => $ended_text:literal,
        }
    ) => {
        $(#[$type_doc])*
        #[derive(Debug, thiserror::Error)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$own_doc])* #[error($own_text)] $own,)?
            $(#[$ended_doc])*
            #[error($ended_text)]
            $ended,
            /// Something is wrong with the queue, or with an item that was taken.
            #[error(transparent)]
            Failed(#[from] QueueError),
        }

        impl $name {
            $(#[$ended_doc])*
            pub fn $is_ended(&self) -> bool {
                matches!(self, $name::$ended)
            }
        }

        impl From<Ending> for $name {
            fn from(ending: Ending) -> Self {
                match ending {
                    Ending::Ended => $name::$ended,
                    Ending::Failed(error) => $name::Failed(error),
                }
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
    GetError {
        /// The queue is closed, and all items were taken.
        [Closed is_closed] => "the queue is closed and drained",
    }
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
        [
            /// There is no item at the moment.
            Empty => "the queue is empty"
        ]
        /// The queue is closed, and all items were taken.
        [Closed is_closed] => "the queue is closed and drained",
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
        [
            /// No item came in time.
            TimedOut => "no item came in time"
        ]
        /// The queue is closed, and all items were taken.
        [Closed is_closed] => "the queue is closed and drained",
    }
}

get_error! {
    /// Why [`Receiver::recv`](crate::Receiver::recv) returned no item.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = ipc_queue::channel::<u32>(4)?;
    /// drop(sender);
    /// assert!(receiver.recv().unwrap_err().is_disconnected());
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    RecvError {
        /// All senders are gone, and all items were taken.
        [Disconnected is_disconnected] => "all senders are gone and the channel is drained",
    }
}

get_error! {
    /// Why [`Receiver::try_recv`](crate::Receiver::try_recv) returned no item.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = ipc_queue::channel::<u32>(4)?;
    /// assert!(matches!(receiver.try_recv(), Err(ipc_queue::TryRecvError::Empty)));
    /// # drop(sender);
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    TryRecvError {
        [
            /// There is no item at the moment.
            Empty => "the channel is empty"
        ]
        /// All senders are gone, and all items were taken.
        [Disconnected is_disconnected] => "all senders are gone and the channel is drained",
    }
}

get_error! {
    /// Why [`Receiver::recv_timeout`](crate::Receiver::recv_timeout) or
    /// [`Receiver::recv_deadline`](crate::Receiver::recv_deadline) returned no item.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_queue::RecvTimeoutError;
    /// use std::time::Duration;
    ///
    /// let (sender, receiver) = ipc_queue::channel::<u32>(4)?;
    /// let result = receiver.recv_timeout(Duration::from_millis(5));
    /// assert!(matches!(result, Err(RecvTimeoutError::TimedOut)));
    /// # drop(sender);
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    RecvTimeoutError {
        [
            /// No item came in time.
            TimedOut => "no item came in time"
        ]
        /// All senders are gone, and all items were taken.
        [Disconnected is_disconnected] => "all senders are gone and the channel is drained",
    }
}
