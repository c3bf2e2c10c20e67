//! Buffers that are written and read in place, and pass through the queue without a copy.
//!
//! # The state of a buffer
//!
//! | word | meaning | who may change it, and how |
//! | --- | --- | --- |
//! | `0` | free | anybody: exchange for `me`, lent |
//! | a name, lent | `name` writes it | `name`: exchange for `0`, or, with the lock of the puts, for a number, queued |
//! | a number, queued | it is the item of this number | who has the lock of the gets and finds it at the head: store `me`, taken |
//! | a name, taken | `name` reads it | `name`: exchange for `0` |
//! | lent or taken, `name` dead | nobody's, unless it is at the head | who has both locks: exchange for `0` |
//! | queued, of the number that comes next | nobody's | who has taken the lock of the puts from the dead: exchange for `0` |
//! | queued, of another number that is not in the queue | of a stranger's making | who has both locks: exchange for `0` |
//!
//! # What a survivor finds
//!
//! | killed after | finds |
//! | --- | --- |
//! | the exchange that lends it | a buffer lent to the dead |
//! | the store that queues it, before the item is put | one queued under the number of the next item: whoever takes the lock of the puts from the dead frees it, before another item has that number |
//! | the put | the item |
//! | the store that takes it, before the item is taken | the item, whose buffer is taken by the dead: the next getter takes it from there |
//! | the take | a buffer taken by the dead |
//!
//! The others that are nobody's are found when no buffer is free.
//!
//! # Safety
//!
//! The bytes of a buffer are reached as a slice. A [`Buffer`] is made by who has exchanged the state for its own name, which
//! nobody else changes as long as this process lives; so no process that keeps to the table touches the bytes meanwhile. One
//! that does not keep to it can write them under the eyes of the reader: whoever shares a queue of bytes with a process lets
//! it do that, as the documentation of the queue says.
#![allow(unsafe_code)]

use crate::error::Corruption;
use crate::memory::Memory;
use crate::raw::{Kind, MANY, Record};
use crate::raw_queue::{Attempt, RawQueue, Stop};
use ipc_shared::internals::{Id, Patience, Peers};
use ipc_sys::clock::Deadline;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

const LENT: u64 = 1;
const QUEUED: u64 = 2;
const TAKEN: u64 = 3;
const TAG_BITS: u32 = 4;

/// A buffer that belongs to this process until it is dropped or put.
pub(crate) struct Buffer {
    memory: Arc<Memory>,
    idx: usize,
    len: usize,
    /// The state that it has as long as it is this process's.
    state: u64,
}

impl Buffer {
    /// Takes the buffer of the item at the head. For who has the lock of the gets.
    pub(crate) fn take(memory: &Arc<Memory>, words: [u64; 2], number: u32) -> Result<Buffer, Stop> {
        let me = memory.peers().me().ok_or(Stop::Forked)?;
        let wrong = || Corruption::new("an item names no buffer");
        let idx = usize::try_from(words[0]).map_err(|_| wrong())?;
        let len = usize::try_from(words[1])
            .ok()
            .filter(|&len| len <= memory.plan().buffer_size)
            .ok_or_else(wrong)?;
        let word = memory.states().get(idx).ok_or_else(wrong)?;
        let state = word.load(Acquire);
        let is_here = match state & TAG {
            QUEUED => state >> TAG_BITS == u64::from(number),
            TAKEN => Id::new(state >> TAG_BITS).is_none_or(|owner| memory.peers().is_dead(owner)),
            _ => false,
        };
        let mine = tagged(me.get(), TAKEN);
        if !is_here || word.compare_exchange(state, mine, AcqRel, Relaxed).is_err() {
            return Err(Corruption::new("an item has lost its buffer").into());
        }
        Ok(Buffer { memory: Arc::clone(memory), idx, len, state: mine })
    }

    fn word(&self) -> &AtomicU64 {
        &self.memory.states()[self.idx]
    }

    /// Whether this process is the one that has it, and not a forked child with a copy.
    fn is_mine(&self) -> bool {
        self.memory.peers().me().is_some_and(|me| me.get() == self.state >> TAG_BITS)
    }
}

const TAG: u64 = (1 << TAG_BITS) - 1;

fn tagged(name: u64, tag: u64) -> u64 {
    name << TAG_BITS | tag
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let start = self.memory.buffer(self.idx);
        // SAFETY: `len` is at most the size of the buffer, whose address this is; the memory is mapped as long as `self.memory`
        // lives; the bytes are this process's alone, as the top says.
        unsafe { std::slice::from_raw_parts(start.as_ptr(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        let start = self.memory.buffer(self.idx);
        // SAFETY: as above, and `self` is borrowed for writing.
        unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), self.len) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.is_mine() && self.word().compare_exchange(self.state, 0, Release, Relaxed).is_ok() {
            // Who waits for a buffer waits where those wait who need room.
            self.memory.ring().gets().lock.tell(MANY);
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("idx", &self.idx).field("len", &self.len).finish_non_exhaustive()
    }
}

impl RawQueue {
    /// A buffer of so many bytes to write; nothing when the deadline passed before one was free.
    ///
    /// There are buffers, and they are large enough.
    pub(crate) fn lend(&self, len: usize, deadline: Deadline) -> Result<Option<Buffer>, Stop> {
        let me = self.peers().me().ok_or(Stop::Forked)?;
        let mut patience = Patience::default();
        loop {
            patience.turn();
            if self.is_closed() {
                return Err(Stop::Closed);
            }
            if let Some(buffer) = self.find_buffer(me, len) {
                return Ok(Some(buffer));
            }
            self.free_lost_buffers(deadline)?;
            if !self.has_free_buffer() {
                if deadline.is_over() {
                    return Ok(None);
                }
                self.wait_for_buffer(deadline);
            }
        }
    }

    /// Puts a buffer of this process's; gives it back when the deadline passed before there was room.
    pub(crate) fn put_buffer(
        &self,
        mut buffer: Buffer,
        deadline: Deadline,
    ) -> Result<(), (Buffer, Option<Stop>)> {
        if !buffer.is_mine() {
            return Err((buffer, Some(Stop::Forked)));
        }
        let Some(record) = Record::new(Kind::Loaned, 16) else { return Err((buffer, None)) };
        let words = [buffer.idx as u64, buffer.len as u64];
        let put = self.put_by(deadline, |writer| {
            if !writer.has_room(record)? {
                return Ok(Attempt::NoRoom(record.most_units()));
            }
            // Before the item is put: who gets it finds its number here.
            buffer.word().store(tagged(u64::from(writer.count()), QUEUED), Release);
            writer.write(record, &words, &[]);
            Ok(Attempt::Done)
        });
        match put {
            Ok(true) => {
                // It is nobody's to give back: a name that no process has.
                buffer.state = 0;
                Ok(())
            }
            Ok(false) => Err((buffer, None)),
            Err(stop) => Err((buffer, Some(stop))),
        }
    }

    /// Whether a buffer is free. Needs no lock.
    pub(crate) fn has_free_buffer(&self) -> bool {
        self.memory().states().iter().any(|state| state.load(Relaxed) == 0)
    }

    /// Frees the buffer that a dead process was putting as the item of this number, which is the next one. For who has taken the
    /// lock of the puts from it.
    pub(crate) fn free_unput_buffer(&self, next: u32) {
        let unput = tagged(u64::from(next), QUEUED);
        for word in self.memory().states() {
            // It is nobody's, so nobody else changes it.
            let _ = word.compare_exchange(unput, 0, AcqRel, Relaxed);
        }
    }

    fn find_buffer(&self, me: Id, len: usize) -> Option<Buffer> {
        let mine = tagged(me.get(), LENT);
        let is_taken = |word: &AtomicU64| {
            word.load(Relaxed) == 0 && word.compare_exchange(0, mine, Acquire, Relaxed).is_ok()
        };
        let idx = self.memory().states().iter().position(is_taken)?;
        Some(Buffer { memory: Arc::clone(self.memory()), idx, len, state: mine })
    }

    /// Frees the buffers that are nobody's, if both locks are to be had.
    fn free_lost_buffers(&self, deadline: Deadline) -> Result<(), Stop> {
        self.with_both_locks(deadline, |queue, first, numbers| {
            for (idx, word) in queue.memory().states().iter().enumerate() {
                let state = word.load(Acquire);
                let is_lost = match state & TAG {
                    QUEUED => !u32::try_from(state >> TAG_BITS).is_ok_and(|number| numbers.contains(number)),
                    LENT | TAKEN if first == Some(idx as u64) => false,
                    LENT | TAKEN => {
                        Id::new(state >> TAG_BITS).is_none_or(|owner| queue.peers().is_dead(owner))
                    }
                    _ => state != 0,
                };
                if is_lost {
                    // Who has just changed it is alive.
                    let _ = word.compare_exchange(state, 0, AcqRel, Relaxed);
                }
            }
        })
    }
}
