//! Reading and changing one element, while others do the same.
//!
//! An element is three things: its format, its code, and the bytes of its slot. There is no lock, and no counter to
//! tell a reader that it was too slow. What holds:
//!
//! - Nobody goes outside the slot: whatever the format says is compared with the slot first.
//! - A number that becomes another of its kind is one store of a word: a reader finds the old one or the new one.
//! - Everything else passes through `None`, by one store of the code:
//!
//! | step | store | what a reader finds from here on, also if the writer was killed |
//! | --- | --- | --- |
//! | 1 | code of `None` | `None`, whatever the format says |
//! | 2 | format | `None` |
//! | 3 | bytes | `None` |
//! | 4 | code | the new value |
//!
//! A reader looks at the tag again when it has copied the bytes, and begins anew if it is another: step 1 comes
//! before the first changed byte. A change that begins and ends between the two looks, and leaves the same tag, is
//! not seen: then the bytes of a text can be a mixture. Two writers at a time can leave a mixture, too, which is an
//! error at worst.

use super::error::{Corruption, GetError};
use super::item::Item;
use super::layout::{Layout, Slot};
use super::tag::{Code, Format, TAG_SIZE, WORD, payload, tag};
use crate::shared_memory::{AccessError, Bytes};
use std::sync::atomic::{Ordering, fence};

/// How often a reader begins anew before it gives up.
const MOST_LOOKS: u32 = 100;

/// One element of an opened list.
pub(super) struct Element<'a> {
    pub(super) bytes: Bytes<'a>,
    pub(super) index: usize,
    pub(super) slot: Slot,
    format_at: usize,
    code_at: usize,
}

/// The format and the code as they stand in memory.
type RawTag = ([u8; TAG_SIZE], u8);

impl<'a> Element<'a> {
    /// The element of this number, of which there must be so many.
    pub(super) fn new(bytes: Bytes<'a>, layout: Layout, index: usize) -> Result<Self, Corruption> {
        let (format_at, code_at) = (layout.format_at(index), layout.code_at(index));
        layout.slot(bytes, index).map(|slot| Element { bytes, index, slot, format_at, code_at })
    }

    /// The value.
    pub(super) fn get(&self) -> Result<Item, GetError> {
        for _ in 0..MOST_LOOKS {
            let before = self.raw_tag().map_err(|found| self.corrupt(found))?;
            let result = self.read(before);
            // The bytes were copied before the tag is looked at again. Pairs with the fence in `change`.
            fence(Ordering::Acquire);
            if self.raw_tag().map_err(|found| self.corrupt(found))? == before {
                return result;
            }
            std::thread::yield_now();
        }
        Err(GetError::Changing { index: self.index })
    }

    /// The format, as text.
    pub(super) fn format(&self) -> Result<String, GetError> {
        let raw = self.raw_tag().map_err(|found| self.corrupt(found))?.0;
        Format::decode(raw).map_err(|found| self.corrupt(found))?;
        let text = raw.iter().take_while(|&&byte| byte != 0);
        Ok(text.map(|&byte| char::from(byte)).collect())
    }

    /// Stores a value that has room in the slot and whose format is this.
    pub(super) fn set(&self, item: &Item, format: [u8; TAG_SIZE]) -> Result<(), AccessError> {
        let value = payload(item);
        let code = tag(item, self.slot.size).1;
        let stays = self.raw_tag().is_ok_and(|old| old == (format, code as u8));
        match (stays, <[u8; WORD]>::try_from(&*value)) {
            (true, Ok(word)) if code == Code::AsIs => {
                self.bytes.atomic_u64(self.slot.at)?.store(u64::from_ne_bytes(word), Ordering::Release);
                Ok(())
            }
            _ => self.change(&value, format, code),
        }
    }

    /// The four steps of the table above.
    fn change(&self, value: &[u8], format: [u8; TAG_SIZE], code: Code) -> Result<(), AccessError> {
        let code_word = self.bytes.atomic_u8(self.code_at)?;
        code_word.store(Code::None as u8, Ordering::Relaxed);
        // Nobody who finds a changed byte finds the old code afterwards. Pairs with the fence in `get`.
        fence(Ordering::Release);
        self.bytes.atomic_u64(self.format_at)?.store(u64::from_ne_bytes(format), Ordering::Relaxed);
        self.bytes.write(self.slot.at, value)?;
        self.bytes.fill(self.slot.at + value.len(), self.slot.size - value.len(), 0)?;
        // Whoever finds the code finds the value. Pairs with the loads in `raw_tag`.
        code_word.store(code as u8, Ordering::Release);
        Ok(())
    }

    /// The code first: who finds that of a new value finds its format and its bytes, too.
    fn raw_tag(&self) -> Result<RawTag, Corruption> {
        let code = self.bytes.load_u8(self.code_at)?;
        Ok((self.bytes.load_u64(self.format_at)?.to_ne_bytes(), code))
    }

    fn read(&self, (format, code): RawTag) -> Result<Item, GetError> {
        let wrong = |found| self.corrupt(found);
        let format = Format::decode(format).map_err(wrong)?;
        let code = Code::decode(code).map_err(wrong)?;
        if code == Code::None {
            return Ok(Item::None);
        }
        let (size, room) = (format.size(), self.slot.size);
        if size > room {
            return Err(wrong(Corruption::Slot { size, room }));
        }
        match (format, code) {
            (Format::Text { .. }, _) => self.read_text(format, code),
            (_, Code::AsIs) => {
                let word =
                    self.bytes.load_u64(self.slot.at).map_err(|error| wrong(error.into()))?.to_ne_bytes();
                match format {
                    Format::Int => Ok(Item::Int(i64::from_ne_bytes(word))),
                    Format::Float => Ok(Item::Float(f64::from_ne_bytes(word))),
                    Format::Bool => Ok(Item::Bool(word[7] != 0)),
                    // Python's reader finds the boolean that stands for nothing.
                    Format::None | Format::Text { .. } => Ok(Item::Bool(word[6] != 0)),
                }
            }
            _ => Err(wrong(Corruption::Mismatch)),
        }
    }

    fn read_text(&self, format: Format, code: Code) -> Result<Item, GetError> {
        let mut bytes =
            self.bytes.read_vec(self.slot.at, format.size()).map_err(|error| self.corrupt(error.into()))?;
        if code != Code::AsIs && !format.is_exact(self.slot.size) {
            let len = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            bytes.truncate(len);
        }
        match code {
            Code::Str => String::from_utf8(bytes)
                .map(Item::Str)
                .map_err(|error| GetError::NotUtf8 { index: self.index, bytes: error.into_bytes() }),
            _ => Ok(Item::Bytes(bytes)),
        }
    }

    fn corrupt(&self, found: Corruption) -> GetError {
        GetError::Corrupt { index: self.index, found }
    }
}
