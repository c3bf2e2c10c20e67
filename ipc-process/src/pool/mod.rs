//! A pool of worker processes that outlives its workers.
//!
//! # How it works
//!
//! Each worker has a [`desk`] in shared memory, where tasks come in and results go out. Who waits for results drives the pool: takes
//! what is there, hands out what waits. A thread, the *keeper*, does it while nobody waits, and replaces the dead. A worker claims each
//! task by one store before it runs it, and publishes each result by one store. So when a worker dies, its desk tells exactly which
//! task was its own, and that one fails; what it did before is there, and what it had not begun goes to another worker, as it does
//! when another worker is idle. `docs/pool.md` has the steps.
//!
//! | file | what |
//! | --- | --- |
//! | `builder` | settings, and making a pool |
//! | `handle` | [`Pool`]: what a user calls |
//! | `result`, `many`, `pending`, `task_error` | [`AsyncResult`], [`ManyResults`]; [`TaskError`] |
//! | `tasks`, `flow`, `map`, `imap`, `star` | many tasks of one function |
//! | `callbacks` | the thread that calls back |
//! | `job`, `chunk` | what came of tasks; tasks that wait |
//! | `engine`, `state` | what drives a pool; what stands under its lock |
//! | `keeper` | the thread |
//! | `crew`, `recipe` | one worker, as the owner sees it; how it is made |
//! | `desk`, `stretch`, `board`, `pause` | the shared memory; waiting for it |
//! | `worker`, `run` | the worker's side |

mod board;
mod builder;
mod callbacks;
mod chunk;
mod crew;
mod desk;
mod engine;
mod flow;
mod handle;
mod imap;
mod job;
mod keeper;
mod many;
mod map;
mod pause;
mod pending;
mod recipe;
mod result;
mod run;
mod star;
mod state;
mod stretch;
mod task_error;
mod tasks;
mod worker;

pub use builder::{PoolBuilder, PoolError};
pub use handle::{Pool, PoolWorker};
pub use many::ManyResults;
pub use result::{AsyncResult, GetError};
pub(crate) use run::Run;
pub use run::task_is_overdue;
pub use star::StarFn;
pub use task_error::TaskError;
pub use tasks::{Progress, Tasks};
