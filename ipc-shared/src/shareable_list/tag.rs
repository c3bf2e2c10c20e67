//! The tag of an element: what its bytes are, in the words of Python's `struct`, and what is made of them.

use super::error::Corruption;
use super::item::Item;

/// How the bytes of a slot are laid out: a format string of Python's `struct` in eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// `q`
    Int,
    /// `d`
    Float,
    /// `xxxxxxx?`
    Bool,
    /// `xxxxxx?x`
    None,
    /// `<len>s`. With a zero in front of the length it is exact in any case, see [`Format::is_exact`].
    Text { len: usize, marked: bool },
}

/// What is made of the bytes: one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// What the format says.
    AsIs = 0,
    /// A text.
    Str = 1,
    /// Bytes.
    Bytes = 2,
    /// Nothing, whatever the format says: what is stored while an element changes.
    None = 3,
}

/// The bytes of a tag.
pub(super) const TAG_SIZE: usize = 8;
/// The bytes of everything that is not text, and the unit of slots.
pub(super) const WORD: usize = 8;

impl Format {
    /// The format as it stands in memory; `None` for a length that does not fit in eight letters.
    pub(super) fn encode(self) -> Option<[u8; TAG_SIZE]> {
        let text = match self {
            Format::Int => "q".to_owned(),
            Format::Float => "d".to_owned(),
            Format::Bool => "xxxxxxx?".to_owned(),
            Format::None => "xxxxxx?x".to_owned(),
            Format::Text { len, marked: false } => format!("{len}s"),
            Format::Text { len, marked: true } => format!("0{len}s"),
        };
        let mut bytes = [0; TAG_SIZE];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(bytes)
    }

    pub(super) fn decode(found: [u8; TAG_SIZE]) -> Result<Format, Corruption> {
        let len = found.iter().position(|&byte| byte == 0).unwrap_or(TAG_SIZE);
        let (text, padding) = found.split_at(len);
        let format = match text {
            b"q" => Some(Format::Int),
            b"d" => Some(Format::Float),
            b"xxxxxxx?" => Some(Format::Bool),
            b"xxxxxx?x" => Some(Format::None),
            [digits @ .., b's'] => parse_length(digits),
            _ => None,
        };
        format.filter(|_| padding.iter().all(|&byte| byte == 0)).ok_or(Corruption::Format { found })
    }

    /// How many bytes of the slot it covers.
    pub(super) fn size(self) -> usize {
        match self {
            Format::Text { len, .. } => len,
            _ => WORD,
        }
    }

    /// Whether a text is as long as the format says. If not, the zeros at its end are padding.
    ///
    /// Python makes formats as long as the slot, pads, and strips. So a format that is shorter, or that Python would
    /// never write, is of somebody who means the length.
    pub(super) fn is_exact(self, slot_size: usize) -> bool {
        matches!(self, Format::Text { len, marked } if marked || len < slot_size)
    }

    /// The format for a text of these bytes in a slot that has room for them.
    pub(super) fn of_text(bytes: &[u8], slot_size: usize) -> Format {
        match bytes {
            // Padding would swallow the zero at the end.
            [.., 0] => Format::Text { len: bytes.len(), marked: bytes.len() == slot_size },
            // The form that Python can read back and overwrite with anything that fits in the slot.
            _ => Format::Text { len: slot_size, marked: false },
        }
    }
}

fn parse_length(digits: &[u8]) -> Option<Format> {
    let marked = digits.len() > 1 && digits[0] == b'0';
    let text = std::str::from_utf8(digits).ok().filter(|_| digits.iter().all(u8::is_ascii_digit))?;
    Some(Format::Text { len: text.parse().ok()?, marked })
}

impl Code {
    pub(super) fn decode(found: u8) -> Result<Code, Corruption> {
        match found {
            0 => Ok(Code::AsIs),
            1 => Ok(Code::Str),
            2 => Ok(Code::Bytes),
            3 => Ok(Code::None),
            _ => Err(Corruption::Code { found }),
        }
    }
}

/// The bytes of an item for its slot, without padding.
pub(super) fn payload(item: &Item) -> std::borrow::Cow<'_, [u8]> {
    match item {
        Item::Int(value) => value.to_ne_bytes().to_vec().into(),
        Item::Float(value) => value.to_ne_bytes().to_vec().into(),
        Item::Bool(value) => [0, 0, 0, 0, 0, 0, 0, u8::from(*value)].to_vec().into(),
        Item::Str(value) => value.as_bytes().into(),
        Item::Bytes(value) => value.into(),
        Item::None => [0; WORD].to_vec().into(),
    }
}

/// The tag of an item in a slot that has room for it.
pub(super) fn tag(item: &Item, slot_size: usize) -> (Format, Code) {
    match item {
        Item::Int(_) => (Format::Int, Code::AsIs),
        Item::Float(_) => (Format::Float, Code::AsIs),
        Item::Bool(_) => (Format::Bool, Code::AsIs),
        Item::Str(value) => (Format::of_text(value.as_bytes(), slot_size), Code::Str),
        Item::Bytes(value) => (Format::of_text(value, slot_size), Code::Bytes),
        Item::None => (Format::None, Code::None),
    }
}

/// The size of the slot that is made for an item: room for a text and at least one zero, in whole words.
pub(super) fn slot_size(item: &Item) -> usize {
    match item {
        Item::Str(value) => WORD * (value.len() / WORD + 1),
        Item::Bytes(value) => WORD * (value.len() / WORD + 1),
        _ => WORD,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_read_as_they_were_written() {
        let text = |len, marked| Format::Text { len, marked };
        for (format, bytes) in [
            (Format::Int, b"q\0\0\0\0\0\0\0"),
            (Format::Float, b"d\0\0\0\0\0\0\0"),
            (Format::Bool, b"xxxxxxx?"),
            (Format::None, b"xxxxxx?x"),
            (text(0, false), b"0s\0\0\0\0\0\0"),
            (text(8, false), b"8s\0\0\0\0\0\0"),
            (text(8, true), b"08s\0\0\0\0\0"),
            (text(9_999_999, false), b"9999999s"),
            (text(999_999, true), b"0999999s"),
        ] {
            assert_eq!(format.encode(), Some(*bytes));
            assert_eq!(Format::decode(*bytes), Ok(format));
        }
        assert_eq!(text(10_000_000, false).encode(), None);
        assert_eq!(text(1_000_000, true).encode(), None);
    }

    #[test]
    fn what_is_no_format_is_refused() {
        for found in [
            [0; 8],
            [0xff; 8],
            *b"s\0\0\0\0\0\0\0",
            *b"-1s\0\0\0\0\0",
            *b"+1s\0\0\0\0\0",
            *b"8s\0x\0\0\0\0",
            *b"88888888",
            *b"qq\0\0\0\0\0\0",
            *b"?xxxxxxx",
            *b"\08s\0\0\0\0\0",
        ] {
            assert_eq!(Format::decode(found), Err(Corruption::Format { found }), "{found:?}");
        }
    }

    #[test]
    fn texts_keep_their_zeros() {
        let text = |len, marked| Format::Text { len, marked };
        assert_eq!(Format::of_text(b"", 8), text(8, false));
        assert_eq!(Format::of_text(b"abc", 8), text(8, false));
        assert_eq!(Format::of_text(b"ab\0", 8), text(3, false));
        assert_eq!(Format::of_text(b"1234567\0", 8), text(8, true));
        assert!(!text(8, false).is_exact(8) && text(7, false).is_exact(8) && text(8, true).is_exact(8));
    }
}
