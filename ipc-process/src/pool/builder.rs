//! Settings of a pool, and making it.

use super::board::Board;
use super::crew::{Recipe, Worker};
use super::dispatcher::Dispatcher;
use super::handle::Pool;
use super::inbox::Inbox;
use crate::error::SpawnError;
use crate::fork_server::ForkServer;
use crate::method::StartMethod;
use crate::starting::refuse_threads;
use ipc_codec::Limits;
use ipc_sys::doorbell::Doorbell;
use std::io;
use std::sync::Arc;

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
}

impl PoolBuilder {
    /// The default settings: a worker per processor that this process may use.
    pub fn new() -> Self {
        PoolBuilder { n_workers: None, method: StartMethod::default(), limits: Limits::default() }
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
        let doorbell = Doorbell::new().map_err(PoolError::Os)?;
        let board = Arc::new(Board::new(n_workers).map_err(PoolError::Os)?);
        let fork_server = match self.method {
            StartMethod::Spawn => None,
            StartMethod::Fork => {
                refuse_threads()?;
                Some(ForkServer::start()?)
            }
            StartMethod::ForkServer => Some(ForkServer::spawned(None)?),
        };
        let recipe = Recipe::new(board, self.limits, fork_server);
        // All at once, and then each one's first word: they start side by side.
        let workers = (0..n_workers).map(|index| recipe.start(index)).collect::<Result<Vec<Worker>, _>>()?;
        workers.iter().try_for_each(Worker::wait_until_started)?;
        let inbox = Inbox::new(doorbell);
        inbox.lock().workers = workers.iter().map(Worker::to_public).collect::<Result<_, _>>()?;
        let inbox = Arc::new(inbox);
        let dispatcher = Dispatcher::new(Arc::clone(&inbox), recipe, workers);
        let thread = std::thread::Builder::new()
            .name("multiproc pool".into())
            .spawn(move || dispatcher.run())
            .map_err(PoolError::Os)?;
        Ok(Pool::running(inbox, self.limits, n_workers, thread))
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
    /// A worker could not be started.
    #[error("a worker could not be started")]
    Spawn(#[from] SpawnError),
    /// The system refused.
    #[error("the pool could not be made")]
    Os(#[source] io::Error),
}
