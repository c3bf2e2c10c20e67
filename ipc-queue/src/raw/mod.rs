//! The algorithms of the queue: words in shared memory, and what a survivor makes of them.
//!
//! They know no segment and no system: a word is an atomic, a name is an [`Id`](ipc_shared::internals::Id), and whether
//! its owner lives is a question to [`Peers`](ipc_shared::internals::Peers).
//!
//! | file | what it has |
//! | --- | --- |
//! | `lock` | the lock of one side, which also knows whether somebody of the other side sleeps |
//! | `record` | what stands before each item |
//! | `ring` | where items are written and read, and the two stores that make it so |
//! | `short` | taking short items without a lock |
//! | `batch` | many items as they stand in the ring |
//! | `copy` | bytes in and out of shared words |
//! | `pause` | how a waiter spends its time |
//! | `wait` | waiting for the other side |

mod batch;
mod copy;
#[cfg(test)]
mod fake;
mod lock;
mod pause;
mod record;
mod ring;
mod shim;
mod short;
mod wait;

pub(crate) use batch::{Batch, Items};
#[cfg(test)]
pub(crate) use lock::Lock;
pub(crate) use lock::{LockError, MANY, Taken, Wishes};
pub(crate) use pause::Eagerness;
pub(crate) use record::{EVEN_FROM, Kind, Record};
pub(crate) use ring::{Gets, Puts, Reader, Ring, Writer, n_words};
pub(crate) use shim::AtomicU64 as Word;
pub(crate) use short::{SHORT, Short};
pub(crate) use wait::WaitingPlace;
