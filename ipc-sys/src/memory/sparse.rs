//! Shared memory of which a part only is there.

use super::{SharedMapping, imp};
use crate::handle::AsHandle;
use std::io;

impl SharedMapping {
    /// Makes a new piece of `size` zero bytes, of a size that nobody can change, and reserves none of them.
    ///
    /// It may be larger than the memory of the machine. [`reserve`](SharedMapping::reserve) what is to be accessed: the
    /// first access to another part takes a page from the system, and ends the process when there is none.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a size of zero; `OutOfMemory` for one that no process can map; `FileTooLarge` when it is over
    /// the limit on the size of files; the system's error otherwise. Nothing is left behind.
    ///
    /// # Platform
    ///
    /// Linux: a memfd, sealed against shrinking, growing and further seals.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::memory::SharedMapping;
    ///
    /// let memory = SharedMapping::create_sparse(1 << 36)?;
    /// memory.reserve(1 << 20, 4096)?;
    /// memory.write(1 << 20, b"here is memory");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn create_sparse(size: usize) -> io::Result<Self> {
        if size == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "shared memory of zero bytes"));
        }
        Self::map(imp::create_sparse(size)?, size)
    }

    /// Reserves `size` bytes at `offset`, for all processes: no later access to them fails for lack of memory.
    ///
    /// The system reserves whole pages. What is reserved already stays as it is, its bytes, too; the rest is zero.
    /// Nothing but the end of the whole memory gives a reservation back.
    ///
    /// # Errors
    ///
    /// `StorageFull` or `OutOfMemory` when the memory cannot be had; the system's error otherwise. What this call had
    /// reserved so far is given back.
    ///
    /// # Panics
    ///
    /// When the range does not lie inside the memory.
    ///
    /// # Platform
    ///
    /// Linux: `fallocate`. Another process may punch holes into the memory, which the seals allow; accesses there are as
    /// to a part that was never reserved, and read zeros.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::memory::SharedMapping;
    ///
    /// let memory = SharedMapping::create_sparse(1 << 20)?;
    /// memory.write(0, b"stays");
    /// memory.reserve(0, 1 << 16)?;
    /// memory.reserve(0, 1 << 17)?; // A part of it a second time, which is nothing.
    /// let mut bytes = [0; 5];
    /// memory.read(0, &mut bytes);
    /// assert_eq!(&bytes, b"stays");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn reserve(&self, offset: usize, size: usize) -> io::Result<()> {
        self.checked(offset, size, 1);
        imp::reserve(self.handle.as_fd(), offset, size)
    }
}
