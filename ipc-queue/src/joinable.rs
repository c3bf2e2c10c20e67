//! A queue of tasks that can be waited for.

use crate::error::{CreateError, QueueError};
use crate::queue::Queue;
use crate::raw_queue::{Forked, RawQueue};
use ipc_sys::clock::Deadline;
use std::fmt;
use std::ops::Deref;
use std::time::{Duration, Instant};

/// A [`Queue`] of tasks: who takes one says when it is done, and who wants to can wait until all are.
///
/// # Other processes
///
/// A task is in the hands of the process that took it, until that process calls [`task_done`](JoinableQueue::task_done). If
/// the process ends before, in whatever way, the task is *lost*: nobody will do it, so nobody waits for it. Whoever joins is
/// told how many tasks were lost. Put them again if they have to be done; which ones they were the queue does not know. A
/// process that is stopped has its tasks in its hands all the while. A task whose get failed because it could not be decoded,
/// or its handles could not be had, is lost, too, and nobody has it in hand.
///
/// In contrast to Python's, a task is finished by the process that took it, and not by any other.
///
/// # Examples
///
/// ```
/// use ipc_queue::JoinableQueue;
///
/// let tasks = JoinableQueue::bounded(10)?;
/// tasks.put("count".to_string())?;
///
/// // In a worker:
/// let task = tasks.get()?;
/// println!("{task} is done");
/// tasks.task_done()?;
///
/// // Where the tasks come from:
/// let finished = tasks.join()?;
/// assert_eq!(finished.lost, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct JoinableQueue<T: ?Sized>(Queue<T>);

/// What [`JoinableQueue::join`] tells: all tasks that were put are done or lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finished {
    /// How many tasks were in the hands of processes that ended without having done them, or could not be decoded, since the
    /// queue was made (modulo 2^32).
    pub lost: u64,
}

/// Why a task was not counted as done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskDoneError {
    /// This process has no task in hand: it has taken none, or was done with all of them.
    #[error("this process has no task in hand")]
    NoTask,
    /// Something is wrong with the queue.
    #[error(transparent)]
    Failed(#[from] QueueError),
}

/// Why a wait for the end of all tasks came to no end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// Some tasks were not done in time.
    #[error("some tasks were not done in time")]
    TimedOut,
    /// Something is wrong with the queue.
    #[error(transparent)]
    Failed(#[from] QueueError),
}

impl<T> JoinableQueue<T> {
    /// Makes a queue for up to `capacity` tasks. [`Queue::builder`] has the options:
    /// [`create_joinable`](crate::Builder::create_joinable).
    ///
    /// # Errors
    ///
    /// As [`Queue::bounded`].
    ///
    /// # Examples
    ///
    /// ```
    /// let tasks = ipc_queue::JoinableQueue::<String>::bounded(10)?;
    /// assert_eq!(tasks.capacity(), 10);
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    pub fn bounded(capacity: usize) -> Result<Self, CreateError> {
        Queue::builder().capacity(capacity).create_joinable()
    }
}

impl<T: ?Sized> JoinableQueue<T> {
    pub(crate) fn new(queue: Queue<T>) -> Self {
        JoinableQueue(queue)
    }

    pub(crate) fn raw(&self) -> &RawQueue {
        self.0.raw()
    }

    /// Says that a task is done that this process has taken.
    ///
    /// # Errors
    ///
    /// [`TaskDoneError::NoTask`] when it was called as often as tasks were taken.
    ///
    /// # Other processes
    ///
    /// Those that join are woken by the last task. If this process is killed meanwhile, the task is done or lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_queue::{JoinableQueue, TaskDoneError};
    ///
    /// let tasks = JoinableQueue::bounded(10)?;
    /// tasks.put(1)?;
    /// tasks.get()?;
    /// tasks.task_done()?;
    /// assert!(matches!(tasks.task_done(), Err(TaskDoneError::NoTask)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn task_done(&self) -> Result<(), TaskDoneError> {
        if self.raw().finish_task()? { Ok(()) } else { Err(TaskDoneError::NoTask) }
    }

    /// Waits until all tasks that were put are done or lost.
    ///
    /// # Blocking
    ///
    /// While there is a task in the queue, or in the hands of a process that lives.
    ///
    /// # Errors
    ///
    /// [`JoinError`], other than `TimedOut`.
    ///
    /// # Examples
    ///
    /// ```
    /// let tasks = ipc_queue::JoinableQueue::<u32>::bounded(10)?;
    /// assert_eq!(tasks.join()?.lost, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn join(&self) -> Result<Finished, JoinError> {
        self.join_until(Deadline::NEVER)
    }

    /// As [`join`](JoinableQueue::join), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`JoinError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_queue::{JoinError, JoinableQueue};
    /// use std::time::Duration;
    ///
    /// let tasks = JoinableQueue::bounded(10)?;
    /// tasks.put(1)?;
    /// assert!(matches!(tasks.join_timeout(Duration::from_millis(5)), Err(JoinError::TimedOut)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn join_timeout(&self, timeout: Duration) -> Result<Finished, JoinError> {
        self.join_until(Deadline::after(timeout))
    }

    /// As [`join`](JoinableQueue::join), until `deadline` at most.
    ///
    /// # Errors
    ///
    /// [`JoinError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let tasks = ipc_queue::JoinableQueue::<u32>::bounded(10)?;
    /// assert!(tasks.join_deadline(Instant::now() + Duration::from_secs(1)).is_ok());
    /// # Ok::<(), ipc_queue::CreateError>(())
    /// ```
    pub fn join_deadline(&self, deadline: Instant) -> Result<Finished, JoinError> {
        self.join_until(Deadline::at(deadline))
    }

    fn join_until(&self, deadline: Deadline) -> Result<Finished, JoinError> {
        let lost = self.raw().join(deadline)?;
        lost.map(|lost| Finished { lost }).ok_or(JoinError::TimedOut)
    }
}

impl From<Forked> for TaskDoneError {
    fn from(_: Forked) -> TaskDoneError {
        TaskDoneError::Failed(QueueError::Forked)
    }
}

impl From<Forked> for JoinError {
    fn from(_: Forked) -> JoinError {
        JoinError::Failed(QueueError::Forked)
    }
}

/// Puts and gets are those of the queue.
impl<T: ?Sized> Deref for JoinableQueue<T> {
    type Target = Queue<T>;

    fn deref(&self) -> &Queue<T> {
        &self.0
    }
}

impl<T: ?Sized> Clone for JoinableQueue<T> {
    fn clone(&self) -> Self {
        JoinableQueue(self.0.clone())
    }
}

impl<T: ?Sized> fmt::Debug for JoinableQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JoinableQueue").field(&self.0).finish()
    }
}
