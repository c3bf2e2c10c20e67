//! The options of a new queue.

use crate::error::CreateError;
use crate::layout::{self, Layout};
use crate::queue::Queue;
use crate::raw::RawQueue;
use ipc_codec::Limits;
use std::marker::PhantomData;

/// Items that a queue takes unless told otherwise.
const DEFAULT_CAPACITY: usize = 1024;
/// Bytes for each item unless told otherwise, and the least and the most that this makes for a queue.
const BYTES_PER_ITEM: usize = 4 << 10;
const LEAST_DEFAULT_BYTES: usize = 1 << 20;
const MOST_DEFAULT_BYTES: usize = 64 << 20;

/// The options of a new queue: [`Queue::builder`].
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
#[derive(Debug)]
#[must_use = "nothing is made before `create`"]
pub struct Builder<T> {
    capacity: usize,
    byte_capacity: Option<usize>,
    limits: Limits,
    items: PhantomData<fn(T) -> T>,
}

impl<T> Builder<T> {
    pub(crate) fn new() -> Self {
        Builder {
            capacity: DEFAULT_CAPACITY,
            byte_capacity: None,
            limits: Limits::default(),
            items: PhantomData,
        }
    }

    /// How many items the queue takes; 1,024 by default.
    pub fn capacity(mut self, items: usize) -> Self {
        self.capacity = items;
        self
    }

    /// How many bytes the encoded items in the queue may take together, and the size of the largest.
    ///
    /// By default 4 KiB for each item of the [capacity](Builder::capacity), but at least 1 MiB and at most 64 MiB.
    pub fn byte_capacity(mut self, bytes: usize) -> Self {
        self.byte_capacity = Some(bytes);
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
    /// One handle and one mapping, of about 16 bytes per item and the capacity in bytes, all of it reserved at once.
    pub fn create(self) -> Result<Queue<T>, CreateError> {
        let capacity = self.capacity;
        let byte_capacity = self.byte_capacity.unwrap_or_else(|| {
            capacity.saturating_mul(BYTES_PER_ITEM).clamp(LEAST_DEFAULT_BYTES, MOST_DEFAULT_BYTES)
        });
        let layout =
            Layout::new(capacity, byte_capacity).ok_or(CreateError::Capacity { capacity, byte_capacity })?;
        Ok(Queue::from_raw(RawQueue::create(layout, layout::item_type::<T>())?, self.limits))
    }
}
