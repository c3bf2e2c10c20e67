//! Locks between processes that survive their owners.

mod condvar;
mod condvar_error;
mod error;
pub(crate) mod guard;
mod event;
mod mutex;
#[allow(dead_code)]
pub(crate) mod raw;
mod reentrant_guard;
mod reentrant_mutex;

pub(crate) use error::Refusal;
pub use condvar::Condvar;
pub(crate) use condvar::MAX_WAITERS;
pub use condvar_error::{CondvarError, CondvarTimeoutError};
pub use error::{LockError, LockTimeoutError, TryLockError};
pub use event::Event;
pub use guard::MutexGuard;
pub use mutex::Mutex;
pub use reentrant_guard::ReentrantMutexGuard;
pub use reentrant_mutex::ReentrantMutex;
