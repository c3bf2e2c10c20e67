//! A child that runs a closure, and does not outlive the value that stands for it.
//!
//! # Safety
//!
//! 1. The process that forks has one thread, so that its child may do anything.
//! 2. A child that is not collected keeps its number: signals and waits reach it and nobody else.

#![allow(unsafe_code)]

use super::patience::Patience;
use crate::proc;
use std::cell::Cell;
use std::io;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::time::Duration;

/// The exit code of a child whose closure has panicked.
const PANICKED: i32 = 101;

/// How long a child is left alone before one looks whether it sleeps.
const PAUSE: Duration = Duration::from_micros(300);

/// Whether to wait on for a child that has fallen asleep in a system call. It is asked again as long as the child sleeps.
pub(super) type WaitsOn<'a> = &'a mut dyn FnMut() -> bool;

/// What has become of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It stands still for its tracer, with this signal.
    Stopped(libc::c_int),
    /// It is gone and collected.
    Ended(Ending),
    /// It sleeps, and is not waited for.
    Asleep,
    /// Nothing, for too long.
    Late,
}

/// How a process has ended that nobody killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// Its call has returned.
    Returned,
    /// Its call has panicked, or has ended the process otherwise.
    Failed,
    /// Not within the time that it has; it was killed then.
    Hung,
}

pub(super) struct Forked {
    pid: libc::pid_t,
    /// How it has ended, once it is collected.
    ending: Cell<Option<Ending>>,
}

impl Forked {
    /// Forks a child that runs the closure and ends.
    pub(super) fn start(body: impl FnOnce()) -> Forked {
        // SAFETY: by Invariant 1.
        match unsafe { libc::fork() } {
            -1 => panic!("cannot fork: {}", io::Error::last_os_error()),
            0 => {
                let result = catch_unwind(AssertUnwindSafe(body));
                // SAFETY: the call takes no pointer and does not return.
                unsafe { libc::_exit(if result.is_ok() { 0 } else { PANICKED }) }
            }
            pid => Forked { pid, ending: Cell::new(None) },
        }
    }

    pub(super) fn pid(&self) -> libc::pid_t {
        self.pid
    }

    /// Waits until the child stops for its tracer, ends, or has done neither for too long. When it sleeps,
    /// `waits_on` is asked what to do.
    pub(super) fn wait(&self, waits_on: WaitsOn<'_>) -> Change {
        let mut patience = Patience::new();
        let signals = ChildSignals::hold();
        let mut was_asleep = false;
        loop {
            if let Some(change) = self.look() {
                return change;
            }
            if signals.wait(PAUSE) {
                continue;
            }
            // Seen twice with no stop in between: it does not only wait for the kernel's next step.
            let is_asleep = proc::stat(self.pid).is_some_and(|stat| stat.state == 'S');
            if is_asleep && was_asleep && !waits_on() {
                return Change::Asleep;
            }
            was_asleep = is_asleep;
            if patience.is_over() {
                patience.tell(&format!("child {}", self.pid));
                return Change::Late;
            }
        }
    }

    /// What has happened to the child since the last look, or how it has ended.
    pub(super) fn look(&self) -> Option<Change> {
        if let Some(ending) = self.ending.get() {
            return Some(Change::Ended(ending));
        }
        let mut status = 0;
        // SAFETY: the pointer is that of a local variable.
        let pid = unsafe { libc::waitpid(self.pid, &mut status, libc::WNOHANG) };
        match pid {
            0 => None,
            -1 => panic!("cannot wait: {}", io::Error::last_os_error()),
            _ if libc::WIFSTOPPED(status) => Some(Change::Stopped(libc::WSTOPSIG(status))),
            _ => {
                let ending = if status == 0 { Ending::Returned } else { Ending::Failed };
                self.ending.set(Some(ending));
                Some(Change::Ended(ending))
            }
        }
    }

    /// Kills and collects the child, unless it has ended.
    pub(super) fn kill(&self) {
        if self.ending.get().is_some() {
            return;
        }
        // SAFETY: the call takes no pointer; by Invariant 2 the number is that of the child.
        unsafe { libc::kill(self.pid, libc::SIGKILL) };
        let mut status = 0;
        // Until it has ended. A stop that was on its way may come first.
        // SAFETY: the pointer is that of a local variable.
        while unsafe { libc::waitpid(self.pid, &mut status, 0) } == self.pid && libc::WIFSTOPPED(status) {}
        self.ending.set(Some(Ending::Failed));
    }
}

impl Drop for Forked {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Holds back the signals that tell of children, so that one can wait for them. A process without a handler for them gets
/// them only like this.
///
/// A wait that was polite and gave its time away between two looks would be ten times slower on a busy machine: a sweep
/// waits for each single step.
struct ChildSignals {
    only_these: libc::sigset_t,
    before: libc::sigset_t,
}

impl ChildSignals {
    fn hold() -> ChildSignals {
        let mut only_these = MaybeUninit::uninit();
        // SAFETY: the pointer is that of a local variable.
        unsafe { libc::sigemptyset(only_these.as_mut_ptr()) };
        // SAFETY: the set was made empty.
        unsafe { libc::sigaddset(only_these.as_mut_ptr(), libc::SIGCHLD) };
        // SAFETY: the set was made empty.
        let only_these = unsafe { only_these.assume_init() };
        let mut before = only_these;
        // SAFETY: the pointers are those of local variables.
        unsafe { libc::sigprocmask(libc::SIG_BLOCK, &only_these, &mut before) };
        ChildSignals { only_these, before }
    }

    /// Waits until something has happened to a child; false if nothing does for so long.
    fn wait(&self, limit: Duration) -> bool {
        let limit = libc::timespec { tv_sec: 0, tv_nsec: i64::from(limit.subsec_nanos()) };
        // SAFETY: the pointers are those of values that live.
        unsafe { libc::sigtimedwait(&self.only_these, ptr::null_mut(), &limit) == libc::SIGCHLD }
    }
}

impl Drop for ChildSignals {
    fn drop(&mut self) {
        // SAFETY: the pointer is that of a field.
        unsafe { libc::sigprocmask(libc::SIG_SETMASK, &self.before, ptr::null_mut()) };
    }
}

/// Sees to it that Invariant 1 holds.
///
/// # Panics
///
/// If the process has more than one thread.
pub(super) fn expect_one_thread() {
    assert_eq!(proc::tasks(proc::own_pid()).len(), 1, "a process with threads cannot be swept");
}

/// Whether this process may sweep: not with other threads, and only where the kit knows how.
///
/// # Panics
///
/// If the process has more than one thread.
pub(super) fn can_sweep() -> bool {
    expect_one_thread();
    cfg!(all(target_os = "linux", target_arch = "x86_64"))
}
