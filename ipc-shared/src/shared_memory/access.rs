//! Reading and writing the bytes of shared memory.
//!
//! # Safety
//!
//! Two functions lend plain slices, and hand the duty on to their callers. The rest stands in [`bytes`](super::bytes).
#![allow(unsafe_code)]

use super::SharedMemory;
use super::error::AccessError;
use std::sync::atomic::{AtomicU32, AtomicU64};

/// Every access checks its range and its alignment; what is wrong is an error, never a panic.
///
/// Bytes that another process may write at any time are copied, or reached as atomics. Copies take no lock: what a
/// copy of a range finds while another process, or another thread, writes there may be a mixture of old and new.
/// Whoever needs more has a protocol, for example an atomic word that tells when the bytes are whole.
impl SharedMemory {
    /// Copies bytes out of the memory.
    ///
    /// # Errors
    ///
    /// [`AccessError::OutOfBounds`].
    ///
    /// # Examples
    ///
    /// ```
    /// let memory = ipc_shared::SharedMemory::unnamed(100)?;
    /// memory.write(90, b"hello")?;
    /// let mut bytes = [0; 5];
    /// memory.read(90, &mut bytes)?;
    /// assert_eq!(&bytes, b"hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn read(&self, offset: usize, target: &mut [u8]) -> Result<(), AccessError> {
        self.bytes().read(offset, target)
    }

    /// Copies `len` bytes out of the memory.
    ///
    /// # Errors
    ///
    /// [`AccessError::OutOfBounds`], before any memory is asked for.
    pub fn read_vec(&self, offset: usize, len: usize) -> Result<Vec<u8>, AccessError> {
        self.bytes().read_vec(offset, len)
    }

    /// Copies bytes into the memory.
    ///
    /// # Errors
    ///
    /// [`AccessError::OutOfBounds`]; [`AccessError::ReadOnly`].
    #[inline]
    pub fn write(&self, offset: usize, source: &[u8]) -> Result<(), AccessError> {
        self.bytes().write(offset, source)
    }

    /// Sets `len` bytes to one value.
    ///
    /// # Errors
    ///
    /// [`AccessError::OutOfBounds`]; [`AccessError::ReadOnly`].
    pub fn fill(&self, offset: usize, len: usize, byte: u8) -> Result<(), AccessError> {
        self.bytes().fill(offset, len, byte)
    }

    /// The word of 32 bits at `offset`, in the byte order of the machine.
    ///
    /// # Errors
    ///
    /// [`AccessError::OutOfBounds`]; [`AccessError::Misaligned`]; [`AccessError::ReadOnly`], since an atomic can be
    /// stored to: see [`load_u32`](SharedMemory::load_u32).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::atomic::Ordering;
    ///
    /// let memory = ipc_shared::SharedMemory::unnamed(64)?;
    /// memory.atomic_u32(60)?.fetch_add(5, Ordering::AcqRel);
    /// assert_eq!(memory.load_u32(60)?, 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn atomic_u32(&self, offset: usize) -> Result<&AtomicU32, AccessError> {
        self.bytes().atomic_u32(offset)
    }

    /// The word of 64 bits at `offset`, in the byte order of the machine.
    ///
    /// # Errors
    ///
    /// As [`atomic_u32`](SharedMemory::atomic_u32).
    #[inline]
    pub fn atomic_u64(&self, offset: usize) -> Result<&AtomicU64, AccessError> {
        self.bytes().atomic_u64(offset)
    }

    /// Loads the word of 32 bits at `offset`, also from memory that was opened for reading only.
    ///
    /// What another process wrote before it stored the word, with `Release`, is visible afterwards.
    ///
    /// # Errors
    ///
    /// [`AccessError::OutOfBounds`]; [`AccessError::Misaligned`].
    #[inline]
    pub fn load_u32(&self, offset: usize) -> Result<u32, AccessError> {
        self.bytes().load_u32(offset)
    }

    /// Loads the word of 64 bits at `offset`, also from memory that was opened for reading only.
    ///
    /// # Errors
    ///
    /// As [`load_u32`](SharedMemory::load_u32).
    #[inline]
    pub fn load_u64(&self, offset: usize) -> Result<u64, AccessError> {
        self.bytes().load_u64(offset)
    }

    /// All bytes, as a plain slice.
    ///
    /// # Safety
    ///
    /// As long as the slice is used, no thread of any process writes these bytes: there is a protocol that says so, and
    /// everybody who has the memory follows it. For memory with a name that includes that nobody shrinks the object:
    /// an access to what is gone ends the process.
    ///
    /// # Examples
    ///
    /// ```
    /// let memory = ipc_shared::SharedMemory::unnamed(3)?;
    /// memory.write(0, b"abc")?;
    /// // SAFETY: nobody else has the memory, and it is not written to any more.
    /// let bytes = unsafe { memory.as_slice() };
    /// assert_eq!(bytes, b"abc");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub unsafe fn as_slice(&self) -> &[u8] {
        // SAFETY: handed on to the caller.
        unsafe { self.bytes().as_slice() }
    }

    /// All bytes, as a plain slice to write to.
    ///
    /// # Errors
    ///
    /// [`AccessError::ReadOnly`].
    ///
    /// # Safety
    ///
    /// As for [`as_slice`](SharedMemory::as_slice), and no thread of any process reads these bytes either, through this
    /// mapping or another.
    pub unsafe fn as_mut_slice(&mut self) -> Result<&mut [u8], AccessError> {
        // SAFETY: handed on to the caller.
        unsafe { self.bytes().as_mut_slice() }
    }
}
