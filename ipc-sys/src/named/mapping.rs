//! The mapping of a named object.
//!
//! # Safety
//!
//! A [`NamedMapping`] keeps these invariants:
//!
//! 1. `start` is the address of a live mapping of `size` bytes, page-aligned, until `drop`; it can be written to if
//!    `writable`.
//! 2. The object behind it had `size` bytes when it was mapped. That it keeps them is up to those who may open its
//!    name: see *What is trusted* in the parent module.
#![allow(unsafe_code)]

use super::{CallError, imp};
use crate::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use std::ptr::NonNull;

/// The bytes of an object that has, or had, a name.
///
/// # Other processes
///
/// The handle may be sent to any process, which maps the same bytes with [`NamedMapping::from_handle`]. The memory
/// lives as long as the name exists or anybody holds a handle or a mapping.
#[derive(Debug)]
pub struct NamedMapping {
    start: NonNull<u8>,
    size: usize,
    writable: bool,
    handle: OwnedHandle,
}

// SAFETY: the mapping belongs to the process, not to a thread, and what is handed out is an address.
unsafe impl Send for NamedMapping {}
// SAFETY: as above.
unsafe impl Sync for NamedMapping {}

impl NamedMapping {
    /// Maps an object whose handle came from another process, as writable as the handle is.
    ///
    /// # Errors
    ///
    /// `InvalidData` when the handle is not shared memory, or not of exactly `size` bytes; the system's error
    /// otherwise.
    pub fn from_handle(handle: OwnedHandle, size: usize) -> Result<NamedMapping, CallError> {
        imp::from_handle(handle, size)
    }

    /// The number of bytes, the same in every process.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether the bytes can be written through this mapping.
    pub fn is_writable(&self) -> bool {
        self.writable
    }

    /// The address of the first byte.
    ///
    /// Others may write the bytes at any time, so that plain references to them need a protocol that all of them
    /// follow. Writing through a mapping that [is not writable](NamedMapping::is_writable) ends the process.
    pub fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// The handle, to hand to another process.
    pub fn handle(&self) -> BorrowedHandle<'_> {
        self.handle.as_fd()
    }

    /// Maps `size` bytes of an object that has as many.
    pub(super) fn map(handle: OwnedHandle, size: usize, writable: bool) -> Result<NamedMapping, CallError> {
        let start = imp::map(handle.as_fd(), size, writable)?;
        Ok(NamedMapping { start, size, writable, handle })
    }
}

impl Drop for NamedMapping {
    fn drop(&mut self) {
        // SAFETY: invariant 1; whoever has an address from `as_ptr` answers for not using it any more.
        unsafe { imp::unmap(self.start, self.size) }
    }
}
