//! Shared memory that cannot shrink under its users, all of it reserved or piece by piece, and bytes that nobody can
//! change any more.
//!
//! # What a port provides
//!
//! - `create(size) -> OwnedHandle`: an unnamed memory object of exactly `size` zero bytes, reserved in full (a
//!   later access never fails for lack of memory) and of a size that no holder can change.
//! - `create_sparse(size) -> OwnedHandle`: the same, except that nothing is reserved: the first access to a piece takes
//!   it from the system, and ends the process when there is none.
//! - `reserve(handle, offset, size)`: reserves a part of such an object, whose size is the same afterwards.
//! - `object_id(handle) -> (u64, u64)`: the same numbers for all handles to an object, and other ones for any other
//!   object that exists at the same time.
//! - `verify(handle) -> size`: refuses a handle that is not such an object; its size otherwise.
//! - `freeze(parts) -> OwnedHandle`: an object that holds these bytes and that no holder can change.
//! - `verify_frozen(handle) -> size`: the same check for such an object.
//! - `map(handle, size, writable) -> pointer` and `unmap(pointer, size)`.
//! - `expect_to_fill(pointer, size)`: a hint, which may do nothing.
//!
//! # Safety
//!
//! This module turns addresses into references. Every [`SharedMapping`] and [`FrozenBytes`] keeps these
//! invariants, and the blocks below cite them:
//!
//! 1. `start` is the address of a live mapping of `size` bytes, page-aligned, until `drop`.
//! 2. The object behind it can neither shrink nor grow (`verify` or `create` saw to it), so no access to
//!    `start..start + size` is outside of it. An access to a piece that nobody reserved can end the process, as any
//!    lack of memory can; it never reaches other bytes.
//! 3. Bytes of a [`SharedMapping`] may be written by other processes at any time; they are reached through
//!    atomics or raw copies, never through a plain reference.
//! 4. Bytes of a [`FrozenBytes`] never change: the object is sealed against writing.
#![allow(unsafe_code)]

mod ahead;
mod linux;
mod object;
mod sparse;
use linux as imp;

pub use ahead::{expect_to_fill, expect_to_write};
pub use object::{ObjectId, object_id};

use crate::handle::{AsHandle, BorrowedHandle, OwnedHandle, duplicate};
use std::io;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64};

/// A piece of memory that several processes can map, writable by all of them.
///
/// # Other processes
///
/// The handle may be sent to any process, which maps the same bytes with [`SharedMapping::from_handle`]. The
/// memory lives as long as anybody holds the handle or a mapping, and has no name that could be left behind.
///
/// # Examples
///
/// ```
/// use ipc_sys::memory::SharedMapping;
///
/// let memory = SharedMapping::create(100)?;
/// assert_eq!(memory.size(), 100);
/// memory.write(10, b"hello");
/// let mut bytes = [0; 5];
/// memory.read(10, &mut bytes);
/// assert_eq!(&bytes, b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct SharedMapping {
    start: NonNull<u8>,
    size: usize,
    handle: OwnedHandle,
    id: ObjectId,
}

// SAFETY: the mapping belongs to the process, not to a thread, and all access goes by invariant 3.
unsafe impl Send for SharedMapping {}
// SAFETY: as above; no method hands out a plain reference into the bytes.
unsafe impl Sync for SharedMapping {}

impl SharedMapping {
    /// Makes a new piece of `size` zero bytes, reserved in full, of a size that nobody can change.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a size of zero; `StorageFull`, `OutOfMemory` or `FileTooLarge` when the memory cannot
    /// be had; the system's error otherwise. Nothing is left behind. No later access can fail.
    ///
    /// # Platform
    ///
    /// Linux: a memfd, `fallocate` to its full size, sealed against shrinking, growing and further seals.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::memory::SharedMapping;
    /// use std::io::ErrorKind;
    ///
    /// let memory = SharedMapping::create(1 << 20)?;
    /// assert_eq!(memory.size(), 1 << 20);
    /// assert_eq!(SharedMapping::create(0).unwrap_err().kind(), ErrorKind::InvalidInput);
    /// // More than there is: an error now, and no surprise at some later access.
    /// assert!(SharedMapping::create(1 << 60).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn create(size: usize) -> io::Result<Self> {
        if size == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "shared memory of zero bytes"));
        }
        Self::map(imp::create(size)?, size)
    }

    /// Maps memory whose handle came from another process.
    ///
    /// # Errors
    ///
    /// `InvalidData` when the handle is not memory of this kind: another file, or an object that its sender
    /// could still shrink under us.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::memory::SharedMapping;
    ///
    /// let here = SharedMapping::create(64)?;
    /// let there = SharedMapping::from_handle(here.duplicate_handle()?)?; // Perhaps in another process.
    /// here.write(0, b"seen");
    /// let mut bytes = [0; 4];
    /// there.read(0, &mut bytes);
    /// assert_eq!(&bytes, b"seen");
    ///
    /// let file = std::fs::File::open("/dev/null")?;
    /// let error = SharedMapping::from_handle(file.into()).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn from_handle(handle: OwnedHandle) -> io::Result<Self> {
        let size = imp::verify(handle.as_fd())?;
        Self::map(handle, size)
    }

    /// The number of bytes, the same in every process.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The handle, to hand to another process.
    pub fn handle(&self) -> BorrowedHandle<'_> {
        self.handle.as_fd()
    }

    /// A second handle to the same memory.
    ///
    /// # Errors
    ///
    /// The system's error when the table of handles is full.
    pub fn duplicate_handle(&self) -> io::Result<OwnedHandle> {
        duplicate(&self.handle)
    }

    /// The address of the first byte.
    ///
    /// Others may write the bytes at any time, so that plain references to them need a protocol that all of them follow.
    pub fn as_ptr(&self) -> *mut u8 {
        self.checked(0, 0, 1)
    }

    /// The address of `size` bytes at `offset`, for which the same holds as for those at [`as_ptr`](Self::as_ptr).
    ///
    /// # Panics
    ///
    /// When the range does not lie inside the memory.
    pub fn address(&self, offset: usize, size: usize) -> NonNull<u8> {
        NonNull::new(self.checked(offset, size, 1)).expect("no mapping begins at the null address")
    }

    /// The word of 32 bits at `offset`.
    ///
    /// # Panics
    ///
    /// When the word does not lie inside the memory or the offset is not a multiple of 4.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::memory::SharedMapping;
    /// use std::sync::atomic::Ordering;
    ///
    /// let memory = SharedMapping::create(64)?;
    /// let here = memory.atomic_u32(4);
    /// here.fetch_add(1, Ordering::AcqRel);
    /// assert_eq!(memory.atomic_u32(4).load(Ordering::Acquire), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn atomic_u32(&self, offset: usize) -> &AtomicU32 {
        let address = self.checked(offset, size_of::<AtomicU32>(), align_of::<AtomicU32>());
        // SAFETY: `checked` saw that the word lies inside the mapping (invariant 1) and is aligned; an atomic
        // may be written by others at any time (invariant 3). The borrow of `self` keeps the mapping.
        unsafe { AtomicU32::from_ptr(address.cast()) }
    }

    /// The word of 64 bits at `offset`.
    ///
    /// # Panics
    ///
    /// When the word does not lie inside the memory or the offset is not a multiple of 8.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::memory::SharedMapping;
    /// use std::sync::atomic::Ordering;
    ///
    /// let memory = SharedMapping::create(64)?;
    /// let here = memory.atomic_u64(8);
    /// here.fetch_add(1, Ordering::AcqRel);
    /// assert_eq!(memory.atomic_u64(8).load(Ordering::Acquire), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn atomic_u64(&self, offset: usize) -> &AtomicU64 {
        let address = self.checked(offset, size_of::<AtomicU64>(), align_of::<AtomicU64>());
        // SAFETY: as in `atomic_u32`.
        unsafe { AtomicU64::from_ptr(address.cast()) }
    }

    /// Copies `bytes` into the memory at `offset`.
    ///
    /// Other processes may see any mixture of old and new bytes until a later atomic store tells them that the
    /// copy is whole.
    ///
    /// # Panics
    ///
    /// When the range does not lie inside the memory.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::memory::SharedMapping;
    /// use std::sync::atomic::Ordering;
    ///
    /// let memory = SharedMapping::create(64)?;
    /// memory.write(8, b"whole");
    /// // Tells the others that it is there.
    /// memory.atomic_u64(0).store(5, Ordering::Release);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn write(&self, offset: usize, bytes: &[u8]) {
        let target = self.checked(offset, bytes.len(), 1);
        // SAFETY: `checked` saw that the range lies inside the mapping (invariants 1 and 2); a slice of this
        // process never overlaps memory that is only reached by raw copies (invariant 3).
        unsafe { target.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) }
    }

    /// Copies bytes out of the memory at `offset`.
    ///
    /// What arrives is whatever the memory held while the copy ran; the caller's protocol says whether that can
    /// be torn.
    ///
    /// # Panics
    ///
    /// When the range does not lie inside the memory.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::memory::SharedMapping;
    /// use std::sync::atomic::Ordering;
    ///
    /// let memory = SharedMapping::create(64)?;
    /// # memory.write(8, b"whole");
    /// # memory.atomic_u64(0).store(5, Ordering::Release);
    /// // The writer stored the length last. It is another process's word, so it is not trusted.
    /// let size = memory.atomic_u64(0).load(Ordering::Acquire).min(56) as usize;
    /// let mut bytes = vec![0; size];
    /// memory.read(8, &mut bytes);
    /// assert_eq!(bytes, b"whole");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn read(&self, offset: usize, bytes: &mut [u8]) {
        let source = self.checked(offset, bytes.len(), 1);
        // SAFETY: as in `write`, with source and target exchanged.
        unsafe { source.copy_to_nonoverlapping(bytes.as_mut_ptr(), bytes.len()) }
    }

    /// The address of `size` bytes at `offset`, aligned to `align`: the one place where an offset becomes a pointer.
    #[inline]
    pub(crate) fn checked(&self, offset: usize, size: usize, align: usize) -> *mut u8 {
        let inside = offset.checked_add(size).is_some_and(|end| end <= self.size);
        assert!(
            inside && offset % align == 0,
            "{size} bytes at offset {offset} of shared memory of {} bytes, alignment {align}",
            self.size
        );
        // SAFETY: `offset` is at most `size`, so the result stays inside the mapping or one past its end
        // (invariant 1).
        unsafe { self.start.as_ptr().add(offset) }
    }

    fn map(handle: OwnedHandle, size: usize) -> io::Result<Self> {
        let id = object_id(handle.as_fd())?;
        let start = imp::map(handle.as_fd(), size, true)?;
        Ok(SharedMapping { start, size, handle, id })
    }
}

impl Drop for SharedMapping {
    fn drop(&mut self) {
        // SAFETY: invariant 1; every reference into the mapping borrowed `self`, which is going away.
        unsafe { imp::unmap(self.start, self.size) }
    }
}

/// Bytes that travel by handle and that nobody can change any more, not even their sender.
///
/// A large message goes this way: its sender freezes it, and its receiver may read it as a plain slice.
///
/// # Examples
///
/// ```
/// use ipc_sys::memory::FrozenBytes;
///
/// let handle = FrozenBytes::freeze(&[b"large ", b"message"])?;
/// let bytes = FrozenBytes::from_handle(handle)?;
/// assert_eq!(&*bytes, b"large message");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct FrozenBytes {
    start: NonNull<u8>,
    size: usize,
}

// SAFETY: the bytes never change (invariant 4) and belong to the process, not to a thread.
unsafe impl Send for FrozenBytes {}
// SAFETY: as above.
unsafe impl Sync for FrozenBytes {}

impl FrozenBytes {
    /// Puts the parts one after another into a new object and freezes it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when there are no bytes; otherwise as [`SharedMapping::create`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::memory::FrozenBytes;
    ///
    /// let handle = FrozenBytes::freeze(&[b"one ", b"after ", b"another"])?;
    /// assert_eq!(&*FrozenBytes::from_handle(handle)?, b"one after another");
    /// assert_eq!(FrozenBytes::freeze(&[]).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn freeze(parts: &[&[u8]]) -> io::Result<OwnedHandle> {
        imp::freeze(parts)
    }

    /// Maps frozen bytes that came from another process.
    ///
    /// # Errors
    ///
    /// `InvalidData` when the handle is not an object of this kind or could still be written by somebody.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::memory::{FrozenBytes, SharedMapping};
    ///
    /// let bytes = FrozenBytes::from_handle(FrozenBytes::freeze(&[b"for good"])?)?;
    /// assert_eq!(&bytes[4..], b"good");
    ///
    /// // Memory that somebody may still write is not read as a slice.
    /// let writable = SharedMapping::create(64)?;
    /// assert!(FrozenBytes::from_handle(writable.duplicate_handle()?).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn from_handle(handle: OwnedHandle) -> io::Result<Self> {
        let size = imp::verify_frozen(handle.as_fd())?;
        let start = imp::map(handle.as_fd(), size, false)?;
        Ok(FrozenBytes { start, size })
    }
}

impl Deref for FrozenBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: invariants 1, 2 and 4: the bytes are mapped, never fault and never change.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.size) }
    }
}

impl Drop for FrozenBytes {
    fn drop(&mut self) {
        // SAFETY: invariant 1; every slice borrowed `self`, which is going away.
        unsafe { imp::unmap(self.start, self.size) }
    }
}
