//! The options of a new queue or channel.

use crate::channel::{Receiver, Sender};
use crate::error::CreateError;
use crate::joinable::JoinableQueue;
use crate::layout::{self, Plan};
use crate::queue::Queue;
use crate::raw_queue::RawQueue;
use ipc_codec::Limits;
use std::marker::PhantomData;

/// Items that a queue takes unless told otherwise.
const DEFAULT_CAPACITY: usize = 1024;
/// Bytes for each item unless told otherwise, and the least and the most that this makes for a queue.
///
/// Items go round and round through all of it, so a ring that has no place in a processor's own cache makes small items slow: with
/// 512 KiB they take twice the time that they take with 256.
const BYTES_PER_ITEM: usize = 256;
const LEAST_DEFAULT_BYTES: usize = 256 << 10;
const MOST_DEFAULT_BYTES: usize = 64 << 20;

/// What a put does that finds no room.
///
/// # Examples
///
/// ```
/// use ipc_queue::{Queue, WhenFull};
///
/// let latest = Queue::builder().capacity(2).when_full(WhenFull::DropOldest).create()?;
/// for number in 1..=5 {
///     latest.put(number)?;
/// }
/// assert_eq!((latest.get()?, latest.get()?), (4, 5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WhenFull {
    /// It waits for room, as long as its deadline allows.
    #[default]
    Block = 0,
    /// It fails at once, whatever its deadline.
    Fail = 1,
    /// It takes the oldest item away, and more of them until there is room. They are lost. The sender of a channel waits all the
    /// same while as many handles are on their way as the system allows: only a receiver can close those of dropped items.
    DropOldest = 2,
}

impl WhenFull {
    pub(crate) fn from_number(number: u64) -> Option<WhenFull> {
        [WhenFull::Block, WhenFull::Fail, WhenFull::DropOldest]
            .into_iter()
            .find(|when| *when as u64 == number)
    }
}

/// The options of a new queue or channel: [`Queue::builder`].
///
/// # Examples
///
/// ```
/// use ipc_queue::Queue;
///
/// let queue = Queue::<[u8; 3]>::builder().capacity(2).byte_capacity(6).create()?;
/// queue.put([1, 2, 3])?;
/// queue.put([4, 5, 6])?;
/// assert!(queue.is_full());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is made before `create`"]
pub struct Builder<T: ?Sized> {
    capacity: usize,
    byte_capacity: Option<usize>,
    n_buffers: usize,
    buffer_size: usize,
    when_full: WhenFull,
    limits: Limits,
    items: PhantomData<fn(&T)>,
}

impl<T: ?Sized> Builder<T> {
    pub(crate) fn new() -> Self {
        Builder {
            capacity: DEFAULT_CAPACITY,
            byte_capacity: None,
            n_buffers: 0,
            buffer_size: 0,
            when_full: WhenFull::Block,
            limits: Limits::default(),
            items: PhantomData,
        }
    }

    /// How many items the queue takes; 1,024 by default, and at most 2^29.
    pub fn capacity(mut self, items: usize) -> Self {
        self.capacity = items;
        self
    }

    /// How many bytes of encoded items the queue takes, whatever their sizes. Where items are shorter on average than the
    /// capacities have it, a few more find room.
    ///
    /// By default 256 bytes for each item of the [capacity](Builder::capacity), but at least 256 KiB and at most 64 MiB; never
    /// more than 16 GiB. Where items are larger on average, they fill the queue before there are as many as its capacity. An
    /// item that is larger than all of it has memory of its own, and takes a system call or two. What is larger than a
    /// processor's own cache makes small items slower.
    pub fn byte_capacity(mut self, bytes: usize) -> Self {
        self.byte_capacity = Some(bytes);
        self
    }

    /// What a put does that finds no room; [`WhenFull::Block`] by default.
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }

    /// What an item may cost; see [`Queue::with_limits`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Makes the queue.
    ///
    /// # Errors
    ///
    /// [`CreateError`]; nothing is left behind then.
    ///
    /// # Platform
    ///
    /// Four descriptors and one mapping, of 24 bytes for each item and the capacity in bytes and 300 KiB, all of it reserved at
    /// once.
    pub fn create(self) -> Result<Queue<T>, CreateError> {
        let limits = self.limits;
        Ok(Queue::from_raw(self.create_raw(false)?, limits))
    }

    /// Makes a joinable queue.
    ///
    /// # Errors
    ///
    /// As [`create`](Builder::create).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_queue::Queue;
    ///
    /// let tasks = Queue::builder().capacity(10).create_joinable()?;
    /// tasks.put(1)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create_joinable(self) -> Result<JoinableQueue<T>, CreateError> {
        let limits = self.limits;
        Ok(JoinableQueue::new(Queue::from_raw(self.create_raw(true)?, limits)))
    }

    /// Makes a channel: its two ends.
    ///
    /// # Errors
    ///
    /// As [`create`](Builder::create).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_queue::Queue;
    ///
    /// let (sender, receiver) = Queue::builder().capacity(10).create_channel()?;
    /// sender.send('a')?;
    /// assert_eq!(receiver.recv()?, 'a');
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create_channel(self) -> Result<(Sender<T>, Receiver<T>), CreateError> {
        let limits = self.limits;
        let (sender, receiver) = self.create_raw(false)?.split();
        Ok((Sender::from_raw(sender, limits), Receiver::from_raw(receiver, limits)))
    }

    fn create_raw(self, is_joinable: bool) -> Result<RawQueue, CreateError> {
        let capacity = self.capacity;
        let byte_capacity = self.byte_capacity.unwrap_or_else(|| {
            capacity.saturating_mul(BYTES_PER_ITEM).clamp(LEAST_DEFAULT_BYTES, MOST_DEFAULT_BYTES)
        });
        let plan = Plan {
            capacity,
            byte_capacity,
            n_buffers: self.n_buffers,
            buffer_size: self.buffer_size,
            is_joinable,
            when_full: self.when_full,
        };
        let plan = plan.checked().ok_or(CreateError::Capacity { capacity, byte_capacity })?;
        RawQueue::create(plan, layout::item_type::<T>())
    }
}

impl Builder<[u8]> {
    /// How many buffers there are for items that are written and read in place, and how many bytes each has; none by default.
    ///
    /// A buffer is in use from the [loan](Queue::loan) until what was [taken](Queue::take) is dropped. At most 65,536.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_queue::Queue;
    ///
    /// let frames = Queue::<[u8]>::builder().buffers(4, 1 << 20).create()?;
    /// let mut frame = frames.loan(1 << 20)?;
    /// frame.fill(0xff);
    /// frame.put()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn buffers(mut self, count: usize, size: usize) -> Self {
        (self.n_buffers, self.buffer_size) = (count, size);
        self
    }
}

impl<T: ?Sized> std::fmt::Debug for Builder<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("capacity", &self.capacity)
            .field("byte_capacity", &self.byte_capacity)
            .field("when_full", &self.when_full)
            .finish_non_exhaustive()
    }
}
