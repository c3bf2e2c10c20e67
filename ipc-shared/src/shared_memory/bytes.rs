//! Bytes that others may write at any time: the one place of this crate where an offset becomes an address.
//!
//! # Safety
//!
//! A [`Bytes`] keeps these invariants:
//!
//! 1. `start` is the address of a mapping of `size` bytes, page-aligned, that lives as long as `'a`; it can be written
//!    to if `writable`.
//! 2. Bytes may be written by other processes at any time. They are reached through atomics or raw copies, never
//!    through a plain reference, except by [`as_slice`](Bytes::as_slice) and [`as_mut_slice`](Bytes::as_mut_slice),
//!    whose callers answer for it.
#![allow(unsafe_code)]

use super::error::AccessError;
use ipc_sys::memory::SharedMapping;
use ipc_sys::named::NamedMapping;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering, fence};

/// A mapping of either kind, borrowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'a> {
    start: *mut u8,
    size: usize,
    writable: bool,
    mapping: PhantomData<&'a ()>,
}

impl<'a> From<&'a SharedMapping> for Bytes<'a> {
    fn from(mapping: &'a SharedMapping) -> Self {
        Bytes { start: mapping.as_ptr(), size: mapping.size(), writable: true, mapping: PhantomData }
    }
}

impl<'a> From<&'a NamedMapping> for Bytes<'a> {
    fn from(mapping: &'a NamedMapping) -> Self {
        let writable = mapping.is_writable();
        Bytes { start: mapping.as_ptr(), size: mapping.size(), writable, mapping: PhantomData }
    }
}

impl<'a> Bytes<'a> {
    pub(crate) fn size(self) -> usize {
        self.size
    }

    pub(crate) fn is_writable(self) -> bool {
        self.writable
    }

    /// Copies bytes out.
    pub(crate) fn read(self, offset: usize, target: &mut [u8]) -> Result<(), AccessError> {
        let source = self.checked(offset, target.len(), 1)?;
        // SAFETY: `checked` saw that the range lies inside the mapping (invariant 1); a slice of this process never
        // overlaps memory that is only reached by raw copies (invariant 2).
        unsafe { source.copy_to_nonoverlapping(target.as_mut_ptr(), target.len()) }
        Ok(())
    }

    /// Copies bytes out into new memory, which is asked for when it is known that there are so many.
    pub(crate) fn read_vec(self, offset: usize, len: usize) -> Result<Vec<u8>, AccessError> {
        self.checked(offset, len, 1)?;
        let mut bytes = vec![0; len];
        self.read(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// Copies bytes in.
    pub(crate) fn write(self, offset: usize, source: &[u8]) -> Result<(), AccessError> {
        let target = self.writable(offset, source.len(), 1)?;
        // SAFETY: as in `read`, with source and target exchanged; the mapping can be written to.
        unsafe { target.copy_from_nonoverlapping(source.as_ptr(), source.len()) }
        Ok(())
    }

    /// Sets `len` bytes to one value.
    pub(crate) fn fill(self, offset: usize, len: usize, byte: u8) -> Result<(), AccessError> {
        let target = self.writable(offset, len, 1)?;
        // SAFETY: as in `write`.
        unsafe { target.write_bytes(byte, len) }
        Ok(())
    }

    pub(crate) fn atomic_u8(self, offset: usize) -> Result<&'a AtomicU8, AccessError> {
        let address = self.writable(offset, 1, 1)?;
        // SAFETY: `writable` saw that the byte lies inside the mapping, which lives as long as `'a` (invariant 1).
        Ok(unsafe { AtomicU8::from_ptr(address) })
    }

    pub(crate) fn atomic_u32(self, offset: usize) -> Result<&'a AtomicU32, AccessError> {
        let address = self.writable(offset, size_of::<AtomicU32>(), align_of::<AtomicU32>())?;
        // SAFETY: as in `atomic_u8`; `writable` saw that the word is aligned, too.
        Ok(unsafe { AtomicU32::from_ptr(address.cast()) })
    }

    pub(crate) fn atomic_u64(self, offset: usize) -> Result<&'a AtomicU64, AccessError> {
        let address = self.writable(offset, size_of::<AtomicU64>(), align_of::<AtomicU64>())?;
        // SAFETY: as in `atomic_u32`.
        Ok(unsafe { AtomicU64::from_ptr(address.cast()) })
    }

    /// Loads a byte; what was written before it was stored is visible afterwards.
    pub(crate) fn load_u8(self, offset: usize) -> Result<u8, AccessError> {
        let address = self.checked(offset, 1, 1)?;
        // SAFETY: as in `atomic_u8`. A relaxed load of a word at most is the one atomic access that is allowed where
        // nothing can be written.
        let byte = unsafe { AtomicU8::from_ptr(address) }.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        Ok(byte)
    }

    /// The same for a word of 32 bits.
    pub(crate) fn load_u32(self, offset: usize) -> Result<u32, AccessError> {
        let address = self.checked(offset, size_of::<AtomicU32>(), align_of::<AtomicU32>())?;
        // SAFETY: as in `load_u8`, and aligned.
        let word = unsafe { AtomicU32::from_ptr(address.cast()) }.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        Ok(word)
    }

    /// The same for a word of 64 bits.
    pub(crate) fn load_u64(self, offset: usize) -> Result<u64, AccessError> {
        let address = self.checked(offset, size_of::<AtomicU64>(), align_of::<AtomicU64>())?;
        // SAFETY: as in `load_u8`, and aligned.
        let word = unsafe { AtomicU64::from_ptr(address.cast()) }.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        Ok(word)
    }

    /// All bytes, as a plain slice.
    ///
    /// # Safety
    ///
    /// Nobody writes them, in this process or another, and nobody shrinks the object, as long as `'a`.
    pub(crate) unsafe fn as_slice(self) -> &'a [u8] {
        // SAFETY: the range is the whole mapping (invariant 1); the rest is handed on to the caller.
        unsafe { std::slice::from_raw_parts(self.start, self.size) }
    }

    /// All bytes, as a plain slice to write to.
    ///
    /// # Safety
    ///
    /// Nobody else reads or writes them, in this process or another, and nobody shrinks the object, as long as `'a`.
    pub(crate) unsafe fn as_mut_slice(self) -> Result<&'a mut [u8], AccessError> {
        let start = self.writable(0, self.size, 1)?;
        // SAFETY: as in `as_slice`, and the mapping can be written to.
        Ok(unsafe { std::slice::from_raw_parts_mut(start, self.size) })
    }

    /// The address of a range, if it may be written.
    fn writable(self, offset: usize, len: usize, align: usize) -> Result<*mut u8, AccessError> {
        if self.writable { self.checked(offset, len, align) } else { Err(AccessError::ReadOnly) }
    }

    /// The address of `len` bytes at `offset`, aligned to `align`.
    fn checked(self, offset: usize, len: usize, align: usize) -> Result<*mut u8, AccessError> {
        let size = self.size;
        if offset.checked_add(len).is_none_or(|end| end > size) {
            return Err(AccessError::OutOfBounds { offset, len, size });
        }
        if offset % align != 0 {
            return Err(AccessError::Misaligned { offset, align });
        }
        // SAFETY: `offset` is at most `size`, so the result stays inside the mapping or one past its end
        // (invariant 1).
        Ok(unsafe { self.start.add(offset) })
    }
}
