//! The algorithms of the locks: words in shared memory, and what a survivor makes of them.
//!
//! They know no segment and no system: a word is an atomic, a name is an [`Id`], and whether its owner lives is a question to
//! [`Peers`]. So they are tested between threads of one process, whose deaths are made up, and by models.

mod condvar;
mod event;
#[cfg(all(test, not(loom)))]
mod fake;
mod mutex;
mod peers;
mod reentrant;
mod shim;
mod spin;

#[cfg(all(test, loom))]
mod model;

#[allow(unused_imports)]
pub(crate) use {
    condvar::{RawCondvar, RawWaitError},
    event::RawEvent,
    mutex::{Acquired, RawLockError, RawMutex, State},
    peers::{Id, Peers},
    reentrant::{RawReentrant, RawReentrantError},
};
