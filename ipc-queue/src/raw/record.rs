//! What stands before each item in the ring: one word, whose store puts the item into the queue.
//!
//! | bits | meaning |
//! | --- | --- |
//! | 0 | 1. A word of zero is no record: the ring ends there |
//! | 1..=3 | what kind of item it is |
//! | 8..=39 | how many bytes follow in the ring, filled up to whole words |
//! | the others | 0 |

use crate::error::Corruption;

/// Where the bytes of an item are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// In the ring.
    Inline = 0,
    /// In the ring, behind a word with the ticket of the handles that belong to it.
    WithHandles = 1,
    /// In memory of its own, whose handle is the last of those that the ticket in the ring is for.
    Outside = 2,
    /// In a buffer of the queue, which the words in the ring name.
    Loaned = 3,
}

/// A record: what kind of item, and how many bytes it has in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    kind: Kind,
    len: u32,
}

const PRESENT: u64 = 1;
const KIND_SHIFT: u32 = 1;
const LEN_SHIFT: u32 = 8;

impl Record {
    /// The record of an item with so many bytes in the ring, unless no ring is so large.
    #[inline]
    pub(crate) fn new(kind: Kind, len: usize) -> Option<Record> {
        Some(Record { kind, len: u32::try_from(len).ok()? })
    }

    #[inline]
    pub(crate) fn kind(self) -> Kind {
        self.kind
    }

    /// How many bytes follow the word.
    #[inline]
    pub(crate) fn len(self) -> usize {
        self.len as usize
    }

    /// How many words the item takes in the ring, this one included.
    #[inline]
    pub(crate) fn units(self) -> u32 {
        1 + self.len.div_ceil(8)
    }

    #[inline]
    pub(super) fn to_word(self) -> u64 {
        PRESENT | (self.kind as u64) << KIND_SHIFT | u64::from(self.len) << LEN_SHIFT
    }

    /// The record that a word tells: none if it is zero.
    #[inline]
    pub(super) fn from_word(word: u64) -> Result<Option<Record>, Corruption> {
        if word == 0 {
            return Ok(None);
        }
        let kind = match word >> KIND_SHIFT & 7 {
            0 => Kind::Inline,
            1 => Kind::WithHandles,
            2 => Kind::Outside,
            3 => Kind::Loaned,
            _ => return Err(Corruption::new("an item is of no kind")),
        };
        let record = Record { kind, len: (word >> LEN_SHIFT) as u32 };
        if record.to_word() == word {
            Ok(Some(record))
        } else {
            Err(Corruption::new("there is no such record"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_its_word() {
        for kind in [Kind::Inline, Kind::WithHandles, Kind::Outside, Kind::Loaned] {
            for len in [0, 1, 8, 9, u32::MAX as usize] {
                let record = Record::new(kind, len).expect("it fits");
                assert_eq!(Record::from_word(record.to_word()), Ok(Some(record)));
                assert_eq!(record.units() as usize, 1 + len.div_ceil(8));
            }
        }
        assert_eq!(Record::new(Kind::Inline, 1 << 32), None);
    }

    #[test]
    fn other_words_are_refused() {
        assert_eq!(Record::from_word(0), Ok(None));
        for word in [2, 1 << 4 | 1, 4 << 1 | 1, 7 << 1 | 1, 1 << 40 | 1, 1 << 63 | 1, u64::MAX, u64::MAX - 1]
        {
            assert!(Record::from_word(word).is_err(), "{word:#x}");
        }
    }
}
