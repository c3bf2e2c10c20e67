//! Named objects on Linux: files in `/dev/shm`, made without a name and linked when they are whole.
//!
//! # Safety
//!
//! Maps and unmaps memory; the invariants stand in [`mapping`](super::mapping).
#![allow(unsafe_code)]

use super::{Access, CallError, Name, NamedMapping};
use crate::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use rustix::fs::{AtFlags, CWD, FallocateFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};
use rustix::process::{Resource, getrlimit};
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;

/// Where the C library has the objects of `shm_open`.
const FOLDER: &str = "/dev/shm";

/// What the kernel calls the file system of `/dev/shm` and of memfds.
const TMPFS: u64 = 0x0102_1994;

/// What `stat` counts blocks in.
const BLOCK: u64 = 512;

pub(super) fn create(
    name: &Name,
    size: usize,
    fill: impl Fn(&NamedMapping),
) -> Result<NamedMapping, CallError> {
    check_size(size)?;
    // Before any page is reserved: whoever loses a race should hear of the other, not of a lack of memory.
    if exists(name)? {
        return Err(CallError::of("linkat")(Errno::EXIST));
    }
    let Some(handle) = make_nameless()? else {
        return create_in_place(name, size, fill);
    };
    check_room(handle.as_fd(), size)?;
    reserve(handle.as_fd(), FallocateFlags::empty(), size)?;
    let mapping = NamedMapping::map(handle, size, true)?;
    fill(&mapping);
    match link(mapping.handle(), name) {
        Ok(()) => Ok(mapping),
        // No way to link is open to this process: the object without a name goes away again.
        Err(Errno::NOENT) => {
            drop(mapping);
            create_in_place(name, size, fill)
        }
        Err(error) => Err(CallError::of("linkat")(error)),
    }
}

pub(super) fn open(name: &Name, access: Access) -> Result<Option<NamedMapping>, CallError> {
    let mode = if access == Access::ReadWrite { OFlags::RDWR } else { OFlags::RDONLY };
    // A link would lead elsewhere, and a pipe would wait for its other end.
    let flags = mode | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let handle = match retry(|| rustix::fs::open(path(name), flags, Mode::empty())) {
        // What is there is a link, a folder or a socket.
        Err(Errno::LOOP | Errno::ISDIR | Errno::NXIO) => return Err(no_memory()),
        other => other.map_err(CallError::of("shm_open"))?,
    };
    let stat = stat_memory(handle.as_fd())?;
    match usize::try_from(stat.st_size) {
        Ok(0) => Ok(None),
        Ok(size) => {
            let writable = access == Access::ReadWrite;
            if writable {
                reserve_rest(handle.as_fd(), &stat, size)?;
            }
            NamedMapping::map(handle, size, writable).map(Some)
        }
        Err(_) => Err(no_memory()),
    }
}

pub(super) fn from_handle(handle: OwnedHandle, size: usize) -> Result<NamedMapping, CallError> {
    let flags = rustix::fs::fcntl_getfl(&handle).map_err(CallError::of("fcntl"))?;
    let writable = match flags & (OFlags::ACCMODE | OFlags::PATH) {
        OFlags::RDWR => true,
        OFlags::RDONLY => false,
        _ => return Err(no_memory()),
    };
    let stat = stat_memory(handle.as_fd())?;
    let system = rustix::fs::fstatfs(&handle).map_err(CallError::of("fstatfs"))?;
    if system.f_type as u64 != TMPFS || size == 0 || u64::try_from(stat.st_size) != Ok(size as u64) {
        return Err(no_memory());
    }
    NamedMapping::map(handle, size, writable)
}

pub(super) fn unlink(name: &Name) -> Result<(), CallError> {
    rustix::fs::unlink(path(name)).map_err(CallError::of("shm_unlink"))
}

pub(super) fn refers_to(name: &Name, object: BorrowedHandle<'_>) -> Result<bool, CallError> {
    let ours = rustix::fs::fstat(object).map_err(CallError::of("fstat"))?;
    match rustix::fs::lstat(path(name)) {
        Ok(found) => Ok((found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(CallError::of("lstat")(error)),
    }
}

pub(super) fn map(handle: BorrowedHandle<'_>, size: usize, writable: bool) -> Result<NonNull<u8>, CallError> {
    let protection = if writable { ProtFlags::READ | ProtFlags::WRITE } else { ProtFlags::READ };
    // SAFETY: a mapping at an address of the kernel's choice replaces nothing.
    let start =
        unsafe { rustix::mm::mmap(std::ptr::null_mut(), size, protection, MapFlags::SHARED, handle, 0) };
    let start = start.map_err(CallError::of("mmap"))?;
    NonNull::new(start.cast()).ok_or_else(|| CallError::of("mmap")(io::ErrorKind::OutOfMemory))
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

/// A file without a name, of no bytes; `None` where the file system has none.
fn make_nameless() -> Result<Option<OwnedHandle>, CallError> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match retry(|| rustix::fs::open(FOLDER, flags, Mode::RUSR | Mode::WUSR)) {
        Ok(handle) => {
            set_mode(handle.as_fd())?;
            Ok(Some(handle))
        }
        // The last one is the answer of kernels that take the flag for a folder to write to.
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::ISDIR) => Ok(None),
        Err(error) => Err(CallError::of("open(O_TMPFILE)")(error)),
    }
}

/// Gives the file its name, if that is free. `NOENT` says that this process has no way to do it.
fn link(file: BorrowedHandle<'_>, name: &Name) -> Result<(), Errno> {
    match rustix::fs::linkat(file, c"", CWD, path(name), AtFlags::EMPTY_PATH) {
        // The plain way is a matter of privileges before Linux 6.10; the way round needs procfs.
        Err(Errno::NOENT | Errno::PERM) => {
            let this = format!("/proc/self/fd/{}", file.as_raw_fd());
            rustix::fs::linkat(CWD, this, CWD, path(name), AtFlags::SYMLINK_FOLLOW)
        }
        other => other,
    }
}

/// Makes the object under its name. Its size is the commit: zero until all of it is reserved.
///
/// A killed process leaves no name, an object of no bytes, or the whole object; `fill` comes last, when others may
/// look already.
fn create_in_place(
    name: &Name,
    size: usize,
    fill: impl Fn(&NamedMapping),
) -> Result<NamedMapping, CallError> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let handle = retry(|| rustix::fs::open(path(name), flags, Mode::RUSR | Mode::WUSR))
        .map_err(CallError::of("shm_open"))?;
    if let Err(error) = give_size(handle.as_fd(), size) {
        // The name is ours, unless somebody has removed it and another has taken it since.
        if let Ok(true) = refers_to(name, handle.as_fd()) {
            let _ = unlink(name);
        }
        return Err(error);
    }
    let mapping = NamedMapping::map(handle, size, true).inspect_err(|_| drop(unlink(name)))?;
    fill(&mapping);
    Ok(mapping)
}

/// Reserves all bytes of an object that has none, and sets its size last.
fn give_size(object: BorrowedHandle<'_>, size: usize) -> Result<(), CallError> {
    set_mode(object)?;
    check_room(object, size)?;
    reserve(object, FallocateFlags::KEEP_SIZE, size)?;
    retry(|| rustix::fs::ftruncate(object, size as u64)).map_err(CallError::of("ftruncate"))
}

/// Refuses a size that no file can have.
fn check_size(size: usize) -> Result<(), CallError> {
    let wanted = match i64::try_from(size) {
        Ok(0) => return Err(CallError::of("fallocate")(Errno::INVAL)),
        Ok(_) => size as u64,
        Err(_) => return Err(CallError::of("fallocate")(Errno::FBIG)),
    };
    // Growing a file past RLIMIT_FSIZE raises SIGXFSZ, which ends a program that does not expect it; the same
    // limit read beforehand is an ordinary error.
    match getrlimit(Resource::Fsize).current {
        Some(limit) if wanted > limit => Err(CallError::of("fallocate")(Errno::FBIG)),
        _ => Ok(()),
    }
}

/// Reserves every page, so that a lack of memory is an error here instead of a SIGBUS at some later write.
fn reserve(object: BorrowedHandle<'_>, flags: FallocateFlags, size: usize) -> Result<(), CallError> {
    // Before Linux 6.11 a signal makes the kernel give back all pages of the call: one call for all of them might never
    // end in a program that has a timer. Steps this small take less than a millisecond.
    const STEP: usize = 1 << 20;
    for start in (0..size).step_by(STEP) {
        let step = STEP.min(size - start) as u64;
        retry(|| rustix::fs::fallocate(object, flags, start as u64, step))
            .map_err(CallError::of("fallocate"))?;
    }
    Ok(())
}

/// Refuses what the file system has no room for, before reserving half of it takes the memory of others.
fn check_room(object: BorrowedHandle<'_>, size: usize) -> Result<(), CallError> {
    let system = rustix::fs::fstatfs(object).map_err(CallError::of("fstatfs"))?;
    let room = u128::from(system.f_bavail as u64) * system.f_bsize as u128;
    // No blocks at all stand for no limit.
    if system.f_blocks != 0 && room < size as u128 {
        return Err(CallError::of("fallocate")(Errno::NOSPC));
    }
    Ok(())
}

/// Reserves what the maker of an object has left open: a stranger's `ftruncate` reserves nothing.
fn reserve_rest(object: BorrowedHandle<'_>, stat: &rustix::fs::Stat, size: usize) -> Result<(), CallError> {
    let reserved = (stat.st_blocks as u64).saturating_mul(BLOCK);
    let Some(missing) = (size as u64).checked_sub(reserved).filter(|&missing| missing > 0) else {
        return Ok(());
    };
    check_room(object, missing as usize)?;
    reserve(object, FallocateFlags::empty(), size)
}

/// What `stat` tells of a file that holds bytes.
fn stat_memory(handle: BorrowedHandle<'_>) -> Result<rustix::fs::Stat, CallError> {
    let stat = rustix::fs::fstat(handle).map_err(CallError::of("fstat"))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(stat),
        _ => Err(no_memory()),
    }
}

fn exists(name: &Name) -> Result<bool, CallError> {
    match rustix::fs::lstat(path(name)) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(CallError::of("lstat")(error)),
    }
}

/// Reading and writing for the user, whatever the umask of this process says.
fn set_mode(handle: BorrowedHandle<'_>) -> Result<(), CallError> {
    rustix::fs::fchmod(handle, Mode::RUSR | Mode::WUSR).map_err(CallError::of("fchmod"))
}

fn path(name: &Name) -> String {
    format!("{FOLDER}/{}", name.as_str())
}

fn no_memory() -> CallError {
    let refusal =
        io::Error::new(io::ErrorKind::InvalidData, "this is not shared memory of the size it should have");
    CallError::of("fstat")(refusal)
}

fn retry<T>(call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    rustix::io::retry_on_intr(call)
}
