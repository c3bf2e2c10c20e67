//! Processes and pools of the multiproc family: start a function in another process and get its result.

mod attached;
mod builder;
mod child;
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
mod pool;
mod process;
mod reaper;
mod running;
mod stdio;
mod wire;

pub use builder::Builder;
pub use current::{Current, current};
pub use error::{JoinError, JoinTimeoutError, SpawnError};
pub use init::init;
pub use ipc_sys::process::ExitStatus;
pub use method::{ParseStartMethodError, StartMethod};
pub use panics::PanicReport;
pub use pool::{AsyncResult, GetError, Pool, PoolBuilder, PoolError, PoolWorker, TaskError};
pub use process::Process;
pub use stdio::Stdio;
