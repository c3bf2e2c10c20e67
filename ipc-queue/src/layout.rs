//! Where everything stands in the memory of a queue.
//!
//! | offset | size | what | written |
//! | --- | --- | --- | --- |
//! | 0 | 48 | the [plan](Plan), from which all other places follow | once |
//! | 112 | 128 | what belongs to those who put | under their lock |
//! | 240 | 128 | what belongs to those who get | under their lock |
//! | 368 | 16 x 4096 | tasks in the hands of each process, if the queue is joinable | by that process |
//! | | 8 x buffers | the state of each buffer | by its owner |
//! | | 8 x words | the ring | under the locks |
//! | | size x buffers | buffers, from a multiple of 4096 on | by the owner |
//!
//! The memory begins 16 bytes behind a multiple of a page, so each of the two parts has two cache lines of its
//! own. What is written once is read once, when a process opens the queue, and never believed again.

use crate::builder::WhenFull;
use crate::error::OpenError;
use crate::raw::{EVEN_FROM, Gets, Puts};

/// Raised by whoever changes what a word means without moving it.
const VERSION: u64 = 4;

pub(crate) const PUTS_AT: usize = 112;
pub(crate) const GETS_AT: usize = PUTS_AT + size_of::<Puts>();
pub(crate) const HANDS_AT: usize = GETS_AT + size_of::<Gets>();
/// How many words the plan has.
pub(crate) const PLAN_WORDS: usize = 6;
/// One for each process that can take part in a segment.
pub(crate) const N_HANDS: usize = 4096;
/// A word with a name and a word with a number.
const HAND_SIZE: usize = 16;
const PAGE: usize = 4096;
/// How far behind a multiple of a page the memory begins.
const BEFORE: usize = 16;

/// The largest number of items.
pub(crate) const MAX_CAPACITY: usize = 1 << 29;
/// The largest number of words of the ring.
const MAX_UNITS: usize = (1 << 31) - 1;
/// The largest number of buffers.
const MAX_BUFFERS: usize = 1 << 16;
/// The largest size of a buffer.
const MAX_BUFFER: usize = 1 << 40;

const _: () = assert!(PLAN_WORDS * 8 <= PUTS_AT && HANDS_AT % 8 == 0);

/// What a queue is: from this all places in its memory follow.
///
/// Invariant: [`Plan::total_size`] does not overflow, and both capacities are at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// How many items it takes.
    pub(crate) capacity: usize,
    /// How many bytes of encoded items it takes at least.
    pub(crate) byte_capacity: usize,
    /// How many buffers for loans there are, and how large each is.
    pub(crate) n_buffers: usize,
    pub(crate) buffer_size: usize,
    pub(crate) is_joinable: bool,
    pub(crate) when_full: WhenFull,
}

impl Plan {
    /// The plan, if there can be such a queue.
    pub(crate) fn checked(self) -> Option<Plan> {
        let is_possible = (1..=MAX_CAPACITY).contains(&self.capacity)
            && self.byte_capacity >= 1
            && self.n_buffers <= MAX_BUFFERS
            && self.buffer_size <= MAX_BUFFER
            && self.byte_capacity <= MAX_UNITS * 8
            && self.n_units() <= MAX_UNITS
            && isize::try_from(self.total_size()).is_ok();
        is_possible.then_some(self)
    }

    /// How many words the ring has: for as many items as there may be, whatever their sizes, and the one that is never used.
    pub(crate) fn n_units(&self) -> usize {
        // Each item has a record, fills its last word up, and has a ticket if it has handles. What is not in the ring itself has
        // two words there. A long one, of so many bytes with its ticket, may be padded.
        self.byte_capacity.div_ceil(8) + 3 * self.capacity + self.byte_capacity / (EVEN_FROM - 8) + 1
    }

    /// Where the states of the buffers are.
    pub(crate) fn states_at(&self) -> usize {
        HANDS_AT + if self.is_joinable { N_HANDS * HAND_SIZE } else { 0 }
    }

    /// Where the ring is.
    pub(crate) fn units_at(&self) -> usize {
        (self.states_at() + self.n_buffers * 8 + BEFORE).next_multiple_of(64) - BEFORE
    }

    /// Where the buffers are.
    pub(crate) fn buffers_at(&self) -> usize {
        let end = self.units_at() + self.n_units() * 8;
        if self.n_buffers == 0 { end } else { (end + BEFORE).next_multiple_of(PAGE) - BEFORE }
    }

    /// From one buffer to the next.
    pub(crate) fn buffer_stride(&self) -> usize {
        self.buffer_size.next_multiple_of(64)
    }

    /// Bytes of the whole memory.
    pub(crate) fn total_size(&self) -> usize {
        self.buffers_at() + self.n_buffers * self.buffer_stride()
    }

    /// The words that say it, with a number for the type of the items.
    pub(crate) fn to_words(self, item_type: u64) -> [u64; PLAN_WORDS] {
        let kind = VERSION << 32 | u64::from(self.is_joinable) << 8 | self.when_full as u64;
        [
            kind,
            item_type,
            self.capacity as u64,
            self.byte_capacity as u64,
            self.n_buffers as u64,
            self.buffer_size as u64,
        ]
    }

    /// The plan that words say, for items of this type in so many bytes of memory.
    pub(crate) fn from_words(
        words: [u64; PLAN_WORDS],
        item_type: u64,
        memory_size: usize,
    ) -> Result<Plan, OpenError> {
        let [kind, found_type, capacity, byte_capacity, n_buffers, buffer_size] = words;
        if kind >> 32 != VERSION {
            return Err(OpenError::Version { found: kind >> 32, expected: VERSION });
        }
        if found_type != item_type {
            return Err(OpenError::ItemType { found: found_type, expected: item_type });
        }
        let size = |word| usize::try_from(word).unwrap_or(usize::MAX);
        let when_full = WhenFull::from_number(kind & 0xff).ok_or(OpenError::Damaged)?;
        let plan = Plan {
            capacity: size(capacity),
            byte_capacity: size(byte_capacity),
            n_buffers: size(n_buffers),
            buffer_size: size(buffer_size),
            is_joinable: kind >> 8 & 0xff == 1,
            when_full,
        };
        plan.checked().filter(|plan| plan.total_size() <= memory_size).ok_or(OpenError::Damaged)
    }
}

/// A number for a type, from its name: the same in all processes of one build.
pub(crate) fn item_type<T: ?Sized>() -> u64 {
    // FNV-1a.
    let bytes = std::any::type_name::<T>().bytes();
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan {
        capacity: 10,
        byte_capacity: 1000,
        n_buffers: 0,
        buffer_size: 0,
        is_joinable: false,
        when_full: WhenFull::Block,
    };

    #[test]
    fn plans_of_no_queue_are_refused() {
        assert!(PLAN.checked().is_some());
        for plan in [
            Plan { capacity: 0, ..PLAN },
            Plan { byte_capacity: 0, ..PLAN },
            Plan { capacity: usize::MAX, ..PLAN },
            Plan { byte_capacity: usize::MAX, ..PLAN },
            Plan { n_buffers: usize::MAX, buffer_size: 1, ..PLAN },
            Plan { n_buffers: MAX_BUFFERS, buffer_size: usize::MAX, ..PLAN },
        ] {
            assert_eq!(plan.checked(), None, "{plan:?}");
        }
    }

    #[test]
    fn parts_follow_each_other_without_overlap() {
        for capacity in 1..70 {
            for (n_buffers, buffer_size) in [(0, 0), (1, 1), (3, 5000)] {
                let plan = Plan { capacity, n_buffers, buffer_size, is_joinable: capacity % 2 == 0, ..PLAN };
                assert!(plan.states_at() >= HANDS_AT);
                assert!(plan.units_at() >= plan.states_at() + n_buffers * 8);
                assert_eq!((plan.units_at() + 16) % 64, 0);
                assert!(plan.buffers_at() >= plan.units_at() + plan.n_units() * 8);
                if n_buffers > 0 {
                    assert_eq!((plan.buffers_at() + 16) % PAGE, 0);
                }
                assert_eq!(plan.total_size(), plan.buffers_at() + n_buffers * plan.buffer_stride());
            }
        }
    }

    #[test]
    fn a_plan_survives_its_words() {
        let plan = Plan {
            n_buffers: 2,
            buffer_size: 100,
            is_joinable: true,
            when_full: WhenFull::DropOldest,
            ..PLAN
        };
        let (words, size) = (plan.to_words(7), plan.total_size());
        assert_eq!(Plan::from_words(words, 7, size).ok(), Some(plan));
        assert!(matches!(Plan::from_words(words, 8, size), Err(OpenError::ItemType { .. })));
        assert!(matches!(Plan::from_words(words, 7, size - 1), Err(OpenError::Damaged)));
        let other = [words[0] + (1 << 32), words[1], words[2], words[3], words[4], words[5]];
        assert!(matches!(Plan::from_words(other, 7, size), Err(OpenError::Version { .. })));
        for word in [0, 2, 3, 4, 5] {
            let mut wild = words;
            wild[word] = u64::MAX;
            assert!(Plan::from_words(wild, 7, size).is_err(), "{word}");
        }
    }

    #[test]
    fn types_have_different_numbers() {
        assert_eq!(item_type::<u32>(), item_type::<u32>());
        assert_ne!(item_type::<u32>(), item_type::<i32>());
        assert_ne!(item_type::<Vec<u8>>(), item_type::<[u8]>());
    }
}
