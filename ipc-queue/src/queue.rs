//! [`Queue`]: items instead of byte strings.

use crate::builder::Builder;
use crate::error::{
    CreateError, GetError, GetTimeoutError, OpenError, PutError, PutTimeoutError, Refusal, TryGetError,
    TryPutError,
};
use crate::iter::{Iter, TryIter};
use crate::layout;
use crate::raw::RawQueue;
use ipc_codec::{DecodeError, Limits};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::OwnedHandle;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fmt, io};

/// A first-in, first-out queue of many processes to many, of bounded size.
///
/// Items of one producer come out in the order in which it put them. An item is in the queue from the moment that
/// its `put` takes effect, in one store; it goes to exactly one `get`. Which of several waiting processes is served
/// first is not promised.
///
/// There are two capacities: the number of items ([`capacity`](Queue::capacity)) and the number of bytes that the
/// encoded items take together ([`byte_capacity`](Queue::byte_capacity)). A put waits while either is used up. All
/// memory is reserved when the queue is made; no later call fails for lack of it.
///
/// Clones are the same queue, for other threads of this process.
///
/// # Other processes
///
/// A queue is passed on in a message, as an argument of a process say: it is a handle there (see
/// [`ipc_codec::handle`]). A forked child may use its copy. The queue lives until the last process has dropped it,
/// and leaves nothing behind.
///
/// A process may be killed at any instruction: what it was putting is in the queue whole or not at all, what it was
/// taking is in the queue or gone with it, and nobody waits for it for more than 50 ms. A process that is
/// *stopped* in the middle of a call keeps the others waiting, except for calls with a deadline.
///
/// # Examples
///
/// ```
/// use ipc_queue::Queue;
///
/// let queue = Queue::bounded(100)?;
/// queue.put(("answer".to_string(), 42))?;
/// assert_eq!(queue.get()?, ("answer".to_string(), 42));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Queue<T> {
    raw: Arc<RawQueue>,
    limits: Limits,
    /// Items go in and come out; the queue itself holds none that belongs to this process.
    items: PhantomData<fn(T) -> T>,
}

impl<T> Queue<T> {
    /// Makes a queue for up to `capacity` items.
    ///
    /// It takes 4 KiB of encoded items for each, and at least 1 MiB and at most 64 MiB in all. [`Queue::builder`]
    /// sets it otherwise.
    ///
    /// # Errors
    ///
    /// [`CreateError`], when the capacity is zero or the system does not give the memory.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = ipc_queue::Queue::<String>::bounded(10)?;
    /// assert_eq!((queue.capacity(), queue.byte_capacity()), (10, 1 << 20));
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    pub fn bounded(capacity: usize) -> Result<Self, CreateError> {
        Queue::builder().capacity(capacity).create()
    }

    /// The options of a new queue.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = ipc_queue::Queue::<Vec<u8>>::builder().capacity(16).byte_capacity(16 << 20).create()?;
    /// assert_eq!(queue.byte_capacity(), 16 << 20);
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    pub fn builder() -> Builder<T> {
        Builder::new()
    }

    /// Takes a queue whose handle came from another process.
    ///
    /// Queues in messages do this by themselves. The [limits](Queue::with_limits) are the defaults.
    ///
    /// # Errors
    ///
    /// [`OpenError`], when the handle is no queue of this build for items of this type. The type is compared by its
    /// name: that finds mistakes, and is no proof.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_queue::Queue;
    ///
    /// let here = Queue::<u32>::bounded(4)?;
    /// let there = Queue::<u32>::from_handle(here.duplicate_handle()?)?;
    /// here.put(7)?;
    /// assert_eq!(there.get()?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_handle(handle: OwnedHandle) -> Result<Self, OpenError> {
        Ok(Queue::from_raw(RawQueue::open(handle, layout::item_type::<T>())?, Limits::default()))
    }

    pub(crate) fn from_raw(raw: RawQueue, limits: Limits) -> Self {
        Queue { raw: Arc::new(raw), limits, items: PhantomData }
    }

    /// A handle to the queue, to hand to another process by other means than a message of the family.
    ///
    /// # Errors
    ///
    /// The system's error when the table of handles is full.
    pub fn duplicate_handle(&self) -> io::Result<OwnedHandle> {
        self.raw.segment().memory().duplicate_handle()
    }

    /// Sets what the items that are put and taken here may cost.
    ///
    /// The limits belong to this value and its later clones. They do not travel: another process that takes the
    /// queue has the defaults. A queue never carries handles, whatever `max_handles` says.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_codec::Limits;
    /// use ipc_queue::{PutError, Queue};
    ///
    /// let queue = Queue::bounded(4)?.with_limits(Limits::with_max_frame(8));
    /// let error = queue.put([1_u64 << 63; 2]).unwrap_err();
    /// assert!(matches!(error, PutError::TooLarge { limit: 8, .. }));
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How many items are in the queue at the moment.
    ///
    /// Others may put and take meanwhile; the number is exact only while nobody does.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = ipc_queue::Queue::bounded(4)?;
    /// queue.put('a')?;
    /// assert_eq!(queue.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn len(&self) -> usize {
        self.raw.len()
    }

    /// Whether there is no item at the moment.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there are [`capacity`](Queue::capacity) items at the moment.
    ///
    /// A put may find no room before that: when the bytes are used up.
    pub fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }

    /// How many items the queue takes. Does not change.
    pub fn capacity(&self) -> usize {
        self.raw.segment().layout().capacity()
    }

    /// How many bytes the encoded items in the queue may take together, and the size of the largest. Does not change.
    pub fn byte_capacity(&self) -> usize {
        self.raw.segment().layout().byte_capacity()
    }

    /// Ends the queue for all who hold it.
    ///
    /// From when this returns, every put fails, and gets go on until the queue is empty and fail then. Whoever
    /// waits is woken. Closing twice is closing once; a closed queue is never open again.
    ///
    /// # Blocking
    ///
    /// While another process is in the middle of a put or get, and as long as it is stopped there.
    ///
    /// # Other processes
    ///
    /// The end of a process closes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = ipc_queue::Queue::bounded(4)?;
    /// queue.put(1)?;
    /// queue.close();
    /// assert!(queue.put(2).is_err());
    /// assert_eq!(queue.get()?, 1);
    /// assert!(queue.get().unwrap_err().is_closed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close(&self) {
        self.raw.close();
    }

    /// Whether somebody has closed the queue. There may still be items in it.
    pub fn is_closed(&self) -> bool {
        self.raw.is_closed()
    }

    pub(crate) fn raw(&self) -> &RawQueue {
        &self.raw
    }
}

impl<T: Serialize> Queue<T> {
    /// Adds an item to the end of the queue.
    ///
    /// # Blocking
    ///
    /// While the queue is full, until somebody takes an item or closes the queue. Signals do not end the wait.
    ///
    /// # Errors
    ///
    /// [`PutError`], with the item. An item that is too large for the queue is an error at once.
    ///
    /// # Other processes
    ///
    /// If this process is killed meanwhile, the item is in the queue whole or not at all.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = ipc_queue::Queue::bounded(4)?;
    /// queue.put("hello".to_string())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn put(&self, item: T) -> Result<(), PutError<T>> {
        loop {
            // Without a deadline there is no "not now", so that this goes round once.
            match self.put_encoded(&item, Deadline::NEVER) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(refusal) => return Err(PutError::new(refusal, item)),
            }
        }
    }

    /// Adds an item if there is room now.
    ///
    /// # Blocking
    ///
    /// Not for room. If a process is stopped in the middle of a call, this gives up after 50 ms, as if the queue
    /// were full.
    ///
    /// # Errors
    ///
    /// [`TryPutError`], with the item.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = ipc_queue::Queue::bounded(1)?;
    /// assert!(queue.try_put(1).is_ok());
    /// assert_eq!(queue.try_put(2).unwrap_err().into_inner(), 2);
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    pub fn try_put(&self, item: T) -> Result<(), TryPutError<T>> {
        match self.put_encoded(&item, Deadline::NOW) {
            Ok(true) => Ok(()),
            Ok(false) => Err(TryPutError::Full(item)),
            Err(refusal) => Err(TryPutError::new(refusal, item)),
        }
    }

    /// Adds an item, or gives up when there was no room for the length of `timeout`.
    ///
    /// # Blocking
    ///
    /// As [`put`](Queue::put), for at most `timeout` (monotonic clock; one that the clock cannot count to is for
    /// ever), and up to 50 ms longer if a process is stopped in the middle of a call. If there is room, the item is
    /// put even when the time is over already.
    ///
    /// # Errors
    ///
    /// [`PutTimeoutError`], with the item.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let queue = ipc_queue::Queue::bounded(1)?;
    /// queue.put_timeout(1, Duration::ZERO)?;
    /// assert!(queue.put_timeout(2, Duration::from_millis(5)).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn put_timeout(&self, item: T, timeout: Duration) -> Result<(), PutTimeoutError<T>> {
        self.put_until(item, Deadline::after(timeout))
    }

    /// Adds an item, or gives up when there was no room until `deadline`.
    ///
    /// # Blocking
    ///
    /// As [`put_timeout`](Queue::put_timeout).
    ///
    /// # Errors
    ///
    /// [`PutTimeoutError`], with the item.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let queue = ipc_queue::Queue::bounded(4)?;
    /// let deadline = Instant::now() + Duration::from_millis(5);
    /// for number in 0..4 {
    ///     queue.put_deadline(number, deadline)?;
    /// }
    /// assert!(queue.put_deadline(4, deadline).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn put_deadline(&self, item: T, deadline: Instant) -> Result<(), PutTimeoutError<T>> {
        self.put_until(item, Deadline::at(deadline))
    }

    fn put_until(&self, item: T, deadline: Deadline) -> Result<(), PutTimeoutError<T>> {
        match self.put_encoded(&item, deadline) {
            Ok(true) => Ok(()),
            Ok(false) => Err(PutTimeoutError::TimedOut(item)),
            Err(refusal) => Err(PutTimeoutError::new(refusal, item)),
        }
    }

    /// Encodes and puts; false when the deadline passed before there was room.
    fn put_encoded(&self, item: &T, deadline: Deadline) -> Result<bool, Refusal> {
        // No handle is allowed, so that the encoder refuses the first before it duplicates any.
        let max_frame = self.limits.max_frame.min(self.byte_capacity());
        let limits = Limits { max_frame, max_handles: 0, ..self.limits };
        let message = ipc_codec::encode(item, &limits)?;
        Ok(self.raw.put(message.bytes(), deadline)?)
    }
}

impl<T: DeserializeOwned> Queue<T> {
    /// Takes the first item.
    ///
    /// # Blocking
    ///
    /// While the queue is empty, until somebody puts an item or closes the queue. Signals do not end the wait,
    /// which uses no processor. The end of all other processes does not end it either: they might be started again.
    ///
    /// # Errors
    ///
    /// [`GetError`]. An item that cannot be decoded is lost, and the queue goes on.
    ///
    /// # Other processes
    ///
    /// If this process is killed meanwhile, the item is in the queue or gone, and no other is.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = ipc_queue::Queue::bounded(4)?;
    /// queue.put("hello".to_string())?;
    /// assert_eq!(queue.get()?, "hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get(&self) -> Result<T, GetError> {
        loop {
            // Without a deadline there is no "not now", so that this goes round once.
            if let Some(bytes) = self.raw.get(Deadline::NEVER)? {
                return Ok(self.decode(&bytes)?);
            }
        }
    }

    /// Takes the first item if there is one now.
    ///
    /// # Blocking
    ///
    /// Not for an item. If a process is stopped in the middle of a call, this gives up after 50 ms, as if the queue
    /// were empty.
    ///
    /// # Errors
    ///
    /// [`TryGetError`].
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = ipc_queue::Queue::bounded(4)?;
    /// assert!(queue.try_get().is_err());
    /// queue.put(1)?;
    /// assert_eq!(queue.try_get()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_get(&self) -> Result<T, TryGetError> {
        match self.raw.get(Deadline::NOW)? {
            Some(bytes) => Ok(self.decode(&bytes)?),
            None => Err(TryGetError::Empty),
        }
    }

    /// Takes the first item, or gives up when there was none for the length of `timeout`.
    ///
    /// # Blocking
    ///
    /// As [`get`](Queue::get), for at most `timeout` (monotonic clock; one that the clock cannot count to is for
    /// ever), and up to 50 ms longer if a process is stopped in the middle of a call. If there is an item, it is
    /// taken even when the time is over already.
    ///
    /// # Errors
    ///
    /// [`GetTimeoutError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let queue = ipc_queue::Queue::bounded(4)?;
    /// assert!(queue.get_timeout(Duration::from_millis(5)).is_err());
    /// queue.put(1)?;
    /// assert_eq!(queue.get_timeout(Duration::ZERO)?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_timeout(&self, timeout: Duration) -> Result<T, GetTimeoutError> {
        self.get_until(Deadline::after(timeout))
    }

    /// Takes the first item, or gives up when there was none until `deadline`.
    ///
    /// # Blocking
    ///
    /// As [`get_timeout`](Queue::get_timeout).
    ///
    /// # Errors
    ///
    /// [`GetTimeoutError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let queue = ipc_queue::Queue::<u32>::bounded(4)?;
    /// let deadline = Instant::now() + Duration::from_millis(5);
    /// assert!(queue.get_deadline(deadline).is_err());
    /// assert!(Instant::now() >= deadline);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_deadline(&self, deadline: Instant) -> Result<T, GetTimeoutError> {
        self.get_until(Deadline::at(deadline))
    }

    /// The items as they come, until the queue is closed and drained.
    ///
    /// An item that cannot be decoded is an error in the row, and the next follows. After an error that says that
    /// the queue is of no use any more the row ends.
    ///
    /// # Blocking
    ///
    /// Each step as [`get`](Queue::get).
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = ipc_queue::Queue::bounded(4)?;
    /// for number in 1..=3 {
    ///     queue.put(number)?;
    /// }
    /// queue.close();
    /// assert_eq!(queue.iter().sum::<Result<i32, _>>()?, 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter(&self) -> Iter<'_, T> {
        Iter::new(self)
    }

    /// The items that are there, until the queue is empty.
    ///
    /// Errors are as in [`iter`](Queue::iter).
    ///
    /// # Blocking
    ///
    /// Each step as [`try_get`](Queue::try_get).
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = ipc_queue::Queue::bounded(4)?;
    /// queue.put('a')?;
    /// queue.put('b')?;
    /// assert_eq!(queue.try_iter().collect::<Result<String, _>>()?, "ab");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter::new(self)
    }

    fn get_until(&self, deadline: Deadline) -> Result<T, GetTimeoutError> {
        match self.raw.get(deadline)? {
            Some(bytes) => Ok(self.decode(&bytes)?),
            None => Err(GetTimeoutError::TimedOut),
        }
    }

    fn decode(&self, bytes: &[u8]) -> Result<T, DecodeError> {
        ipc_codec::decode(bytes, Vec::new(), &self.limits)
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Queue { raw: Arc::clone(&self.raw), limits: self.limits, items: PhantomData }
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("byte_capacity", &self.byte_capacity())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
