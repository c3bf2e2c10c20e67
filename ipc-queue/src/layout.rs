//! Where everything stands in the segment of a queue, and the header that refuses strangers.
//!
//! | offset | size | what | written |
//! | --- | --- | --- | --- |
//! | 0 | 8 | magic, `MPQUEUE` and a zero | once |
//! | 8 | 8 | layout version | once |
//! | 16 | 8 | fingerprint of the offsets and sizes of this table | once |
//! | 24 | 8 | total size in bytes | once |
//! | 32 | 8 | capacity in items | once |
//! | 40 | 8 | capacity in bytes | once |
//! | 48 | 8 | fingerprint of the item type | once |
//! | 64 | [`robust::SIZE`] | lock | by the C library |
//! | +0 | 8 | tail: how many items were ever put | under the lock, the commit of a put |
//! | +8 | 4 | word that getters sleep on | after a put |
//! | +12 | 4 | closed: 0 or 1 | under the lock |
//! | +64 | 8 | head: how many items were ever taken | under the lock, the commit of a get |
//! | +72 | 4 | word that putters sleep on | after a get |
//! | +128 | 16 x capacity | slots: start and length of each item | under the lock |
//! | | capacity in bytes | ring of bytes, from a multiple of 64 on | under the lock |
//!
//! What is written once is read once, when a process opens the queue, and never believed again.

use crate::error::OpenError;
use ipc_sys::memory::SharedMapping;
use ipc_sys::robust;
use std::sync::atomic::Ordering;

/// `MPQUEUE` and a zero, as the bytes stand in memory.
const MAGIC: u64 = u64::from_ne_bytes(*b"MPQUEUE\0");
/// Raised by whoever changes what a field means without moving it.
const VERSION: u64 = 1;

const MAGIC_AT: usize = 0;
const VERSION_AT: usize = 8;
const FINGERPRINT_AT: usize = 16;
const SIZE_AT: usize = 24;
const CAPACITY_AT: usize = 32;
const BYTE_CAPACITY_AT: usize = 40;
const ITEM_TYPE_AT: usize = 48;

pub(crate) const LOCK_AT: usize = LINE;
pub(crate) const TAIL_AT: usize = LOCK_AT + robust::SIZE;
pub(crate) const NOT_EMPTY_AT: usize = TAIL_AT + 8;
pub(crate) const CLOSED_AT: usize = TAIL_AT + 12;
pub(crate) const HEAD_AT: usize = TAIL_AT + LINE;
pub(crate) const NOT_FULL_AT: usize = HEAD_AT + 8;
const SLOTS_AT: usize = HEAD_AT + LINE;
const SLOT_SIZE: usize = 16;
const LINE: usize = 64;

const _: () = assert!(TAIL_AT % LINE == 0 && SLOTS_AT % LINE == 0, "words would straddle cache lines");

/// Differs whenever two builds put something at different places.
const FINGERPRINT: u64 = hash_words(&[
    LOCK_AT,
    robust::SIZE,
    TAIL_AT,
    NOT_EMPTY_AT,
    CLOSED_AT,
    HEAD_AT,
    NOT_FULL_AT,
    SLOTS_AT,
    SLOT_SIZE,
    LINE,
]);

/// The two capacities of a queue, from which all other places follow.
///
/// Invariant: both are at least 1, and [`Layout::total_size`] does not overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    capacity: usize,
    byte_capacity: usize,
}

impl Layout {
    /// The layout for these capacities; `None` when one is zero or the segment would have no size.
    pub(crate) fn new(capacity: usize, byte_capacity: usize) -> Option<Layout> {
        let slots_end = capacity.checked_mul(SLOT_SIZE)?.checked_add(SLOTS_AT)?;
        let total = slots_end.checked_next_multiple_of(LINE)?.checked_add(byte_capacity)?;
        let is_possible = capacity > 0 && byte_capacity > 0 && isize::try_from(total).is_ok();
        is_possible.then_some(Layout { capacity, byte_capacity })
    }

    /// How many items the queue takes.
    pub(crate) fn capacity(self) -> usize {
        self.capacity
    }

    /// How many bytes of encoded items the queue takes.
    pub(crate) fn byte_capacity(self) -> usize {
        self.byte_capacity
    }

    /// Bytes of the whole segment.
    pub(crate) fn total_size(self) -> usize {
        self.ring_at() + self.byte_capacity
    }

    /// Where the slot of the item with this number stands.
    pub(crate) fn slot_at(self, number: u64) -> usize {
        SLOTS_AT + (number % self.capacity as u64) as usize * SLOT_SIZE
    }

    /// Where the ring of bytes begins.
    pub(crate) fn ring_at(self) -> usize {
        (SLOTS_AT + self.capacity * SLOT_SIZE).next_multiple_of(LINE)
    }

    /// Writes the header, the magic last.
    pub(crate) fn write_header(self, memory: &SharedMapping, item_type: u64) {
        let fields = [
            (VERSION_AT, VERSION),
            (FINGERPRINT_AT, FINGERPRINT),
            (SIZE_AT, self.total_size() as u64),
            (CAPACITY_AT, self.capacity as u64),
            (BYTE_CAPACITY_AT, self.byte_capacity as u64),
            (ITEM_TYPE_AT, item_type),
            (MAGIC_AT, MAGIC),
        ];
        for (offset, value) in fields {
            memory.atomic_u64(offset).store(value, Ordering::Release);
        }
    }

    /// Reads the header of memory that came from another process, and refuses what is no queue of this build.
    pub(crate) fn read_header(memory: &SharedMapping, item_type: u64) -> Result<Layout, OpenError> {
        let actual = memory.size();
        if actual < SLOTS_AT {
            return Err(OpenError::TooSmall { size: actual, least: SLOTS_AT });
        }
        let read = |offset| memory.atomic_u64(offset).load(Ordering::Acquire);
        match read(MAGIC_AT) {
            MAGIC => {}
            found => return Err(OpenError::Magic { found: found.to_ne_bytes() }),
        }
        match read(VERSION_AT) {
            VERSION => {}
            found => return Err(OpenError::Version { found, expected: VERSION }),
        }
        match read(FINGERPRINT_AT) {
            FINGERPRINT => {}
            found => return Err(OpenError::Layout { found, expected: FINGERPRINT }),
        }
        let stated = read(SIZE_AT);
        if stated != actual as u64 {
            return Err(OpenError::Size { stated, actual });
        }
        let (capacity, byte_capacity) = (read(CAPACITY_AT), read(BYTE_CAPACITY_AT));
        let layout = usize::try_from(capacity)
            .ok()
            .zip(usize::try_from(byte_capacity).ok())
            .and_then(|(capacity, byte_capacity)| Layout::new(capacity, byte_capacity))
            .filter(|layout| layout.total_size() == actual)
            .ok_or(OpenError::Capacity { capacity, byte_capacity, actual })?;
        match read(ITEM_TYPE_AT) {
            found if found == item_type => Ok(layout),
            found => Err(OpenError::ItemType { found, expected: item_type }),
        }
    }
}

/// A number for a type, from its name: the same in all processes of one build.
pub(crate) fn item_type<T>() -> u64 {
    hash_bytes(FNV_START, std::any::type_name::<T>().as_bytes())
}

/// Start and factor of FNV-1a with 64 bits.
const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_FACTOR: u64 = 0x0100_0000_01b3;

const fn hash_words(words: &[usize]) -> u64 {
    let mut hash = FNV_START;
    let mut idx = 0;
    while idx < words.len() {
        hash = hash_bytes(hash, &(words[idx] as u64).to_le_bytes());
        idx += 1;
    }
    hash
}

const fn hash_bytes(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut idx = 0;
    while idx < bytes.len() {
        hash = (hash ^ bytes[idx] as u64).wrapping_mul(FNV_FACTOR);
        idx += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacities_that_make_no_segment_are_refused() {
        for (capacity, byte_capacity) in
            [(0, 1), (1, 0), (usize::MAX, 1), (1, usize::MAX), (usize::MAX / 16, 64)]
        {
            assert_eq!(Layout::new(capacity, byte_capacity), None, "{capacity} items, {byte_capacity} bytes");
        }
    }

    #[test]
    fn parts_follow_each_other_without_overlap() {
        for capacity in 1..100 {
            let layout = Layout::new(capacity, 7).expect("a small segment");
            let last_slot_end = layout.slot_at(capacity as u64 - 1) + SLOT_SIZE;
            assert!(last_slot_end <= layout.ring_at());
            assert_eq!(layout.ring_at() % LINE, 0);
            assert_eq!(layout.total_size(), layout.ring_at() + 7);
        }
    }

    #[test]
    fn types_have_different_numbers() {
        assert_eq!(item_type::<u32>(), item_type::<u32>());
        assert_ne!(item_type::<u32>(), item_type::<i32>());
        assert_ne!(item_type::<Vec<u8>>(), item_type::<Vec<i8>>());
    }
}
