//! A start method for all that a program, or a part of it, starts.

use crate::builder::Builder;
use crate::error::SpawnError;
use crate::method::{ParseStartMethodError, StartMethod};
use crate::pool::PoolBuilder;
use crate::process::Process;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::str::FromStr;

/// A start method, and all that can be started by it.
///
/// A library that needs a certain method has a context of its own, and asks nobody to
/// [set the method](crate::set_start_method) of the program.
///
/// # Examples
///
/// ```
/// use ipc_process::{Context, StartMethod};
/// # ipc_process::init();
///
/// let context = Context::new(StartMethod::ForkServer);
/// assert_eq!(context.spawn(|n: u32| n + 1, 1)?.join()?, 2);
/// assert_eq!(context.process().name("adder").spawn(|n: u32| n + 1, 2)?.join()?, 3);
/// assert_eq!(context.pool().workers(1).build()?.apply(|n: u32| n + 1, 3)?, 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// By the name that somebody wrote into a file, or on a command line:
///
/// ```
/// use ipc_process::{Context, StartMethod};
///
/// let context: Context = "spawn".parse()?;
/// assert_eq!(context.method(), StartMethod::Spawn);
/// let error = "thread".parse::<Context>().unwrap_err();
/// assert_eq!(error.to_string(), "there is no start method \"thread\"; there are spawn, fork, forkserver");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Context {
    method: StartMethod,
}

impl Context {
    /// A context of this method. The default one has the method of the program.
    pub fn new(method: StartMethod) -> Self {
        Context { method }
    }

    /// The method.
    pub fn method(self) -> StartMethod {
        self.method
    }

    /// The settings of a process to start.
    pub fn process(self) -> Builder {
        Builder::new().method(self.method)
    }

    /// The settings of a pool to make.
    pub fn pool(self) -> PoolBuilder {
        PoolBuilder::new().method(self.method)
    }

    /// Starts a process that calls `function` with `args`.
    ///
    /// # Errors
    ///
    /// [`SpawnError`]; there is no process then.
    pub fn spawn<A, R>(self, function: fn(A) -> R, args: A) -> Result<Process<R>, SpawnError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        self.process().spawn(function, args)
    }
}

impl FromStr for Context {
    type Err = ParseStartMethodError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        name.parse().map(Context::new)
    }
}
