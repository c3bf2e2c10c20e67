//! A queue of byte strings: the ring and its lock, and how putters and getters sleep and wake each other.
//!
//! # Sleeping and waking
//!
//! A getter reads the word `not_empty`, then looks under the lock, and if there is nothing, sleeps while the word
//! still holds what was read. A putter commits under the lock, gives it back, changes the word, then wakes one
//! sleeper.
//!
//! A wake-up cannot be lost between two live processes: if the getter looked before the commit, then it read the
//! word before the putter changed it, so either the change comes before the sleep and the kernel refuses to sleep,
//! or it comes after and the wake finds the sleeper. (Should the word come round to the same value in between,
//! after 2^32 puts, the next rule applies.)
//!
//! A putter that is killed between commit and wake, or a getter that is killed between its wake and its look, takes
//! a wake-up with it. Therefore no sleep is longer than [`futex::RECHECK`]: the loss is a delay, never a hang.
//!
//! Putters sleep on `not_full` in the same way. One get makes room for one put where the number of items was the
//! limit. Where bytes were, it may make room for several, or for a small item while a large one still waits, so all
//! look again.

use crate::error::{Corruption, CreateError, OpenError};
use crate::layout::Layout;
use crate::ring::{Popped, Pushed};
use crate::segment::Segment;
use ipc_sys::clock::Deadline;
use ipc_sys::futex;
use ipc_sys::handle::OwnedHandle;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How long a call without a wait stays at the lock when another process keeps it.
///
/// The lock is held for the time of one copy. A process that is stopped by a signal while it is inside keeps it
/// longer, and calls with a deadline then give up.
pub(crate) const LOCK_PATIENCE: Duration = Duration::from_millis(50);

/// A queue of byte strings in shared memory.
#[derive(Debug)]
pub(crate) struct RawQueue {
    segment: Segment,
}

/// Why neither an item nor "not now" came back.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The queue is closed, and for a get also drained.
    Closed,
    /// The memory holds what no process of the family writes.
    Corrupt(Corruption),
    /// The lock is broken.
    Lock(io::Error),
}

impl RawQueue {
    pub(crate) fn create(layout: Layout, item_type: u64) -> Result<RawQueue, CreateError> {
        Ok(RawQueue { segment: Segment::create(layout, item_type)? })
    }

    pub(crate) fn open(handle: OwnedHandle, item_type: u64) -> Result<RawQueue, OpenError> {
        Ok(RawQueue { segment: Segment::open(handle, item_type)? })
    }

    pub(crate) fn segment(&self) -> &Segment {
        &self.segment
    }

    /// Adds an item; false when the deadline passed before there was room.
    ///
    /// The item is no longer than the ring: it would wait for ever.
    pub(crate) fn put(&self, bytes: &[u8], deadline: Deadline) -> Result<bool, Stop> {
        debug_assert!(bytes.len() <= self.segment.layout().byte_capacity());
        let room = self.segment.not_full();
        loop {
            let seen = room.load(Ordering::Acquire);
            match self.push(bytes, deadline)? {
                Pushed::Done => {
                    wake(self.segment.not_empty(), futex::wake_one);
                    return Ok(true);
                }
                Pushed::Closed => return Err(Stop::Closed),
                Pushed::Full if deadline.is_over() => return Ok(false),
                Pushed::Full => futex::wait(room, seen, deadline),
            }
        }
    }

    /// Takes the first item; `None` when the deadline passed before there was one.
    pub(crate) fn get(&self, deadline: Deadline) -> Result<Option<Vec<u8>>, Stop> {
        let items = self.segment.not_empty();
        loop {
            let seen = items.load(Ordering::Acquire);
            match self.pop(deadline)? {
                Popped::Item { bytes, was_full } => {
                    wake(self.segment.not_full(), if was_full { futex::wake_one } else { futex::wake_all });
                    return Ok(Some(bytes));
                }
                Popped::Closed => return Err(Stop::Closed),
                Popped::Empty if deadline.is_over() => return Ok(None),
                Popped::Empty => futex::wait(items, seen, deadline),
            }
        }
    }

    /// Ends the queue for all.
    pub(crate) fn close(&self) {
        // Under the lock, so that no put that found the queue open is still on its way when this returns. A broken
        // lock keeps nobody from putting or getting, so the word alone has to do.
        match self.segment.lock(Deadline::NEVER) {
            Ok(Some(locked)) => locked.close(),
            Ok(None) | Err(_) => self.segment.closed().store(1, Ordering::Release),
        }
        wake(self.segment.not_empty(), futex::wake_all);
        wake(self.segment.not_full(), futex::wake_all);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.segment.closed().load(Ordering::Acquire) != 0
    }

    /// How many items there are, at most the capacity whatever the memory says.
    pub(crate) fn len(&self) -> usize {
        // In this order: puts that come between the two reads make the number larger, and cannot make it negative.
        let head = self.segment.head().load(Ordering::Acquire); // COMMIT of a get
        let tail = self.segment.tail().load(Ordering::Acquire); // COMMIT of a put
        let capacity = self.segment.layout().capacity();
        usize::try_from(tail.saturating_sub(head)).unwrap_or(capacity).min(capacity)
    }

    fn push(&self, bytes: &[u8], deadline: Deadline) -> Result<Pushed, Stop> {
        match self.segment.lock(at_the_lock(deadline)).map_err(Stop::Lock)? {
            Some(locked) => locked.push(bytes).map_err(Stop::Corrupt),
            None => Ok(Pushed::Full),
        }
    }

    fn pop(&self, deadline: Deadline) -> Result<Popped, Stop> {
        match self.segment.lock(at_the_lock(deadline)).map_err(Stop::Lock)? {
            Some(locked) => locked.pop().map_err(Stop::Corrupt),
            None => Ok(Popped::Empty),
        }
    }
}

/// Until when a call with this deadline stays at the lock.
fn at_the_lock(deadline: Deadline) -> Deadline {
    match deadline.remaining() {
        Some(left) if left < LOCK_PATIENCE => Deadline::after(LOCK_PATIENCE),
        _ => deadline,
    }
}

/// Changes a word that others sleep on, then wakes them.
fn wake(word: &AtomicU32, wake: fn(&AtomicU32)) {
    word.fetch_add(1, Ordering::Release);
    wake(word);
}
