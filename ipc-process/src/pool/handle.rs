//! A pool, as its user has it.

use super::builder::{PoolBuilder, PoolError};
use super::imap::ImapUnordered;
use super::inbox::{Inbox, Item, Mode};
use super::result::{AsyncResult, TaskError};
use crate::entry::Entry;
use ipc_codec::Limits;
use ipc_sys::handle::{AsHandle, OwnedHandle};
use ipc_sys::process::{Signal, signal};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Worker processes that run tasks, and are replaced when they die.
///
/// A task is a call of a function, or of a closure that captures nothing, with arguments that are encoded. Each task ends
/// with a result or an error of its own: the death of a worker fails the one task that the worker was in, with
/// [`TaskError::WorkerDied`], and no task is run twice by the pool itself.
///
/// Dropping a pool terminates it, and waits the moment until its workers are gone.
///
/// # Other processes
///
/// The workers are daemons: they end with this process, in whatever way it ends.
///
/// # Examples
///
/// ```
/// use ipc_process::Pool;
/// # ipc_process::init();
///
/// let pool = Pool::new(2)?;
/// let lengths: Result<Vec<usize>, _> =
///     pool.map(|word: String| word.len(), ["one", "three"].map(String::from)).into_iter().collect();
/// assert_eq!(lengths?, [3, 5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Pool {
    inbox: Arc<Inbox>,
    limits: Limits,
    n_workers: usize,
    /// The process that made the pool.
    owner: u32,
    /// Taken by the one who joins it.
    dispatcher: Option<JoinHandle<()>>,
}

impl Pool {
    /// Makes a pool of `n_workers` workers by the default settings.
    ///
    /// # Blocking
    ///
    /// Until all workers have started, or one of them failed to.
    ///
    /// # Errors
    ///
    /// [`PoolError`]; nothing is left of the pool then.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(3)?;
    /// assert_eq!(pool.workers().len(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(n_workers: usize) -> Result<Self, PoolError> {
        Self::builder().workers(n_workers).build()
    }

    /// The settings of a pool to make.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::builder().workers(1).build()?;
    /// assert_eq!(pool.apply(|(): ()| 1, ())?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder() -> PoolBuilder {
        PoolBuilder::new()
    }

    /// Calls `function` with `args` in a worker, and waits for the result.
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
    /// assert_eq!(pool.apply(|text: String| text.len(), "seven".to_string())?, 5);
    /// // What a task does to its worker is the error of that task, and of no other.
    /// let result = pool.apply(|code: i32| -> () { std::process::exit(code) }, 3);
    /// assert!(matches!(result, Err(TaskError::WorkerDied { .. })));
    /// assert_eq!(pool.apply(|(): ()| 1, ())?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn apply<A, R>(&self, function: fn(A) -> R, args: A) -> Result<R, TaskError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        self.apply_async(function, args).get()
    }

    /// Calls `function` with `args` in a worker, some time; the result is to be had from the returned value.
    ///
    /// Tasks wait without limit until a worker takes them: for an input that is long, or has no end, use
    /// [`imap_unordered`](Pool::imap_unordered).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(2)?;
    /// let first = pool.apply_async(|n: u64| (1..=n).sum::<u64>(), 1000);
    /// let second = pool.apply_async(|text: String| text.to_uppercase(), "both at once".to_string());
    /// assert_eq!(second.get()?, "BOTH AT ONCE");
    /// assert_eq!(first.get()?, 500_500);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn apply_async<A, R>(&self, function: fn(A) -> R, args: A) -> AsyncResult<R>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        let (result, slot) = AsyncResult::new(self.limits);
        let encoded = ipc_codec::encode(&args, &self.limits);
        // What was passed belongs to the task now.
        drop(args);
        match (Entry::of(function), encoded) {
            (Some(entry), Ok(args)) => {
                let reply = Box::new(move |result| slot.put(result));
                self.submit(Item::new(entry, args, reply));
            }
            (None, _) => slot.put(Err(TaskError::NoSuchFunction)),
            (_, Err(error)) => slot.put(Err(TaskError::Encode(error))),
        }
        result
    }

    /// Calls `function` with each of `inputs` in the workers, and returns what came of each, in the order of the inputs.
    ///
    /// # Blocking
    ///
    /// Until all tasks have ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::{Pool, TaskError};
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(2)?;
    /// let halves = pool.map(|n: i32| if n % 2 == 0 { n / 2 } else { std::process::exit(n) }, 1..=4);
    /// assert!(matches!(halves[0], Err(TaskError::WorkerDied { .. })));
    /// assert!(matches!(halves[1], Ok(1)));
    /// // All or nothing: the first error, or the results.
    /// let error = halves.into_iter().collect::<Result<Vec<_>, _>>().unwrap_err();
    /// assert_eq!(error.to_string(), "the worker died in this task: exit code 1");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn map<A, R>(
        &self,
        function: fn(A) -> R,
        inputs: impl IntoIterator<Item = A>,
    ) -> Vec<Result<R, TaskError>>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        let mut results: Vec<Option<Result<R, TaskError>>> = Vec::new();
        for (index, result) in self.imap_unordered(function, inputs) {
            if results.len() <= index {
                results.resize_with(index + 1, || None);
            }
            results[index] = Some(result);
        }
        // Each input is answered once, so no place is left empty.
        results.into_iter().flatten().collect()
    }

    /// Calls `function` with each of `inputs` in the workers, and yields what came of each as it comes, with the index of the
    /// input.
    ///
    /// The inputs are taken as workers get free, so they may be many, or without end: a few tasks per worker are under way at
    /// any time, and no more inputs are taken while nobody asks for results.
    ///
    /// # Blocking
    ///
    /// Each step, until a task has ended. Dropping the iterator ends nothing: tasks that are under way run to their end.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(2)?;
    /// let mut sum = 0;
    /// for (index, square) in pool.imap_unordered(|n: usize| n * n, 0..100) {
    ///     assert_eq!(square?, index * index);
    ///     sum += index;
    /// }
    /// assert_eq!(sum, 4950);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn imap_unordered<A, R, I>(
        &self,
        function: fn(A) -> R,
        inputs: I,
    ) -> impl Iterator<Item = (usize, Result<R, TaskError>)> + use<'_, A, R, I>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
        I: IntoIterator<Item = A>,
    {
        ImapUnordered::new(self, function, inputs.into_iter())
    }

    /// The workers at this moment; empty once the pool has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(2)?;
    /// let workers = pool.workers();
    /// assert_ne!(workers[0].pid(), workers[1].pid());
    /// let pid = pool.apply(|(): ()| std::process::id(), ())?;
    /// assert!(workers.iter().any(|worker| worker.pid() == pid));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn workers(&self) -> Vec<PoolWorker> {
        self.inbox.lock().workers.clone()
    }

    /// How many workers have died so far, and were replaced.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::{Pool, TaskError};
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(1)?;
    /// let result = pool.apply(|code: i32| -> () { std::process::exit(code) }, 3);
    /// assert!(matches!(result, Err(TaskError::WorkerDied { .. })));
    /// assert_eq!(pool.deaths(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn deaths(&self) -> u64 {
        self.inbox.n_deaths()
    }

    /// Takes no more tasks; those that were handed in are run. A task that comes later ends with [`TaskError::Closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::{Pool, TaskError};
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(1)?;
    /// let before = pool.apply_async(|n: u32| n + 1, 1);
    /// pool.close();
    /// let after = pool.apply_async(|n: u32| n + 1, 2);
    /// assert_eq!(before.get()?, 2);
    /// assert!(matches!(after.get(), Err(TaskError::Closed)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close(&self) {
        self.inbox.set_mode(Mode::Closing);
    }

    /// Ends the workers at once. Every task that has not ended does so with [`TaskError::Cancelled`].
    ///
    /// May be called from anywhere, any number of times, and does not wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::{Pool, TaskError};
    /// use std::time::Duration;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(1)?;
    /// let task = pool.apply_async(|seconds: u64| std::thread::sleep(Duration::from_secs(seconds)), 60);
    /// pool.terminate();
    /// assert!(matches!(task.get(), Err(TaskError::Cancelled)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn terminate(&self) {
        self.inbox.set_mode(Mode::Terminating);
    }

    /// Closes the pool and waits until all tasks have ended and the workers are gone.
    ///
    /// # Blocking
    ///
    /// Until the last task has ended, those that still wait for a worker included.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(2)?;
    /// let tasks: Vec<_> = (1..=5).map(|number: u32| pool.apply_async(|n| n * 10, number)).collect();
    /// pool.join();
    /// assert!(tasks.iter().all(|task| task.ready()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn join(mut self) {
        self.close();
        self.join_dispatcher();
    }

    pub(super) fn running(
        inbox: Arc<Inbox>,
        limits: Limits,
        n_workers: usize,
        dispatcher: JoinHandle<()>,
    ) -> Self {
        Pool { inbox, limits, n_workers, owner: std::process::id(), dispatcher: Some(dispatcher) }
    }

    pub(super) fn submit(&self, item: Item) {
        if self.is_copy() {
            let reason = "this process is a copy of the one that made the pool".into();
            return item.end(Err(TaskError::Broken { reason }));
        }
        self.inbox.submit(item);
    }

    /// Whether this process was forked from the owner: then the pool is not here, only a copy of the memory.
    fn is_copy(&self) -> bool {
        std::process::id() != self.owner
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How many tasks an iterator has under way: enough that no worker ever waits for the iterator.
    pub(super) fn window(&self) -> usize {
        4 * self.n_workers
    }

    fn join_dispatcher(&mut self) {
        if let Some(dispatcher) = self.dispatcher.take() {
            if self.is_copy() {
                // The thread was not copied, and so never ends.
                return std::mem::forget(dispatcher);
            }
            // It runs no code of the user, so a panic in it is a bug of this crate, and was printed.
            let _ = dispatcher.join();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if self.dispatcher.is_some() {
            self.terminate();
            self.join_dispatcher();
        }
    }
}

/// A worker of a pool, to look at and to end.
///
/// # Examples
///
/// ```
/// use ipc_process::Pool;
/// # ipc_process::init();
///
/// let pool = Pool::new(1)?;
/// let before = pool.workers()[0].pid();
/// pool.workers()[0].kill()?;
/// // The pool goes on with another one.
/// assert_ne!(pool.apply(|(): ()| std::process::id(), ())?, before);
/// assert_eq!(pool.deaths(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct PoolWorker {
    name: String,
    pid: u32,
    handle: Arc<OwnedHandle>,
}

impl PoolWorker {
    /// The name of the worker's process.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Ends the worker at once (`SIGKILL` on Unix), never another process. Nothing if it has ended; the pool replaces it.
    ///
    /// # Errors
    ///
    /// The system's error when this process may not signal that one.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::{Pool, TaskError};
    /// use std::time::Duration;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(1)?;
    /// let (tx, rx) = ipc_pipe::simplex::<()>()?;
    /// let task = pool.apply_async(
    ///     |tx: ipc_pipe::Sender<()>| {
    ///         tx.send(()).unwrap();
    ///         std::thread::sleep(Duration::from_secs(60));
    ///     },
    ///     tx,
    /// );
    /// rx.recv()?; // The worker is in the task.
    /// pool.workers()[0].kill()?;
    /// let error = task.get().unwrap_err();
    /// assert!(matches!(error, TaskError::WorkerDied { status } if status.signal() == Some(9)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn kill(&self) -> io::Result<()> {
        signal(self.handle.as_fd(), Signal::Kill)
    }

    pub(super) fn new(name: String, pid: u32, handle: OwnedHandle) -> Self {
        PoolWorker { name, pid, handle: Arc::new(handle) }
    }
}
