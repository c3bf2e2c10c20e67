//! Where the bytes of a payload come from: a slice, or a word.

use crate::varint::{self, Broken};

/// The bytes of a payload that are still to be read.
pub(crate) trait Input<'de>: Copy {
    /// How many they are.
    fn len(&self) -> usize;

    /// The first of them.
    fn first(&self) -> Option<u8>;

    /// Reads as many, if there are as many.
    fn take(&mut self, size: usize) -> Option<&'de [u8]>;

    /// Reads an integer of `n_bits` bits, at most 64.
    fn take_varint(&mut self, n_bits: u32) -> Result<u64, Broken>;

    /// Reads an integer of up to 128 bits.
    fn take_varint_128(&mut self, n_bits: u32) -> Result<u128, Broken>;
}

impl<'de> Input<'de> for &'de [u8] {
    #[inline]
    fn len(&self) -> usize {
        <[u8]>::len(self)
    }

    #[inline]
    fn first(&self) -> Option<u8> {
        <[u8]>::first(self).copied()
    }

    #[inline]
    fn take(&mut self, size: usize) -> Option<&'de [u8]> {
        let (bytes, rest) = self.split_at_checked(size)?;
        *self = rest;
        Some(bytes)
    }

    #[inline]
    fn take_varint(&mut self, n_bits: u32) -> Result<u64, Broken> {
        let (value, rest) = varint::decode(self, n_bits)?;
        *self = rest;
        Ok(value)
    }

    fn take_varint_128(&mut self, n_bits: u32) -> Result<u128, Broken> {
        let (value, rest) = varint::decode_128(self, n_bits)?;
        *self = rest;
        Ok(value)
    }
}

/// A payload of up to eight bytes, which are in a register as long as nobody wants to borrow them.
///
/// Its decoder is another one than that of slices, and smaller, so that it comes to stand where it is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<'de> {
    /// The bytes that are left, the first one lowest, and zeros.
    left: u64,
    n_left: usize,
    /// Those that were there at first.
    bytes: &'de [u8],
}

impl<'de> Word<'de> {
    /// The first `size` of these bytes.
    ///
    /// # Panics
    ///
    /// If there are not as many.
    #[inline]
    pub(crate) fn new(bytes: &'de [u8; 8], size: usize) -> Word<'de> {
        let unused = bytes.len() - size;
        let left = if unused < 8 { u64::from_le_bytes(*bytes) & u64::MAX >> (8 * unused) } else { 0 };
        Word { left, n_left: size, bytes: &bytes[..size] }
    }

    #[inline]
    fn skip(&mut self, size: usize) {
        self.left = self.left.checked_shr(8 * size as u32).unwrap_or(0);
        self.n_left -= size;
    }

    /// The bytes that are left, to be borrowed.
    #[inline]
    fn as_slice(&self) -> &'de [u8] {
        &self.bytes[self.bytes.len() - self.n_left..]
    }
}

impl<'de> Input<'de> for Word<'de> {
    #[inline]
    fn len(&self) -> usize {
        self.n_left
    }

    #[inline]
    fn first(&self) -> Option<u8> {
        (self.n_left > 0).then_some(self.left as u8)
    }

    #[inline]
    fn take(&mut self, size: usize) -> Option<&'de [u8]> {
        let bytes = self.as_slice().get(..size)?;
        self.skip(size);
        Some(bytes)
    }

    #[inline]
    fn take_varint(&mut self, n_bits: u32) -> Result<u64, Broken> {
        let (value, size) = varint::decode_word(self.left, n_bits);
        if size == 0 || size > self.n_left {
            return Err(varint::what_is_wrong(self.as_slice(), n_bits));
        }
        self.skip(size);
        Ok(value)
    }

    fn take_varint_128(&mut self, n_bits: u32) -> Result<u128, Broken> {
        let (value, rest) = varint::decode_128(self.as_slice(), n_bits)?;
        self.skip(self.n_left - rest.len());
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_reads_like_a_slice() {
        let words: [[u8; 8]; 5] =
            [*b"\x01\x80\x01abcde", [0xff; 8], [0x80; 8], [0; 8], *b"\xff\xff\x03\x7f\x80\x80\x80\x00"];
        for (bytes, size) in words.iter().flat_map(|bytes| (0..=8).map(move |size| (bytes, size))) {
            for n_bits in [16, 32, 64, 128] {
                let (mut word, mut slice) = (Word::new(bytes, size), &bytes[..size]);
                for _ in 0..10 {
                    assert_eq!((word.len(), Input::first(&word)), (slice.len(), slice.first().copied()));
                    if n_bits == 128 {
                        assert_eq!(word.take_varint_128(n_bits), slice.take_varint_128(n_bits));
                    } else {
                        assert_eq!(
                            word.take_varint(n_bits),
                            slice.take_varint(n_bits),
                            "{bytes:?} {size} {n_bits}"
                        );
                    }
                    assert_eq!(word.take(1), Input::take(&mut slice, 1));
                }
            }
        }
        assert_eq!(Word::new(&words[0], 5).take(6), None);
        assert_eq!(Word::new(&words[0], 5).take(5), Some(&words[0][..5]));
    }
}
