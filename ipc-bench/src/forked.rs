//! A part of this program in a process of its own, and on a processor of its own.
//!
//! # Safety
//!
//! Forks by hand: the program has no thread but the main one when it does so. The copy never returns from here. What the
//! calls of the system read and write are local variables.
#![allow(unsafe_code)]

use std::error::Error;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::time::Duration;

/// A copy of this process, which ends by itself.
#[must_use = "whoever is not joined stays as a zombie"]
pub(crate) struct Forked(libc::pid_t);

impl Forked {
    /// Runs `body` in a copy of this process, and ends the copy.
    pub(crate) fn start(body: impl FnOnce() -> Result<(), Box<dyn Error>>) -> io::Result<Forked> {
        // SAFETY: the process has one thread.
        let pid = unsafe { libc::fork() };
        match pid {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                // Who waits for somebody that was killed, and does so busily, would run for ever.
                // SAFETY: asks for a signal, and has no other effect.
                unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
                let result = catch_unwind(AssertUnwindSafe(body));
                if let Ok(Err(error)) = &result {
                    eprintln!("ipc-bench: in a copy: {error}");
                }
                // SAFETY: ends the copy; nothing of it runs any more.
                unsafe { libc::_exit(if matches!(result, Ok(Ok(()))) { 0 } else { 1 }) }
            }
            pid => Ok(Forked(pid)),
        }
    }

    /// Ends it wherever it is.
    pub(crate) fn kill(self) -> io::Result<()> {
        // SAFETY: the number is that of a child which nobody has waited for yet.
        if unsafe { libc::kill(self.0, libc::SIGKILL) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // It did not end well, as it should not.
        let _ = self.join();
        Ok(())
    }

    /// Waits for the end, and whether it was a good one.
    pub(crate) fn join(self) -> io::Result<()> {
        let mut status = 0;
        // SAFETY: writes to the status only.
        let waited = unsafe { libc::waitpid(self.0, &mut status, 0) };
        match (waited == self.0, status) {
            (false, _) => Err(io::Error::last_os_error()),
            (true, 0) => Ok(()),
            (true, status) => Err(io::Error::other(format!("a copy ended with status {status}"))),
        }
    }
}

/// This thread, bound to one processor, until this is dropped.
pub(crate) struct Pinned {
    before: libc::cpu_set_t,
}

impl Pinned {
    /// Binds this thread to one of the processors that the program may use, counted around.
    pub(crate) fn to(index: usize) -> io::Result<Pinned> {
        // A copy of a bound process is bound, too, so what is usable was seen before anybody was.
        static USABLE: OnceLock<Vec<usize>> = OnceLock::new();
        let before = allowed()?;
        let usable = USABLE
            .get_or_init(|| (0..libc::CPU_SETSIZE as usize).filter(|&cpu| is_set(&before, cpu)).collect());
        let mut one = none();
        // SAFETY: a number of a processor that was in a set is in range.
        unsafe { libc::CPU_SET(usable[index % usable.len()], &mut one) };
        allow(&one)?;
        Ok(Pinned { before })
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // What was allowed before is allowed again.
        let _ = allow(&self.before);
    }
}

/// How much of a processor this process has used until now, in the program and in the kernel.
pub(crate) fn cpu_time() -> io::Result<Duration> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: writes to the result only.
    if unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was filled, as the call says.
    let usage = unsafe { usage.assume_init() };
    let of = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    Ok(of(usage.ru_utime) + of(usage.ru_stime))
}

fn allowed() -> io::Result<libc::cpu_set_t> {
    let mut set = none();
    // SAFETY: fills the set, whose size it is told.
    if unsafe { libc::sched_getaffinity(0, size_of_val(&set), &mut set) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(set)
}

fn allow(set: &libc::cpu_set_t) -> io::Result<()> {
    // SAFETY: reads the set, whose size it is told.
    let result = unsafe { libc::sched_setaffinity(0, size_of_val(set), set) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn none() -> libc::cpu_set_t {
    // SAFETY: a set of bits; all of them zero is the empty one.
    unsafe { std::mem::zeroed() }
}

fn is_set(set: &libc::cpu_set_t, cpu: usize) -> bool {
    // SAFETY: the number is below `CPU_SETSIZE`.
    unsafe { libc::CPU_ISSET(cpu, set) }
}
