//! Settings of a pool, and making it.

use super::board::Board;
use super::crew::Worker;
use super::engine::Engine;
use super::handle::Pool;
use super::keeper::{Care, Keeper};
use super::recipe::{Maker, Recipe};
use super::state::State;
use super::worker::Initializer;
use crate::entry::Entry;
use crate::error::SpawnError;
use crate::fork_server::ForkServer;
use crate::method::StartMethod;
use crate::starting::refuse_threads;
use ipc_codec::{EncodeError, Limits};
use ipc_sys::doorbell::Doorbell;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Settings of a pool to make.
///
/// # Examples
///
/// ```
/// use ipc_process::{Pool, StartMethod};
/// # ipc_process::init();
///
/// let pool = Pool::builder().workers(2).method(StartMethod::Spawn).build()?;
/// assert_eq!(pool.workers().len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder makes nothing until `build`"]
pub struct PoolBuilder {
    n_workers: Option<usize>,
    method: StartMethod,
    limits: Limits,
    /// Or why it cannot be called.
    initializer: Option<Result<Initializer, Arc<InitializerError>>>,
    max_tasks: Option<u64>,
    max_memory: Option<u64>,
    care: Care,
}

/// Why an initializer cannot be called in a worker.
#[derive(Debug)]
enum InitializerError {
    NoSuchFunction,
    Encode(EncodeError),
}

impl PoolBuilder {
    /// The default settings: a worker per processor that this process may use.
    pub fn new() -> Self {
        PoolBuilder {
            n_workers: None,
            method: StartMethod::default(),
            limits: Limits::default(),
            initializer: None,
            max_tasks: None,
            max_memory: None,
            care: Care::default(),
        }
    }

    /// The number of workers, at least 1.
    pub fn workers(mut self, n_workers: usize) -> Self {
        self.n_workers = Some(n_workers);
        self
    }

    /// How the workers are made.
    ///
    /// By [`StartMethod::Fork`], every worker is a copy of this process as it is now, also those that replace others later.
    /// The pool has a thread, so it has to be made before this process has others, and the process cannot be forked again
    /// while the pool is there.
    ///
    /// By [`StartMethod::ForkServer`], the fork server of this process makes them, as it makes all other processes: they have
    /// what [its preload](crate::set_forkserver_preload) left them, and another server takes its place if it dies.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::{Pool, PoolError, SpawnError, StartMethod};
    /// use std::sync::OnceLock;
    /// # ipc_process::init();
    ///
    /// static WORDS: OnceLock<Vec<String>> = OnceLock::new();
    /// WORDS.set(vec!["read".into(), "once".into()]).unwrap();
    ///
    /// match Pool::builder().workers(2).method(StartMethod::Fork).build() {
    ///     // The workers have what this process had.
    ///     Ok(pool) => assert_eq!(pool.apply(|index: usize| WORDS.get().unwrap()[index].clone(), 1)?, "once"),
    ///     // As in a harness that runs tests in threads.
    ///     Err(PoolError::Spawn(SpawnError::MultiThreaded { .. })) => {}
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn method(mut self, method: StartMethod) -> Self {
        self.method = method;
        self
    }

    /// Limits for the encoded arguments and the encoded result of each task.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_codec::Limits;
    /// use ipc_process::{Pool, TaskError};
    /// # ipc_process::init();
    ///
    /// let pool = Pool::builder().workers(1).limits(Limits::with_max_frame(16)).build()?;
    /// let refused = pool.apply(|text: String| text.len(), "more than sixteen bytes".to_string());
    /// assert!(matches!(refused, Err(TaskError::Encode(_))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Has every worker call `function` with `args` before its first task.
    ///
    /// A worker in which it panics, or which it ends, does not serve. If that is so at the start, it is an error of
    /// [`build`](PoolBuilder::build); later, in the place of a worker that died, it is the end of the pool:
    /// [`TaskError::Broken`](crate::TaskError::Broken).
    ///
    /// # Other processes
    ///
    /// The arguments are encoded now, once; each worker gets them, and handles among them are duplicated for each.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::{Pool, PoolError};
    /// use std::sync::OnceLock;
    /// # ipc_process::init();
    ///
    /// static GREETING: OnceLock<String> = OnceLock::new();
    /// let set = |greeting: String| GREETING.set(greeting).unwrap();
    /// let pool = Pool::builder().workers(2).initializer(set, "hello".to_string()).build()?;
    /// assert_eq!(pool.apply(|(): ()| GREETING.get().cloned(), ())?.as_deref(), Some("hello"));
    ///
    /// let failed = Pool::builder().workers(2).initializer(|(): ()| panic!("no greeting"), ()).build();
    /// assert!(matches!(failed, Err(PoolError::Initializer { reason }) if reason.contains("no greeting")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn initializer<A>(mut self, function: fn(A), args: A) -> Self
    where
        A: Serialize + DeserializeOwned,
    {
        let initializer = match (Entry::of(function), ipc_codec::encode(&args, &self.limits)) {
            (None, _) => Err(Arc::new(InitializerError::NoSuchFunction)),
            (_, Err(error)) => Err(Arc::new(InitializerError::Encode(error))),
            (Some(entry), Ok(args)) => Ok(Initializer { entry, args: Arc::new(args) }),
        };
        self.initializer = Some(initializer);
        self
    }

    /// How many tasks a worker runs, at least 1; then another one takes its place. Each task of a chunk counts.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::builder().workers(1).max_tasks_per_worker(2).build()?;
    /// let pids = pool.map(|_: u32| std::process::id(), 0..4).into_iter().collect::<Result<Vec<_>, _>>()?;
    /// assert!(pids[0] == pids[1] && pids[1] != pids[2] && pids[2] == pids[3]);
    /// // Nobody has died.
    /// assert_eq!(pool.deaths(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn max_tasks_per_worker(mut self, n_tasks: u64) -> Self {
        self.max_tasks = Some(n_tasks);
        self
    }

    /// How many bytes of memory a worker may hold when it has done a chunk of tasks; one that holds more is replaced, and nothing is
    /// lost. What counts is the memory that the system holds for it, shared memory included.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::builder().workers(1).max_memory_per_worker(256 << 20).build()?;
    /// // It keeps what it takes, for ever.
    /// let grow = |size: usize| {
    ///     std::mem::forget(std::hint::black_box(vec![1_u8; size]));
    ///     std::process::id()
    /// };
    /// let first = pool.apply(grow, 300 << 20)?;
    /// while pool.apply(grow, 1)? == first {}
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn max_memory_per_worker(mut self, n_bytes: u64) -> Self {
        self.max_memory = Some(n_bytes);
        self
    }

    /// After which time a task is told that it takes too long, by [`task_is_overdue`](crate::task_is_overdue): it may end by itself.
    ///
    /// Never before that time, and up to an eighth of it later.
    pub fn soft_limit(mut self, limit: Duration) -> Self {
        self.care.soft_limit = Some(limit);
        self
    }

    /// After which time a task is ended together with its worker, which is replaced: the task ends with
    /// [`TaskError::TimedOut`](crate::TaskError::TimedOut).
    ///
    /// Never before that time, and up to an eighth of it later. The time that a task waits for a worker does not count.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::{Pool, TaskError};
    /// use std::time::Duration;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::builder().workers(1).hard_limit(Duration::from_millis(20)).build()?;
    /// let endless = pool.apply_async(|(): ()| while std::process::id() > 0 {}, ());
    /// let next = pool.apply_async(|n: u32| n + 1, 1);
    /// assert!(matches!(endless.get(), Err(TaskError::TimedOut { .. })));
    /// assert_eq!(next.get()?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn hard_limit(mut self, limit: Duration) -> Self {
        self.care.hard_limit = Some(limit);
        self
    }

    /// After which time without a task a worker leaves; there are workers again when there are tasks.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Pool;
    /// use std::time::Duration;
    /// # ipc_process::init();
    ///
    /// let pool = Pool::builder().workers(2).idle_timeout(Duration::from_millis(10)).build()?;
    /// while !pool.workers().is_empty() {
    ///     std::thread::sleep(Duration::from_millis(1));
    /// }
    /// assert_eq!(pool.apply(|n: u32| n + 1, 1)?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.care.idle_timeout = Some(timeout);
        self
    }

    /// Starts the workers.
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
    /// use ipc_process::{PoolBuilder, PoolError};
    /// # ipc_process::init();
    ///
    /// let pool = PoolBuilder::new().workers(1).build()?;
    /// assert_eq!(pool.apply(|n: u32| n + 1, 1)?, 2);
    /// assert!(matches!(PoolBuilder::new().workers(0).build(), Err(PoolError::NoWorkers)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build(self) -> Result<Pool, PoolError> {
        let n_workers = match self.n_workers {
            Some(0) => return Err(PoolError::NoWorkers),
            Some(n_workers) => n_workers,
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        if self.max_tasks == Some(0) {
            return Err(PoolError::NoTasks);
        }
        let initializer = match self.initializer {
            None => None,
            Some(Ok(initializer)) => Some(initializer),
            Some(Err(error)) => {
                return Err(match Arc::into_inner(error) {
                    Some(InitializerError::Encode(error)) => SpawnError::Encode(error).into(),
                    _ => SpawnError::NoSuchFunction.into(),
                });
            }
        };
        let doorbell = Doorbell::new().map_err(PoolError::Os)?;
        let board = Arc::new(Board::new().map_err(PoolError::Os)?);
        let maker = match self.method {
            StartMethod::Spawn => Maker::Spawn,
            StartMethod::Fork => {
                refuse_threads()?;
                Maker::Copy(ForkServer::start()?)
            }
            StartMethod::ForkServer => Maker::ForkServer,
        };
        let (limits, max_memory) = (self.limits, self.max_memory);
        let recipe = Recipe { board: Arc::clone(&board), limits, maker, initializer, max_memory };
        // All at once, and then each one's first word: they start side by side.
        let mut workers = (0..n_workers).map(|_| recipe.start()).collect::<Result<Vec<Worker>, _>>()?;
        workers.iter_mut().try_for_each(Worker::wait_until_started)?;
        let public = workers.iter().map(Worker::to_public).collect::<Result<_, _>>()?;
        let mut state = State::new(workers, public, self.max_tasks);
        state.is_timed = self.care.soft_limit.is_some() || self.care.hard_limit.is_some();
        let engine = Arc::new(Engine::new(state, board, doorbell));
        let keeper = Keeper::new(Arc::clone(&engine), recipe, self.care);
        let thread = std::thread::Builder::new()
            .name("multiproc pool".into())
            .spawn(move || keeper.run())
            .map_err(PoolError::Os)?;
        Ok(Pool::running(engine, limits, thread))
    }
}

impl Default for PoolBuilder {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a pool was not made.
///
/// # Examples
///
/// ```
/// use ipc_process::{Pool, PoolError};
///
/// assert!(matches!(Pool::new(0), Err(PoolError::NoWorkers)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// A pool needs at least one worker.
    #[error("a pool needs at least one worker")]
    NoWorkers,
    /// A worker has to be allowed one task at least.
    #[error("a worker needs to be allowed at least one task")]
    NoTasks,
    /// The initializer panicked in a worker, or its arguments could not be decoded there.
    #[error("the initializer failed: {reason}")]
    Initializer {
        /// What it said.
        reason: String,
    },
    /// A worker could not be started.
    #[error("a worker could not be started")]
    Spawn(#[from] SpawnError),
    /// The system refused.
    #[error("the pool could not be made")]
    Os(#[source] io::Error),
}
