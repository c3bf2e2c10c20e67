//! The algorithms of the locks: words in shared memory, and what a survivor makes of them.
//!
//! They know no segment and no system: a word is an atomic, a name is an [`Id`], and whether its owner lives is a question to
//! [`Peers`]. So they are tested between threads of one process, whose deaths are made up, and by models.

mod mutex;
mod peers;
mod shim;
mod spin;

#[allow(unused_imports)]
pub(crate) use {
    mutex::{Acquired, RawLockError, RawMutex, State},
    peers::{Id, Peers},
};
