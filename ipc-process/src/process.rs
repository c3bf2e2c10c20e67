//! A process that was started: its name, its end, its result.

use crate::attached::Attached;
use crate::builder::Builder;
use crate::error::{JoinError, JoinTimeoutError, SpawnError};
use crate::running::Running;
use ipc_pipe::{Look, Waitable};
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
/// can wait for a process, so a `Process` cannot be passed to another one, though any thread may have it.
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

impl Process<()> {
    /// The settings of a process to start.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Process;
    /// # ipc_process::init();
    ///
    /// let process = Process::builder().name("adder").spawn(|(a, b): (u32, u32)| a + b, (1, 2))?;
    /// assert_eq!(process.name(), "adder");
    /// assert_eq!(process.join()?, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl<R> Process<R> {
    /// Starts a process that calls `function` with `args`, by the default method.
    ///
    /// See [`Builder::spawn`] for the details, and [`Builder`] for all settings.
    ///
    /// # Errors
    ///
    /// [`SpawnError`]; there is no process then.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Process;
    /// # ipc_process::init();
    ///
    /// let process = Process::spawn(|(text, n): (String, usize)| text.repeat(n), ("ab".to_string(), 3))?;
    /// assert_eq!(process.join()?, "ababab");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spawn<A>(function: fn(A) -> R, args: A) -> Result<Process<R>, SpawnError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        Builder::new().spawn(function, args)
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
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Process;
    /// use std::time::Duration;
    /// # ipc_process::init();
    ///
    /// let process = Process::spawn(|seconds: u64| std::thread::sleep(Duration::from_secs(seconds)), 60)?;
    /// assert!(process.is_alive());
    /// process.kill()?;
    /// process.wait()?;
    /// assert!(!process.is_alive());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Process;
    /// # ipc_process::init();
    ///
    /// let process = Process::spawn(|number: u32| number + 1, 1)?;
    /// assert!(process.wait()?.success());
    /// assert_eq!(process.join()?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait(&self) -> io::Result<ExitStatus> {
        self.child().wait_for_ever()
    }

    /// Waits for the process to end, for at most `timeout`; `None` when it still runs.
    ///
    /// # Errors
    ///
    /// The system's error, when memory is short.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Process;
    /// use std::time::Duration;
    /// # ipc_process::init();
    ///
    /// let process = Process::spawn(|seconds: u64| std::thread::sleep(Duration::from_secs(seconds)), 60)?;
    /// assert_eq!(process.wait_timeout(Duration::from_millis(10))?, None);
    /// process.kill()?;
    /// assert!(process.wait_timeout(Duration::from_secs(60))?.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> io::Result<Option<ExitStatus>> {
        self.child().wait(Deadline::after(timeout))
    }

    /// Waits for the process to end, until `deadline`; `None` when it still runs.
    ///
    /// # Errors
    ///
    /// The system's error, when memory is short.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Process;
    /// use std::time::{Duration, Instant};
    /// # ipc_process::init();
    ///
    /// // One deadline for all of them together.
    /// let deadline = Instant::now() + Duration::from_secs(60);
    /// let processes = [Process::spawn(|(): ()| (), ())?, Process::spawn(|(): ()| (), ())?];
    /// for process in &processes {
    ///     assert!(process.wait_deadline(deadline)?.is_some_and(|status| status.success()));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_deadline(&self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        self.child().wait(Deadline::at(deadline))
    }

    /// Asks the process to end (`SIGTERM` on Unix), which ends it unless it handles that. Nothing if it has ended.
    ///
    /// # Errors
    ///
    /// The system's error when the process became another user's.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Process;
    /// use std::time::Duration;
    /// # ipc_process::init();
    ///
    /// let process = Process::spawn(|seconds: u64| std::thread::sleep(Duration::from_secs(seconds)), 60)?;
    /// process.terminate()?;
    /// assert_eq!(process.wait()?.signal(), Some(15));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn terminate(&self) -> io::Result<()> {
        self.child().signal(Signal::Terminate)
    }

    /// Ends the process at once (`SIGKILL` on Unix). Nothing if it has ended.
    ///
    /// # Errors
    ///
    /// As for [`terminate`](Process::terminate).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Process;
    /// use std::time::Duration;
    /// # ipc_process::init();
    ///
    /// let process = Process::spawn(|seconds: u64| std::thread::sleep(Duration::from_secs(seconds)), 60)?;
    /// process.kill()?;
    /// assert_eq!(process.wait()?.signal(), Some(9));
    /// // A signal to what has ended is nothing.
    /// process.kill()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn kill(&self) -> io::Result<()> {
        self.child().signal(Signal::Kill)
    }

    /// Interrupts the process as from the keyboard (`SIGINT` on Unix). Nothing if it has ended.
    ///
    /// # Errors
    ///
    /// As for [`terminate`](Process::terminate).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Process;
    /// use std::time::Duration;
    /// # ipc_process::init();
    ///
    /// let process = Process::spawn(|seconds: u64| std::thread::sleep(Duration::from_secs(seconds)), 1)?;
    /// process.interrupt()?;
    /// let status = process.wait()?;
    /// // The background jobs of a shell ignore the keyboard, and so do their children.
    /// assert!(status.signal() == Some(2) || status.success());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn interrupt(&self) -> io::Result<()> {
        self.child().signal(Signal::Interrupt)
    }

    /// A handle that is readable once the process has ended, for `poll`, mio or tokio; [`ipc_pipe::wait()`] takes the process
    /// itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_pipe::wait;
    /// use ipc_process::Process;
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::readiness::{Interest, wait_one};
    /// use std::time::Duration;
    /// # ipc_process::init();
    ///
    /// let slow = Process::spawn(|(): ()| std::thread::sleep(Duration::from_secs(60)), ())?;
    /// let quick = Process::spawn(|(): ()| (), ())?;
    /// assert_eq!(wait(&[&slow, &quick])?, [1]);
    /// assert!(wait_one(quick.sentinel(), Interest::Read, Deadline::NOW)?);
    /// slow.kill()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Process;
    /// # ipc_process::init();
    ///
    /// let process = Process::spawn(|text: String| text.parse::<f64>().ok(), "1.5".to_string())?;
    /// assert_eq!(process.join()?, Some(1.5));
    ///
    /// let process = Process::spawn(|code: i32| -> u8 { std::process::exit(code) }, 3)?;
    /// let error = process.join().unwrap_err();
    /// assert_eq!(error.to_string(), "the process exited with code 3 before its function returned");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::{JoinTimeoutError, Process};
    /// # ipc_process::init();
    ///
    /// let mut process = Process::spawn(|(): ()| 7, ())?;
    /// let seven = loop {
    ///     match process.try_join() {
    ///         Ok(seven) => break seven,
    ///         Err(JoinTimeoutError::TimedOut(still_running)) => process = still_running,
    ///         Err(JoinTimeoutError::Join(error)) => return Err(error.into()),
    ///     }
    ///     std::thread::yield_now(); // Or whatever else there is to do.
    /// };
    /// assert_eq!(seven, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Process;
    /// use std::time::{Duration, Instant};
    /// # ipc_process::init();
    ///
    /// let deadline = Instant::now() + Duration::from_secs(60);
    /// let squares = [1, 2, 3].map(|number| Process::spawn(|n: u32| n * n, number));
    /// for (process, square) in squares.into_iter().zip([1, 4, 9]) {
    ///     assert_eq!(process?.join_deadline(deadline)?, square);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn join_deadline(self, deadline: Instant) -> Result<R, JoinTimeoutError<R>> {
        self.join_until(Deadline::at(deadline))
    }

    fn join_until(self, deadline: Deadline) -> Result<R, JoinTimeoutError<R>> {
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

/// Ready once the process has ended.
impl<R> Waitable for Process<R> {
    fn look(&self) -> io::Result<Look<'_>> {
        Ok(Look::Ask(self.sentinel()))
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
