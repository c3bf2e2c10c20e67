//! Taking short items, one or many, without a lock.
//!
//! Whoever does it reads the head, copies what stands there, and exchanges the head for the one behind. If that succeeds nobody
//! has taken the items before, so nobody has written over them, and the copy is right. If it does not, others have taken them:
//! then the copy may be anything, and all begins again, with fewer items if it was many.
//!
//! What is read of an item before it is known to be there is no more than a record, of which any word makes one that is short or
//! none. The idea is that of a sequence lock; the count in the head is the sequence.

use super::batch::Items;
use super::record::Record;
use super::ring::Ring;
use crate::error::Corruption;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

/// How many bytes a short item has at most.
pub(crate) const SHORT: usize = 64;

/// How often all begins again because others were faster, before the caller is told to wait.
const ATTEMPTS: u32 = 64;

/// What came of an attempt to take short items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Short {
    /// It was taken, and has so many bytes. Of many: so many were taken.
    Taken(usize),
    /// There was none at a moment during the call.
    Empty,
    /// The first one is not short, or others are always faster.
    Refused,
}

impl Record {
    /// Whether the item can be taken without the lock: all of it is in the ring, and not long.
    #[inline]
    pub(crate) fn is_short(self) -> bool {
        self.is_inline() && self.len() <= SHORT
    }
}

impl Ring<'_> {
    /// Takes the first item if it is short.
    #[inline(always)]
    pub(crate) fn take_short(&self, bytes: &mut [u8; SHORT]) -> Result<Short, Corruption> {
        for _ in 0..ATTEMPTS {
            let head = self.gets.head.load(Acquire);
            let start = self.checked(head)?;
            // Acquire, LOOK: as in `is_empty`; and pairs with the release in `publish`: the bytes are there.
            let word = self.units[start.position as usize].load(Acquire);
            let Some(record) = self.short_record(word) else {
                // If the head is another one by now, the word may be a byte of a later item.
                if self.gets.head.load(Acquire) != head {
                    continue;
                }
                return Ok(if word == 0 { Short::Empty } else { Short::Refused });
            };
            match (record.tiny(), bytes.first_chunk_mut()) {
                (Some(tiny), Some(first)) => *first = tiny,
                _ => self.copy_inline(start, record, &mut bytes[..record.len().next_multiple_of(8)]),
            }
            let behind = self.after(start, record.units()).to_word();
            // Release, GET: as in `Reader::publish`.
            if self.gets.head.compare_exchange(head, behind, AcqRel, Relaxed).is_ok() {
                return Ok(Short::Taken(record.size()));
            }
        }
        Ok(Short::Refused)
    }

    /// Takes up to `most` short items in a row, as [`Reader::read_many`](super::Reader::read_many) copies them.
    pub(crate) fn take_many_short(&self, mut most: usize, items: &mut Items) -> Result<Short, Corruption> {
        for _ in 0..ATTEMPTS {
            let (mut reader, first) = self.reader()?;
            let Some(first) = first else { return Ok(Short::Empty) };
            if !first.is_short() {
                break;
            }
            let read = reader.read_many(first, most, Record::is_short, items);
            let count = reader.passed() as usize;
            match read {
                Ok(()) if reader.publish() => return Ok(Short::Taken(count)),
                // What follows the first item may have been taken and written over meanwhile.
                Err(corruption) if reader.is_first() => return Err(corruption),
                _ => most = (count / 2).max(1),
            }
        }
        Ok(Short::Refused)
    }

    /// The record of a short item, if a word is one.
    #[inline]
    fn short_record(&self, word: u64) -> Option<Record> {
        let record = Record::from_word(word).ok().flatten()?;
        (record.is_short() && record.units() <= self.max_units()).then_some(record)
    }
}
