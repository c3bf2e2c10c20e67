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
//! - `signal_name(number)`: what the system calls a signal.
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
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::process::{ExitStatus, Forked, exit_now, fork};
///
/// /// Would end the process with another code.
/// struct Loud;
/// impl Drop for Loud {
///     fn drop(&mut self) {
///         exit_now(1);
///     }
/// }
///
/// // SAFETY: the child only exits.
/// match unsafe { fork() }? {
///     Forked::Child => {
///         let _loud = Loud;
///         exit_now(0)
///     }
///     Forked::Parent(child) => assert_eq!(child.wait(Deadline::NEVER)?, Some(ExitStatus::Exited(0))),
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
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
///
/// # Examples
///
/// ```
/// use ipc_sys::process::replace_stdio;
/// use std::os::fd::AsFd;
///
/// let nothing = std::fs::File::open("/dev/null")?;
/// replace_stdio(0, nothing.as_fd())?;
/// assert_eq!(std::io::read_to_string(std::io::stdin())?, "");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn replace_stdio(number: usize, handle: BorrowedHandle<'_>) -> io::Result<()> {
    imp::replace_stdio(number, handle)
}

/// The same object by a handle that is not in the place of a standard stream, where [`replace_stdio`] and a program that is
/// started would overwrite it.
///
/// # Errors
///
/// The system's error when the table of handles is full.
///
/// # Examples
///
/// ```
/// use std::os::fd::AsRawFd;
///
/// let file = std::fs::File::open("/dev/null")?;
/// let handle = ipc_sys::process::above_stdio(file.into())?;
/// assert!(handle.as_raw_fd() > 2);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn above_stdio(handle: OwnedHandle) -> io::Result<OwnedHandle> {
    imp::above_stdio(handle)
}

/// Sets the name under which tools such as `ps` and `top` list this process, when the main thread calls it; the system
/// may cut it short.
///
/// # Platform
///
/// Linux: names belong to threads, and a process goes by that of its main thread; 15 bytes are kept.
///
/// # Examples
///
/// ```
/// ipc_sys::process::set_display_name("a name that is too long");
/// let shown = std::fs::read_to_string("/proc/thread-self/comm")?;
/// assert_eq!(shown, "a name that is \n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn set_display_name(name: &str) {
    imp::set_display_name(name);
}

/// Has a write to a pipe that nobody reads be an error instead of the end of the process.
///
/// The standard library does so before `main`; a child that runs before `main` does it by this call.
///
/// # Examples
///
/// ```
/// use std::io::{ErrorKind, Write};
///
/// ipc_sys::process::ignore_broken_pipes();
/// let (mut here, there) = std::os::unix::net::UnixStream::pair()?;
/// drop(there);
/// assert_eq!(here.write(b"anybody?").unwrap_err().kind(), ErrorKind::BrokenPipe);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn ignore_broken_pipes() {
    imp::ignore_broken_pipes();
}

/// A name for `handle` by which a program started with it as its channel finds it, in an environment variable say.
///
/// # Errors
///
/// The system's error.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::memory::FrozenBytes;
/// use ipc_sys::process::{ExitStatus, Program, name_channel, spawn};
/// use std::ffi::CString;
/// use std::os::fd::AsFd;
///
/// let channel = FrozenBytes::freeze(&[b"for the child"])?;
/// let name = name_channel(channel.as_fd())?;
/// // A program of the family calls `claim_channel`; here a shell reads, on Linux, what the number in front belongs to.
/// let script = c"test \"$(cat /proc/self/fd/${CHANNEL%%:*})\" = 'for the child'";
/// let child = spawn(&Program {
///     path: c"/bin/sh".into(),
///     args: [c"sh", c"-c", script].map(Into::into).to_vec(),
///     env: vec![c"PATH=/usr/bin:/bin".into(), CString::new(format!("CHANNEL={name}"))?],
///     current_dir: None,
///     stdio: [None; 3],
///     channel: Some(channel.as_fd()),
/// })?;
/// assert_eq!(child.wait(Deadline::NEVER)?, Some(ExitStatus::Exited(0)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn name_channel(handle: BorrowedHandle<'_>) -> io::Result<String> {
    imp::name_channel(handle)
}

/// The channel of this process by the name that it was told, once.
///
/// `None` when this process was not started with that channel: the name was inherited from an ancestor, made up, or
/// used already.
///
/// # Examples
///
/// ```
/// use ipc_sys::process::{claim_channel, name_channel};
/// use std::os::fd::{AsFd, AsRawFd, IntoRawFd};
///
/// let file = std::fs::File::open("/dev/null")?;
/// let name = name_channel(file.as_fd())?;
/// // This program opened the file itself: it is no channel.
/// assert!(claim_channel(&name).is_none());
/// # // As if it had come across exec.
/// # rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty())?;
/// # let number = file.into_raw_fd();
///
/// // In a program that was started with it, under the same name:
/// let channel = claim_channel(&name).expect("it came with this program");
/// assert_eq!(channel.as_raw_fd(), number);
/// // It has its owner now.
/// assert!(claim_channel(&name).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn claim_channel(name: &str) -> Option<OwnedHandle> {
    imp::claim_channel(name)
}

/// Sets or, with `None`, removes a variable of this process's environment, if no other thread could be reading it at
/// the moment; whether it did.
///
/// # Examples
///
/// ```
/// use ipc_sys::process::{set_variable, thread_count};
/// use std::ffi::OsStr;
///
/// let name = OsStr::new("GREETING");
/// let was_set = set_variable(name, Some(OsStr::new("hello")));
/// assert_eq!(was_set, thread_count()? == 1);
/// assert_eq!(std::env::var_os(name).is_some(), was_set);
/// # Ok::<(), std::io::Error>(())
/// ```
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
