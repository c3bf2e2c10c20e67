//! Claims on Linux: locks of one byte that belong to an open file description.
//!
//! # Safety
//!
//! Raw `fcntl` calls with a lock record that lives on the stack, and a descriptor that is replaced under its number.
#![allow(unsafe_code)]

use crate::handle::{BorrowedHandle, OwnedHandle};
use rustix::fs::{Mode, OFlags};
use rustix::io::{DupFlags, Errno};
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd};

pub(super) fn open(object: BorrowedHandle<'_>) -> io::Result<OwnedHandle> {
    let path = format!("/proc/self/fd/{}", object.as_raw_fd());
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    Ok(rustix::io::retry_on_intr(|| rustix::fs::open(&path, flags, Mode::empty()))?)
}

pub(super) fn claim(claimant: &OwnedHandle, byte: u64) -> io::Result<bool> {
    match fcntl(claimant, libc::F_OFD_SETLK, libc::F_WRLCK, byte) {
        Ok(_) => Ok(true),
        Err(error) if is_conflict(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) fn is_claimed(claimant: &OwnedHandle, byte: u64) -> io::Result<bool> {
    // The kernel leaves in the record the lock that is in the way, or notes that there is none.
    let found = fcntl(claimant, libc::F_OFD_GETLK, libc::F_WRLCK, byte)?;
    Ok(found != libc::F_UNLCK)
}

pub(super) fn release(claimant: &OwnedHandle, byte: u64) -> io::Result<()> {
    fcntl(claimant, libc::F_OFD_SETLK, libc::F_UNLCK, byte).map(drop)
}

pub(super) fn replace(claimant: &OwnedHandle, successor: BorrowedHandle<'_>) -> io::Result<()> {
    // SAFETY: the descriptor is open, and the value is forgotten: the number stays with its owner.
    let mut target = ManuallyDrop::new(unsafe { OwnedHandle::from_raw_fd(claimant.as_raw_fd()) });
    rustix::io::retry_on_intr(|| rustix::io::dup3(successor, &mut target, DupFlags::CLOEXEC))?;
    Ok(())
}

/// Calls `fcntl` for a lock of one byte, and returns the type that is in the record afterwards.
fn fcntl(
    claimant: &OwnedHandle,
    command: libc::c_int,
    lock_type: libc::c_int,
    byte: u64,
) -> io::Result<libc::c_int> {
    let start = libc::off_t::try_from(byte).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: the record consists of integers, for which zero is a value. Its process id has to be zero here.
    let mut record: libc::flock = unsafe { std::mem::zeroed() };
    record.l_type = lock_type as libc::c_short;
    record.l_whence = libc::SEEK_SET as libc::c_short;
    record.l_start = start;
    record.l_len = 1;
    // SAFETY: all commands used here take a pointer to a lock record, which is this one.
    match unsafe { libc::fcntl(claimant.as_raw_fd(), command, &mut record) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(record.l_type.into()),
    }
}

/// Whether the error says that another claimant is in the way. POSIX allows both codes.
fn is_conflict(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    code == Some(Errno::AGAIN.raw_os_error()) || code == Some(Errno::ACCESS.raw_os_error())
}
