//! Locks between processes that survive their owners.

mod error;
pub(crate) mod guard;
mod mutex;
#[allow(dead_code)]
pub(crate) mod raw;

pub(crate) use error::Refusal;
pub use error::{LockError, LockTimeoutError, TryLockError};
pub use guard::MutexGuard;
pub use mutex::Mutex;
