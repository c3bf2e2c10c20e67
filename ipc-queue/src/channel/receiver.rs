//! The end of a channel that receives.

use crate::error::{Ending, QueueError, RecvError, RecvTimeoutError, TryRecvError};
use crate::iter::Iter;
use crate::raw_queue::RawQueue;
use ipc_codec::Limits;
use ipc_sys::clock::Deadline;
use ipc_sys::handle::BorrowedHandle;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fmt, io};

/// The end of a [channel](crate::channel()) that receives.
///
/// Clones are the same receiver, for other threads of this process. It can be sent to other processes, which have receivers of
/// their own then; each item goes to one of them.
///
/// # Other processes
///
/// If this process is killed while it receives, the item is in the channel or gone, and no other is.
///
/// # Examples
///
/// ```
/// let (sender, receiver) = ipc_queue::channel(10)?;
/// sender.send("hello".to_string())?;
/// assert_eq!(receiver.recv()?, "hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Receiver<T: ?Sized> {
    raw: Arc<RawQueue>,
    limits: Limits,
    items: PhantomData<fn() -> Box<T>>,
}

impl<T: ?Sized> Receiver<T> {
    pub(crate) fn from_raw(raw: RawQueue, limits: Limits) -> Self {
        Receiver { raw: Arc::new(raw), limits, items: PhantomData }
    }

    pub(crate) fn raw(&self) -> &RawQueue {
        &self.raw
    }

    /// Sets what the items that pass here may cost, for this value and its later clones; see
    /// [`Queue::with_limits`](crate::Queue::with_limits).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_codec::Limits;
    ///
    /// let (sender, receiver) = ipc_queue::channel::<Vec<u8>>(4)?;
    /// let (sender, receiver) =
    ///     (sender.with_limits(Limits::with_max_frame(8)), receiver.with_limits(Limits::with_max_frame(8)));
    /// assert!(sender.send(vec![0; 100]).is_err());
    /// # drop(receiver);
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How many items are on their way at the moment.
    pub fn len(&self) -> usize {
        self.raw.ring().len()
    }

    /// Whether none is on its way at the moment.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many items the channel takes.
    pub fn capacity(&self) -> usize {
        self.raw.memory().plan().capacity
    }

    /// Whether [`recv`](Receiver::recv) would not wait: there is an item, all senders are gone, or there is an error to tell. An
    /// item may be received by somebody else before.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = ipc_queue::channel::<u8>(10)?;
    /// assert!(!receiver.is_ready());
    /// drop(sender);
    /// assert!(receiver.is_ready());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_ready(&self) -> bool {
        self.raw.is_ready()
    }

    /// A descriptor that is readable when there may be an item, or the channel has ended; as
    /// [`Queue::pollable`](crate::Queue::pollable).
    ///
    /// # Errors
    ///
    /// The system's error when the table of descriptors is full.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::readiness::{Interest, wait_one};
    ///
    /// let (sender, receiver) = ipc_queue::channel(10)?;
    /// sender.send(1)?;
    /// assert!(wait_one(receiver.pollable()?, Interest::Read, Deadline::NEVER)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pollable(&self) -> io::Result<BorrowedHandle<'_>> {
        self.raw.pollable()
    }
}

impl<T: DeserializeOwned> Receiver<T> {
    /// Receives the first item.
    ///
    /// # Blocking
    ///
    /// While the channel is empty, until an item comes or all senders are gone. Signals do not end the wait, which uses no
    /// processor.
    ///
    /// # Errors
    ///
    /// [`RecvError`]. An item that cannot be decoded is lost, and the channel goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = ipc_queue::channel(1)?;
    /// sender.send(1)?;
    /// drop(sender);
    /// assert_eq!(receiver.recv()?, 1);
    /// assert!(receiver.recv().unwrap_err().is_disconnected());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        loop {
            // Without a deadline there is no "not now", so that this goes round once.
            if let Some(item) = self.raw.get_value(&self.limits, Deadline::NEVER)? {
                return Ok(item);
            }
        }
    }

    /// Receives the first item if there is one now.
    ///
    /// # Errors
    ///
    /// [`TryRecvError`].
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = ipc_queue::channel(1)?;
    /// assert!(receiver.try_recv().is_err());
    /// sender.send(1)?;
    /// assert_eq!(receiver.try_recv()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.raw.get_value(&self.limits, Deadline::NOW)?.ok_or(TryRecvError::Empty)
    }

    /// Receives the first item, or gives up when there was none for the length of `timeout`.
    ///
    /// # Blocking
    ///
    /// As [`recv`](Receiver::recv), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`RecvTimeoutError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let (sender, receiver) = ipc_queue::channel(1)?;
    /// assert!(receiver.recv_timeout(Duration::from_millis(5)).is_err());
    /// sender.send(1)?;
    /// assert_eq!(receiver.recv_timeout(Duration::ZERO)?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_until(Deadline::after(timeout))
    }

    /// Receives the first item, or gives up when there was none until `deadline`.
    ///
    /// # Blocking
    ///
    /// As [`recv_timeout`](Receiver::recv_timeout).
    ///
    /// # Errors
    ///
    /// [`RecvTimeoutError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let (sender, receiver) = ipc_queue::channel::<u32>(1)?;
    /// assert!(receiver.recv_deadline(Instant::now() + Duration::from_millis(5)).is_err());
    /// # drop(sender);
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_until(Deadline::at(deadline))
    }

    /// Receives what is there, up to `most` items, and waits for the first.
    ///
    /// # Blocking
    ///
    /// As [`recv`](Receiver::recv); not if `most` is zero.
    ///
    /// # Errors
    ///
    /// [`RecvError`]. If one of the items cannot be decoded, all that were taken with it are lost.
    ///
    /// # Other processes
    ///
    /// If this process is killed meanwhile, the items that it was taking may be gone.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = ipc_queue::channel(10)?;
    /// sender.send_many(vec![1, 2, 3])?;
    /// assert_eq!(receiver.recv_many(10)?, [1, 2, 3]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recv_many(&self, most: usize) -> Result<Vec<T>, RecvError> {
        loop {
            let items = self.raw.get_values(most, &self.limits, Deadline::NEVER)?;
            if !items.is_empty() || most == 0 {
                return Ok(items);
            }
        }
    }

    /// Receives what is there now, up to `most` items. There may be none.
    ///
    /// # Errors
    ///
    /// [`RecvError`], as for [`recv_many`](Receiver::recv_many).
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = ipc_queue::channel::<u32>(10)?;
    /// assert!(receiver.try_recv_many(10)?.is_empty());
    /// # drop(sender);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_recv_many(&self, most: usize) -> Result<Vec<T>, RecvError> {
        Ok(self.raw.get_values(most, &self.limits, Deadline::NOW)?)
    }

    /// Receives what is there, up to `most` items, and waits for the first for at most `timeout`; then there is none.
    ///
    /// # Errors
    ///
    /// [`RecvError`], as for [`recv_many`](Receiver::recv_many).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let (sender, receiver) = ipc_queue::channel::<u32>(10)?;
    /// assert!(receiver.recv_many_timeout(10, Duration::from_millis(5))?.is_empty());
    /// # drop(sender);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recv_many_timeout(&self, most: usize, timeout: Duration) -> Result<Vec<T>, RecvError> {
        Ok(self.raw.get_values(most, &self.limits, Deadline::after(timeout))?)
    }

    /// The items as they come, until all senders are gone and the channel is drained.
    ///
    /// An item that is lost because it cannot be decoded is an error in the row, and the next follows. After an error that says
    /// that the channel is of no use any more the row ends.
    ///
    /// # Blocking
    ///
    /// Each step as [`recv`](Receiver::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = ipc_queue::channel(4)?;
    /// sender.send_many(vec![1, 2, 3])?;
    /// drop(sender);
    /// assert_eq!(receiver.iter().sum::<Result<i32, _>>()?, 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter(&self) -> Iter<'_, T> {
        Iter::new(&self.raw, self.limits, Deadline::NEVER)
    }

    /// The items that are there, until the channel is empty.
    ///
    /// Errors are as in [`iter`](Receiver::iter).
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = ipc_queue::channel(4)?;
    /// sender.send('a')?;
    /// assert_eq!(receiver.try_iter().collect::<Result<String, _>>()?, "a");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_iter(&self) -> Iter<'_, T> {
        Iter::new(&self.raw, self.limits, Deadline::NOW)
    }

    fn recv_until(&self, deadline: Deadline) -> Result<T, RecvTimeoutError> {
        let item: Result<Option<T>, Ending> = self.raw.get_value(&self.limits, deadline);
        item?.ok_or(RecvTimeoutError::TimedOut)
    }
}

impl<T: ?Sized> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Receiver { raw: Arc::clone(&self.raw), limits: self.limits, items: PhantomData }
    }
}

impl<T: ?Sized> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

/// A row of the items as they come, which ends with the channel or with an error that says that it is of no use any more.
impl<'a, T: DeserializeOwned> IntoIterator for &'a Receiver<T> {
    type Item = Result<T, QueueError>;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}
