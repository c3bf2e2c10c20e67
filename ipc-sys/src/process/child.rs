//! A child process: its end, its status, signals to it.

use super::imp;
use crate::clock::Deadline;
use crate::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use crate::readiness::{Interest, wait_one};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{fmt, io};

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
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::process::{Program, Signal, spawn};
    /// use std::time::Duration;
    ///
    /// # let program = Program {
    /// #     path: c"/bin/sleep".into(),
    /// #     args: [c"sleep", c"60"].map(Into::into).to_vec(),
    /// #     env: vec![],
    /// #     current_dir: None,
    /// #     stdio: [None; 3],
    /// #     channel: None,
    /// # };
    /// let child = spawn(&program)?; // It sleeps for a minute.
    /// assert_eq!(child.wait(Deadline::after(Duration::from_millis(10)))?, None);
    /// child.signal(Signal::Kill)?;
    /// assert_eq!(child.wait(Deadline::NEVER)?.and_then(|status| status.signal()), Some(9));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    /// # Blocking
    ///
    /// Until the process has ended or the deadline passes.
    ///
    /// # Errors
    ///
    /// The system's error, when memory is short.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::process::{ExitStatus, Program, Signal, spawn};
    ///
    /// # let program = Program {
    /// #     path: c"/bin/sleep".into(),
    /// #     args: [c"sleep", c"60"].map(Into::into).to_vec(),
    /// #     env: vec![],
    /// #     current_dir: None,
    /// #     stdio: [None; 3],
    /// #     channel: None,
    /// # };
    /// let child = spawn(&program)?; // It sleeps for a minute.
    /// assert!(!child.has_ended(Deadline::NOW)?);
    /// child.signal(Signal::Terminate)?;
    /// assert!(child.has_ended(Deadline::NEVER)?);
    /// // Its remains are still there.
    /// let status = child.wait(Deadline::NOW)?;
    /// assert_eq!(status, Some(ExitStatus::Signaled { signal: 15, core_dumped: false }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn has_ended(&self, deadline: Deadline) -> io::Result<bool> {
        wait_one(self.handle(), Interest::Read, deadline)
    }

    /// Whether the process has ended, or is on its way out: what it had open is closed some time before its end shows, which may be
    /// long on a busy machine.
    ///
    /// # Platform
    ///
    /// Linux: by the flags in `/proc/<pid>/stat`, which are those of the first thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::process::{Program, Signal, spawn};
    ///
    /// # let program = Program {
    /// #     path: c"/bin/sleep".into(),
    /// #     args: [c"sleep", c"60"].map(Into::into).to_vec(),
    /// #     env: vec![],
    /// #     current_dir: None,
    /// #     stdio: [None; 3],
    /// #     channel: None,
    /// # };
    /// let child = spawn(&program)?; // It sleeps for a minute.
    /// assert!(!child.is_ending());
    /// child.signal(Signal::Kill)?;
    /// child.wait(Deadline::NEVER)?;
    /// assert!(child.is_ending());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_ending(&self) -> bool {
        // Asked before its end: afterwards the number may be another's.
        let is_ending = imp::is_ending(self.pid);
        is_ending || self.has_status() || self.has_ended(Deadline::NOW).unwrap_or(false)
    }

    /// A process by the handle that another one sent, with the number it has.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::process::{Child, Program, Signal, spawn};
    ///
    /// # let program = Program {
    /// #     path: c"/bin/sleep".into(),
    /// #     args: [c"sleep", c"60"].map(Into::into).to_vec(),
    /// #     env: vec![],
    /// #     current_dir: None,
    /// #     stdio: [None; 3],
    /// #     channel: None,
    /// # };
    /// let child = spawn(&program)?; // It sleeps for a minute.
    /// let elsewhere = Child::from_handle(child.pid(), child.duplicate_handle()?); // Perhaps in another process.
    /// elsewhere.signal(Signal::Kill)?;
    /// assert!(elsewhere.has_ended(Deadline::NEVER)?);
    /// # child.wait(Deadline::NEVER)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::process::{Program, Signal, spawn};
    ///
    /// # let program = Program {
    /// #     path: c"/bin/sleep".into(),
    /// #     args: [c"sleep", c"60"].map(Into::into).to_vec(),
    /// #     env: vec![],
    /// #     current_dir: None,
    /// #     stdio: [None; 3],
    /// #     channel: None,
    /// # };
    /// let child = spawn(&program)?; // It sleeps for a minute.
    /// child.signal(Signal::Terminate)?;
    /// assert_eq!(child.wait(Deadline::NEVER)?.and_then(|status| status.signal()), Some(15));
    /// // It has ended, and so this is nothing.
    /// child.signal(Signal::Kill)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::process::{Program, Signal, signal, spawn};
///
/// # let program = Program {
/// #     path: c"/bin/sleep".into(),
/// #     args: [c"sleep", c"60"].map(Into::into).to_vec(),
/// #     env: vec![],
/// #     current_dir: None,
/// #     stdio: [None; 3],
/// #     channel: None,
/// # };
/// let child = spawn(&program)?; // It sleeps for a minute.
/// let handle = child.duplicate_handle()?; // All that somebody else needs to end it.
/// signal(std::os::fd::AsFd::as_fd(&handle), Signal::Kill)?;
/// assert_eq!(child.wait(Deadline::NEVER)?.and_then(|status| status.signal()), Some(9));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
/// let failed = ExitStatus::Exited(3);
/// assert_eq!((failed.success(), failed.code(), failed.signal()), (false, Some(3), None));
/// assert_eq!(failed.to_string(), "exit code 3");
/// let killed = ExitStatus::Signaled { signal: 9, core_dumped: false };
/// assert_eq!((killed.success(), killed.code(), killed.signal()), (false, None, Some(9)));
/// assert_eq!(killed.to_string(), "signal 9 (SIGKILL)");
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
