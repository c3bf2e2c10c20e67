//! Locks between processes that survive their owners.

mod acquire_error;
mod barrier;
mod bounded_semaphore;
mod condvar;
mod condvar_error;
mod error;
mod event;
pub(crate) mod guard;
mod holders;
mod mutex;
mod permit;
pub(crate) mod raw;
mod read_error;
mod reentrant_guard;
mod reentrant_mutex;
mod rw_guard;
mod rw_lock;
mod semaphore;

pub(crate) use condvar::MAX_WAITERS;
pub(crate) use error::Refusal;

pub use acquire_error::{AcquireError, AcquireTimeoutError, AddPermitsError, TryAcquireError};
pub use barrier::{Barrier, BarrierError, BarrierWaitResult};
pub use bounded_semaphore::BoundedSemaphore;
pub use condvar::Condvar;
pub use condvar_error::{CondvarError, CondvarTimeoutError};
pub use error::{LockError, LockTimeoutError, TryLockError};
pub use event::Event;
pub use guard::MutexGuard;
pub use mutex::Mutex;
pub use permit::Permit;
pub use read_error::{ReadError, ReadTimeoutError, TryReadError};
pub use reentrant_guard::ReentrantMutexGuard;
pub use reentrant_mutex::ReentrantMutex;
pub use rw_guard::{RwLockReadGuard, RwLockWriteGuard};
pub use rw_lock::RwLock;
pub use semaphore::Semaphore;
