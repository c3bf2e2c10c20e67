//! Starting a process: a program, or a copy of this process.
//!
//! # Safety
//!
//! [`fork`] is unsafe: of a process with several threads it copies one, and whatever the others held stays held.
#![allow(unsafe_code)]

use super::{Child, imp};
use crate::handle::BorrowedHandle;
use std::ffi::{CStr, CString};
use std::{error, fmt, io};

/// The path by which this process can run its own program again, also when the file was replaced or removed.
///
/// # Examples
///
/// ```
/// use ipc_sys::process::OWN_IMAGE;
///
/// let image = std::fs::metadata(OWN_IMAGE.to_str()?)?;
/// assert_eq!(image.len(), std::fs::metadata(std::env::current_exe()?)?.len());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

/// Starts a program.
///
/// # Errors
///
/// [`SpawnError`], also for what goes wrong in the child before the program runs.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::process::{ExitStatus, Program, spawn};
/// use std::os::fd::AsFd;
///
/// let void = std::fs::File::options().write(true).open("/dev/null")?;
/// let child = spawn(&Program {
///     path: c"/bin/sh".into(),
///     args: [c"sh", c"-c", c"echo nobody sees this; test \"$WHERE\" = \"$(pwd)\""].map(Into::into).to_vec(),
///     env: vec![c"WHERE=/".into()],
///     current_dir: Some(c"/".into()),
///     stdio: [None, Some(void.as_fd()), None],
///     channel: None,
/// })?;
/// assert_eq!(child.wait(Deadline::NEVER)?, Some(ExitStatus::Exited(0)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn spawn(program: &Program<'_>) -> Result<Child, SpawnError> {
    let (pid, handle) = imp::spawn(program)?;
    Ok(Child::from_handle(pid, handle))
}

/// Why a program was not started; there is no child then.
///
/// # Examples
///
/// ```
/// use ipc_sys::process::{Program, SpawnStep, spawn};
///
/// let mut program = Program {
///     path: c"/no/such/program".into(),
///     args: vec![c"program".into()],
///     env: vec![],
///     current_dir: None,
///     stdio: [None; 3],
///     channel: None,
/// };
/// let error = spawn(&program).unwrap_err();
/// assert_eq!(error.step, SpawnStep::Exec);
/// assert_eq!(error.source.kind(), std::io::ErrorKind::NotFound);
///
/// program.current_dir = Some(c"/no/such/folder".into());
/// let error = spawn(&program).unwrap_err();
/// assert_eq!(error.step, SpawnStep::CurrentDir);
/// assert_eq!(error.to_string(), "the working directory could not be entered");
/// ```
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
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::process::{ExitStatus, Forked, exit_now, fork};
///
/// let code = 3;
/// // SAFETY: the child uses nothing but the number.
/// match unsafe { fork() }? {
///     Forked::Child => exit_now(code),
///     Forked::Parent(child) => assert_eq!(child.wait(Deadline::NEVER)?, Some(ExitStatus::Exited(3))),
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
// Inline: as `ForkPreparation::bury_others`.
#[inline]
pub unsafe fn fork() -> io::Result<Forked> {
    // SAFETY: handed on to the caller.
    match unsafe { imp::fork() } {
        0 => Ok(Forked::Child),
        pid => {
            let (pid, handle) = imp::forked(pid)?;
            Ok(Forked::Parent(Child::from_handle(pid, handle)))
        }
    }
}
