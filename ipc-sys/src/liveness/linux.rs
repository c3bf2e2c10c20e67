//! Lifelines on Linux: the two ends of a pipe that nobody writes to.
//!
//! # Safety
//!
//! Raw `fcntl` calls with integer arguments on a descriptor that the caller owns, and others that are allowed right after a fork.
#![allow(unsafe_code)]

use crate::handle::{AsHandle, OwnedHandle};
use rustix::fs::{Mode, OFlags};
use rustix::pipe::{PipeFlags, pipe_with};
use std::io;
use std::os::fd::{AsRawFd, IntoRawFd, RawFd};

pub(super) fn pair() -> io::Result<(OwnedHandle, OwnedHandle)> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    Ok((writer, reader))
}

pub(super) fn die_when_cut(lifeline: OwnedHandle) -> io::Result<()> {
    // Whom to signal is a property of the open pipe end, which many processes may share. Opened anew, it is this
    // process's own.
    let lifeline = rustix::fs::open(
        format!("/proc/self/fd/{}", lifeline.as_raw_fd()),
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let pid = rustix::process::getpid().as_raw_nonzero().get();
    fcntl(&lifeline, libc::F_SETOWN, pid)?;
    fcntl(&lifeline, F_SETSIG, libc::SIGKILL)?;
    let flags = fcntl(&lifeline, libc::F_GETFL, 0)?;
    fcntl(&lifeline, libc::F_SETFL, flags | libc::O_ASYNC)?;
    // A file that has no such signals passes the flag over without a word.
    if fcntl(&lifeline, libc::F_GETFL, 0)? & libc::O_ASYNC == 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the handle cannot signal"));
    }
    // The signal comes for what happens from now on. What happened before has to be looked at.
    let cut = crate::readiness::wait_one(
        lifeline.as_fd(),
        crate::readiness::Interest::Read,
        crate::clock::Deadline::NOW,
    )?;
    if cut {
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)?;
    }
    // The order stands as long as the descriptor is open, that is, as long as this process runs this program.
    let _kept_open = lifeline.into_raw_fd();
    Ok(())
}

pub(super) fn replace(keeper: RawFd) {
    // SAFETY: a call with a constant text, allowed after a fork.
    let null = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    // Where the table of descriptors is full, standard input does as well. If it is closed, too, the keeper stays.
    // SAFETY: the number stays open, and stays that of its owner.
    unsafe { libc::dup3(null.max(0), keeper, libc::O_CLOEXEC) };
    if null > 0 {
        // SAFETY: opened above.
        unsafe { libc::close(null) };
    }
}

/// `F_SETSIG` of the kernel's `asm-generic/fcntl.h`, which the bindings lack.
const F_SETSIG: libc::c_int = 10;

fn fcntl(handle: &OwnedHandle, command: libc::c_int, argument: libc::c_int) -> io::Result<libc::c_int> {
    // SAFETY: all commands used here take an integer.
    match unsafe { libc::fcntl(handle.as_raw_fd(), command, argument) } {
        -1 => Err(io::Error::last_os_error()),
        result => Ok(result),
    }
}
