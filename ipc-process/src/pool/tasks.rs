//! How many tasks of one function are handed out: settings for one call.

use super::flow::{Cut, Flow};
use super::handle::Pool;
use super::imap::{Imap, ImapUnordered};
use super::job::Batch;
use super::many::ManyResults;
use super::map;
use super::task_error::TaskError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;

/// How far the tasks of one call are.
///
/// # Examples
///
/// See [`Tasks::progress`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// How many tasks have ended, those included that failed.
    pub done: usize,
    /// How many of them have no result.
    pub failed: usize,
    /// How many there are in all; `None` as long as the input does not say.
    pub total: Option<usize>,
}

/// Settings for one call of many tasks, made by [`Pool::tasks`].
///
/// # Examples
///
/// ```
/// use ipc_process::Pool;
/// # ipc_process::init();
///
/// let pool = Pool::new(2)?;
/// let squares = pool.tasks().chunk_size(10).map(|n: u64| n * n, 0..100);
/// assert_eq!(squares.into_iter().collect::<Result<Vec<_>, _>>()?[9], 81);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "settings do nothing until a method that runs tasks"]
pub struct Tasks<'a> {
    pool: &'a Pool,
    chunk_size: Option<usize>,
    in_flight: Option<usize>,
    progress: Option<Box<dyn FnMut(Progress) + 'a>>,
}

impl<'a> Tasks<'a> {
    pub(super) fn new(pool: &'a Pool) -> Self {
        Tasks { pool, chunk_size: None, in_flight: None, progress: None }
    }

    /// How many tasks a worker gets at a time, at least 1.
    ///
    /// Larger chunks take less time for each task; a worker that has nothing to do takes tasks from the chunks of others, so that
    /// none of them waits for a slow one. The default is a quarter of a worker's share for `map` and `starmap`, and one for the
    /// iterators. Chunks of large arguments have fewer tasks.
    pub fn chunk_size(mut self, n_tasks: usize) -> Self {
        self.chunk_size = Some(n_tasks.max(1));
        self
    }

    /// How many tasks of an iterator are under way at most, at least 1: inputs are taken, and results kept, up to that number ahead
    /// of whoever asks. The default is four chunks for each worker.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// use std::cell::Cell;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(2)?;
    /// let n_taken = Cell::new(0);
    /// let inputs = (0_u64..).inspect(|_| n_taken.set(n_taken.get() + 1));
    /// let mut doubled = pool.tasks().in_flight(3).imap(|n: u64| 2 * n, inputs);
    /// assert_eq!(doubled.next().unwrap()?, 0);
    /// assert!(n_taken.get() <= 4);
    /// # drop(doubled);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn in_flight(mut self, n_tasks: usize) -> Self {
        self.in_flight = Some(n_tasks.max(1));
        self
    }

    /// Has `hook` called with how far the tasks are, whenever some have ended.
    ///
    /// It runs in the thread that asks for the results, so it may hold a progress bar; it is for the methods that wait: `map`,
    /// `starmap` and the iterators.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(2)?;
    /// let mut last = None;
    /// // As `|progress| bar.set_position(progress.done as u64)`, for a bar of indicatif.
    /// pool.tasks().progress(|progress| last = Some(progress)).map(|n: u32| assert!(n != 3), 0..10);
    /// let last = last.unwrap();
    /// assert_eq!((last.done, last.failed, last.total), (10, 1, Some(10)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn progress(mut self, hook: impl FnMut(Progress) + 'a) -> Self {
        self.progress = Some(Box::new(hook));
        self
    }

    /// As [`Pool::map`].
    pub fn map<A, R>(
        self,
        function: fn(A) -> R,
        inputs: impl IntoIterator<Item = A>,
    ) -> Vec<Result<R, TaskError>>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        let cut = Cut { chunk_size: self.chunk_size, window: None };
        let mut meter = Meter::new(self.progress);
        let flow = self.pool.flow(function, inputs, cut);
        map::collect(flow, self.pool.limits(), |flow, batch| meter.count(flow, batch))
    }

    /// As [`Pool::map_async`].
    pub fn map_async<A, R>(self, function: fn(A) -> R, inputs: impl IntoIterator<Item = A>) -> ManyResults<R>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        let cut = Cut { chunk_size: self.chunk_size, window: None };
        ManyResults::new(self.pool.submit_all(function, inputs, cut))
    }

    /// As [`Pool::imap`].
    pub fn imap<A, R, I>(
        self,
        function: fn(A) -> R,
        inputs: I,
    ) -> impl Iterator<Item = Result<R, TaskError>> + use<'a, A, R, I>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
        I: IntoIterator<Item = A>,
    {
        let cut = self.window();
        Imap::new(self.pool.flow(function, inputs, cut), *self.pool.limits(), Meter::new(self.progress))
    }

    /// As [`Pool::imap_unordered`].
    pub fn imap_unordered<A, R, I>(
        self,
        function: fn(A) -> R,
        inputs: I,
    ) -> impl Iterator<Item = (usize, Result<R, TaskError>)> + use<'a, A, R, I>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
        I: IntoIterator<Item = A>,
    {
        let cut = self.window();
        let flow = self.pool.flow(function, inputs, cut);
        ImapUnordered::new(flow, *self.pool.limits(), Meter::new(self.progress))
    }

    fn window(&self) -> Cut {
        let chunk_size = self.chunk_size.unwrap_or(1);
        let window = self.in_flight.unwrap_or(chunk_size.saturating_mul(4 * self.pool.n_workers()));
        Cut { chunk_size: Some(chunk_size), window: Some(window) }
    }
}

impl fmt::Debug for Tasks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tasks { chunk_size, in_flight, .. } = self;
        f.debug_struct("Tasks")
            .field("chunk_size", chunk_size)
            .field("in_flight", in_flight)
            .finish_non_exhaustive()
    }
}

/// Counts what has ended, if somebody wants to know.
pub(super) struct Meter<'a> {
    hook: Option<Box<dyn FnMut(Progress) + 'a>>,
    done: usize,
    failed: usize,
}

impl<'a> Meter<'a> {
    fn new(hook: Option<Box<dyn FnMut(Progress) + 'a>>) -> Self {
        Meter { hook, done: 0, failed: 0 }
    }

    /// Counts the tasks of a batch.
    pub(super) fn count<I: Iterator<Item: Serialize>>(&mut self, flow: &Flow<'_, I>, batch: &Batch) {
        if let Some(hook) = &mut self.hook {
            self.done += batch.n_tasks;
            self.failed += batch.n_failed();
            hook(Progress { done: self.done, failed: self.failed, total: flow.total() });
        }
    }
}
