//! A process that was started: its name, its end, its result.

use crate::attached::Attached;
use crate::builder::Builder;
use crate::error::{JoinError, JoinTimeoutError, SpawnError};
use crate::running::Running;
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, BorrowedHandle};
use ipc_sys::process::{ExitStatus, Signal};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::time::{Duration, Instant};
use std::{fmt, io};

/// A function running in another process, and its result to be.
///
/// # Other processes
///
/// Dropping a `Process` lets the process go on; when it ends, it is collected at one of the next starts. Only the parent
/// can wait for a process, so a `Process` cannot be sent.
///
/// # Examples
///
/// ```
/// use ipc_process::Process;
///
/// fn count(text: String) -> usize {
///     text.split_whitespace().count()
/// }
///
/// # ipc_process::init();
/// let process = Process::spawn(count, "to be or not to be".to_string())?;
/// assert_eq!(process.join()?, 6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Process<R> {
    running: Box<Running>,
    result: PhantomData<fn() -> R>,
}

impl<R> Process<R> {
    /// Starts a process that calls `function` with `args`, by the default method.
    ///
    /// See [`Builder::spawn`] for the details, and [`Builder`] for all settings.
    ///
    /// # Errors
    ///
    /// [`SpawnError`]; there is no process then.
    pub fn spawn<A>(function: fn(A) -> R, args: A) -> Result<Process<R>, SpawnError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        Builder::new().spawn(function, args)
    }

    /// The settings of a process to start.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// The name of the process.
    pub fn name(&self) -> &str {
        self.running.name()
    }

    /// The process id.
    ///
    /// It may be another process's by the time it is used; [`kill`](Process::kill) and [`terminate`](Process::terminate)
    /// never hit another.
    pub fn pid(&self) -> u32 {
        self.child().pid()
    }

    /// Whether the process ends together with this one.
    pub fn is_daemon(&self) -> bool {
        self.running.is_daemon()
    }

    /// Whether the process has not ended yet.
    pub fn is_alive(&self) -> bool {
        self.exit_status().is_none()
    }

    /// How the process ended; `None` while it runs.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::{ExitStatus, Process};
    /// # ipc_process::init();
    ///
    /// let process = Process::spawn(|seconds: u64| std::thread::sleep(std::time::Duration::from_secs(seconds)), 60)?;
    /// assert_eq!(process.exit_status(), None);
    /// process.kill()?;
    /// process.wait()?;
    /// assert_eq!(process.exit_status().and_then(ExitStatus::signal), Some(9));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.child().wait(Deadline::NOW).ok().flatten()
    }

    /// Waits for the process to end.
    ///
    /// Any number of threads may wait; each gets the same status. The result stays to be had by [`join`](Process::join).
    ///
    /// # Blocking
    ///
    /// Until the process has ended.
    ///
    /// # Errors
    ///
    /// The system's error, when memory is short.
    pub fn wait(&self) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.child().wait(Deadline::NEVER)? {
                return Ok(status);
            }
        }
    }

    /// Waits for the process to end, for at most `timeout`; `None` when it still runs.
    ///
    /// # Errors
    ///
    /// The system's error, when memory is short.
    pub fn wait_timeout(&self, timeout: Duration) -> io::Result<Option<ExitStatus>> {
        self.child().wait(Deadline::after(timeout))
    }

    /// Waits for the process to end, until `deadline`; `None` when it still runs.
    ///
    /// # Errors
    ///
    /// The system's error, when memory is short.
    pub fn wait_deadline(&self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        self.child().wait(Deadline::at(deadline))
    }

    /// Asks the process to end (`SIGTERM` on Unix), which ends it unless it handles that. Nothing if it has ended.
    ///
    /// # Errors
    ///
    /// The system's error when the process became another user's.
    pub fn terminate(&self) -> io::Result<()> {
        self.child().signal(Signal::Terminate)
    }

    /// Ends the process at once (`SIGKILL` on Unix). Nothing if it has ended.
    ///
    /// # Errors
    ///
    /// As for [`terminate`](Process::terminate).
    pub fn kill(&self) -> io::Result<()> {
        self.child().signal(Signal::Kill)
    }

    /// Interrupts the process as from the keyboard (`SIGINT` on Unix). Nothing if it has ended.
    ///
    /// # Errors
    ///
    /// As for [`terminate`](Process::terminate).
    pub fn interrupt(&self) -> io::Result<()> {
        self.child().signal(Signal::Interrupt)
    }

    /// A handle that is readable once the process has ended, to wait for together with others.
    pub fn sentinel(&self) -> BorrowedHandle<'_> {
        self.child().handle()
    }

    pub(crate) fn new(running: Running) -> Self {
        Process { running: Box::new(running), result: PhantomData }
    }

    pub(crate) fn running(&self) -> &Running {
        &self.running
    }

    fn child(&self) -> &Attached {
        self.running.child()
    }
}

impl<R: DeserializeOwned> Process<R> {
    /// Waits for the process to end, and returns what its function returned.
    ///
    /// # Blocking
    ///
    /// Until the process has ended.
    ///
    /// # Errors
    ///
    /// [`JoinError`]: the panic, the exit code or the signal that ended it instead.
    pub fn join(self) -> Result<R, JoinError> {
        match self.join_until(Deadline::NEVER) {
            Ok(result) => Ok(result),
            Err(JoinTimeoutError::Join(error)) => Err(error),
            Err(JoinTimeoutError::TimedOut(_)) => unreachable!("there is no deadline"),
        }
    }

    /// As [`join`](Process::join), if the process has ended already.
    ///
    /// # Errors
    ///
    /// [`JoinTimeoutError`], with the process if it still runs.
    pub fn try_join(self) -> Result<R, JoinTimeoutError<R>> {
        self.join_until(Deadline::NOW)
    }

    /// As [`join`](Process::join), waiting for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`JoinTimeoutError`], with the process if it still runs.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::{JoinTimeoutError, Process};
    /// use std::time::Duration;
    /// # ipc_process::init();
    ///
    /// let process = Process::spawn(|seconds: u64| std::thread::sleep(Duration::from_secs(seconds)), 60)?;
    /// let Err(JoinTimeoutError::TimedOut(process)) = process.join_timeout(Duration::from_millis(10)) else {
    ///     unreachable!()
    /// };
    /// process.kill()?;
    /// assert!(process.join().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn join_timeout(self, timeout: Duration) -> Result<R, JoinTimeoutError<R>> {
        self.join_until(Deadline::after(timeout))
    }

    /// As [`join`](Process::join), waiting until `deadline`.
    ///
    /// # Errors
    ///
    /// [`JoinTimeoutError`], with the process if it still runs.
    pub fn join_deadline(self, deadline: Instant) -> Result<R, JoinTimeoutError<R>> {
        self.join_until(Deadline::at(deadline))
    }

    fn join_until(mut self, deadline: Deadline) -> Result<R, JoinTimeoutError<R>> {
        match self.running.finish(deadline)? {
            Some(result) => {
                let result = result.decode(self.running.limits());
                Ok(result.map_err(JoinError::Decode)?)
            }
            None => Err(JoinTimeoutError::TimedOut(self)),
        }
    }
}

impl<R> AsHandle for Process<R> {
    fn as_fd(&self) -> BorrowedHandle<'_> {
        self.sentinel()
    }
}

impl<R> fmt::Debug for Process<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("name", &self.name())
            .field("pid", &self.pid())
            .field("exit_status", &self.exit_status())
            .finish_non_exhaustive()
    }
}
