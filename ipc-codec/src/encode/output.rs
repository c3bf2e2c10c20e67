//! Where encoded bytes go: to the end of a `Vec`, or into a buffer of fixed size and on to a `Vec`; up to a limit.

use super::failure::Failure;
use crate::EncodeError;
use crate::varint::MAX_SIZE;

/// What takes bytes, and refuses those beyond its limit.
pub(super) trait Output {
    /// Adds `bytes`.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure>;

    /// Adds the first `size` of `bytes`; the others may be written beside them, since it is faster to copy as many every
    /// time.
    fn write_short(&mut self, bytes: &[u8; MAX_SIZE], size: usize) -> Result<(), Failure>;

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
    fn write_short(&mut self, bytes: &[u8; MAX_SIZE], size: usize) -> Result<(), Failure> {
        if size > self.room() {
            return Err(self.refuse(size));
        }
        let end = self.bytes.len() + size;
        self.bytes.extend_from_slice(bytes);
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
    /// How much of the buffer is filled.
    filled: usize,
    moved: &'a mut Vec<u8>,
    limit: usize,
}

impl<'a> Near<'a> {
    #[inline]
    pub(super) fn new(buffer: &'a mut [u8], moved: &'a mut Vec<u8>, limit: usize) -> Near<'a> {
        moved.clear();
        let size = buffer.len().min(limit);
        Near { buffer: &mut buffer[..size], filled: 0, moved, limit }
    }

    /// Adds bytes that may be too many for the buffer.
    #[inline(never)]
    fn write_far(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if let Some(target) = self.buffer.get_mut(self.filled..self.filled + bytes.len()) {
            target.copy_from_slice(bytes);
            self.filled += bytes.len();
            return Ok(());
        }
        if bytes.len() > self.room() {
            return Err(self.refuse(bytes.len()));
        }
        let buffer = std::mem::take(&mut self.buffer);
        self.moved.extend_from_slice(&buffer[..std::mem::take(&mut self.filled)]);
        self.moved.extend_from_slice(bytes);
        Ok(())
    }
}

impl Output for Near<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let end = self.filled + bytes.len();
        let Some(target) = self.buffer.get_mut(self.filled..end) else { return self.write_far(bytes) };
        target.copy_from_slice(bytes);
        self.filled = end;
        Ok(())
    }

    #[inline]
    fn write_short(&mut self, bytes: &[u8; MAX_SIZE], size: usize) -> Result<(), Failure> {
        let Some(target) = self.buffer.get_mut(self.filled..self.filled + MAX_SIZE) else {
            return self.write_far(&bytes[..size]);
        };
        target.copy_from_slice(bytes);
        self.filled += size;
        Ok(())
    }

    #[inline]
    fn size(&self) -> usize {
        self.filled + self.moved.len()
    }

    #[inline]
    fn limit(&self) -> usize {
        self.limit
    }
}
