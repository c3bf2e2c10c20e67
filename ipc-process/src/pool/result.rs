//! The result to be of one task.

use super::job::Failure;
use super::pending::{IS_COPY, Pending};
use super::task_error::TaskError;
use ipc_sys::clock::Deadline;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use std::{error, fmt};

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
    pending: Pending,
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
        self.pending.wait(Deadline::NEVER);
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
        self.pending.wait(Deadline::after(timeout))
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
        self.pending.wait(Deadline::at(deadline))
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
        self.pending.wait(Deadline::NOW)
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
        self.ready().then(|| !self.pending.job.has_failed())
    }

    pub(super) fn new(pending: Pending) -> Self {
        AsyncResult { pending, result: PhantomData }
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
    /// let task = pool.apply_async(|ms| std::thread::sleep(Duration::from_millis(ms)), 300_u64);
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

    /// Has `callback` called with the result, or `error_callback` with the error, in a thread of the pool that is there for callbacks.
    ///
    /// One that panics is printed as any panic, and harms nobody. The callbacks of a pool run one after the other, and all of them
    /// before [`Pool::join`](crate::Pool::join) returns, or the drop of the pool.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// use std::sync::mpsc;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(2)?;
    /// let (tx, rx) = mpsc::channel();
    /// let errors = tx.clone();
    /// let half = |n: u32| if n % 2 == 0 { n / 2 } else { panic!("odd") };
    /// for n in [4, 5] {
    ///     let (tx, errors) = (tx.clone(), errors.clone());
    ///     pool.apply_async(half, n).then(
    ///         move |half| tx.send(half.to_string()).unwrap(),
    ///         move |error| errors.send(error.to_string()).unwrap(),
    ///     );
    /// }
    /// let mut told = [rx.recv()?, rx.recv()?];
    /// told.sort();
    /// assert!(told[0] == "2" && told[1].ends_with("odd"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn then(
        self,
        callback: impl FnOnce(R) + Send + 'static,
        error_callback: impl FnOnce(TaskError) + Send + 'static,
    ) where
        R: 'static,
    {
        super::callbacks::call_back(self, |result| match result {
            Ok(value) => callback(value),
            Err(error) => error_callback(error),
        });
    }

    fn get_until(self, deadline: Deadline) -> Result<R, GetError<R>> {
        if self.pending.wait(deadline) {
            self.take().map_err(GetError::Task)
        } else {
            Err(GetError::TimedOut(self))
        }
    }

    fn take(&self) -> Result<R, TaskError> {
        let result = self.pending.job.take().and_then(|batch| batch.decode(&self.pending.limits).next());
        // Nothing comes of a task in a copy of the process that has the pool.
        result.unwrap_or_else(|| Err(Failure::Broken(IS_COPY.into()).into()))
    }
}

impl<R> AsRef<Pending> for AsyncResult<R> {
    fn as_ref(&self) -> &Pending {
        &self.pending
    }
}

/// The task goes on if this is dropped.
impl<R: DeserializeOwned> Future for AsyncResult<R> {
    type Output = Result<R, TaskError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.pending.poll(context) { Poll::Ready(self.take()) } else { Poll::Pending }
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
