//! Processes, pools, queues and pipes in the shape of Python's `multiprocessing`, safe under `kill -9`.
//!
//! A function runs in another process, as another call would run in another thread: with typed arguments, a typed result, and
//! queues and pipes to talk to it meanwhile. Whoever is killed, at whatever instruction, takes down nobody else: no lock stays
//! held, no queue stands still, no pipe stays open, no pool hangs, and nothing is left behind.
//!
//! # A first program
//!
//! ```
//! use multiproc::{Pool, Process};
//!
//! fn count(text: String) -> usize {
//!     text.split_whitespace().count()
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     multiproc::init(); // The first line of `main`: in a child, it runs the function and never returns.
//!
//!     let process = Process::spawn(count, "to be or not to be".to_string())?;
//!     assert_eq!(process.join()?, 6);
//!
//!     let pool = Pool::new(2)?;
//!     let counts = pool.map(count, ["a rose is a rose", "is a rose"].map(String::from));
//!     assert_eq!(counts.into_iter().sum::<Result<usize, _>>()?, 8);
//!     Ok(())
//! }
//! ```
//!
//! `examples/wordcount` is a whole program: it counts the words of many files in a pool, also while its workers are
//! killed. `examples/shared_counter` is a small one, in which processes work on the same numbers, and `examples/process_queue` a
//! smaller one, in which one puts what another gets. `examples/hello_process` shows what each start method does with what a parent has.
//!
//! # What is where
//!
//! Each part is a crate of its own, which can be used alone and is a module here.
//!
//! ## Processes: [`process`]
//!
//! * [`init`], the first line of `main`.
//! * [`Process`], a function in another process; [`Builder`], with its settings; [`StartMethod`], how it is made, and
//!   [`Context`], for all that a part of a program starts.
//! * [`Pool`], worker processes that run many calls and are replaced when they die.
//! * [`current`], who this process is; [`parent`], who started it; [`active_children`], whom it started.
//!
//! ## Messages: [`queue`] and [`pipe`](mod@pipe)
//!
//! * [`Queue`], many processes to many, bounded in items and bytes; [`JoinableQueue`], which knows what is done of what was taken.
//! * [`channel()`], a queue with two ends that sees when all of the other end are gone.
//! * [`pipe()`], two ends that both send and receive; [`simplex`], one way. Their end of file is exact.
//! * [`Listener`] and [`connect()`], for processes that find each other by an [`Address`] and trust each other by a [`Key`];
//!   between them a [`Connection`]. [`pipe::python`] speaks with programs in Python.
//! * [`wait()`], for the first of many: queues, pipes, processes, events, sockets.
//!
//! ## Memory: [`shared`]
//!
//! * [`SharedMemory`], a block of bytes, without a name or with one that C and Python programs can open.
//! * [`ShareableList`], numbers and texts in slots, as Python has it.
//! * [`Value`], a variable with a lock; [`Array`], many of them with one lock for all.
//! * [`RawValue`] and [`RawArray`], without a lock; their numbers are changed in one step.
//!
//! ## Locks: [`sync`]
//!
//! They survive their owners: the death of one is told to the next, with the data in reach.
//!
//! * [`sync::Mutex`], with data or for something else; [`sync::ReentrantMutex`]; [`sync::RwLock`], many readers or one writer.
//! * [`sync::Condvar`], waiting for a change of what a mutex protects; [`sync::Event`], a flag to wait for.
//! * [`sync::Semaphore`] and [`sync::BoundedSemaphore`], permits that come back when their holder ends.
//! * [`sync::Barrier`], all go on together.
//!
//! ## Data: [`codec`]
//!
//! * [`Handle`], a file or socket that travels in a message.
//! * [`Limits`], what a message may cost.
//!
//! ## Objects in a server process: [`manager`]
//!
//! * [`Manager`] starts the process; [`Host`](manager::Host) makes objects in it, wherever it is.
//! * [`manager::List`], [`manager::Dict`], [`manager::Set`], [`manager::Namespace`], [`manager::Value`], [`manager::Array`]: values that
//!   many processes change, each change in one step, and nested as they like.
//! * [`manager::Queue`], [`manager::Lock`] and others of their kind, which can be put into those.
//! * [`manager::Registered`], types of the program that live there.
//! * [`manager::Gate`] opens it to those who have an address and a key, and [`Manager::connect`] is their way in.
//!
//! # Features
//!
//! * `auto-init` calls [`init`] when the program is loaded, for programs whose `main` belongs to somebody else: test
//!   harnesses, doctests, benchmark harnesses.
//! * `tls` has managers reached over TLS: `manager::TlsServer`, `manager::TlsClient`.

#[doc(inline)]
pub use ipc_codec as codec;
#[doc(inline)]
pub use ipc_manager as manager;
#[doc(inline)]
pub use ipc_pipe as pipe;
#[doc(inline)]
pub use ipc_process as process;
#[doc(inline)]
pub use ipc_queue as queue;
#[doc(inline)]
pub use ipc_shared as shared;
#[doc(inline)]
pub use ipc_shared::sync;

#[doc(no_inline)]
pub use ipc_process::{
    ActiveChild, AsyncResult, Builder, Context, Current, ExitStatus, JoinError, JoinTimeoutError,
    ManyResults, PanicReport, Parent, Pool, PoolBuilder, PoolError, PoolWorker, Process, Progress,
    SpawnError, StarFn, StartMethod, Stdio, TaskError, Tasks, active_children, current, init, parent,
    set_forkserver_preload, set_start_method, stop_forkserver, task_is_overdue,
};

#[doc(no_inline)]
pub use ipc_manager::Manager;

#[doc(no_inline)]
pub use ipc_queue::{JoinableQueue, Queue, WhenFull, channel};

#[doc(no_inline)]
pub use ipc_shared::{Array, Item, RawArray, RawValue, ShareableList, SharedMemory, Value};

#[doc(no_inline)]
pub use ipc_pipe::{
    Address, Connection, Key, Listener, Pipe, Receiver, RecvError, SendError, Sender, connect, pipe, simplex,
};

#[doc(no_inline)]
pub use ipc_pipe::{Readable, WaitError, Waitable, try_wait, wait, wait_deadline, wait_timeout};

#[doc(no_inline)]
pub use ipc_codec::{Limits, handle::Handle};

/// The programs of the README, so that they compile and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
