//! [`Queue`]: items of a type that serde knows.

use crate::builder::Builder;
use crate::error::{
    CreateError, GetError, GetTimeoutError, PutError, PutManyError, PutTimeoutError, QueueError, TryGetError,
    TryPutError,
};
use crate::iter::Iter;
use crate::raw_queue::RawQueue;
use ipc_codec::Limits;
use ipc_sys::clock::Deadline;
use ipc_sys::handle::BorrowedHandle;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fmt, io};

/// A first-in, first-out queue of many processes to many, of bounded size.
///
/// Items of one producer come out in the order in which it put them. An item is in the queue, for all to see, from the moment
/// that its `put` takes effect, in one store, before the call returns; it goes to exactly one `get`. Which of several waiting
/// processes is served first is not promised.
///
/// There are two capacities: the number of items ([`capacity`](Queue::capacity)) and the number of bytes that the
/// encoded items take together ([`byte_capacity`](Queue::byte_capacity)). A put waits while either is used up. All
/// memory is reserved when the queue is made. An item that is larger than the capacity in bytes has memory of its own, as long
/// as it is in the queue, and counts as an item; how large it may be is said by the [limits](Queue::with_limits).
///
/// Items may have handles in them: files, sockets, ends of pipes, locks, other queues. They travel with the item.
///
/// Clones are the same queue, for other threads of this process. A `Queue<[u8]>` has byte strings for items, which pass without
/// an encoder.
///
/// # Other processes
///
/// A queue is passed on in a message, as an argument of a process say, or through another queue (see
/// [`ipc_codec::handle`]). A forked child may use its copy. The queue lives until the last process has dropped it,
/// and leaves nothing behind. Up to 4,096 processes share one.
///
/// A process may be killed at any instruction: what it was putting is in the queue whole or not at all, what it was
/// taking is in the queue or gone with it, and nobody waits for it for more than 150 ms. A process that is
/// *stopped* in the middle of a call keeps the others waiting that want to do the same (put, or get), except for calls with a
/// deadline.
///
/// A process that was given a queue and means harm can make the calls of others fail, or have them get items that it made up.
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
pub struct Queue<T: ?Sized> {
    raw: Arc<RawQueue>,
    limits: Limits,
    /// Items go in and come out; the queue itself holds none that belongs to this process.
    items: PhantomData<fn(&T) -> Box<T>>,
}

impl<T: ?Sized> Queue<T> {
    /// Makes a queue for up to `capacity` items.
    ///
    /// It takes 256 bytes of encoded items for each, and at least 256 KiB and at most 64 MiB in all: larger items fill it before
    /// they are as many. [`Queue::builder`] sets it otherwise.
    ///
    /// # Errors
    ///
    /// [`CreateError`], when the capacity is zero or the system does not give the memory.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = ipc_queue::Queue::<String>::bounded(10)?;
    /// assert_eq!((queue.capacity(), queue.byte_capacity()), (10, 256 << 10));
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

    pub(crate) fn from_raw(raw: RawQueue, limits: Limits) -> Self {
        Queue { raw: Arc::new(raw), limits, items: PhantomData }
    }

    /// Sets what the items that are put and taken here may cost.
    ///
    /// The limits belong to this value and its later clones. They do not travel: another process that takes the
    /// queue has the defaults: items of up to 64 MiB with up to 64 handles.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_codec::Limits;
    /// use ipc_queue::{PutError, Queue, QueueError};
    ///
    /// let queue = Queue::bounded(4)?.with_limits(Limits::with_max_frame(8));
    /// let error = queue.put([1_u64 << 63; 2]).unwrap_err();
    /// assert!(matches!(error, PutError::Failed { source: QueueError::TooLarge { limit: 8, .. }, .. }));
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
        self.raw.ring().len()
    }

    /// Whether there is no item at the moment.
    pub fn is_empty(&self) -> bool {
        self.raw.ring().is_empty().unwrap_or(true)
    }

    /// Whether there are [`capacity`](Queue::capacity) items at the moment.
    ///
    /// A put may find no room before that: when the bytes are used up.
    pub fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }

    /// How many items the queue takes. Does not change.
    pub fn capacity(&self) -> usize {
        self.raw.memory().plan().capacity
    }

    /// How many bytes the encoded items in the queue may take together. Does not change.
    pub fn byte_capacity(&self) -> usize {
        self.raw.memory().plan().byte_capacity
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

    /// Whether a get would not wait: there is an item, the queue is closed, or there is an error to tell. An item may be taken by
    /// somebody else before the get.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = ipc_queue::Queue::bounded(4)?;
    /// assert!(!queue.is_ready());
    /// queue.put(1)?;
    /// assert!(queue.is_ready());
    /// queue.close();
    /// assert_eq!(queue.get()?, 1);
    /// assert!(queue.is_ready() && queue.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_ready(&self) -> bool {
        self.raw.is_ready()
    }

    /// A descriptor that is readable when there may be an item, or the queue is closed: for `poll`, `epoll`, mio, tokio.
    ///
    /// Each call arms it: from when this returns it becomes readable with the next item. So does a get that finds the queue
    /// empty, once this was called. Whoever waits for the descriptor therefore calls this or finds nothing by
    /// [`try_get`](Queue::try_get) before each wait; and tries again if it finds nothing after it, since another process may have
    /// been faster. It is not read.
    ///
    /// It also becomes readable when it was armed and an eighth of a second has passed, whether there is an item or not: a process that is killed can
    /// take the word of an item with it, and whoever waits sees the item then.
    ///
    /// # Errors
    ///
    /// The system's error when the table of descriptors is full: the first call makes three.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::readiness::{Interest, wait_one};
    ///
    /// let queue = ipc_queue::Queue::bounded(4)?;
    /// queue.put(1)?;
    /// while wait_one(queue.pollable()?, Interest::Read, Deadline::NEVER)? {
    ///     if let Ok(item) = queue.try_get() {
    ///         assert_eq!(item, 1);
    ///         break;
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Platform
    ///
    /// Linux: an epoll descriptor, for the sockets of the queue, an eventfd and a timerfd.
    pub fn pollable(&self) -> io::Result<BorrowedHandle<'_>> {
        self.raw.pollable()
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn share_raw(&self) -> Arc<RawQueue> {
        Arc::clone(&self.raw)
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
    #[inline]
    pub fn put(&self, item: T) -> Result<(), PutError<T>> {
        let put = self.raw.put_value(&item, &self.limits, Deadline::NEVER);
        put.map_err(|why| PutError::new(why, item))
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
    #[inline]
    pub fn try_put(&self, item: T) -> Result<(), TryPutError<T>> {
        let put = self.raw.put_value(&item, &self.limits, Deadline::NOW);
        put.map_err(|why| TryPutError::new(why, item))
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

    /// Adds items to the end of the queue in their order, waiting for room as often as it takes.
    ///
    /// As many as have room become visible together, by one store, so this is faster than as many puts. Items of other
    /// producers may come between two such groups.
    ///
    /// # Blocking
    ///
    /// As [`put`](Queue::put).
    ///
    /// # Errors
    ///
    /// [`PutManyError`], with the items that were not put: the last ones.
    ///
    /// # Other processes
    ///
    /// If this process is killed meanwhile, some of the first items are in the queue, each of them whole.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = ipc_queue::Queue::bounded(4)?;
    /// queue.put_many(vec![1, 2, 3])?;
    /// assert_eq!(queue.get_many(10)?, [1, 2, 3]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn put_many(&self, items: Vec<T>) -> Result<(), PutManyError<Vec<T>>> {
        self.put_many_until(items, Deadline::NEVER)
    }

    /// Adds as many items as have room now.
    ///
    /// # Errors
    ///
    /// [`PutManyError`], with the items that were not put.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = ipc_queue::Queue::bounded(2)?;
    /// assert_eq!(queue.try_put_many(vec![1, 2, 3]).unwrap_err().into_inner(), [3]);
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    pub fn try_put_many(&self, items: Vec<T>) -> Result<(), PutManyError<Vec<T>>> {
        self.put_many_until(items, Deadline::NOW)
    }

    /// Adds items, or gives up when there was no room for all of them for the length of `timeout`.
    ///
    /// # Blocking
    ///
    /// As [`put_timeout`](Queue::put_timeout).
    ///
    /// # Errors
    ///
    /// [`PutManyError`], with the items that were not put.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let queue = ipc_queue::Queue::bounded(2)?;
    /// assert!(queue.put_many_timeout(vec![1, 2, 3], Duration::from_millis(5)).is_err());
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    pub fn put_many_timeout(&self, items: Vec<T>, timeout: Duration) -> Result<(), PutManyError<Vec<T>>> {
        self.put_many_until(items, Deadline::after(timeout))
    }

    /// Adds items, or gives up when there was no room for all of them until `deadline`.
    ///
    /// # Blocking
    ///
    /// As [`put_deadline`](Queue::put_deadline).
    ///
    /// # Errors
    ///
    /// [`PutManyError`], with the items that were not put.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let queue = ipc_queue::Queue::bounded(4)?;
    /// queue.put_many_deadline(vec![1, 2, 3], Instant::now() + Duration::from_secs(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn put_many_deadline(&self, items: Vec<T>, deadline: Instant) -> Result<(), PutManyError<Vec<T>>> {
        self.put_many_until(items, Deadline::at(deadline))
    }

    fn put_until(&self, item: T, deadline: Deadline) -> Result<(), PutTimeoutError<T>> {
        let put = self.raw.put_value(&item, &self.limits, deadline);
        put.map_err(|why| PutTimeoutError::new(why, item))
    }

    fn put_many_until(&self, items: Vec<T>, deadline: Deadline) -> Result<(), PutManyError<Vec<T>>> {
        let put = self.raw.put_values(items, &self.limits, deadline);
        put.map_err(|(why, rest)| PutManyError::new(why, rest))
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
    #[inline]
    pub fn get(&self) -> Result<T, GetError> {
        loop {
            // Without a deadline there is no "not now", so that this goes round once.
            if let Some(item) = self.raw.get_value(&self.limits, Deadline::NEVER)? {
                return Ok(item);
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
    #[inline]
    pub fn try_get(&self) -> Result<T, TryGetError> {
        self.raw.get_value(&self.limits, Deadline::NOW)?.ok_or(TryGetError::Empty)
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
        Iter::new(&self.raw, self.limits, Deadline::NEVER)
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
    pub fn try_iter(&self) -> Iter<'_, T> {
        Iter::new(&self.raw, self.limits, Deadline::NOW)
    }

    /// Takes what is there, up to `most` items, and waits for the first.
    ///
    /// # Blocking
    ///
    /// As [`get`](Queue::get); not if `most` is zero.
    ///
    /// # Errors
    ///
    /// [`GetError`]. If one of the items cannot be decoded, all that were taken with it are lost.
    ///
    /// # Other processes
    ///
    /// If this process is killed meanwhile, the items that it was taking may be gone.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = ipc_queue::Queue::bounded(4)?;
    /// queue.put_many(vec![1, 2, 3])?;
    /// assert_eq!(queue.get_many(2)?, [1, 2]);
    /// assert_eq!(queue.get_many(2)?, [3]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_many(&self, most: usize) -> Result<Vec<T>, GetError> {
        loop {
            // As in `get`.
            let items = self.raw.get_values(most, &self.limits, Deadline::NEVER)?;
            if !items.is_empty() || most == 0 {
                return Ok(items);
            }
        }
    }

    /// Takes what is there now, up to `most` items. There may be none.
    ///
    /// # Errors
    ///
    /// [`GetError`], as for [`get_many`](Queue::get_many).
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = ipc_queue::Queue::<u32>::bounded(4)?;
    /// assert!(queue.try_get_many(10)?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_get_many(&self, most: usize) -> Result<Vec<T>, GetError> {
        Ok(self.raw.get_values(most, &self.limits, Deadline::NOW)?)
    }

    /// Takes what is there, up to `most` items, and waits for the first for at most `timeout`; then there is none.
    ///
    /// # Errors
    ///
    /// [`GetError`], as for [`get_many`](Queue::get_many).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let queue = ipc_queue::Queue::<u32>::bounded(4)?;
    /// assert!(queue.get_many_timeout(10, Duration::from_millis(5))?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_many_timeout(&self, most: usize, timeout: Duration) -> Result<Vec<T>, GetError> {
        Ok(self.raw.get_values(most, &self.limits, Deadline::after(timeout))?)
    }

    /// Takes what is there, up to `most` items, and waits for the first until `deadline` at most; then there is none.
    ///
    /// # Errors
    ///
    /// [`GetError`], as for [`get_many`](Queue::get_many).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let queue = ipc_queue::Queue::bounded(4)?;
    /// queue.put(1)?;
    /// assert_eq!(queue.get_many_deadline(10, Instant::now() + Duration::from_secs(1))?, [1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_many_deadline(&self, most: usize, deadline: Instant) -> Result<Vec<T>, GetError> {
        Ok(self.raw.get_values(most, &self.limits, Deadline::at(deadline))?)
    }

    fn get_until(&self, deadline: Deadline) -> Result<T, GetTimeoutError> {
        self.raw.get_value(&self.limits, deadline)?.ok_or(GetTimeoutError::TimedOut)
    }
}

/// A row of the items as they come, which ends with the queue or with an error that says that it is of no use any more.
impl<'a, T: DeserializeOwned> IntoIterator for &'a Queue<T> {
    type Item = Result<T, QueueError>;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T: ?Sized> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Queue { raw: Arc::clone(&self.raw), limits: self.limits, items: PhantomData }
    }
}

impl<T: ?Sized> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("byte_capacity", &self.byte_capacity())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
