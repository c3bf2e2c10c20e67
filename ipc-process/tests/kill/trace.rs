//! Stopping another process at each of its system calls.
//!
//! # Safety
//!
//! `ptrace` and `waitpid` with numbers and records of this process's own; they touch the memory of nobody.
#![allow(unsafe_code)]

use std::io;
use std::ptr;

/// What a traced process reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It is about to make a system call, or has made one.
    SystemCall,
    /// It has made this process.
    Child(i32),
    /// It has a signal to deliver, or another reason; to be passed on.
    Other(i32),
    /// It exited with this code.
    Exited(i32),
    /// This signal ended it.
    Killed(i32),
}

/// Traces a process from now on, and every process that it makes. It is not stopped.
pub(crate) fn seize(pid: i32) -> io::Result<()> {
    let options = libc::PTRACE_O_TRACESYSGOOD
        | libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_EXITKILL;
    ptrace(libc::PTRACE_SEIZE, pid, options as usize)
}

/// Stops it.
pub(crate) fn interrupt(pid: i32) -> io::Result<()> {
    ptrace(libc::PTRACE_INTERRUPT, pid, 0)
}

/// Lets it go on to the next system call.
pub(crate) fn to_system_call(pid: i32, signal: i32) -> io::Result<()> {
    ptrace(libc::PTRACE_SYSCALL, pid, signal as usize)
}

/// Lets it go on by one instruction.
pub(crate) fn step(pid: i32, signal: i32) -> io::Result<()> {
    ptrace(libc::PTRACE_SINGLESTEP, pid, signal as usize)
}

/// Lets it go on.
pub(crate) fn go_on(pid: i32, signal: i32) -> io::Result<()> {
    ptrace(libc::PTRACE_CONT, pid, signal as usize)
}

/// Lets it go on for good; it has to be stopped.
pub(crate) fn let_go(pid: i32) -> io::Result<()> {
    ptrace(libc::PTRACE_DETACH, pid, 0)
}

/// Ends a process that this one traces or is the parent of, so that its number is its own.
pub(crate) fn kill(pid: i32) {
    // SAFETY: a number.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// Waits for one process, or any with -1; what it reports. Without `block`, `None` when there is nothing.
pub(crate) fn wait(pid: i32, block: bool) -> io::Result<Option<(i32, Stop)>> {
    let mut status = 0;
    let flags = libc::__WALL | if block { 0 } else { libc::WNOHANG };
    // SAFETY: a valid place for the status.
    let pid = match unsafe { libc::waitpid(pid, &mut status, flags) } {
        -1 => return Err(io::Error::last_os_error()),
        0 => return Ok(None),
        pid => pid,
    };
    let stop = if libc::WIFEXITED(status) {
        Stop::Exited(libc::WEXITSTATUS(status))
    } else if libc::WIFSIGNALED(status) {
        Stop::Killed(libc::WTERMSIG(status))
    } else {
        stop(pid, status)
    };
    Ok(Some((pid, stop)))
}

fn stop(pid: i32, status: i32) -> Stop {
    let signal = libc::WSTOPSIG(status);
    match status >> 16 {
        0 if signal == libc::SIGTRAP | 0x80 => Stop::SystemCall,
        0 => Stop::Other(signal),
        libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
            let mut message: libc::c_ulong = 0;
            // SAFETY: a valid place for the message. The process is stopped.
            unsafe { libc::ptrace(libc::PTRACE_GETEVENTMSG, pid, 0, &mut message) };
            Stop::Child(message as i32)
        }
        // Interrupted, or new: nothing to deliver.
        _ => Stop::Other(0),
    }
}

fn ptrace(request: libc::c_uint, pid: i32, data: usize) -> io::Result<()> {
    // SAFETY: the requests used here take a number or nothing.
    match unsafe { libc::ptrace(request, pid, ptr::null_mut::<libc::c_void>(), data) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
