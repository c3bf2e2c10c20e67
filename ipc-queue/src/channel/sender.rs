//! The end of a channel that sends.

use crate::error::{PutManyError, SendError, SendTimeoutError, TrySendError};
use crate::raw_queue::RawQueue;
use ipc_codec::Limits;
use ipc_sys::clock::Deadline;
use serde::Serialize;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The end of a [channel](crate::channel()) that sends.
///
/// Clones are the same sender, for other threads of this process. It can be sent to other processes, which have senders of
/// their own then.
///
/// # Other processes
///
/// If this process is killed while it sends, the item is in the channel whole or not at all. What it has sent stays.
///
/// # Examples
///
/// ```
/// let (sender, receiver) = ipc_queue::channel(10)?;
/// let another = sender.clone();
/// another.send("hello".to_string())?;
/// assert_eq!(receiver.recv()?, "hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Sender<T: ?Sized> {
    raw: Arc<RawQueue>,
    limits: Limits,
    items: PhantomData<fn(&T)>,
}

impl<T: ?Sized> Sender<T> {
    pub(crate) fn from_raw(raw: RawQueue, limits: Limits) -> Self {
        Sender { raw: Arc::new(raw), limits, items: PhantomData }
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

    /// Whether all receivers are gone. Asks the kernel.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = ipc_queue::channel::<u32>(1)?;
    /// assert!(!sender.is_disconnected());
    /// drop(receiver);
    /// assert!(sender.is_disconnected());
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    pub fn is_disconnected(&self) -> bool {
        self.raw.freight().has_no_getter()
    }
}

impl<T: Serialize> Sender<T> {
    /// Sends an item.
    ///
    /// # Blocking
    ///
    /// While the channel is full, until a receiver takes an item or all of them are gone. Signals do not end the wait.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the item. That the last receiver was killed is noticed by a look, every 40 ms at most; what was sent
    /// meanwhile is lost like what nobody had received before.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = ipc_queue::channel(1)?;
    /// sender.send(1)?;
    /// drop(receiver);
    /// assert_eq!(sender.send(2).unwrap_err().into_inner(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn send(&self, item: T) -> Result<(), SendError<T>> {
        let sent = self.raw.put_value(&item, &self.limits, Deadline::NEVER);
        sent.map_err(|why| SendError::new(why, item))
    }

    /// Sends an item if there is room now.
    ///
    /// # Errors
    ///
    /// [`TrySendError`], with the item.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = ipc_queue::channel(1)?;
    /// assert!(sender.try_send(1).is_ok());
    /// assert_eq!(sender.try_send(2).unwrap_err().into_inner(), 2);
    /// # drop(receiver);
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    #[inline]
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        let sent = self.raw.put_value(&item, &self.limits, Deadline::NOW);
        sent.map_err(|why| TrySendError::new(why, item))
    }

    /// Sends an item, or gives up when there was no room for the length of `timeout`.
    ///
    /// # Blocking
    ///
    /// As [`send`](Sender::send), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`SendTimeoutError`], with the item.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let (sender, receiver) = ipc_queue::channel(1)?;
    /// sender.send_timeout(1, Duration::ZERO)?;
    /// assert!(sender.send_timeout(2, Duration::from_millis(5)).is_err());
    /// # drop(receiver);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_timeout(&self, item: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.send_until(item, Deadline::after(timeout))
    }

    /// Sends an item, or gives up when there was no room until `deadline`.
    ///
    /// # Blocking
    ///
    /// As [`send_timeout`](Sender::send_timeout).
    ///
    /// # Errors
    ///
    /// [`SendTimeoutError`], with the item.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let (sender, receiver) = ipc_queue::channel(1)?;
    /// let deadline = Instant::now() + Duration::from_millis(5);
    /// sender.send_deadline(1, deadline)?;
    /// assert!(sender.send_deadline(2, deadline).is_err());
    /// # drop(receiver);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_deadline(&self, item: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.send_until(item, Deadline::at(deadline))
    }

    /// Sends items in their order, waiting for room as often as it takes.
    ///
    /// As many as have room become visible together.
    ///
    /// # Blocking
    ///
    /// As [`send`](Sender::send).
    ///
    /// # Errors
    ///
    /// [`PutManyError`], with those that were not sent.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = ipc_queue::channel(10)?;
    /// sender.send_many(vec![1, 2, 3])?;
    /// assert_eq!(receiver.recv_many(2)?, [1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_many(&self, items: Vec<T>) -> Result<(), PutManyError<Vec<T>>> {
        let sent = self.raw.put_values(items, &self.limits, Deadline::NEVER);
        sent.map_err(|(why, rest)| PutManyError::new(why, rest))
    }

    /// Sends as many items as have room now.
    ///
    /// # Errors
    ///
    /// [`PutManyError`], with those that were not sent.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = ipc_queue::channel(2)?;
    /// assert_eq!(sender.try_send_many(vec![1, 2, 3]).unwrap_err().into_inner(), [3]);
    /// # drop(receiver);
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    pub fn try_send_many(&self, items: Vec<T>) -> Result<(), PutManyError<Vec<T>>> {
        let sent = self.raw.put_values(items, &self.limits, Deadline::NOW);
        sent.map_err(|(why, rest)| PutManyError::new(why, rest))
    }

    /// Sends items, or gives up when there was no room for all of them for the length of `timeout`.
    ///
    /// # Errors
    ///
    /// [`PutManyError`], with those that were not sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let (sender, receiver) = ipc_queue::channel(2)?;
    /// assert!(sender.send_many_timeout(vec![1, 2, 3], Duration::from_millis(5)).is_err());
    /// # drop(receiver);
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    pub fn send_many_timeout(&self, items: Vec<T>, timeout: Duration) -> Result<(), PutManyError<Vec<T>>> {
        let sent = self.raw.put_values(items, &self.limits, Deadline::after(timeout));
        sent.map_err(|(why, rest)| PutManyError::new(why, rest))
    }

    fn send_until(&self, item: T, deadline: Deadline) -> Result<(), SendTimeoutError<T>> {
        let sent = self.raw.put_value(&item, &self.limits, deadline);
        sent.map_err(|why| SendTimeoutError::new(why, item))
    }
}

impl<T: ?Sized> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Sender { raw: Arc::clone(&self.raw), limits: self.limits, items: PhantomData }
    }
}

impl<T: ?Sized> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
