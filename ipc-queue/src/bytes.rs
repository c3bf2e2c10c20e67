//! `Queue<[u8]>`: byte strings, which pass without an encoder, and without a copy where they are large.

use crate::buffers::Buffer;
use crate::error::{
    Ending, GetError, GetTimeoutError, PutError, PutTimeoutError, QueueError, TryGetError, TryPutError, Unput,
};
use crate::queue::Queue;
use crate::raw_queue::{Arrival, RawQueue, Stop};
use ipc_sys::clock::Deadline;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A buffer of a queue that is written in place, before it is put: [`Queue::loan`].
///
/// It holds what the last user left in it. Dropped, it is free for the next loan.
///
/// # Other processes
///
/// It is this process's alone. If the process is killed the buffer is found when no other is free.
///
/// # Examples
///
/// ```
/// use ipc_queue::Queue;
///
/// let frames = Queue::<[u8]>::builder().buffers(2, 4096).create()?;
/// let mut frame = frames.loan(5)?;
/// frame.copy_from_slice(b"hello");
/// frame.put()?;
/// assert_eq!(*frames.take()?, *b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a loan that is dropped goes back unused"]
pub struct Loan {
    buffer: Buffer,
    raw: Arc<RawQueue>,
}

/// An item that is read in place: [`Queue::take`].
///
/// Dropped, its buffer is free for the next loan. An item that was not written in place was copied.
///
/// # Examples
///
/// ```
/// let lines = ipc_queue::Queue::<[u8]>::bounded(4)?;
/// lines.put_bytes(b"hello")?;
/// assert!(lines.take()?.starts_with(b"he"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Taken(Place);

enum Place {
    Buffer(Buffer),
    Copied(Vec<u8>),
}

/// Why there is no buffer to write in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoanError {
    /// All buffers are in use, or stayed so until the deadline.
    #[error("no buffer is free")]
    NoneFree,
    /// The queue has no buffer of this size: see [`Builder::buffers`](crate::Builder::buffers).
    #[error("a buffer of {size} bytes is wanted, the largest of the queue has {largest}")]
    TooLarge {
        /// The size that was asked for, in bytes.
        size: usize,
        /// The size of the buffers; zero if there are none.
        largest: usize,
    },
    /// The queue is closed.
    #[error("the queue is closed")]
    Closed,
    /// Something is wrong with the queue.
    #[error(transparent)]
    Failed(#[from] QueueError),
}

impl From<Stop> for LoanError {
    fn from(stop: Stop) -> LoanError {
        match Ending::from(stop) {
            Ending::Ended => LoanError::Closed,
            Ending::Failed(error) => LoanError::Failed(error),
        }
    }
}

impl Queue<[u8]> {
    /// Adds a byte string to the end of the queue.
    ///
    /// # Blocking
    ///
    /// While the queue is full, until somebody takes an item or closes the queue. Signals do not end the wait.
    ///
    /// # Errors
    ///
    /// [`PutError`].
    ///
    /// # Examples
    ///
    /// ```
    /// let lines = ipc_queue::Queue::<[u8]>::bounded(4)?;
    /// lines.put_bytes(b"hello")?;
    /// assert_eq!(lines.get_bytes()?, b"hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn put_bytes(&self, bytes: &[u8]) -> Result<(), PutError<()>> {
        self.put_bytes_until(bytes, Deadline::NEVER).map_err(|why| PutError::new(why, ()))
    }

    /// Adds a byte string if there is room now.
    ///
    /// # Errors
    ///
    /// [`TryPutError`].
    ///
    /// # Examples
    ///
    /// ```
    /// let lines = ipc_queue::Queue::<[u8]>::bounded(1)?;
    /// lines.try_put_bytes(b"hello")?;
    /// assert!(lines.try_put_bytes(b"world").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_put_bytes(&self, bytes: &[u8]) -> Result<(), TryPutError<()>> {
        self.put_bytes_until(bytes, Deadline::NOW).map_err(|why| TryPutError::new(why, ()))
    }

    /// Adds a byte string, or gives up when there was no room for the length of `timeout`.
    ///
    /// # Errors
    ///
    /// [`PutTimeoutError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let lines = ipc_queue::Queue::<[u8]>::bounded(1)?;
    /// lines.put_bytes_timeout(b"hello", Duration::from_secs(1))?;
    /// assert!(lines.put_bytes_timeout(b"world", Duration::from_millis(5)).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn put_bytes_timeout(&self, bytes: &[u8], timeout: Duration) -> Result<(), PutTimeoutError<()>> {
        self.put_bytes_until(bytes, Deadline::after(timeout)).map_err(|why| PutTimeoutError::new(why, ()))
    }

    /// Adds a byte string, or gives up when there was no room until `deadline`.
    ///
    /// # Errors
    ///
    /// [`PutTimeoutError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let lines = ipc_queue::Queue::<[u8]>::bounded(1)?;
    /// lines.put_bytes_deadline(b"hello", Instant::now() + Duration::from_secs(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn put_bytes_deadline(&self, bytes: &[u8], deadline: Instant) -> Result<(), PutTimeoutError<()>> {
        self.put_bytes_until(bytes, Deadline::at(deadline)).map_err(|why| PutTimeoutError::new(why, ()))
    }

    /// Takes the first item.
    ///
    /// # Blocking
    ///
    /// While the queue is empty, until somebody puts an item or closes the queue.
    ///
    /// # Errors
    ///
    /// [`GetError`].
    ///
    /// # Examples
    ///
    /// ```
    /// let lines = ipc_queue::Queue::<[u8]>::bounded(1)?;
    /// lines.put_bytes(b"hello")?;
    /// assert_eq!(lines.get_bytes()?, b"hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_bytes(&self) -> Result<Vec<u8>, GetError> {
        let mut bytes = Vec::new();
        self.get_bytes_into(&mut bytes)?;
        Ok(bytes)
    }

    /// Takes the first item into `bytes`, in the place of what was there; its length in bytes.
    ///
    /// Memory that `bytes` has already is used again.
    ///
    /// # Blocking
    ///
    /// As [`get_bytes`](Queue::get_bytes).
    ///
    /// # Errors
    ///
    /// [`GetError`]; what `bytes` holds then is not said.
    ///
    /// # Examples
    ///
    /// ```
    /// let (lines, mut line) = (ipc_queue::Queue::<[u8]>::bounded(4)?, Vec::new());
    /// lines.put_bytes(b"hello")?;
    /// lines.put_bytes(b"world")?;
    /// assert_eq!((lines.get_bytes_into(&mut line)?, line.as_slice()), (5, b"hello".as_slice()));
    /// assert_eq!((lines.get_bytes_into(&mut line)?, line.as_slice()), (5, b"world".as_slice()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_bytes_into(&self, bytes: &mut Vec<u8>) -> Result<usize, GetError> {
        loop {
            // Without a deadline there is no "not now", so that this goes round once.
            if self.get_into_until(bytes, Deadline::NEVER)? {
                return Ok(bytes.len());
            }
        }
    }

    /// Takes the first item if there is one now.
    ///
    /// # Errors
    ///
    /// [`TryGetError`].
    ///
    /// # Examples
    ///
    /// ```
    /// let lines = ipc_queue::Queue::<[u8]>::bounded(1)?;
    /// assert!(lines.try_get_bytes().is_err());
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    pub fn try_get_bytes(&self) -> Result<Vec<u8>, TryGetError> {
        let mut bytes = Vec::new();
        let is_there = self.get_into_until(&mut bytes, Deadline::NOW)?;
        if is_there { Ok(bytes) } else { Err(TryGetError::Empty) }
    }

    /// Takes the first item, or gives up when there was none for the length of `timeout`.
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
    /// let lines = ipc_queue::Queue::<[u8]>::bounded(1)?;
    /// assert!(lines.get_bytes_timeout(Duration::from_millis(5)).is_err());
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    pub fn get_bytes_timeout(&self, timeout: Duration) -> Result<Vec<u8>, GetTimeoutError> {
        self.get_bytes_until(Deadline::after(timeout))
    }

    /// Takes the first item, or gives up when there was none until `deadline`.
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
    /// let lines = ipc_queue::Queue::<[u8]>::bounded(1)?;
    /// assert!(lines.get_bytes_deadline(Instant::now() + Duration::from_millis(5)).is_err());
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    pub fn get_bytes_deadline(&self, deadline: Instant) -> Result<Vec<u8>, GetTimeoutError> {
        self.get_bytes_until(Deadline::at(deadline))
    }

    /// Borrows a buffer of `len` bytes from the queue, to be written in place and then [put](Loan::put).
    ///
    /// # Blocking
    ///
    /// While all buffers are in use, until one is free or the queue is closed.
    ///
    /// # Errors
    ///
    /// [`LoanError`], other than `NoneFree`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_queue::{LoanError, Queue};
    ///
    /// let frames = Queue::<[u8]>::builder().buffers(1, 100).create()?;
    /// frames.loan(100)?.put()?;
    /// assert!(matches!(frames.loan(101), Err(LoanError::TooLarge { largest: 100, .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn loan(&self, len: usize) -> Result<Loan, LoanError> {
        self.loan_until(len, Deadline::NEVER)
    }

    /// Borrows a buffer if one is free now.
    ///
    /// # Errors
    ///
    /// [`LoanError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_queue::{LoanError, Queue};
    ///
    /// let frames = Queue::<[u8]>::builder().buffers(1, 100).create()?;
    /// let frame = frames.try_loan(100)?;
    /// assert!(matches!(frames.try_loan(100), Err(LoanError::NoneFree)));
    /// # drop(frame);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_loan(&self, len: usize) -> Result<Loan, LoanError> {
        self.loan_until(len, Deadline::NOW)
    }

    /// Borrows a buffer, or gives up when none was free for the length of `timeout`.
    ///
    /// # Errors
    ///
    /// [`LoanError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let frames = ipc_queue::Queue::<[u8]>::builder().buffers(1, 100).create()?;
    /// let frame = frames.loan_timeout(100, Duration::from_secs(1))?;
    /// # drop(frame);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn loan_timeout(&self, len: usize, timeout: Duration) -> Result<Loan, LoanError> {
        self.loan_until(len, Deadline::after(timeout))
    }

    /// Borrows a buffer, or gives up when none was free until `deadline`.
    ///
    /// # Errors
    ///
    /// [`LoanError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let frames = ipc_queue::Queue::<[u8]>::builder().buffers(1, 100).create()?;
    /// let frame = frames.loan_deadline(100, Instant::now() + Duration::from_secs(1))?;
    /// # drop(frame);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn loan_deadline(&self, len: usize, deadline: Instant) -> Result<Loan, LoanError> {
        self.loan_until(len, Deadline::at(deadline))
    }

    /// Takes the first item, to be read in place if it was written so.
    ///
    /// # Blocking
    ///
    /// As [`get_bytes`](Queue::get_bytes).
    ///
    /// # Errors
    ///
    /// [`GetError`].
    ///
    /// # Examples
    ///
    /// ```
    /// let frames = ipc_queue::Queue::<[u8]>::builder().buffers(1, 100).create()?;
    /// frames.loan(100)?.put()?;
    /// assert_eq!(frames.take()?.len(), 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take(&self) -> Result<Taken, GetError> {
        loop {
            // As in `get_bytes_into`.
            if let Some(taken) = self.take_until(Deadline::NEVER)? {
                return Ok(taken);
            }
        }
    }

    /// Takes the first item if there is one now, to be read in place if it was written so.
    ///
    /// # Errors
    ///
    /// [`TryGetError`].
    ///
    /// # Examples
    ///
    /// ```
    /// let frames = ipc_queue::Queue::<[u8]>::bounded(1)?;
    /// assert!(frames.try_take().is_err());
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    pub fn try_take(&self) -> Result<Taken, TryGetError> {
        self.take_until(Deadline::NOW)?.ok_or(TryGetError::Empty)
    }

    /// Takes the first item, or gives up when there was none for the length of `timeout`.
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
    /// let frames = ipc_queue::Queue::<[u8]>::bounded(1)?;
    /// assert!(frames.take_timeout(Duration::from_millis(5)).is_err());
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    pub fn take_timeout(&self, timeout: Duration) -> Result<Taken, GetTimeoutError> {
        self.take_until(Deadline::after(timeout))?.ok_or(GetTimeoutError::TimedOut)
    }

    /// Takes the first item, or gives up when there was none until `deadline`.
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
    /// let frames = ipc_queue::Queue::<[u8]>::bounded(1)?;
    /// assert!(frames.take_deadline(Instant::now() + Duration::from_millis(5)).is_err());
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    pub fn take_deadline(&self, deadline: Instant) -> Result<Taken, GetTimeoutError> {
        self.take_until(Deadline::at(deadline))?.ok_or(GetTimeoutError::TimedOut)
    }

    fn put_bytes_until(&self, bytes: &[u8], deadline: Deadline) -> Result<(), Unput> {
        let limit = self.limits().max_frame;
        if bytes.len() > limit {
            let error = QueueError::TooLarge { size: bytes.len(), limit };
            return Err(Unput::Ending(Ending::Failed(error)));
        }
        if self.raw().put(bytes, &[], deadline)? { Ok(()) } else { Err(Unput::NoRoom) }
    }

    fn get_into_until(&self, bytes: &mut Vec<u8>, deadline: Deadline) -> Result<bool, Ending> {
        Ok(self.raw().get_into(bytes, self.limits().max_frame, deadline)?)
    }

    fn get_bytes_until(&self, deadline: Deadline) -> Result<Vec<u8>, GetTimeoutError> {
        let mut bytes = Vec::new();
        let is_there = self.get_into_until(&mut bytes, deadline)?;
        if is_there { Ok(bytes) } else { Err(GetTimeoutError::TimedOut) }
    }

    fn loan_until(&self, len: usize, deadline: Deadline) -> Result<Loan, LoanError> {
        let plan = self.raw().memory().plan();
        if plan.n_buffers == 0 || len > plan.buffer_size {
            return Err(LoanError::TooLarge { size: len, largest: plan.buffer_size });
        }
        match self.raw().lend(len, deadline)? {
            Some(buffer) => Ok(Loan { buffer, raw: self.share_raw() }),
            None => Err(LoanError::NoneFree),
        }
    }

    fn take_until(&self, deadline: Deadline) -> Result<Option<Taken>, Ending> {
        let mut arrival = Arrival::new();
        if !self.raw().get_by(&mut arrival, deadline, false)? {
            return Ok(None);
        }
        Ok(Some(Taken(match arrival.into_buffer() {
            Ok(buffer) => Place::Buffer(buffer),
            Err(arrival) => {
                arrival.bytes_up_to(self.limits().max_frame)?;
                Place::Copied(arrival.into_bytes())
            }
        })))
    }
}

impl Loan {
    /// Puts the buffer at the end of the queue it came from. Not a byte is copied.
    ///
    /// # Blocking
    ///
    /// While the queue is full, as [`Queue::put`].
    ///
    /// # Errors
    ///
    /// [`PutError`], with the loan.
    ///
    /// # Other processes
    ///
    /// If this process is killed meanwhile, the item is in the queue or the buffer is free.
    ///
    /// # Examples
    ///
    /// ```
    /// let frames = ipc_queue::Queue::<[u8]>::builder().buffers(1, 100).create()?;
    /// frames.loan(10)?.put()?;
    /// assert_eq!(frames.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn put(self) -> Result<(), PutError<Loan>> {
        self.put_until(Deadline::NEVER).map_err(|(why, loan)| PutError::new(why, loan))
    }

    /// Puts the buffer if there is room now.
    ///
    /// # Errors
    ///
    /// [`TryPutError`], with the loan.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_queue::Queue;
    ///
    /// let frames = Queue::<[u8]>::builder().capacity(1).buffers(2, 100).create()?;
    /// frames.loan(10)?.try_put()?;
    /// assert!(frames.loan(10)?.try_put().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_put(self) -> Result<(), TryPutError<Loan>> {
        self.put_until(Deadline::NOW).map_err(|(why, loan)| TryPutError::new(why, loan))
    }

    /// Puts the buffer, or gives up when there was no room for the length of `timeout`.
    ///
    /// # Errors
    ///
    /// [`PutTimeoutError`], with the loan.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let frames = ipc_queue::Queue::<[u8]>::builder().buffers(1, 100).create()?;
    /// frames.loan(10)?.put_timeout(Duration::from_secs(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn put_timeout(self, timeout: Duration) -> Result<(), PutTimeoutError<Loan>> {
        self.put_until(Deadline::after(timeout)).map_err(|(why, loan)| PutTimeoutError::new(why, loan))
    }

    fn put_until(self, deadline: Deadline) -> Result<(), (Unput, Loan)> {
        let Loan { buffer, raw } = self;
        match raw.put_buffer(buffer, deadline) {
            Ok(()) => Ok(()),
            Err((buffer, stop)) => {
                let why = stop.map_or(Unput::NoRoom, Unput::from);
                Err((why, Loan { buffer, raw }))
            }
        }
    }
}

impl Deref for Loan {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer
    }
}

impl DerefMut for Loan {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.buffer
    }
}

impl fmt::Debug for Loan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loan").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Deref for Taken {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Place::Buffer(buffer) => buffer,
            Place::Copied(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taken").field("len", &self.len()).finish_non_exhaustive()
    }
}
