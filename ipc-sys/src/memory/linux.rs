//! Shared memory on Linux: memfd, reserved by `fallocate`, sealed.
//!
//! # Safety
//!
//! Maps and unmaps memory; the invariants stand in the parent module.
#![allow(unsafe_code)]

use crate::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags};
use rustix::process::{Resource, getrlimit};
use std::io::{self, IoSlice, Write};
use std::ptr::NonNull;

/// What keeps an object from changing its size under those who mapped it.
const SIZE_SEALS: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::SEAL);
/// What keeps its bytes from changing, too.
const FROZEN_SEALS: SealFlags = SIZE_SEALS.union(SealFlags::WRITE);

pub(super) fn create(size: usize) -> io::Result<OwnedHandle> {
    check_memory(size)?;
    let handle = unsealed(size)?;
    // Reserving every page now turns a lack of memory into an error here instead of a SIGBUS at some later
    // write.
    reserve(handle.as_fd(), 0, size)?;
    rustix::fs::fcntl_add_seals(&handle, SIZE_SEALS)?;
    Ok(handle)
}

pub(super) fn create_sparse(size: usize) -> io::Result<OwnedHandle> {
    if size > isize::MAX as usize {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    let handle = unsealed(size)?;
    rustix::fs::fcntl_add_seals(&handle, SIZE_SEALS)?;
    Ok(handle)
}

pub(super) fn reserve(handle: BorrowedHandle<'_>, offset: usize, size: usize) -> io::Result<()> {
    if size == 0 {
        return Ok(());
    }
    check_memory(size)?;
    // Inside the size that the file has already, RLIMIT_FSIZE is not asked.
    retry(|| rustix::fs::fallocate(handle, FallocateFlags::empty(), offset as u64, size as u64))?;
    Ok(())
}

pub(super) fn object_id(handle: BorrowedHandle<'_>) -> io::Result<(u64, u64)> {
    let stat = rustix::fs::fstat(handle)?;
    Ok((stat.st_dev, stat.st_ino))
}

pub(super) fn verify(handle: BorrowedHandle<'_>) -> io::Result<usize> {
    verify_seals(handle, SIZE_SEALS, SealFlags::WRITE | SealFlags::FUTURE_WRITE)
}

pub(super) fn freeze(parts: &[&[u8]]) -> io::Result<OwnedHandle> {
    let size = parts.iter().map(|part| part.len()).sum();
    check_memory(size)?;
    let mut file = std::fs::File::from(unsealed(size)?);
    let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
    let mut rest = slices.as_mut_slice();
    while rest.iter().any(|slice| !slice.is_empty()) {
        match file.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => IoSlice::advance_slices(&mut rest, n),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    rustix::fs::fcntl_add_seals(&file, FROZEN_SEALS)?;
    Ok(file.into())
}

pub(super) fn verify_frozen(handle: BorrowedHandle<'_>) -> io::Result<usize> {
    verify_seals(handle, FROZEN_SEALS, SealFlags::empty())
}

pub(super) fn map(handle: BorrowedHandle<'_>, size: usize, writable: bool) -> io::Result<NonNull<u8>> {
    let protection = if writable { ProtFlags::READ | ProtFlags::WRITE } else { ProtFlags::READ };
    // SAFETY: a mapping at an address of the kernel's choice replaces nothing.
    let start = unsafe {
        rustix::mm::mmap(std::ptr::null_mut(), size, protection, MapFlags::SHARED, handle.as_fd(), 0)
    }?;
    NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mmap returned the null address"))
}

/// # Safety
///
/// `start` and `size` are a mapping of [`map`] that nothing refers to any more.
pub(super) unsafe fn unmap(start: NonNull<u8>, size: usize) {
    // SAFETY: handed on to the caller.
    let result = unsafe { rustix::mm::munmap(start.as_ptr().cast(), size) };
    // munmap fails only for arguments that were never a mapping.
    debug_assert_eq!(result, Ok(()));
}

/// Asks for transparent huge pages in all that lies between two borders of pages. A kernel without them says no.
pub(super) fn expect_to_fill(start: *mut u8, size: usize) {
    let page = rustix::param::page_size();
    let skipped = start.addr().next_multiple_of(page) - start.addr();
    let size = size.saturating_sub(skipped) / page * page;
    // SAFETY: the advice changes no byte, whosever they are, and nothing but the size of the pages to come.
    let _ = unsafe { rustix::mm::madvise(start.wrapping_add(skipped).cast(), size, Advice::LinuxHugepage) };
}

fn unsealed(size: usize) -> io::Result<OwnedHandle> {
    if size == 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "shared memory of zero bytes"));
    }
    // Growing a file past RLIMIT_FSIZE raises SIGXFSZ, which ends a program that does not expect it; the same
    // limit read beforehand is an ordinary error.
    if getrlimit(Resource::Fsize).current.is_some_and(|limit| size as u64 > limit) {
        return Err(Errno::FBIG.into());
    }
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let handle = match rustix::fs::memfd_create(c"multiproc", flags | MemfdFlags::NOEXEC_SEAL) {
        // Kernels before 6.3 do not know the flag.
        Err(Errno::INVAL) => rustix::fs::memfd_create(c"multiproc", flags)?,
        other => other?,
    };
    retry(|| rustix::fs::ftruncate(&handle, size as u64))?;
    Ok(handle)
}

/// Refuses what no machine of this size can reserve.
fn check_memory(size: usize) -> io::Result<()> {
    // The kernel would reserve page after page of an impossible size, until it ends processes to find more.
    let system = rustix::system::sysinfo();
    let n_units = u128::from(system.totalram) + u128::from(system.totalswap);
    if size as u128 > n_units * u128::from(system.mem_unit) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    Ok(())
}

fn verify_seals(handle: BorrowedHandle<'_>, wanted: SealFlags, unwanted: SealFlags) -> io::Result<usize> {
    let refuse = |reason| Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    let Ok(seals) = rustix::fs::fcntl_get_seals(handle) else {
        return refuse("the handle is not sealed memory");
    };
    if !seals.contains(wanted) {
        return refuse("the memory is not sealed: its sender could still change it under us");
    }
    if seals.intersects(unwanted) {
        return refuse("the memory is sealed against writing");
    }
    match usize::try_from(rustix::fs::fstat(handle)?.st_size) {
        Ok(0) | Err(_) => refuse("the memory has no bytes"),
        Ok(size) => Ok(size),
    }
}

fn retry<T>(call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    rustix::io::retry_on_intr(call)
}
