//! Objects in a server process, shared by all who have a proxy.
//!
//! A [`Manager`] is a process that holds lists, dicts, sets, queues and locks for others, which reach them by *proxies*: plain values that
//! can be cloned, sent, used from any thread and any process, and put into other managed objects.
//!
//! ```
//! use ipc_manager::{Dict, Manager};
//! use ipc_process::Process;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     ipc_process::init(); // The first line of `main`.
//!     let manager = Manager::start()?;
//!     let ages: Dict<String, u32> = manager.dict()?;
//!     let child = Process::spawn(
//!         |ages: Dict<String, u32>| ages.set("Ada", &36).unwrap(),
//!         ages.clone(),
//!     )?;
//!     child.join()?;
//!     assert_eq!(ages.get("Ada")?, Some(36));
//!     Ok(())
//! }
//! ```
//!
//! # Changes that nobody comes between
//!
//! Each call is one step: no other call sees the middle of it. For more than one step there are functions, which run in the server.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # ipc_process::init();
//! let manager = ipc_manager::Manager::start()?;
//! let (stock, sold) = (manager.dict::<String, u32>()?, manager.list::<String>()?);
//! stock.set("pen", &3)?;
//! assert_eq!(stock.fetch_add("pen", 2)?, 3);
//! stock.update("pen", |n: &mut Option<u32>, by: u32| *n = n.map(|n| n * by), 2)?;
//!
//! // Several objects at once.
//! let is_sold = manager.transaction(
//!     (&stock, &sold),
//!     |(stock, sold), what: String| match stock.get_mut(&what) {
//!         Some(n) if *n > 0 => {
//!             *n -= 1;
//!             sold.push(what);
//!             true
//!         }
//!         _ => false,
//!     },
//!     "pen".to_string(),
//! )?;
//! assert!(is_sold);
//! assert_eq!((stock.get("pen")?, sold.to_vec()?), (Some(9), vec!["pen".to_string()]));
//! # Ok(())
//! # }
//! ```
//!
//! # Objects in objects
//!
//! A proxy is a value like any other. What is nested is the object, and not a copy of it.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # ipc_process::init();
//! use ipc_manager::List;
//!
//! let manager = ipc_manager::Manager::start()?;
//! let rows = manager.list::<List<u32>>()?;
//! rows.push(&manager.list_from([1, 2])?)?;
//! rows.get(0)?.push(&3)?;
//! assert_eq!(rows.get(0)?.to_vec()?, [1, 2, 3]);
//! # Ok(())
//! # }
//! ```
//!
//! # From other machines
//!
//! [`Host::serve`] opens a manager to all who have its address and the key; they come in by [`Manager::connect`].
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # ipc_process::init();
//! use ipc_manager::{List, Manager};
//! use ipc_pipe::Key;
//!
//! let (manager, key) = (Manager::start()?, Key::random()?);
//! let gate = manager.serve(&"tcp:127.0.0.1:0".parse()?, &key)?;
//! gate.publish("names", &manager.list_from(["Ada".to_string()])?)?;
//!
//! let names: List<String> = Manager::connect(gate.address(), &key)?.find("names")?;
//! assert_eq!(names.get(0)?, "Ada");
//! # Ok(())
//! # }
//! ```
//!
//! # When a process is killed
//!
//! - A client: its locks and permits are free, its references are given back, and whoever waited for them goes on.
//! - The server: every call of everybody fails with [`CallError::ServerGone`].
//! - The owner of the manager: the server ends with it.
//!
//! # Whom to trust with what
//!
//! Who has a proxy can use the manager, and reach what it can name: names are 64-bit numbers that nobody can guess. It can also have
//! functions of the program run in the server, unless the [`Builder`] forbids that; types that are
//! [registered](Builder::register) have methods by name in any case. A proxy goes to those who are trusted as a child process is.
//!
//! Who comes through a gate has shown the key. It can use all operations, and have no functions run unless the [`GateBuilder`] allows
//! that.
//!
//! # How it works
//!
//! Calls go through a pipe in shared memory to a server of one thread, which never waits. The page `docs/manager.md` of the repository has
//! the steps, and what is left when one of them is the last.

mod client;
mod error;
mod host;
mod info;
mod manager;
mod proxy;
mod remote;
mod server;
mod wire;

#[cfg(test)]
mod tests;

pub use error::{CallError, StartError};
pub use host::Host;
pub use info::{ClientInfo, Holding, ObjectInfo};
pub use manager::{Builder, Manager};
pub use proxy::{
    Array, Barrier, BarrierState, BoundedSemaphore, Condition, ConditionGuard, Dict, Event, JoinableQueue,
    List, Lock, LockGuard, Namespace, Number, Object, Outcome, Outcomes, Permit, Pool, Queue, ReentrantLock,
    Semaphore, Set, Transact, Value,
};
pub use remote::{Gate, GateBuilder, GateError, Remote, RemoteBuilder, RemoteError};
#[cfg(feature = "tls")]
pub use remote::{TlsClient, TlsError, TlsServer};
pub use server::{Methods, Registered};
