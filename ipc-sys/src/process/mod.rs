//! Children: start a program or a copy of this process, wait for its end, send it a signal.
//!
//! # What a port provides
//!
//! - `OWN_IMAGE`: the path by which this process can run its own program again.
//! - `spawn(program) -> (pid, handle)`: a new process that runs a program, named by its handle from its first
//!   instant; the failure of any step is the error of this call.
//! - `fork() -> child or (pid, handle)`: a copy of this process, or an error that says the system has none.
//! - `try_wait(handle)`: the exit status once the process has ended, without waiting; collects the remains.
//! - `signal(handle, signal)`: to that process and never to another; nothing when it has ended.
//! - `thread_count()`, `exit_now(code)`, `replace_stdio(number, handle)`, `above_stdio(handle)`,
//!   `set_display_name(name)`, `ignore_broken_pipes()`.
//! - `name_channel(handle)`, `claim_channel(name)`: how a spawned program finds the handle that it was started with.
//!
//! The handle of a process is readable (see [`readiness`](crate::readiness)) when the process has ended.
//!
//! # Safety
//!
//! [`fork`] is unsafe: of a process with several threads it copies one, and whatever the others held stays held.
#![allow(unsafe_code)]

mod linux;
use linux as imp;

use crate::clock::Deadline;
use crate::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use crate::readiness::{Interest, wait_one};
use std::ffi::{CStr, CString, OsStr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{error, fmt, io};

/// The path by which this process can run its own program again, also when the file was replaced or removed.
pub const OWN_IMAGE: &CStr = imp::OWN_IMAGE;

/// A program to start, with everything that it gets.
#[derive(Debug)]
pub struct Program<'a> {
    /// The file to run.
    pub path: CString,
    /// All arguments, the name of the program first.
    pub args: Vec<CString>,
    /// The whole environment, as `NAME=value`.
    pub env: Vec<CString>,
    /// The working directory; `None` for that of this process.
    pub current_dir: Option<CString>,
    /// Standard input, output and error; `None` for those of this process.
    pub stdio: [Option<BorrowedHandle<'a>>; 3],
    /// The one handle that stays open, at its own number; all others are close-on-exec.
    pub channel: Option<BorrowedHandle<'a>>,
}

/// A child process.
///
/// # Other processes
///
/// The status is collected by the first call that finds the process ended, and remembered: every later call, from
/// any thread, gives the same. Dropping a child neither ends it nor collects it.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::process::{ExitStatus, Program, Signal, spawn};
///
/// let child = spawn(&Program {
///     path: c"/bin/sh".into(),
///     args: [c"sh", c"-c", c"exit 3"].map(Into::into).to_vec(),
///     env: vec![],
///     current_dir: None,
///     stdio: [None; 3],
///     channel: None,
/// })?;
/// assert_eq!(child.wait(Deadline::NEVER)?, Some(ExitStatus::Exited(3)));
/// // To a process that has ended, a signal is nothing; it never hits another that got the same number.
/// child.signal(Signal::Kill)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Child {
    pid: u32,
    handle: OwnedHandle,
    status: Mutex<Option<ExitStatus>>,
}

impl Child {
    /// The process id. Another process may get the same number once this one has ended and was waited for.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The handle of the process, readable when it has ended.
    pub fn handle(&self) -> BorrowedHandle<'_> {
        self.handle.as_fd()
    }

    /// Waits for the end of the process; `None` when the deadline passed first.
    ///
    /// # Blocking
    ///
    /// Until the process has ended or the deadline passes.
    ///
    /// # Errors
    ///
    /// The system's error, when memory is short.
    pub fn wait(&self, deadline: Deadline) -> io::Result<Option<ExitStatus>> {
        loop {
            if !self.has_status() && !self.has_ended(deadline)? {
                return Ok(None);
            }
            let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
            if status.is_none() {
                *status = imp::try_wait(self.handle())?;
            }
            if status.is_some() || deadline.is_over() {
                return Ok(*status);
            }
            drop(status);
            // It has ended, and a debugger that traces it has not let go of it yet: nothing tells of that moment.
            std::thread::sleep(deadline.remaining_at_most(Duration::from_millis(1)));
        }
    }

    /// Waits for the end of the process without collecting it; whether it has ended.
    ///
    /// For a process that somebody else collects.
    ///
    /// # Errors
    ///
    /// The system's error, when memory is short.
    pub fn has_ended(&self, deadline: Deadline) -> io::Result<bool> {
        wait_one(self.handle(), Interest::Read, deadline)
    }

    /// A process by the handle that another one sent, with the number it has.
    pub fn from_handle(pid: u32, handle: OwnedHandle) -> Self {
        Child { pid, handle, status: Mutex::new(None) }
    }

    /// A second handle to the process.
    ///
    /// # Errors
    ///
    /// The system's error when the table of handles is full.
    pub fn duplicate_handle(&self) -> io::Result<OwnedHandle> {
        crate::handle::duplicate(self.handle())
    }

    /// Sends a signal; does nothing when the process has ended.
    ///
    /// # Errors
    ///
    /// The system's error when this process may not signal that one.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        imp::signal(self.handle(), signal)
    }

    fn has_status(&self) -> bool {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// Sends a signal to the process behind a handle; does nothing when that process has ended.
///
/// # Errors
///
/// The system's error when this process may not signal that one.
pub fn signal(process: BorrowedHandle<'_>, signal: Signal) -> io::Result<()> {
    imp::signal(process, signal)
}

/// How a process ended.
///
/// # Examples
///
/// ```
/// use ipc_sys::process::ExitStatus;
///
/// assert_eq!(ExitStatus::Exited(3).to_string(), "exit code 3");
/// assert_eq!(ExitStatus::Signaled { signal: 9, core_dumped: false }.to_string(), "signal 9 (SIGKILL)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExitStatus {
    /// It exited with this code.
    Exited(i32),
    /// A signal ended it.
    Signaled {
        /// The number of the signal.
        signal: i32,
        /// Whether the system wrote a core dump.
        core_dumped: bool,
    },
    /// It has ended, but another part of the program collected its status.
    Unknown,
}

impl ExitStatus {
    /// Whether it exited with code 0.
    pub fn success(self) -> bool {
        self == ExitStatus::Exited(0)
    }

    /// The exit code, if it exited.
    pub fn code(self) -> Option<i32> {
        match self {
            ExitStatus::Exited(code) => Some(code),
            _ => None,
        }
    }

    /// The signal that ended it, if one did.
    pub fn signal(self) -> Option<i32> {
        match self {
            ExitStatus::Signaled { signal, .. } => Some(signal),
            _ => None,
        }
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ExitStatus::Exited(code) => write!(f, "exit code {code}"),
            ExitStatus::Signaled { signal, core_dumped } => {
                write!(f, "signal {signal}")?;
                if let Some(name) = imp::signal_name(signal) {
                    write!(f, " ({name})")?;
                }
                if core_dumped { f.write_str(", core dumped") } else { Ok(()) }
            }
            ExitStatus::Unknown => f.write_str("a status that somebody else collected"),
        }
    }
}

/// A signal that one process sends to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// As from the keyboard; a program may handle it.
    Interrupt,
    /// The polite request to end; a program may handle it.
    Terminate,
    /// The end, at once.
    Kill,
}

/// Starts a program.
///
/// # Errors
///
/// [`SpawnError`], also for what goes wrong in the child before the program runs.
pub fn spawn(program: &Program<'_>) -> Result<Child, SpawnError> {
    let (pid, handle) = imp::spawn(program)?;
    Ok(Child::from_handle(pid, handle))
}

/// Why a program was not started; there is no child then.
#[derive(Debug)]
pub struct SpawnError {
    /// The step that failed.
    pub step: SpawnStep,
    /// The system's error.
    pub source: io::Error,
}

/// The steps of starting a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpawnStep {
    /// Making the process.
    Clone,
    /// Setting up its standard streams and its channel.
    Handles,
    /// Changing to its working directory.
    CurrentDir,
    /// Running the program.
    Exec,
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.step {
            SpawnStep::Clone => "the process could not be made",
            SpawnStep::Handles => "the standard streams could not be set up",
            SpawnStep::CurrentDir => "the working directory could not be entered",
            SpawnStep::Exec => "the program could not be run",
        })
    }
}

impl error::Error for SpawnError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.source)
    }
}

/// On which side of a fork the call returned.
#[derive(Debug)]
pub enum Forked {
    /// In the new process.
    Child,
    /// In the process that called; the child is here.
    Parent(Child),
}

/// Copies this process, with the calling thread alone.
///
/// # Errors
///
/// The system's error when no process can be made, or when the child's remains were collected by another part of
/// the program before it had a handle.
///
/// # Safety
///
/// When the process has other threads, the child may call only what is safe in a signal handler: whatever another
/// thread held at the moment of the fork, a lock of the standard library or the allocator say, is held for ever.
pub unsafe fn fork() -> io::Result<Forked> {
    // SAFETY: handed on to the caller.
    Ok(match unsafe { imp::fork() }? {
        None => Forked::Child,
        Some((pid, handle)) => Forked::Parent(Child::from_handle(pid, handle)),
    })
}

/// The number of threads of this process.
///
/// # Errors
///
/// The system's error when it does not tell.
///
/// # Examples
///
/// ```
/// assert!(ipc_sys::process::thread_count()? >= 1);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn thread_count() -> io::Result<usize> {
    imp::thread_count()
}

/// Ends the process at once: no destructor, no exit handler, no flushing.
pub fn exit_now(code: i32) -> ! {
    imp::exit_now(code)
}

/// Puts a copy of `handle` in the place of standard input (0), output (1) or error (2) of this process.
///
/// # Errors
///
/// The system's error.
///
/// # Panics
///
/// When `number` is above 2.
pub fn replace_stdio(number: usize, handle: BorrowedHandle<'_>) -> io::Result<()> {
    imp::replace_stdio(number, handle)
}

/// The same object by a handle that is not in the place of a standard stream, where [`replace_stdio`] and a program that is
/// started would overwrite it.
///
/// # Errors
///
/// The system's error when the table of handles is full.
pub fn above_stdio(handle: OwnedHandle) -> io::Result<OwnedHandle> {
    imp::above_stdio(handle)
}

/// Sets the name under which tools such as `ps` and `top` list this process; the system may cut it short.
pub fn set_display_name(name: &str) {
    imp::set_display_name(name);
}

/// Has a write to a pipe that nobody reads be an error instead of the end of the process.
///
/// The standard library does so before `main`; a child that runs before `main` does it by this call.
pub fn ignore_broken_pipes() {
    imp::ignore_broken_pipes();
}

/// A name for `handle` by which a program started with it as its channel finds it, in an environment variable say.
///
/// # Errors
///
/// The system's error.
pub fn name_channel(handle: BorrowedHandle<'_>) -> io::Result<String> {
    imp::name_channel(handle)
}

/// The channel of this process by the name that it was told, once.
///
/// `None` when this process was not started with that channel: the name was inherited from an ancestor, made up, or
/// used already.
pub fn claim_channel(name: &str) -> Option<OwnedHandle> {
    imp::claim_channel(name)
}

/// Sets or, with `None`, removes a variable of this process's environment, if no other thread could be reading it at
/// the moment; whether it did.
pub fn set_variable(name: &OsStr, value: Option<&OsStr>) -> bool {
    let is_alone = thread_count().is_ok_and(|n_threads| n_threads == 1);
    if is_alone {
        match value {
            // SAFETY: this is the only thread.
            Some(value) => unsafe { std::env::set_var(name, value) },
            // SAFETY: as above.
            None => unsafe { std::env::remove_var(name) },
        }
    }
    is_alone
}
