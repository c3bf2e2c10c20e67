//! What is done under the lock: one put, one get, the end; each by a single store that a kill cannot tear.
//!
//! # States
//!
//! Two counters say everything: `tail`, how many items were ever put, and `head`, how many were ever taken. The
//! items `head..tail` are in the queue; item `n` is described by the slot `n % capacity`, which holds where its
//! bytes start and how many they are. Starts are counted on without end; the place in the ring is the start modulo
//! its size, and an item may go over the end of the ring.
//!
//! | state | condition |
//! | --- | --- |
//! | empty | `head == tail` |
//! | full | `tail - head == capacity`, or the free bytes do not hold the item |
//! | open for puts | `closed == 0` |
//! | drained | `closed != 0` and `head == tail` |
//!
//! The bytes in use reach from the start of item `head` to the end of item `tail - 1`. Of an empty queue none are
//! in use, whatever the slots say.
//!
//! # Put, step by step
//!
//! Between any two of them the process may be gone. The kernel hands the lock on, and the survivor finds:
//!
//! | step | store | a survivor finds |
//! | --- | --- | --- |
//! | 1 | the lock is taken | the queue as before |
//! | 2 | bytes are copied behind the last item | the queue as before: nobody refers to these bytes |
//! | 3 | start and length go into the slot of item `tail` | the queue as before: the slot is not in `head..tail` |
//! | 4 | **`tail` is stored** | the queue with the item, whole |
//! | 5 | the lock is given back | the same |
//! | 6 | `not_empty` is changed | the same; sleeping getters look again within 50 ms at the latest |
//! | 7 | one getter is woken | the same; if that one dies, the others look again within 50 ms |
//!
//! # Get, step by step
//!
//! | step | store | a survivor finds |
//! | --- | --- | --- |
//! | 1 | the lock is taken | the queue as before |
//! | 2 | the bytes are copied out | the queue as before |
//! | 3 | **`head` is stored** | the queue without the item, which is gone with the process: the one item it was taking |
//! | 4 | the lock is given back | the same |
//! | 5 | `not_full` is changed | the same; sleeping putters look again within 50 ms at the latest |
//! | 6 | putters are woken | the same |
//!
//! To close is one store of `closed`. So whoever gets the lock from a dead owner has nothing to repair, and may
//! itself be killed anywhere.
//!
//! # Ordering
//!
//! The lock orders everything that is done under it. COMMIT: the stores of `head` and `tail` release all that
//! stands above them, and are acquired by whoever reads them without the lock, or after the lock of a process that
//! was killed.

use crate::error::Corruption;
use crate::segment::Segment;
use ipc_sys::robust::RobustGuard;
use std::sync::atomic::Ordering;

/// The segment, locked by this thread.
#[derive(Debug)]
pub(crate) struct Locked<'a> {
    segment: &'a Segment,
    _guard: RobustGuard<'a>,
}

/// What came of a put.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// The item is in the queue.
    Done,
    /// It had no room.
    Full,
    /// The queue takes no more.
    Closed,
}

/// What came of a get.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Popped {
    /// The item, which is this process's alone now.
    Item {
        /// Its bytes.
        bytes: Vec<u8>,
        /// Whether the queue had no slot left before.
        was_full: bool,
    },
    /// There is none at the moment.
    Empty,
    /// There is none and there will be none.
    Closed,
}

/// Where the bytes of an item are: a start that is counted on without end, and a length.
#[derive(Clone, Copy, Debug)]
struct Slot {
    start: u64,
    len: u64,
}

impl<'a> Locked<'a> {
    pub(crate) fn new(segment: &'a Segment, guard: RobustGuard<'a>) -> Self {
        Locked { segment, _guard: guard }
    }

    /// Adds an item behind the last.
    pub(crate) fn push(&self, bytes: &[u8]) -> Result<Pushed, Corruption> {
        if self.is_closed() {
            return Ok(Pushed::Closed);
        }
        let (head, tail) = self.counters()?;
        let layout = self.segment.layout();
        if tail - head == layout.capacity() as u64 {
            return Ok(Pushed::Full);
        }
        let (start, used) = if head == tail { (0, 0) } else { self.bytes_in_use(head, tail)? };
        if bytes.len() as u64 > layout.byte_capacity() as u64 - used {
            return Ok(Pushed::Full);
        }
        let next = tail.checked_add(1).ok_or(Corruption::new("the counter of puts is at its end"))?;
        self.copy_in(start, bytes);
        self.write_slot(tail, Slot { start, len: bytes.len() as u64 });
        self.segment.tail().store(next, Ordering::Release); // COMMIT of a put
        Ok(Pushed::Done)
    }

    /// Takes the first item.
    pub(crate) fn pop(&self) -> Result<Popped, Corruption> {
        let (head, tail) = self.counters()?;
        if head == tail {
            return Ok(if self.is_closed() { Popped::Closed } else { Popped::Empty });
        }
        let bytes = self.copy_out(self.read_slot(head)?);
        self.segment.head().store(head + 1, Ordering::Release); // COMMIT of a get
        let was_full = tail - head == self.segment.layout().capacity() as u64;
        Ok(Popped::Item { bytes, was_full })
    }

    /// Has all later puts fail, and gets once the queue is empty.
    pub(crate) fn close(&self) {
        self.segment.closed().store(1, Ordering::Release);
    }

    fn is_closed(&self) -> bool {
        self.segment.closed().load(Ordering::Acquire) != 0
    }

    /// `head` and `tail`, such that `head..tail` are at most `capacity` items.
    fn counters(&self) -> Result<(u64, u64), Corruption> {
        let head = self.segment.head().load(Ordering::Acquire); // COMMIT of a get
        let tail = self.segment.tail().load(Ordering::Acquire); // COMMIT of a put
        match tail.checked_sub(head) {
            None => Err(Corruption::new("more items were taken than put")),
            Some(len) if len > self.segment.layout().capacity() as u64 => {
                Err(Corruption::new("there are more items than the capacity"))
            }
            Some(_) => Ok((head, tail)),
        }
    }

    /// Where the bytes in use end, and how many they are: at most the capacity. There is an item.
    fn bytes_in_use(&self, head: u64, tail: u64) -> Result<(u64, u64), Corruption> {
        let first = self.read_slot(head)?;
        let last = self.read_slot(tail - 1)?;
        let end = last.start.checked_add(last.len);
        end.and_then(|end| Some((end, end.checked_sub(first.start)?)))
            .filter(|&(_, used)| used <= self.segment.layout().byte_capacity() as u64)
            .ok_or(Corruption::new("the items do not follow each other"))
    }

    /// The slot of item `number`, whose length is at most the capacity in bytes.
    fn read_slot(&self, number: u64) -> Result<Slot, Corruption> {
        let offset = self.segment.layout().slot_at(number);
        let word = |offset| self.segment.memory().atomic_u64(offset).load(Ordering::Relaxed);
        let slot = Slot { start: word(offset), len: word(offset + 8) };
        if slot.len > self.segment.layout().byte_capacity() as u64 {
            return Err(Corruption::new("an item is longer than the ring"));
        }
        Ok(slot)
    }

    fn write_slot(&self, number: u64, slot: Slot) {
        let offset = self.segment.layout().slot_at(number);
        self.segment.memory().atomic_u64(offset).store(slot.start, Ordering::Relaxed);
        self.segment.memory().atomic_u64(offset + 8).store(slot.len, Ordering::Relaxed);
    }

    /// Copies at most as many bytes as the ring has to the place of `start`, over the end of the ring if need be.
    fn copy_in(&self, start: u64, bytes: &[u8]) {
        let (place, until_end) = self.place(start);
        let (first, second) = bytes.split_at(until_end.min(bytes.len()));
        self.segment.memory().write(place, first);
        self.segment.memory().write(self.segment.layout().ring_at(), second);
    }

    /// Copies the bytes of a slot out of the ring; [`Locked::read_slot`] has checked its length.
    fn copy_out(&self, slot: Slot) -> Vec<u8> {
        let mut bytes = vec![0; slot.len as usize];
        let (place, until_end) = self.place(slot.start);
        let (first, second) = bytes.split_at_mut(until_end.min(slot.len as usize));
        self.segment.memory().read(place, first);
        self.segment.memory().read(self.segment.layout().ring_at(), second);
        bytes
    }

    /// The offset in the memory for a start, and how many bytes of the ring follow.
    fn place(&self, start: u64) -> (usize, usize) {
        let layout = self.segment.layout();
        let in_ring = (start % layout.byte_capacity() as u64) as usize;
        (layout.ring_at() + in_ring, layout.byte_capacity() - in_ring)
    }
}
