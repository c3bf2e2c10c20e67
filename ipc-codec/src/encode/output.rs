//! Where encoded bytes go: to the end of a `Vec`, into a buffer of fixed size and on to a `Vec`, or into a word; up to a limit.

use super::failure::Failure;
use crate::EncodeError;
use crate::varint::Short;

/// What takes bytes, and refuses those beyond its limit.
pub(super) trait Output {
    /// Adds `bytes`.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure>;

    /// Adds the first `size` of the bytes of a short item.
    ///
    /// The others may be written beside them, where there is room: it is faster to copy as many every time, out of a
    /// register.
    fn write_short(&mut self, bytes: Short, size: usize) -> Result<(), Failure>;

    /// How many bytes were added.
    fn size(&self) -> usize;

    /// How many bytes may be added in all.
    fn limit(&self) -> usize;

    /// How many bytes may still be added.
    #[inline]
    fn room(&self) -> usize {
        self.limit() - self.size()
    }

    /// The error for `more` bytes that are beyond the limit.
    #[cold]
    fn refuse(&self, more: usize) -> Failure {
        EncodeError::TooLarge { size: self.size().saturating_add(more), limit: self.limit() }.into()
    }
}

/// The end of a `Vec`.
pub(super) struct Appended<'a> {
    bytes: &'a mut Vec<u8>,
    start: usize,
    limit: usize,
}

impl<'a> Appended<'a> {
    #[inline]
    pub(super) fn new(bytes: &'a mut Vec<u8>, limit: usize) -> Appended<'a> {
        Appended { start: bytes.len(), bytes, limit }
    }
}

impl Output for Appended<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if bytes.len() > self.room() {
            return Err(self.refuse(bytes.len()));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    #[inline]
    fn write_short(&mut self, bytes: Short, size: usize) -> Result<(), Failure> {
        if size > self.room() {
            return Err(self.refuse(size));
        }
        let bytes = bytes.to_le_bytes();
        if self.bytes.capacity() - self.bytes.len() < bytes.len() {
            // Nothing is allocated for the bytes beside.
            self.bytes.extend_from_slice(&bytes[..size]);
            return Ok(());
        }
        let end = self.bytes.len() + size;
        self.bytes.extend_from_slice(&bytes);
        self.bytes.truncate(end);
        Ok(())
    }

    #[inline]
    fn size(&self) -> usize {
        self.bytes.len() - self.start
    }

    #[inline]
    fn limit(&self) -> usize {
        self.limit
    }
}

/// A buffer of fixed size, and a `Vec` to which everything moves when the buffer is full.
pub(super) struct Near<'a> {
    /// No longer than the limit, so that what fits is allowed. Empty when everything has moved.
    buffer: &'a mut [u8],
    /// How many bytes were added, to the buffer until everything moves.
    size: usize,
    moved: &'a mut Vec<u8>,
    limit: usize,
}

impl<'a> Near<'a> {
    #[inline]
    pub(super) fn new(buffer: &'a mut [u8], moved: &'a mut Vec<u8>, limit: usize) -> Near<'a> {
        moved.clear();
        let size = buffer.len().min(limit);
        Near { buffer: &mut buffer[..size], size: 0, moved, limit }
    }

    /// Where the next `size` bytes go, if there is room for them.
    #[inline]
    fn next(&mut self, size: usize) -> Option<&mut [u8]> {
        self.buffer.get_mut(self.size..)?.get_mut(..size)
    }

    /// Adds bytes for which the buffer has no room.
    #[inline]
    fn write_far(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let buffer = std::mem::take(&mut self.buffer);
        let so_far = buffer.get(..self.size).unwrap_or_default();
        self.size = move_away(so_far, self.moved, self.limit, bytes)?;
        Ok(())
    }
}

/// Moves what was written so far, if it was not moved before, and adds bytes; how many there are then. Gets no reference to the
/// output, which can so be in registers as long as the buffer has room.
#[cold]
fn move_away(so_far: &[u8], moved: &mut Vec<u8>, limit: usize, bytes: &[u8]) -> Result<usize, Failure> {
    moved.extend_from_slice(so_far);
    let mut moved = Appended { bytes: moved, start: 0, limit };
    moved.write(bytes)?;
    Ok(moved.size())
}

impl Output for Near<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let Some(target) = self.next(bytes.len()) else { return self.write_far(bytes) };
        target.copy_from_slice(bytes);
        self.size += bytes.len();
        Ok(())
    }

    #[inline]
    fn write_short(&mut self, bytes: Short, size: usize) -> Result<(), Failure> {
        let Some(target) = self.next(size_of::<Short>()) else {
            // There may be room, if not for what may be written beside it.
            return self.write(&bytes.to_le_bytes()[..size]);
        };
        target.copy_from_slice(&bytes.to_le_bytes());
        self.size += size;
        Ok(())
    }

    #[inline]
    fn size(&self) -> usize {
        self.size
    }

    #[inline]
    fn limit(&self) -> usize {
        self.limit
    }
}

/// A word, for what has no more bytes than that.
///
/// What has more is noticed at the end, where it costs nothing, or if still more follows.
pub(super) struct Word {
    /// The first byte lowest.
    bytes: u64,
    /// How many there are, or would be.
    size: usize,
}

impl Word {
    /// The most that it can hold.
    const SIZE: usize = size_of::<u64>();

    #[inline]
    pub(super) fn new() -> Word {
        Word { bytes: 0, size: 0 }
    }

    /// All that was added, and zeros, and how many bytes it is; if that is no more than a word.
    #[inline]
    pub(super) fn finish(self) -> Option<([u8; 8], usize)> {
        (self.size <= Word::SIZE).then_some((self.bytes.to_le_bytes(), self.size))
    }

    #[inline]
    fn push(&mut self, bytes: u64, size: usize) -> Result<(), Failure> {
        if self.size > Word::SIZE {
            return Err(self.refuse(size));
        }
        self.bytes |= bytes.checked_shl(8 * self.size as u32).unwrap_or(0);
        self.size = self.size.saturating_add(size);
        Ok(())
    }
}

impl Output for Word {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let first = bytes.iter().take(Word::SIZE).rev();
        self.push(first.fold(0, |word, byte| word << 8 | u64::from(*byte)), bytes.len())
    }

    #[inline]
    fn write_short(&mut self, bytes: Short, size: usize) -> Result<(), Failure> {
        self.push(bytes as u64, size)
    }

    #[inline]
    fn size(&self) -> usize {
        self.size
    }

    #[inline]
    fn limit(&self) -> usize {
        Word::SIZE
    }
}
