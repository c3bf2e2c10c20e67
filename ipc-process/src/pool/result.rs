//! What comes of a task: its result, or why there is none.

use crate::entry::Outcome;
use crate::panics::PanicReport;
use ipc_codec::{DecodeError, EncodeError, Limits, Message};
use ipc_sys::clock::Deadline;
use ipc_sys::process::ExitStatus;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{error, fmt};

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
    Panicked(PanicReport),
    /// The worker died in this task, and was replaced.
    ///
    /// What the task did until then is done. Whether it may run again is for the caller to know. It is also the end of a
    /// task that one worker after the other ended over, instead of beginning it.
    #[error("the worker died in this task: {status}")]
    WorkerDied {
        /// How the worker ended.
        status: ExitStatus,
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

/// What came of a task, still encoded.
pub(super) type TaskResult = Result<Message, TaskError>;

impl From<Outcome> for TaskResult {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Returned(result) => Ok(result),
            Outcome::Panicked(report) => Err(TaskError::Panicked(report)),
            Outcome::ArgumentsRefused(reason) | Outcome::ImageDiffers(reason) => {
                Err(TaskError::Arguments { reason })
            }
            Outcome::ResultRefused(reason) => Err(TaskError::Result { reason }),
        }
    }
}

/// The result to be of a task that was handed to a pool.
///
/// Every task comes to an end: a value, its own error, or the pool's.
///
/// # Examples
///
/// ```
/// use ipc_process::Pool;
/// # ipc_process::init();
///
/// let pool = Pool::new(2)?;
/// let tasks: Vec<_> = (1..=3).map(|number: u64| pool.apply_async(|n| n * n, number)).collect();
/// let squares: Result<Vec<u64>, _> = tasks.into_iter().map(|task| task.get()).collect();
/// assert_eq!(squares?, [1, 4, 9]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the result is lost when this is dropped; the task runs all the same"]
pub struct AsyncResult<R> {
    slot: Arc<Slot>,
    limits: Limits,
    result: PhantomData<fn() -> R>,
}

impl<R> AsyncResult<R> {
    /// Waits until the task has ended.
    ///
    /// # Blocking
    ///
    /// Until then; the pool sees to it that every task ends, unless the task itself runs for ever.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(1)?;
    /// let task = pool.apply_async(|n: u32| n + 1, 1);
    /// task.wait();
    /// assert!(task.ready());
    /// assert_eq!(task.get()?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait(&self) {
        self.slot.wait(Deadline::NEVER);
    }

    /// Waits until the task has ended, for at most `timeout`; whether it has.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// use std::time::Duration;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(1)?;
    /// let task = pool.apply_async(|seconds: u64| std::thread::sleep(Duration::from_secs(seconds)), 60);
    /// assert!(!task.wait_timeout(Duration::from_millis(10)));
    /// pool.terminate();
    /// assert!(task.wait_timeout(Duration::from_secs(60)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.slot.wait(Deadline::after(timeout))
    }

    /// Waits until the task has ended, until `deadline`; whether it has.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// use std::time::{Duration, Instant};
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(2)?;
    /// let tasks = [1, 2, 3].map(|number: u32| pool.apply_async(|n| n + 1, number));
    /// let deadline = Instant::now() + Duration::from_secs(60);
    /// assert!(tasks.iter().all(|task| task.wait_deadline(deadline)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.slot.wait(Deadline::at(deadline))
    }

    /// Whether the task has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(1)?;
    /// let (tx, rx) = ipc_pipe::simplex::<u8>()?;
    /// let task = pool.apply_async(|rx: ipc_pipe::Receiver<u8>| rx.recv().unwrap(), rx);
    /// assert!(!task.ready()); // It waits for a number.
    /// tx.send(7)?;
    /// task.wait();
    /// assert!(task.ready());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ready(&self) -> bool {
        self.slot.wait(Deadline::NOW)
    }

    /// Whether the task returned a result; `None` before it has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(1)?;
    /// let task = pool.apply_async(|code: i32| -> () { std::process::exit(code) }, 3);
    /// task.wait();
    /// assert_eq!(task.successful(), Some(false));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn successful(&self) -> Option<bool> {
        self.slot.lock().as_ref().map(Result::is_ok)
    }

    /// A result to be, and the place where it will be put.
    pub(super) fn new(limits: Limits) -> (Self, Arc<Slot>) {
        let slot = Arc::new(Slot::default());
        (AsyncResult { slot: Arc::clone(&slot), limits, result: PhantomData }, slot)
    }
}

impl<R: DeserializeOwned> AsyncResult<R> {
    /// Waits for the task to end, and returns its result.
    ///
    /// # Blocking
    ///
    /// Until the task has ended.
    ///
    /// # Errors
    ///
    /// [`TaskError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::{Pool, TaskError};
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(1)?;
    /// assert_eq!(pool.apply_async(|n: u32| n + 1, 1).get()?, 2);
    /// let error = pool.apply_async(|code: i32| -> () { std::process::exit(code) }, 3).get().unwrap_err();
    /// assert_eq!(error.to_string(), "the worker died in this task: exit code 3");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get(self) -> Result<R, TaskError> {
        self.wait();
        self.take()
    }

    /// The result, if the task has ended.
    ///
    /// # Errors
    ///
    /// [`GetError`], with this value if it has not.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::{GetError, Pool};
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(1)?;
    /// let mut task = pool.apply_async(|n: u32| n + 1, 1);
    /// let two = loop {
    ///     match task.try_get() {
    ///         Ok(two) => break two,
    ///         Err(GetError::TimedOut(not_ended)) => task = not_ended,
    ///         Err(GetError::Task(error)) => return Err(error.into()),
    ///     }
    ///     std::thread::yield_now(); // Or whatever else there is to do.
    /// };
    /// assert_eq!(two, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_get(self) -> Result<R, GetError<R>> {
        self.get_until(Deadline::NOW)
    }

    /// As [`get`](AsyncResult::get), waiting for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`GetError`], with this value if the task has not ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::{GetError, Pool};
    /// use std::time::Duration;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(1)?;
    /// let task = pool.apply_async(|ms| std::thread::sleep(Duration::from_millis(ms)), 50_u64);
    /// let Err(GetError::TimedOut(task)) = task.get_timeout(Duration::from_millis(1)) else { unreachable!() };
    /// task.get()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_timeout(self, timeout: Duration) -> Result<R, GetError<R>> {
        self.get_until(Deadline::after(timeout))
    }

    /// As [`get`](AsyncResult::get), waiting until `deadline`.
    ///
    /// # Errors
    ///
    /// [`GetError`], with this value if the task has not ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// use std::time::{Duration, Instant};
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(2)?;
    /// let deadline = Instant::now() + Duration::from_secs(60);
    /// let tasks = [1, 2, 3].map(|number: u32| pool.apply_async(|n| n * n, number));
    /// for (task, square) in tasks.into_iter().zip([1, 4, 9]) {
    ///     assert_eq!(task.get_deadline(deadline)?, square);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_deadline(self, deadline: Instant) -> Result<R, GetError<R>> {
        self.get_until(Deadline::at(deadline))
    }

    fn get_until(self, deadline: Deadline) -> Result<R, GetError<R>> {
        if self.slot.wait(deadline) {
            self.take().map_err(GetError::Task)
        } else {
            Err(GetError::TimedOut(self))
        }
    }

    fn take(self) -> Result<R, TaskError> {
        // Only the one owner of `self` takes, and it comes here once, after the wait.
        let result = self.slot.lock().take().unwrap_or(Err(TaskError::Cancelled));
        Ok(result?.decode(&self.limits)?)
    }
}

impl<R> fmt::Debug for AsyncResult<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncResult").field("ready", &self.ready()).finish_non_exhaustive()
    }
}

/// Why a result could not be had in time.
///
/// # Examples
///
/// ```
/// use ipc_process::{GetError, Pool, TaskError};
/// use std::time::Duration;
/// # ipc_process::init();
///
/// let pool = Pool::new(1)?;
/// let task = pool.apply_async(|seconds: u64| std::thread::sleep(Duration::from_secs(seconds)), 60);
/// let Err(GetError::TimedOut(task)) = task.try_get() else { unreachable!() };
/// pool.terminate();
/// let error = task.get_timeout(Duration::from_secs(60)).unwrap_err();
/// assert!(matches!(error, GetError::Task(TaskError::Cancelled)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub enum GetError<R> {
    /// The task had not ended by then; here it is.
    TimedOut(AsyncResult<R>),
    /// As for [`get`](AsyncResult::get).
    Task(TaskError),
}

impl<R> fmt::Display for GetError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GetError::TimedOut(_) => f.write_str("the task had not ended by the deadline"),
            GetError::Task(error) => error.fmt(f),
        }
    }
}

impl<R> fmt::Debug for GetError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GetError::TimedOut(_) => f.write_str("TimedOut(..)"),
            GetError::Task(error) => error.fmt(f),
        }
    }
}

impl<R> error::Error for GetError<R> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            GetError::TimedOut(_) => None,
            GetError::Task(error) => error.source(),
        }
    }
}

/// Where the dispatcher puts what came of a task.
#[derive(Debug, Default)]
pub(super) struct Slot {
    result: Mutex<Option<TaskResult>>,
    ended: Condvar,
}

impl Slot {
    pub(super) fn put(&self, result: TaskResult) {
        *self.lock() = Some(result);
        self.ended.notify_all();
    }

    /// Waits until there is a result; whether there is.
    fn wait(&self, deadline: Deadline) -> bool {
        let mut result = self.lock();
        loop {
            if result.is_some() {
                return true;
            }
            result = match deadline.remaining() {
                None => self.ended.wait(result).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => return false,
                Some(left) => self.ended.wait_timeout(result, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<TaskResult>> {
        // What is stored under it is whole at any time.
        self.result.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
