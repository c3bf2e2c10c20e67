//! Why a task has no result.

use crate::entry::Outcome;
use crate::panics::PanicReport;
use ipc_codec::{DecodeError, EncodeError, Message};
use ipc_sys::process::ExitStatus;
use std::time::Duration;

/// Why a task has no result.
///
/// The other tasks of the pool are not concerned, and no task is ever run a second time by the pool itself.
///
/// # Examples
///
/// ```
/// use ipc_process::{Pool, TaskError};
/// # ipc_process::init();
///
/// let pool = Pool::new(1)?;
/// let error = pool.apply(|(): ()| std::process::abort(), ()).map(|(): ()| ()).unwrap_err();
/// assert!(matches!(error, TaskError::WorkerDied { status } if status.signal() == Some(6)));
/// assert_eq!(pool.apply(|(): ()| 1, ())?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The task panicked; its worker goes on.
    #[error("the task {0}")]
    Panicked(Box<PanicReport>),
    /// The worker died in this task, and was replaced.
    ///
    /// What the task did until then is done. Whether it may run again is for the caller to know. It is also the end of a
    /// task that one worker after the other ended over, instead of beginning it.
    #[error("the worker died in this task: {status}")]
    WorkerDied {
        /// How the worker ended.
        status: ExitStatus,
    },
    /// The task took longer than the [hard limit](crate::PoolBuilder::hard_limit) of the pool, and its worker was killed for it.
    #[error("the task took longer than {limit:?}, and was ended with its worker")]
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// The arguments could not be encoded; the task did not run.
    #[error("the arguments could not be encoded")]
    Encode(#[from] EncodeError),
    /// The arguments could not be sent to the worker, or not be decoded there; the task did not run.
    #[error("the worker could not decode the arguments: {reason}")]
    Arguments {
        /// What it said.
        reason: String,
    },
    /// The function is in no module of this program, so no worker could find it.
    #[error("the function has no place in this program's code")]
    NoSuchFunction,
    /// The task ran, and the worker could not encode or send its result.
    #[error("the worker could not encode the result: {reason}")]
    Result {
        /// What it said.
        reason: String,
    },
    /// The task ran, and its result could not be decoded.
    #[error("the result could not be decoded")]
    Decode(#[from] DecodeError),
    /// The pool was terminated before the task had a result.
    #[error("the pool was terminated")]
    Cancelled,
    /// The pool takes no more tasks.
    #[error("the pool is closed")]
    Closed,
    /// The pool has no workers left and cannot start any, or this process is a forked copy of the one that has the pool.
    #[error("the pool has no workers left: {reason}")]
    Broken {
        /// Why none can be started.
        reason: String,
    },
}

impl From<Outcome> for Result<Message, TaskError> {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Returned(result) => Ok(result),
            Outcome::Panicked(report) => Err(TaskError::Panicked(Box::new(report))),
            Outcome::ArgumentsRefused(reason) | Outcome::ImageDiffers(reason) => {
                Err(TaskError::Arguments { reason })
            }
            Outcome::ResultRefused(reason) => Err(TaskError::Result { reason }),
        }
    }
}
