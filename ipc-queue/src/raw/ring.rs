//! The ring: records and their bytes one after the other, and the two stores that put an item in and take one out.
//!
//! # The words
//!
//! The ring is a row of words of 64 bits. An item is a [`Record`] and its bytes behind it; both go over the end of the row if
//! need be. A *place* is 32 bits of a count of items and 32 bits of a position in the row, in one word.
//!
//! | word | belongs to | meaning |
//! | --- | --- | --- |
//! | `tail` | who has the lock of the puts | where the next record will stand, and how many items there were |
//! | `head_seen` | the same | the head as it was when somebody looked: there is at least the room that it leaves |
//! | `head` | who exchanges it for the one behind what it read | where the next item stands, and how many were taken; read by who puts |
//!
//! The one rule that all else follows from: **the word at the tail is zero, until one store makes it a record.** That store
//! is the put. It is also what a getter waits for: signal and item come in one cache line. One word of the row is
//! therefore never used.
//!
//! # Put, under its lock
//!
//! | step | a survivor finds |
//! | --- | --- |
//! | 1. the bytes are written behind the tail, and the records after the first, if there are many | the queue as before |
//! | 2. the word behind all of it becomes zero | the queue as before; the word is not in use |
//! | 3. **the record at the tail is stored** | all items, whole |
//! | 4. the tail is stored | the same |
//!
//! After 3 the tail is behind. Whoever takes the lock from the dead follows the records to the zero and stores that place
//! ([`Ring::mend_tail`]), so a record that was stored is never written over. Dying meanwhile changes nothing.
//!
//! # Get
//!
//! | step | a survivor finds |
//! | --- | --- |
//! | 1. the bytes are copied out | the queue as before |
//! | 2. **the head is exchanged** for the one behind them | the queue without the items, which are gone with whoever was taking them |
//!
//! There is nothing to mend. If the head was another one meanwhile, somebody else has taken the item, what was copied may be
//! anything, and all begins again. Since a head has a count in it, none comes again before 2^32 items have come and gone.
//!
//! Items that are [short](Record::is_short) are taken without a lock ([`super::short`]): nobody waits for a getter that is stopped
//! or killed. An item that is not is taken under the lock of the gets. Who has it and has [seen](Ring::reader) such an item
//! at the head has it for sure, so nothing that takes long is done in vain.
//!
//! # What a stranger can do
//!
//! Every word is checked when it is read, so that no position is outside of the row and no length longer than it. Loops go
//! over at most as many records as the queue has room for.
//!
//! # Sources
//!
//! That signal and item share a word is FastForward's (Giacomoni, Moseley, Vachharajani, *FastForward for efficient pipeline
//! parallelism*, PPoPP 2008); that each side keeps a copy of the other's index is Lamport's ring as Rigtorp and others write
//! it today; that each side has a lock of its own is Michael and Scott's two-lock queue (PODC 1996); that what is begun and not finished
//! can be seen by its length word is Aeron's log buffer.

use super::batch::{Batch, Items};
use super::copy;
use super::lock::Lock;
use super::record::{Kind, Record};
use super::shim::{AtomicU32, AtomicU64, fence, load_owned};
use crate::error::Corruption;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// How many words ahead of the tail the cache is made ready: two lines. Who got what stood there has them still, and to fetch one
/// takes longer than some puts.
const AHEAD: usize = 16;

/// For how many words more the cache is made ready at once: as many as are often put together.
const MOST_AHEAD: usize = 256;

/// How often who reads looks for a first item that nobody takes meanwhile.
const LOOKS: u32 = 1 << 14;

/// What is there for the size only, and no matter of a model.
type Unused = std::sync::atomic::AtomicU64;

/// What belongs to those who put.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct Puts {
    pub(crate) lock: Lock,
    tail: AtomicU64,
    head_seen: AtomicU64,
    /// The last ticket that was given to handles.
    pub(crate) ticket: AtomicU64,
    _line: [Unused; 2],
    // A line of its own: those that wait for an item look at it, and would take the words above from those that put.
    /// Not 0 once the queue takes no more.
    pub(crate) ended: AtomicU32,
    /// How often somebody has let go of an end of a channel.
    pub(crate) news: AtomicU32,
    /// The name of the process of which a thread naps at the socket, or zero.
    pub(crate) napper: Unused,
    _rest: [Unused; 6],
}

/// What belongs to those who get.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct Gets {
    pub(crate) lock: Lock,
    pub(super) head: AtomicU64,
    /// The ticket of the handles that were taken last, or are being taken.
    pub(crate) ticket: AtomicU64,
    /// How many tasks of a joinable queue were done.
    pub(crate) n_done: AtomicU64,
    /// Changes when all tasks are done.
    pub(crate) all_done: std::sync::atomic::AtomicU32,
    _pad: std::sync::atomic::AtomicU32,
    _line: [Unused; 9],
}

/// How often who counts begins again because others go on meanwhile.
const COUNTS: u32 = 100;

#[cfg(not(all(test, loom)))]
const _: () = assert!(size_of::<Puts>() == 128 && size_of::<Gets>() == 128);

/// A ring in shared memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ring<'a> {
    puts: &'a Puts,
    pub(super) gets: &'a Gets,
    pub(super) units: &'a [AtomicU64],
    capacity: u32,
}

/// A number of items, and a position in the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    count: u32,
    pub(super) position: u32,
}

impl Place {
    #[inline]
    fn from_word(word: u64) -> Place {
        Place { count: (word >> 32) as u32, position: word as u32 }
    }

    #[inline]
    pub(super) fn to_word(self) -> u64 {
        u64::from(self.count) << 32 | u64::from(self.position)
    }
}

impl<'a> Ring<'a> {
    /// There are at least two words, and fewer than 2^31.
    pub(crate) fn new(puts: &'a Puts, gets: &'a Gets, units: &'a [AtomicU64], capacity: u32) -> Ring<'a> {
        debug_assert!(units.len() >= 2 && units.len() < 1 << 31);
        Ring { puts, gets, units, capacity }
    }

    pub(crate) fn puts(&self) -> &'a Puts {
        self.puts
    }

    pub(crate) fn gets(&self) -> &'a Gets {
        self.gets
    }

    /// The largest number of words that one item can have, its record included.
    pub(crate) fn max_units(&self) -> u32 {
        self.n_units() - 1
    }

    /// Begins to write. For who has the lock of the puts.
    #[inline]
    pub(crate) fn writer(&self) -> Result<Writer<'a>, Corruption> {
        let tail = self.checked(load_owned(&self.puts.tail))?;
        let head = self.checked(load_owned(&self.puts.head_seen))?;
        // Release, LOOK: who reads what is written from here on finds a head behind all that stood there before.
        fence(Release);
        let mut writer = Writer { ring: *self, start: tail, at: tail, n_free: 0, units_free: 0, first: None };
        writer.count_room(head)?;
        Ok(writer)
    }

    /// Puts an item into the room that was there when somebody looked; false if there is none. For who has the lock of the puts.
    #[inline]
    pub(crate) fn try_put(&self, record: Record, bytes: &[u8]) -> bool {
        let tail = load_owned(&self.puts.tail);
        let (Ok(tail), Ok(head)) = (self.checked(tail), self.checked(load_owned(&self.puts.head_seen)))
        else {
            return false;
        };
        let n_used = tail.count.wrapping_sub(head.count);
        let record = self.placed(record, tail);
        if n_used >= self.capacity || record.units() > self.room_between(head, tail) {
            return false;
        }
        // Release, LOOK: as in `writer`.
        fence(Release);
        if !bytes.is_empty() {
            self.copy_in(self.advanced(tail.position, record.head()), bytes);
        }
        self.publish(tail, record, self.after(tail, record.units()));
        true
    }

    /// Puts all that was written from `start` to `end` into the queue, by one store: that of the first record.
    #[inline]
    fn publish(&self, start: Place, first: Record, end: Place) {
        // Before the record is seen the word at the new tail has to say that nothing comes after it.
        self.units[end.position as usize].store(0, Relaxed);
        // Release, PUT: whoever sees the record sees the bytes, the records behind it, and the zero.
        self.units[start.position as usize].store(first.to_word(), Release);
        self.puts.tail.store(end.to_word(), Release);
        self.expect_to_write(start, end);
    }

    /// Has the cache made ready for as much as was put, if as much follows.
    #[inline]
    fn expect_to_write(&self, start: Place, end: Place) {
        let n_words = (end.position.wrapping_sub(start.position) as usize).min(MOST_AHEAD);
        let from = end.position as usize + AHEAD;
        for at in (from..from + n_words).step_by(8) {
            let Some(ahead) = self.units.get(at) else { break };
            ipc_sys::memory::expect_to_write(ahead);
        }
    }

    #[inline]
    fn copy_in(&self, position: u32, bytes: &[u8]) {
        let (front, back) = self.words(position, bytes.len().div_ceil(8));
        let split = bytes.len().min(front.len() * 8);
        copy::copy_in(front, &bytes[..split], self.units.len());
        if split < bytes.len() {
            copy::copy_in(back, &bytes[split..], self.units.len());
        }
    }

    /// Begins to read, and tells the first record, if there is one. Who has the lock of the gets has the item for sure, if it is
    /// not short.
    #[inline(always)]
    pub(crate) fn reader(&self) -> Result<(Reader<'a>, Option<Record>), Corruption> {
        for _ in 0..LOOKS {
            let head = self.gets.head.load(Acquire);
            let start = self.checked(head)?;
            let reader = Reader { ring: *self, start, at: start, units_left: self.max_units() };
            let record = reader.record();
            // As in `is_empty`.
            if self.gets.head.load(Acquire) == head {
                return Ok((reader, record?));
            }
        }
        // So often nobody is faster who keeps to the protocol.
        Err(Corruption::new("items go away by themselves"))
    }

    /// Whether there was no item at a moment during the call. Needs no lock.
    #[inline]
    pub(crate) fn is_empty(&self) -> Result<bool, Corruption> {
        let head = self.gets.head.load(Acquire);
        let place = self.checked(head)?;
        // Acquire, LOOK: if this is a byte of a later item, the head that is read next is behind what stood here before.
        let word = self.units[place.position as usize].load(Acquire);
        // If the head is still the same, then the word was that at the head, and not one that had been taken.
        Ok(word == 0 && self.gets.head.load(Acquire) == head)
    }

    /// How many items there are. Needs no lock; exact while nobody puts or gets.
    pub(crate) fn len(&self) -> usize {
        let (put, taken) = self.counts();
        // What was put and taken between two looks makes a number that is too large.
        put.wrapping_sub(taken).min(self.capacity) as usize
    }

    /// How many items were ever taken, modulo 2^32. Needs no lock.
    pub(crate) fn n_taken(&self) -> u32 {
        Place::from_word(self.gets.head.load(Relaxed)).count
    }

    /// How many items were ever put and ever taken, both modulo 2^32. Needs no lock.
    pub(crate) fn counts(&self) -> (u32, u32) {
        for _ in 0..COUNTS {
            let head = self.gets.head.load(Acquire);
            let (tail, settled) = (self.puts.tail.load(Acquire), self.settled_tail());
            // If the tail has moved on, what was taken for records behind it can be bytes of items by now.
            if self.gets.head.load(Acquire) == head && self.puts.tail.load(Acquire) == tail {
                let head = Place::from_word(head);
                return (settled.map_or(head, |(_, tail)| tail).count, head.count);
            }
        }
        // The head first: what comes meanwhile makes it more, and never fewer than none.
        let head = Place::from_word(self.gets.head.load(Acquire));
        (Place::from_word(self.puts.tail.load(Acquire)).count, head.count)
    }

    /// Whether an item of so many words seems to have room. Needs no lock.
    pub(crate) fn has_room(&self, units: u32) -> bool {
        let (Ok(head), Ok(tail)) =
            (self.checked(self.gets.head.load(Acquire)), self.checked(self.puts.tail.load(Relaxed)))
        else {
            return true;
        };
        let n_used = tail.count.wrapping_sub(head.count);
        // More than the capacity: the head has moved on since. Whoever has the lock sees it as it is.
        n_used > self.capacity || n_used < self.capacity && self.room_between(head, tail) >= units
    }

    /// Whether no further item has a place, however small. Needs no lock.
    pub(crate) fn is_at_capacity(&self) -> bool {
        self.len() == self.capacity as usize
    }

    /// Stores the tail that the records tell, and returns how many items were ever put, modulo 2^32. For who has taken the lock
    /// of the puts from the dead.
    pub(crate) fn mend_tail(&self) -> Result<u32, Corruption> {
        let (found, tail) = self.settled_tail()?;
        if found != tail {
            self.puts.tail.store(tail.to_word(), Release);
        }
        Ok(tail.count)
    }

    /// The tail, and where it is in truth: behind all records.
    fn settled_tail(&self) -> Result<(Place, Place), Corruption> {
        let tail = self.checked(self.puts.tail.load(Acquire))?;
        let mut at = tail;
        for _ in 0..=self.capacity {
            let Some(record) = self.record_at(at)? else { return Ok((tail, at)) };
            at = self.after(at, record.units());
        }
        Err(Corruption::new("there are more items than the capacity"))
    }

    #[inline]
    fn n_units(&self) -> u32 {
        self.units.len() as u32
    }

    #[inline]
    pub(super) fn checked(&self, word: u64) -> Result<Place, Corruption> {
        let place = Place::from_word(word);
        if place.position < self.n_units() {
            Ok(place)
        } else {
            Err(Corruption::new("an end is outside of the ring"))
        }
    }

    /// The record of the same item as it stands at this place: bytes of a long one begin at an even word.
    #[inline]
    fn placed(&self, record: Record, place: Place) -> Record {
        let start = self.advanced(place.position, record.head() + n_words(record.kind()) as u32);
        if record.is_long() && start % 2 == 1 { record.padded() } else { record }
    }

    /// The record at a place, which has room in the ring.
    #[inline]
    fn record_at(&self, place: Place) -> Result<Option<Record>, Corruption> {
        // Acquire: pairs with the release in `Writer::publish`; the bytes behind the record are there.
        let word = self.units[place.position as usize].load(Acquire);
        match Record::from_word(word)? {
            Some(record) if record.units() > self.max_units() => {
                Err(Corruption::new("an item is longer than the ring"))
            }
            record => Ok(record),
        }
    }

    /// The place after one more item of so many words.
    #[inline]
    pub(super) fn after(&self, place: Place, units: u32) -> Place {
        Place { count: place.count.wrapping_add(1), position: self.advanced(place.position, units) }
    }

    /// A position so many words further on: fewer than the ring has.
    #[inline]
    pub(super) fn advanced(&self, position: u32, units: u32) -> u32 {
        let position = position + units;
        if position >= self.n_units() { position - self.n_units() } else { position }
    }

    /// How many words may be written from the tail on, so that one is left.
    #[inline]
    fn room_between(&self, head: Place, tail: Place) -> u32 {
        let ahead = if head.position > tail.position { 0 } else { self.n_units() };
        head.position + ahead - tail.position - 1
    }

    /// Copies the bytes of the inline item at a place, as many as it has, or up to a whole word.
    #[inline]
    pub(super) fn copy_inline(&self, place: Place, record: Record, bytes: &mut [u8]) {
        match record.tiny() {
            Some(tiny) => {
                let size = bytes.len().min(tiny.len());
                bytes[..size].copy_from_slice(&tiny[..size]);
            }
            None => self.copy_out(self.advanced(place.position, record.head()), bytes),
        }
    }

    #[inline]
    pub(super) fn copy_out(&self, position: u32, bytes: &mut [u8]) {
        let (front, back) = self.words(position, bytes.len().div_ceil(8));
        let split = bytes.len().min(front.len() * 8);
        let (first, second) = bytes.split_at_mut(split);
        copy::copy_out(front, first);
        if !second.is_empty() {
            copy::copy_out(back, second);
        }
    }

    /// The words from a position on, up to the end of the row and from its beginning.
    #[inline]
    fn words(&self, position: u32, count: usize) -> (&'a [AtomicU64], &'a [AtomicU64]) {
        let first = &self.units[position as usize..];
        if count <= first.len() {
            (&first[..count], &[])
        } else {
            (first, &self.units[..count - first.len()])
        }
    }
}

/// Writes items behind the tail, which nobody sees before [`Writer::publish`].
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    ring: Ring<'a>,
    start: Place,
    at: Place,
    n_free: u32,
    units_free: u32,
    /// The record of the first item, which is stored last.
    first: Option<Record>,
}

impl Writer<'_> {
    /// How many items were ever put, modulo 2^32, those that were written included.
    pub(crate) fn count(&self) -> u32 {
        self.at.count
    }

    /// How many were written.
    pub(crate) fn written(&self) -> u32 {
        self.at.count.wrapping_sub(self.start.count)
    }

    /// Whether an item has room.
    #[inline]
    pub(crate) fn has_room(&mut self, record: Record) -> Result<bool, Corruption> {
        let units = self.ring.placed(record, self.at).units();
        let fits = |writer: &Self| writer.n_free > 0 && units <= writer.units_free;
        if fits(self) {
            return Ok(true);
        }
        self.look_for_room()?;
        Ok(fits(self))
    }

    /// Writes an item that has room: some words, then bytes, together as many as the record says.
    #[inline]
    pub(crate) fn write(&mut self, record: Record, words: &[u64], bytes: &[u8]) {
        debug_assert_eq!(record.len(), words.len() * 8 + bytes.len());
        let record = self.ring.placed(record, self.at);
        let mut position = self.ring.advanced(self.at.position, record.head());
        for &word in words {
            self.ring.units[position as usize].store(word, Relaxed);
            position = self.ring.advanced(position, 1);
        }
        self.ring.copy_in(position, bytes);
        match self.first {
            None => self.first = Some(record),
            Some(_) => self.ring.units[self.at.position as usize].store(record.to_word(), Relaxed),
        }
        self.at = self.ring.after(self.at, record.units());
        self.n_free -= 1;
        self.units_free -= record.units();
    }

    /// Writes as many of the items from `first` on as have room, and tells how many. Nothing was written before.
    pub(crate) fn write_many(&mut self, batch: &Batch, first: usize) -> Result<usize, Corruption> {
        let start = batch.start(first);
        let fits = |writer: &Self, count: usize| {
            writer.n_free as usize >= count && batch.start(first + count) - start <= writer.units_free
        };
        let n_items = batch.len() - first;
        if !fits(self, n_items) {
            self.look_for_room()?;
        }
        let mut count = if fits(self, n_items) { n_items } else { 0 };
        while count < n_items && fits(self, count + 1) {
            count += 1;
        }
        if count > 0 {
            let bytes = batch.bytes(first, count);
            self.ring.copy_in(self.ring.advanced(self.at.position, 1), bytes);
            let units = batch.start(first + count) - start;
            self.first = Some(batch.record(first)?);
            self.at.count = self.at.count.wrapping_add(count as u32);
            self.at.position = self.ring.advanced(self.at.position, units);
            self.n_free -= count as u32;
            self.units_free -= units;
        }
        Ok(count)
    }

    /// Puts all that was written into the queue, by one store.
    #[inline]
    pub(crate) fn publish(self) {
        if let Some(first) = self.first {
            self.ring.publish(self.start, first, self.at);
        }
    }

    /// Looks where the head is now.
    fn look_for_room(&mut self) -> Result<(), Corruption> {
        // Acquire: pairs with the release in `Reader::publish`; who got the items has read their bytes.
        let head = self.ring.gets.head.load(Acquire);
        // Release, LOOK: as in `Ring::writer`, for the room that this head leaves.
        fence(Release);
        self.ring.puts.head_seen.store(head, Relaxed);
        self.count_room(self.ring.checked(head)?)
    }

    /// Counts the room that a head leaves, behind what was written.
    #[inline]
    fn count_room(&mut self, head: Place) -> Result<(), Corruption> {
        let n_used = self.at.count.wrapping_sub(head.count);
        self.n_free = self
            .ring
            .capacity
            .checked_sub(n_used)
            .ok_or(Corruption::new("there are more items than the capacity"))?;
        self.units_free = self.ring.room_between(head, self.at);
        Ok(())
    }
}

/// Reads items from the head on, which stay in the queue until [`Reader::publish`].
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    ring: Ring<'a>,
    start: Place,
    at: Place,
    /// How many words there can be behind what was passed.
    units_left: u32,
}

impl Reader<'_> {
    /// How many items were ever taken, modulo 2^32, those that were passed included.
    pub(crate) fn count(&self) -> u32 {
        self.at.count
    }

    /// How many were passed.
    pub(crate) fn passed(&self) -> u32 {
        self.at.count.wrapping_sub(self.start.count)
    }

    /// Whether the first item that was read is still the first of the queue.
    pub(crate) fn is_first(&self) -> bool {
        // Acquire, LOOK: what was read before was read before this.
        fence(Acquire);
        self.ring.gets.head.load(Relaxed) == self.start.to_word()
    }

    /// The next record, if there is one.
    #[inline]
    pub(crate) fn record(&self) -> Result<Option<Record>, Corruption> {
        match self.ring.record_at(self.at)? {
            // Records without an end would be read round and round.
            Some(record) if record.units() > self.units_left => {
                Err(Corruption::new("there are more items than the ring has room for"))
            }
            record => Ok(record),
        }
    }

    /// The words that stand before the bytes of the next item, and its bytes.
    ///
    /// The slices are as long as the record says: a record that is too short for its kind has to be refused before.
    #[inline]
    pub(crate) fn read(&self, record: Record, words: &mut [u64], bytes: &mut [u8]) {
        let mut position = self.ring.advanced(self.at.position, record.head());
        for word in words {
            *word = self.ring.units[position as usize].load(Relaxed);
            position = self.ring.advanced(position, 1);
        }
        self.ring.copy_out(position, bytes);
    }

    /// The bytes of the next item, which is inline: as many as it has, or up to a whole word.
    #[inline]
    pub(crate) fn read_inline(&self, record: Record, bytes: &mut [u8]) {
        self.ring.copy_inline(self.at, record, bytes);
    }

    /// Copies up to `most` items in a row that are wanted, and passes them; at least the one that is given, which is next. They
    /// have all their bytes in the ring.
    pub(crate) fn read_many(
        &mut self,
        first: Record,
        most: usize,
        is_wanted: impl Fn(Record) -> bool,
        items: &mut Items,
    ) -> Result<(), Corruption> {
        let most = most.min(self.ring.capacity as usize);
        self.read_tiny(most, items.begin(most));
        let start = self.at.position;
        let mut next = if items.len() == 0 { Some(first) } else { self.record_up_to(most)? };
        while let Some(record) = next.filter(|record| is_wanted(*record)) {
            items.expect(record);
            self.pass(record);
            next = self.record_up_to(most)?;
        }
        self.ring.copy_out(start, items.room());
        Ok(())
    }

    /// Reads the tiny items that come next, up to `most` or to one that is none, and passes them.
    #[inline]
    fn read_tiny(&mut self, most: usize, items: &mut Vec<u64>) {
        let (front, back) = self.ring.words(self.at.position, most.min(self.units_left as usize));
        // Acquire: as in `Ring::record_at`.
        let words = front.iter().chain(back).map(|word| word.load(Acquire));
        items.extend(words.take_while(|word| Record::is_tiny(*word)));
        let count = items.len() as u32;
        self.at.count = self.at.count.wrapping_add(count);
        self.at.position = self.ring.advanced(self.at.position, count);
        self.units_left -= count;
    }

    /// The next record, if there is one and fewer than `most` were passed.
    #[inline]
    fn record_up_to(&self, most: usize) -> Result<Option<Record>, Corruption> {
        if (self.passed() as usize) < most { self.record() } else { Ok(None) }
    }

    /// Goes on behind an item.
    #[inline]
    pub(crate) fn pass(&mut self, record: Record) {
        self.at = self.ring.after(self.at, record.units());
        self.units_left -= record.units();
    }

    /// Takes all that was passed out of the queue, by one exchange; false if somebody else has taken the first of it.
    #[inline]
    pub(crate) fn publish(&self) -> bool {
        let (start, at) = (self.start.to_word(), self.at.to_word());
        // Release, GET: whoever sees the head may write over the bytes that were read before.
        self.ring.gets.head.compare_exchange(start, at, AcqRel, Relaxed).is_ok()
    }
}

/// How many words stand before the bytes of an item of this kind.
pub(crate) fn n_words(kind: Kind) -> usize {
    match kind {
        Kind::Inline | Kind::Tiny => 0,
        Kind::WithHandles => 1,
        Kind::Outside | Kind::Loaned => 2,
        Kind::Part => 5,
    }
}

#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(all(test, loom))]
mod model;
