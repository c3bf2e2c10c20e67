//! The results to be of many tasks that were handed in at once.

use super::map::InOrder;
use super::pending::Pending;
use super::task_error::TaskError;
use ipc_sys::clock::Deadline;
use serde::de::DeserializeOwned;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The results to be of [`Pool::map_async`](crate::Pool::map_async) and [`Pool::starmap_async`](crate::Pool::starmap_async).
///
/// It has ended when all of its tasks have; one that fails ends no other.
///
/// # Examples
///
/// ```
/// use ipc_process::Pool;
/// # ipc_process::init();
///
/// let pool = Pool::new(2)?;
/// let halves = pool.map_async(|n: u32| if n % 2 == 0 { n / 2 } else { panic!("{n} is odd") }, 1..=4);
/// let halves = halves.get();
/// assert_eq!(halves.iter().filter_map(|half| half.as_ref().ok()).collect::<Vec<_>>(), [&1, &2]);
/// assert!(halves[0].as_ref().is_err_and(|error| error.to_string().contains("1 is odd")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the results are lost when this is dropped; the tasks run all the same"]
pub struct ManyResults<R> {
    pending: Pending,
    results: PhantomData<fn() -> R>,
}

impl<R> ManyResults<R> {
    pub(super) fn new(pending: Pending) -> Self {
        ManyResults { pending, results: PhantomData }
    }

    /// How many tasks there are.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks whether there were no inputs")]
    pub fn len(&self) -> usize {
        self.pending.n_tasks
    }

    /// How many of them have ended.
    pub fn n_ended(&self) -> usize {
        self.pending.job.n_ended()
    }

    /// Waits until all tasks have ended.
    pub fn wait(&self) {
        self.pending.wait(Deadline::NEVER);
    }

    /// Waits until all tasks have ended, for at most `timeout`; whether they have.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.pending.wait(Deadline::after(timeout))
    }

    /// Waits until all tasks have ended, until `deadline`; whether they have.
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.pending.wait(Deadline::at(deadline))
    }

    /// Whether all tasks have ended.
    pub fn ready(&self) -> bool {
        self.pending.wait(Deadline::NOW)
    }

    /// Whether all tasks returned a result; `None` before they have ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(2)?;
    /// let tasks = pool.map_async(|n: u32| n + 1, 0..10);
    /// tasks.wait();
    /// assert_eq!(tasks.successful(), Some(true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn successful(&self) -> Option<bool> {
        self.ready().then(|| !self.pending.job.has_failed())
    }
}

impl<R: DeserializeOwned> ManyResults<R> {
    /// Waits for all tasks to end, and returns what came of each, in the order of the inputs.
    ///
    /// # Blocking
    ///
    /// Until all tasks have ended.
    pub fn get(self) -> Vec<Result<R, TaskError>> {
        self.wait();
        self.take()
    }

    /// As [`get`](ManyResults::get), waiting for at most `timeout`.
    ///
    /// # Errors
    ///
    /// This value, if some tasks have not ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// use std::time::Duration;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(1)?;
    /// let tasks = pool.map_async(|ms| std::thread::sleep(Duration::from_millis(ms)), [1, 300]);
    /// let Err(tasks) = tasks.get_timeout(Duration::from_millis(5)) else { unreachable!() };
    /// assert_eq!(tasks.get().len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_timeout(self, timeout: Duration) -> Result<Vec<Result<R, TaskError>>, Self> {
        if self.wait_timeout(timeout) { Ok(self.take()) } else { Err(self) }
    }

    /// As [`get`](ManyResults::get), waiting until `deadline`.
    ///
    /// # Errors
    ///
    /// This value, if some tasks have not ended.
    pub fn get_deadline(self, deadline: Instant) -> Result<Vec<Result<R, TaskError>>, Self> {
        if self.wait_deadline(deadline) { Ok(self.take()) } else { Err(self) }
    }

    /// Has `callback` called with what came of the tasks, in a thread of the pool that is there for callbacks.
    ///
    /// A callback that panics is printed as any panic, and harms nobody. The callbacks of a pool run one after the other.
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
    /// pool.map_async(|n: u32| n + 1, 0..3).then(move |results| tx.send(results.len()).unwrap());
    /// assert_eq!(rx.recv()?, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn then(self, callback: impl FnOnce(Vec<Result<R, TaskError>>) + Send + 'static)
    where
        R: 'static,
    {
        super::callbacks::call_back(self, callback);
    }

    fn take(&self) -> Vec<Result<R, TaskError>> {
        let mut in_order = InOrder::with_room(self.pending.n_tasks);
        while let Some(batch) = self.pending.job.take() {
            in_order.add(batch, &self.pending.limits);
        }
        in_order.results
    }
}

impl<R> AsRef<Pending> for ManyResults<R> {
    fn as_ref(&self) -> &Pending {
        &self.pending
    }
}

/// The tasks go on if this is dropped.
impl<R: DeserializeOwned> Future for ManyResults<R> {
    type Output = Vec<Result<R, TaskError>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.pending.poll(context) { Poll::Ready(self.take()) } else { Poll::Pending }
    }
}

impl<R> fmt::Debug for ManyResults<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (len, n_ended) = (self.len(), self.n_ended());
        f.debug_struct("ManyResults").field("len", &len).field("n_ended", &n_ended).finish_non_exhaustive()
    }
}
