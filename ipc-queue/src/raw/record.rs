//! What stands before each item in the ring: one word, whose store puts the item into the queue. A tiny item is in that word itself.
//!
//! | bits | meaning |
//! | --- | --- |
//! | 0 | 1. A word of zero is no record: the ring ends there |
//! | 1..=3 | what kind of item it is |
//! | 4..=6 | how many bytes a tiny item has; else 0 |
//! | 7 | 1 if a word that says nothing follows, which a tiny item never has |
//! | 8..=55 | the bytes of a tiny item, filled up with zeros |
//! | 8..=39 | of any other: how many bytes follow in the ring, filled up to whole words |
//! | the others | 0 |

use super::copy::partial_word;
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
    /// A part of a message, in the ring, behind the words that say of which: see `messages`. Queues have none.
    Part = 4,
    /// In the record.
    Tiny = 5,
}

/// A record: what kind of item, and how many bytes it has in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    kind: Kind,
    word: u64,
}

/// How many bytes a tiny item has at most.
const MOST_TINY: usize = 6;

/// From how many bytes on an item begins at an even word: copied to an odd one it takes a quarter longer, and at times twice as long.
pub(crate) const EVEN_FROM: usize = 1 << 10;

const PRESENT: u64 = 1;
const KIND_SHIFT: u32 = 1;
const SIZE_SHIFT: u32 = 4;
const PADDED: u64 = 1 << 7;
const LEN_SHIFT: u32 = 8;
const LEN_BITS: u64 = 0xffff_ffff << LEN_SHIFT | PADDED;
/// The bytes of a tiny item, and how many they are.
const TINY_BITS: u64 = 0xffff_ffff_ffff << LEN_SHIFT | 7 << SIZE_SHIFT;

impl Record {
    /// The record of an item with so many bytes in the ring, unless no ring is so large.
    #[inline]
    pub(crate) fn new(kind: Kind, len: usize) -> Option<Record> {
        let len = u64::from(u32::try_from(len).ok()?);
        Some(Record { kind, word: PRESENT | (kind as u64) << KIND_SHIFT | len << LEN_SHIFT })
    }

    /// The record of an item that is these bytes, and what of them follows in the ring; unless no ring is so large.
    #[inline]
    pub(crate) fn of(bytes: &[u8]) -> Option<(Record, &[u8])> {
        match Record::tiny_of(partial_word(&bytes[..bytes.len().min(7)]).to_le_bytes(), bytes.len()) {
            Some(tiny) => Some((tiny, &[])),
            None => Some((Record::new(Kind::Inline, bytes.len())?, bytes)),
        }
    }

    /// The record of a tiny item of so many bytes, which are the first of these, if it is one.
    #[inline]
    pub(crate) fn tiny_of(bytes: [u8; 8], size: usize) -> Option<Record> {
        if size > MOST_TINY {
            return None;
        }
        let bytes = u64::from_le_bytes(bytes) & !(u64::MAX << (8 * size));
        let (kind, size) = (Kind::Tiny, size as u64);
        let word = PRESENT | (kind as u64) << KIND_SHIFT | size << SIZE_SHIFT | bytes << LEN_SHIFT;
        Some(Record { kind, word })
    }

    #[inline]
    pub(crate) fn kind(self) -> Kind {
        self.kind
    }

    /// How many bytes follow the word.
    #[inline]
    pub(crate) fn len(self) -> usize {
        if self.kind == Kind::Tiny { 0 } else { (self.word >> LEN_SHIFT) as usize }
    }

    /// Whether all that the item has are bytes in the ring, or in the record.
    #[inline]
    pub(crate) fn is_inline(self) -> bool {
        matches!(self.kind, Kind::Inline | Kind::Tiny)
    }

    /// How many bytes follow the word, or are in it.
    #[inline]
    pub(crate) fn size(self) -> usize {
        if self.kind == Kind::Tiny { (self.word >> SIZE_SHIFT & 7) as usize } else { self.len() }
    }

    /// The bytes of a tiny item, and zeros.
    #[inline]
    pub(super) fn tiny(self) -> Option<[u8; 8]> {
        (self.kind == Kind::Tiny).then_some(Record::tiny_in(self.word).0)
    }

    /// Whether the item is to begin at an even word.
    #[inline]
    pub(super) fn is_long(self) -> bool {
        self.len() >= EVEN_FROM
    }

    /// The record of the same item, with a word behind it that says nothing.
    #[inline]
    pub(super) fn padded(self) -> Record {
        Record { word: self.word | PADDED, ..self }
    }

    /// How many words there are up to those of the item, this one included.
    #[inline]
    pub(super) fn head(self) -> u32 {
        1 + (self.word & PADDED != 0) as u32
    }

    /// How many words the item takes in the ring, this one included.
    #[inline]
    pub(crate) fn units(self) -> u32 {
        self.head() + self.len().div_ceil(8) as u32
    }

    /// How many it takes at most, wherever it will stand.
    pub(crate) fn most_units(self) -> u32 {
        if self.is_long() { self.padded().units() } else { self.units() }
    }

    #[inline]
    pub(super) fn to_word(self) -> u64 {
        self.word
    }

    /// Whether a word is the record of a tiny item.
    #[inline]
    pub(super) fn is_tiny(word: u64) -> bool {
        const MARKS: u64 = PRESENT | (Kind::Tiny as u64) << KIND_SHIFT;
        word & !TINY_BITS == MARKS && (word >> SIZE_SHIFT & 7) as usize <= MOST_TINY
    }

    /// The bytes of the tiny item whose record a word is, and zeros; and how many they are.
    #[inline]
    pub(super) fn tiny_in(word: u64) -> ([u8; 8], usize) {
        ((word >> LEN_SHIFT).to_le_bytes(), (word >> SIZE_SHIFT & 7) as usize)
    }

    /// The record that a word tells: none if it is zero.
    #[inline]
    pub(super) fn from_word(word: u64) -> Result<Option<Record>, Corruption> {
        if word == 0 {
            return Ok(None);
        }
        let (kind, others) = match word >> KIND_SHIFT & 7 {
            0 => (Kind::Inline, LEN_BITS),
            1 => (Kind::WithHandles, LEN_BITS),
            2 => (Kind::Outside, LEN_BITS),
            3 => (Kind::Loaned, LEN_BITS),
            4 => (Kind::Part, LEN_BITS),
            5 => (Kind::Tiny, TINY_BITS),
            _ => return Err(Corruption::new("an item is of no kind")),
        };
        let record = Record { kind, word };
        if word & !others == PRESENT | (kind as u64) << KIND_SHIFT
            && (kind != Kind::Tiny || record.size() <= MOST_TINY)
        {
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
        for kind in [Kind::Inline, Kind::WithHandles, Kind::Outside, Kind::Loaned, Kind::Part] {
            for len in [0, 1, 8, 9, u32::MAX as usize] {
                let record = Record::new(kind, len).expect("it fits");
                assert_eq!(Record::from_word(record.to_word()), Ok(Some(record)));
                assert_eq!((record.len(), record.units() as usize), (len, 1 + len.div_ceil(8)));
                let padded = record.padded();
                assert_eq!(Record::from_word(padded.to_word()), Ok(Some(padded)));
                assert_eq!((padded.len(), padded.units()), (len, 1 + record.units()));
            }
        }
        assert_eq!(Record::new(Kind::Inline, 1 << 32), None);
    }

    #[test]
    fn tiny_items_are_in_their_records() {
        let bytes = [1, 2, 255, 4, 0, 128, 7];
        for size in 0..=7 {
            let (record, rest) = Record::of(&bytes[..size]).expect("it fits");
            assert_eq!(Record::from_word(record.to_word()), Ok(Some(record)));
            assert_eq!((record.size(), record.is_inline()), (size, true));
            match record.tiny() {
                Some(tiny) => assert_eq!((&tiny[..size], rest, record.units()), (&bytes[..size], &[][..], 1)),
                None => assert_eq!((size, rest, record.units()), (7, &bytes[..], 2)),
            }
        }
    }

    #[test]
    fn other_words_are_refused() {
        assert_eq!(Record::from_word(0), Ok(None));
        let tiny = 1 | 5 << 1;
        for word in [
            2,
            1 << 4 | 1,
            6 << 1 | 1,
            7 << 1 | 1,
            1 << 40 | 1,
            1 << 63 | 1,
            tiny | 7 << 4,
            tiny | 1 << 7,
            tiny | 1 << 56,
            u64::MAX,
            u64::MAX - 1,
        ] {
            assert!(Record::from_word(word).is_err(), "{word:#x}");
        }
    }
}
