//! What can go wrong when a process is started, and when its result is asked for.

use crate::panics::PanicReport;
use crate::process::Process;
use ipc_codec::{DecodeError, EncodeError};
use ipc_sys::process::ExitStatus;
use std::path::PathBuf;
use std::{error, fmt, io};

/// Why a process was not started. There is none then, and nothing is left of it.
///
/// # Examples
///
/// ```
/// use ipc_process::{Builder, SpawnError};
/// # ipc_process::init();
///
/// let error = Builder::new().executable("/no/such/program").spawn(|(): ()| (), ()).unwrap_err();
/// assert!(matches!(error, SpawnError::Exec { .. }));
/// assert_eq!(error.to_string(), "the program /no/such/program could not be run");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// This program did not call [`init`](crate::init()).
    #[error(
        "this program did not call `multiproc::init()`: make it the first line of `main`, or enable the feature \
         `auto-init` where `main` is not yours"
    )]
    NotInitialized,
    /// A process with several threads cannot be forked: what the other threads hold stays held in the copy.
    #[error(
        "the process has {threads} threads and cannot be forked: start the process before the threads, or by spawn"
    )]
    MultiThreaded {
        /// How many threads there are.
        threads: usize,
    },
    /// The function is in no module of this program, so no other process could find it.
    #[error("the function has no place in this program's code")]
    NoSuchFunction,
    /// The arguments could not be encoded.
    #[error("the arguments could not be encoded")]
    Encode(#[from] EncodeError),
    /// The child could not decode the arguments.
    #[error("the child could not decode the arguments: {reason}")]
    Arguments {
        /// What it said.
        reason: String,
    },
    /// A name, a value or a path holds a byte that the system cannot take, or the name of a variable is empty.
    #[error("{what} cannot be passed to a process: it is empty or holds a NUL byte or an equals sign")]
    InvalidInput {
        /// Which one.
        what: String,
    },
    /// The program could not be run.
    #[error("the program {} could not be run", path.display())]
    Exec {
        /// The program.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The child could not be set up as asked: its working directory, its streams.
    #[error("the child could not be set up: {reason}")]
    Setup {
        /// What failed.
        reason: String,
    },
    /// The child runs another program than this one.
    #[error("the child runs another program: {reason}")]
    ImageDiffers {
        /// How it showed.
        reason: String,
    },
    /// The child ended before it said a word; a program that does not call [`init`](crate::init()) does so, for one.
    #[error("the child ended before it had started: {status}")]
    Died {
        /// How it ended.
        status: ExitStatus,
    },
    /// The child did not say a word in time, and was killed.
    #[error("the child did not start in time and was killed")]
    TimedOut,
    /// The system refused.
    #[error("{call} failed")]
    Os {
        /// What was being done.
        call: &'static str,
        /// The system's error.
        source: io::Error,
    },
}

impl SpawnError {
    /// For `map_err`: a refusal of the system during `call`.
    pub(crate) fn os(call: &'static str) -> impl FnOnce(io::Error) -> SpawnError {
        move |source| SpawnError::Os { call, source }
    }
}

/// Why a process has no result.
///
/// # Examples
///
/// ```
/// use ipc_process::{JoinError, Process};
/// # ipc_process::init();
///
/// let process = Process::spawn(|(): ()| std::process::exit(3), ())?;
/// let error: JoinError = Process::<()>::join(process).unwrap_err();
/// assert!(matches!(error, JoinError::Exited { code: 3 }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The function panicked.
    #[error("the process {0}")]
    Panicked(PanicReport),
    /// The process exited before the function returned.
    #[error("the process exited with code {code} before its function returned")]
    Exited {
        /// The exit code.
        code: i32,
    },
    /// A signal ended the process.
    #[error("the process was ended by {}", ExitStatus::Signaled { signal: *signal, core_dumped: *core_dumped })]
    Signaled {
        /// The number of the signal.
        signal: i32,
        /// Whether the system wrote a core dump.
        core_dumped: bool,
    },
    /// The process ended without a result, and another part of the program collected its status.
    #[error("the process ended, and its status was collected by somebody else")]
    StatusLost,
    /// The process could not decode the arguments; the function was not called.
    ///
    /// Where the parent waits for the child to start, this is an error of the start:
    /// [`SpawnError::Arguments`].
    #[error("the process could not decode its arguments: {reason}")]
    Arguments {
        /// What it said.
        reason: String,
    },
    /// The function returned, and the process could not encode the result.
    #[error("the process could not encode its result: {reason}")]
    Encode {
        /// What it said.
        reason: String,
    },
    /// The result could not be decoded.
    #[error("the result could not be decoded")]
    Decode(#[from] DecodeError),
    /// The child said something that this process could not read.
    #[error("the result could not be received")]
    Receive(#[from] ipc_pipe::RecvError),
    /// The system refused to wait.
    #[error("waiting for the process failed")]
    Os(#[source] io::Error),
}

impl From<ExitStatus> for JoinError {
    fn from(status: ExitStatus) -> Self {
        match status {
            ExitStatus::Exited(code) => JoinError::Exited { code },
            ExitStatus::Signaled { signal, core_dumped } => JoinError::Signaled { signal, core_dumped },
            ExitStatus::Unknown => JoinError::StatusLost,
        }
    }
}

/// Why a join with a deadline has no result.
///
/// # Examples
///
/// ```
/// use ipc_process::{JoinError, JoinTimeoutError, Process};
/// use std::time::Duration;
/// # ipc_process::init();
///
/// let process = Process::spawn(|(): ()| std::thread::sleep(Duration::from_secs(60)), ())?;
/// let error = process.try_join().unwrap_err();
/// assert!(matches!(error, JoinTimeoutError::TimedOut(_)));
/// // The process is still there to be waited for, or to be ended.
/// let process = error.into_process().expect("it still runs");
/// process.kill()?;
/// let error = process.join_timeout(Duration::from_secs(60)).unwrap_err();
/// assert!(matches!(error, JoinTimeoutError::Join(JoinError::Signaled { signal: 9, .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub enum JoinTimeoutError<R> {
    /// The process still ran at the deadline; here it is.
    TimedOut(Process<R>),
    /// As for [`join`](Process::join).
    Join(JoinError),
}

impl<R> JoinTimeoutError<R> {
    /// The process, if it still runs.
    pub fn into_process(self) -> Option<Process<R>> {
        match self {
            JoinTimeoutError::TimedOut(process) => Some(process),
            JoinTimeoutError::Join(_) => None,
        }
    }
}

impl<R> From<JoinError> for JoinTimeoutError<R> {
    fn from(error: JoinError) -> Self {
        JoinTimeoutError::Join(error)
    }
}

impl<R> fmt::Display for JoinTimeoutError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinTimeoutError::TimedOut(_) => f.write_str("the process still ran at the deadline"),
            JoinTimeoutError::Join(error) => error.fmt(f),
        }
    }
}

impl<R> fmt::Debug for JoinTimeoutError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinTimeoutError::TimedOut(process) => f.debug_tuple("TimedOut").field(process).finish(),
            JoinTimeoutError::Join(error) => error.fmt(f),
        }
    }
}

impl<R> error::Error for JoinTimeoutError<R> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            JoinTimeoutError::TimedOut(_) => None,
            JoinTimeoutError::Join(error) => error.source(),
        }
    }
}
