//! The algorithms of the locks: words in shared memory, and what a survivor makes of them.
//!
//! They know no segment and no system: a word is an atomic, a name is an [`Id`], and whether its owner lives is a question to
//! [`Peers`]. So they are tested between threads of one process, whose deaths are made up, and by models.

mod barrier;
mod bell;
mod cells;
mod condvar;
mod event;
#[cfg(all(test, not(loom)))]
mod fake;
mod mutex;
mod peers;
mod reentrant;
mod rwlock;
mod semaphore;
mod shim;
mod spin;
mod words;

#[cfg(all(test, loom))]
mod model;

pub use peers::{Id, Peers};
pub use spin::Patience;
pub(crate) use {
    barrier::{BarrierError, Passed, RawBarrier},
    cells::Cell,
    condvar::{RawCondvar, RawWaitError},
    event::RawEvent,
    mutex::{Acquired, RawLockError, RawMutex, State},
    reentrant::{RawReentrant, RawReentrantError},
    rwlock::{RawRwLock, ReadError},
    semaphore::{AcquireError, AddError, MAX_PERMITS, RawSemaphore},
};
