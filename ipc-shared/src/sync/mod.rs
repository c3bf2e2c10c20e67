//! Locks between processes that survive their owners.

mod error;
mod guard;
mod mutex;
#[allow(dead_code)]
pub(crate) mod raw;

pub use error::{LockError, LockTimeoutError, TryLockError};
pub use guard::MutexGuard;
pub use mutex::Mutex;
