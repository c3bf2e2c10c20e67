//! Processes and pools of the multiproc family: start a function in another process and get its result.
//!
//! # A function in another process
//!
//! [`Process::spawn`] takes a function, or a closure that captures nothing, and its arguments. The result comes back from
//! [`join`](Process::join).
//!
//! ```
//! use ipc_process::Process;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     ipc_process::init(); // The first line of `main`.
//!     let process = Process::spawn(|(a, b): (u64, u64)| a * b, (6, 7))?;
//!     assert_eq!(process.join()?, 42);
//!     Ok(())
//! }
//! ```
//!
//! Arguments and results are whatever serde can serialize, and handles: pipe ends, queues, files and sockets.
//! What is passed belongs to the child; what is not passed, the child does not have.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # ipc_process::init();
//! use ipc_pipe::{Receiver, Sender};
//! use ipc_process::Process;
//!
//! let (questions, rx) = ipc_pipe::simplex::<String>()?;
//! let (tx, answers) = ipc_pipe::simplex::<usize>()?;
//! let process = Process::spawn(
//!     |(rx, tx): (Receiver<String>, Sender<usize>)| {
//!         for question in rx.iter() {
//!             tx.send(question.unwrap().len()).unwrap();
//!         }
//!     },
//!     (rx, tx),
//! )?;
//! questions.send("how long?".to_string())?;
//! assert_eq!(answers.recv()?, 9);
//! drop(questions); // The child's loop ends.
//! process.join()?;
//! # Ok(())
//! # }
//! ```
//!
//! # When it goes wrong
//!
//! Whatever happens to the child is an error of a known kind: it panicked, with message and backtrace; it exited with a
//! code; a signal ended it. A child that cannot even start is an error of the call that starts it.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # ipc_process::init();
//! use ipc_process::{JoinError, Process};
//!
//! let process = Process::spawn(|(): ()| -> u32 { std::process::abort() }, ())?;
//! match process.join() {
//!     Err(JoinError::Signaled { signal, .. }) => assert_eq!(signal, 6),
//!     other => panic!("{other:?}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Start methods
//!
//! By [`Spawn`](StartMethod::Spawn), the default, the child begins with a fresh image of the program; by
//! [`Fork`](StartMethod::Fork) with a copy of the parent; by [`ForkServer`](StartMethod::ForkServer) with a copy of a small process that
//! is kept for it. The [`Builder`] chooses, and sets name, environment, working directory, streams, and whether the child ends
//! with its parent; a [`Context`] chooses for many. [`Builder::fork`] runs any closure in a copy of this process.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # ipc_process::init();
//! use ipc_process::{Context, StartMethod};
//!
//! let context = Context::new(StartMethod::ForkServer);
//! let processes: Vec<_> = (1..=3).map(|n: u32| context.spawn(|n| n * n, n)).collect::<Result<_, _>>()?;
//! let squares: Result<Vec<_>, _> = processes.into_iter().map(|process| process.join()).collect();
//! assert_eq!(squares?, [1, 4, 9]);
//! # Ok(())
//! # }
//! ```
//!
//! # Who is there
//!
//! [`current`] and [`parent`] tell a process who it is and who started it, [`active_children`] whom it started. A function that returns
//! ends its process, which waits neither for threads nor for children: what is to be waited for is joined. Daemons end with
//! their parent, other children go on.
//!
//! # Pools
//!
//! A [`Pool`] keeps workers for many short calls. A worker that dies fails the one task that it was in, and is replaced.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # ipc_process::init();
//! use ipc_process::Pool;
//!
//! let pool = Pool::new(2)?;
//! let squares: Result<Vec<u64>, _> = pool.map(|n: u64| n * n, 1..=5).into_iter().collect();
//! assert_eq!(squares?, [1, 4, 9, 16, 25]);
//! # Ok(())
//! # }
//! ```
//!
//! Results are waited for, awaited or told to a callback ([`AsyncResult`]); iterators are taken as there is room
//! ([`Pool::imap`]); [`PoolBuilder`] sets what a worker is to do first, and what a task may take.
//!
//! # Features
//!
//! `auto-init` makes the call of [`init`](init()) when the program is loaded, for programs whose `main` belongs to a test or
//! benchmark harness. A library should leave it to the program that uses it.

mod attached;
mod builder;
mod child;
mod children;
mod context;
mod current;
mod entry;
mod environment;
mod error;
mod fork_server;
mod init;
mod launch;
mod life;
mod method;
mod panics;
mod parent;
mod per_process;
mod pool;
mod process;
mod running;
mod starting;
mod stdio;
mod wire;
mod words;

pub use builder::Builder;
pub use children::{ActiveChild, active_children};
pub use context::Context;
pub use current::{Current, current};
pub use error::{JoinError, JoinTimeoutError, SpawnError};
pub use fork_server::{set_forkserver_preload, stop_forkserver};
pub use init::init;
pub use ipc_sys::process::ExitStatus;
pub use method::{ParseStartMethodError, StartMethod, StartMethodAlreadySet, set_start_method};
pub use panics::PanicReport;
pub use parent::{Parent, parent};
pub use pool::{
    AsyncResult, GetError, ManyResults, Pool, PoolBuilder, PoolError, PoolWorker, Progress, StarFn,
    TaskError, Tasks, task_is_overdue,
};
pub use process::Process;
pub use stdio::Stdio;

#[doc(hidden)]
pub mod internals {
    //! Functions by name, for `ipc-manager`. For the family alone; it changes in any version.

    pub use crate::entry::{Callee, Entry, Kept, Outcome, chain};
    pub use crate::panics::catch;
}
