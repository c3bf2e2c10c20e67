//! A pool of worker processes that outlives its workers.
//!
//! # How it works
//!
//! One thread of the owner, the *dispatcher*, holds a pipe to each worker. It offers a worker one task to run and one more
//! to have at hand, and takes the results. The offers stand on a [`board`] in shared memory: a worker claims an offer by
//! one store before it runs the task. So when a worker dies, the board tells exactly which task was its own, and that
//! one fails; an offer that was not claimed goes to another worker, as it does when another worker is idle.
//!
//! The message of an offer that was taken back stays in the pipe of its worker, which passes it by and says so. Until then the
//! worker is offered nothing more: so the pipe of one that is slow, or stopped, never fills. The handles among the arguments of
//! a task are the worker's alone from the moment when it says that it has begun.
//!
//! | file | what |
//! | --- | --- |
//! | `builder` | settings, and making a pool |
//! | `handle` | [`Pool`]: what a user calls |
//! | `result` | [`AsyncResult`], [`TaskError`] |
//! | `imap` | the lazy iterator |
//! | `inbox` | what the handle and the dispatcher share |
//! | `dispatcher` | the thread |
//! | `crew` | one worker, as the dispatcher sees it |
//! | `board` | the offers |
//! | `worker` | the worker's side |

mod board;
mod builder;
mod crew;
mod dispatcher;
mod handle;
mod imap;
mod inbox;
mod result;
mod worker;

pub use builder::{PoolBuilder, PoolError};
pub use handle::{Pool, PoolWorker};
pub use result::{AsyncResult, GetError, TaskError};
