//! A pool, as its user has it.

use super::builder::{PoolBuilder, PoolError};
use super::chunk::{Chunk, Packed, Packer, SMALL_ARGS};
use super::engine::Engine;
use super::flow::{Cut, Flow};
use super::job::{Batch, Content, Failure, Job};
use super::many::ManyResults;
use super::pending::Pending;
use super::result::AsyncResult;
use super::star::{StarFn, spread};
use super::state::Mode;
use super::task_error::TaskError;
use super::tasks::Tasks;
use ipc_codec::Limits;
use ipc_sys::handle::{AsHandle, OwnedHandle};
use ipc_sys::process::{Signal, signal};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

/// Worker processes that run tasks, and are replaced when they die.
///
/// A task is a call of a function, or of a closure that captures nothing, with arguments that are encoded. Each task ends
/// with a result or an error of its own: the death of a worker fails the one task that the worker was in, with
/// [`TaskError::WorkerDied`], and no task is run twice by the pool itself.
///
/// Dropping a pool terminates it, and waits the moment until its workers are gone.
///
/// # Panics
///
/// Arguments are encoded in this process, and results decoded. Where a type of the user panics in that, so does the call: `apply` and
/// `apply_async` for the arguments, and else whatever is asked for that result. No other task is concerned: an iterator goes on
/// behind it.
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
    engine: Arc<Engine>,
    limits: Limits,
    /// Taken by the one who joins it.
    keeper: Option<JoinHandle<()>>,
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
        self.begin(function, args).get()
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
        let result = self.begin(function, args);
        self.engine.leave();
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
        self.tasks().map(function, inputs)
    }

    /// As [`map`](Pool::map), without waiting: the results are to be had from the returned value.
    ///
    /// All inputs are taken and encoded now, and wait without limit until workers take them.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(2)?;
    /// let cubes = pool.map_async(|n: u64| n * n * n, 1..=3);
    /// let sum = pool.apply(|(): ()| (1..=3).sum::<u64>(), ())?;
    /// let cubes = cubes.get().into_iter().collect::<Result<Vec<_>, _>>()?;
    /// assert_eq!(cubes.iter().sum::<u64>(), sum * sum);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn map_async<A, R>(&self, function: fn(A) -> R, inputs: impl IntoIterator<Item = A>) -> ManyResults<R>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        self.tasks().map_async(function, inputs)
    }

    /// As [`map`](Pool::map), with a function of several arguments, which are the elements of the inputs.
    ///
    /// The function is a name or a closure that captures nothing; a pointer to a function does not compile.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(2)?;
    /// let powers = pool.starmap(u64::pow, [(2, 3), (3, 2)]);
    /// assert_eq!(powers.into_iter().collect::<Result<Vec<_>, _>>()?, [8, 9]);
    /// let joined = pool.starmap(|a: String, b: char, n: usize| a + &b.to_string().repeat(n), [("x".into(), 'y', 2)]);
    /// assert_eq!(joined[0].as_deref().unwrap(), "xyy");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn starmap<F, A>(
        &self,
        function: F,
        inputs: impl IntoIterator<Item = A>,
    ) -> Vec<Result<F::Output, TaskError>>
    where
        F: StarFn<A, Output: Serialize + DeserializeOwned>,
        A: Serialize + DeserializeOwned,
    {
        self.map(spread(function), inputs)
    }

    /// As [`starmap`](Pool::starmap), without waiting, and as [`map_async`](Pool::map_async).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(2)?;
    /// let sums = pool.starmap_async(|a: i32, b: i32| a + b, [(1, 2), (3, 4)]).get();
    /// assert_eq!(sums.into_iter().collect::<Result<Vec<_>, _>>()?, [3, 7]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn starmap_async<F, A>(
        &self,
        function: F,
        inputs: impl IntoIterator<Item = A>,
    ) -> ManyResults<F::Output>
    where
        F: StarFn<A, Output: Serialize + DeserializeOwned>,
        A: Serialize + DeserializeOwned,
    {
        self.map_async(spread(function), inputs)
    }

    /// Settings for one call of many tasks: the size of chunks, how many are under way, progress.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(2)?;
    /// let lengths = pool.tasks().chunk_size(100).map(|word: String| word.len(), (0..1000).map(|n| n.to_string()));
    /// assert_eq!(lengths.into_iter().collect::<Result<Vec<_>, _>>()?.iter().sum::<usize>(), 2890);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tasks(&self) -> Tasks<'_> {
        Tasks::new(self)
    }

    /// Calls `function` with each of `inputs` in the workers, and yields what came of each in the order of the inputs.
    ///
    /// As lazy as [`imap_unordered`](Pool::imap_unordered): results that come before their turn count as under way.
    ///
    /// # Blocking
    ///
    /// Each step, until the task has ended whose turn it is. Dropping the iterator ends nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(2)?;
    /// let first: Result<Vec<u64>, _> = pool.imap(|n: u64| n * n, 1..).take(3).collect();
    /// assert_eq!(first?, [1, 4, 9]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn imap<A, R, I>(
        &self,
        function: fn(A) -> R,
        inputs: I,
    ) -> impl Iterator<Item = Result<R, TaskError>> + use<'_, A, R, I>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
        I: IntoIterator<Item = A>,
    {
        self.tasks().imap(function, inputs)
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
        self.tasks().imap_unordered(function, inputs)
    }

    /// Has the pool be of another size, at least 1: workers are started, or leave when they have ended the tasks that they are in.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::new(1)?;
    /// pool.resize(3);
    /// while pool.workers().len() < 3 {
    ///     std::thread::yield_now();
    /// }
    /// pool.resize(1);
    /// while pool.workers().len() > 1 {
    ///     std::thread::yield_now();
    /// }
    /// assert_eq!(pool.deaths(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resize(&self, n_workers: usize) {
        if !self.engine.is_copy() {
            self.engine.lock().resize(n_workers.max(1));
            self.engine.doorbell.ring();
        }
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
        self.engine.lock().public.iter().flatten().cloned().collect()
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
        self.engine.lock().n_deaths
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
        self.set_mode(Mode::Closing);
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
        self.set_mode(Mode::Terminating);
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
        self.join_keeper();
    }

    pub(super) fn running(engine: Arc<Engine>, limits: Limits, keeper: JoinHandle<()>) -> Self {
        Pool { engine, limits, keeper: Some(keeper) }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// How many workers there are to be.
    pub(super) fn n_workers(&self) -> usize {
        self.engine.lock().n_wanted.max(1)
    }

    /// The tasks of an iterator, of which none is handed in yet.
    pub(super) fn flow<A, R, I>(&self, function: fn(A) -> R, inputs: I, cut: Cut) -> Flow<'_, I::IntoIter>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
        I: IntoIterator<Item = A>,
    {
        Flow::new(self, self.engine.name_of(function), inputs.into_iter(), cut)
    }

    /// Hands in everything at once.
    pub(super) fn submit_all<A, R, I>(&self, function: fn(A) -> R, inputs: I, cut: Cut) -> Pending
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
        I: IntoIterator<Item = A>,
    {
        let (job, n_tasks) = self.flow(function, inputs, cut).submit_all();
        Pending { engine: Arc::clone(&self.engine), job, n_tasks, limits: self.limits }
    }

    /// Hands in one task, for somebody who waits for it next.
    fn begin<A, R>(&self, function: fn(A) -> R, args: A) -> AsyncResult<R>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        let name = self.engine.name_of(function);
        let has_name = name.is_some();
        let job = Job::new(name.unwrap_or_default());
        let mut packer = Packer::new(SMALL_ARGS, self.engine.large_args.load(Ordering::Relaxed));
        let packed = packer.pack(&args, &self.limits);
        self.engine.large_args.store(packer.large(), Ordering::Relaxed);
        // What was passed belongs to the task now.
        drop(args);
        match packed {
            _ if !has_name => drop(job.put(Batch::failed(0, 1, Failure::NoSuchFunction))),
            Err(error) => {
                drop(job.put(Batch { first: 0, n_tasks: 1, content: Content::Refused(Some(error)) }))
            }
            Ok(packed) => {
                let args = if let Packed::Alone(args) = packed { args } else { packer.take().0 };
                self.engine.submit([Chunk::new(&job, 0, 1, args)]);
            }
        }
        AsyncResult::new(Pending { engine: Arc::clone(&self.engine), job, n_tasks: 1, limits: self.limits })
    }

    fn set_mode(&self, mode: Mode) {
        if !self.engine.is_copy() {
            self.engine.lock().set_mode(mode);
            self.engine.doorbell.ring();
        }
    }

    fn join_keeper(&mut self) {
        if let Some(keeper) = self.keeper.take() {
            if self.engine.is_copy() {
                // The thread was not copied, and so never ends.
                return std::mem::forget(keeper);
            }
            // It runs no code of the user, so a panic in it is a bug of this crate, and was printed.
            let _ = keeper.join();
            self.engine.callbacks.join();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if self.keeper.is_some() {
            self.terminate();
            self.join_keeper();
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
