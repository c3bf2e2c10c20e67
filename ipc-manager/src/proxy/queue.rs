//! Queues, joinable ones, too.

use super::{no_args, no_reply, proxy, waits};
use crate::error::CallError;
use crate::wire::Op;
use ipc_sys::clock::Deadline;
use serde::Serialize;
use serde::de::DeserializeOwned;

proxy! {
    /// A queue. Made by [`Host::queue`](crate::Host::queue).
    ///
    /// `multiproc::Queue` is faster by far, but cannot be put into other objects.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_manager::{CallError, Manager};
    /// # ipc_process::init();
    ///
    /// let manager = Manager::start()?;
    /// let queue = manager.queue(2)?;
    /// queue.put(&"one".to_string())?;
    /// queue.put(&"two".to_string())?;
    /// assert!(queue.is_full()?);
    /// assert!(queue.try_put(&"three".to_string()).unwrap_err().is_timeout());
    /// assert_eq!(queue.get()?, "one");
    /// assert_eq!(queue.get_available(10)?, ["two"]);
    /// queue.close()?;
    /// assert!(matches!(queue.get(), Err(CallError::Broken)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    Queue<T> of Queue
}

proxy! {
    /// A queue that knows which of its items are done. Made by [`Host::joinable_queue`](crate::Host::joinable_queue).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_manager::{CallError, Manager};
    /// # ipc_process::init();
    ///
    /// let manager = Manager::start()?;
    /// let tasks = manager.joinable_queue(0)?;
    /// (0..3).try_for_each(|task| tasks.put(&task))?;
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         for _ in 0..3 {
    ///             tasks.get().unwrap();
    ///             tasks.task_done().unwrap();
    ///         }
    ///     });
    ///     tasks.join()
    /// })?;
    /// assert!(matches!(tasks.task_done(), Err(CallError::NotHeld)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    JoinableQueue<T> of JoinableQueue
}

macro_rules! queues {
    ($Type:ident) => {
        impl<T: Serialize + DeserializeOwned> $Type<T> {
            waits! {
                /// Puts an item at the end.
                ///
                /// # Blocking
                ///
                /// While the queue is full.
                ///
                /// # Errors
                ///
                /// [`CallError::Broken`] if it is closed.
                put, try_put, put_timeout, put_deadline (item: &T) -> () = put_until
            }

            waits! {
                /// Takes the first item away.
                ///
                /// # Blocking
                ///
                /// While there is none.
                ///
                /// # Errors
                ///
                /// [`CallError::Broken`] if it is closed, and has no more items.
                ///
                /// # Other processes
                ///
                /// An item that was given to a process which ends before it has read it is gone with it.
                get, try_get, get_timeout, get_deadline () -> T = get_until
            }

            /// Takes up to so many items away that are there now, in one call.
            pub fn get_available(&self, most: usize) -> Result<Vec<T>, CallError> {
                self.call(Op::Slice, |request| request.number(most), |reply| reply.all())
            }

            /// How many items there are.
            pub fn len(&self) -> Result<usize, CallError> {
                self.call(Op::Len, no_args, |reply| reply.count())
            }

            /// Whether there are none.
            pub fn is_empty(&self) -> Result<bool, CallError> {
                self.len().map(|len| len == 0)
            }

            /// Whether it has as many items as it takes.
            pub fn is_full(&self) -> Result<bool, CallError> {
                let capacity = self.capacity()?;
                Ok(capacity != 0 && self.len()? >= capacity)
            }

            /// How many items it takes; zero is no limit.
            pub fn capacity(&self) -> Result<usize, CallError> {
                self.call(Op::Capacity, no_args, |reply| reply.count())
            }

            /// Ends the queue: nothing can be put any more, and what is there can still be got. Who waits gets
            /// [`CallError::Broken`].
            pub fn close(&self) -> Result<(), CallError> {
                self.call(Op::Close, no_args, no_reply)
            }

            fn put_until(&self, item: &T, deadline: Deadline) -> Result<(), CallError> {
                let write = |request: &mut crate::client::Request<'_>| {
                    request.deadline(deadline);
                    request.value(item)
                };
                self.call(Op::Put, write, no_reply)
            }

            fn get_until(&self, deadline: Deadline) -> Result<T, CallError> {
                let write = |request: &mut crate::client::Request<'_>| {
                    request.deadline(deadline);
                    Ok(())
                };
                self.call(Op::Take, write, |reply| reply.value())
            }
        }
    };
}

queues!(Queue);
queues!(JoinableQueue);

impl<T: Serialize + DeserializeOwned> JoinableQueue<T> {
    waits! {
        /// Waits until all items that were put are done.
        ///
        /// # Blocking
        ///
        /// Until [`task_done`](JoinableQueue::task_done) was called for each of them.
        ///
        /// # Errors
        ///
        /// [`CallError`].
        join, try_join, join_timeout, join_deadline () -> () = join_until
    }

    /// Says that one item that was got is done.
    ///
    /// # Errors
    ///
    /// [`CallError::NotHeld`] if all of them are.
    pub fn task_done(&self) -> Result<(), CallError> {
        self.call(Op::TaskDone, no_args, no_reply)
    }

    fn join_until(&self, deadline: Deadline) -> Result<(), CallError> {
        let write = |request: &mut crate::client::Request<'_>| {
            request.deadline(deadline);
            Ok(())
        };
        self.call(Op::Join, write, no_reply)
    }
}
