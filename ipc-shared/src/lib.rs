//! Shared memory of the multiproc family and what lives in it. Nothing is here yet; this page says what the crate is for.
//!
//! # Purpose
//!
//! - *Segments* with a header that refuses strangers, and an arena in them for small things, so that a value or a lock
//!   costs some tens of bytes and no descriptor.
//! - *Values and arrays* of plain data, with a lock or without, with atomic operations.
//! - *Named and unnamed shared memory*, a list of mixed small values, and the layouts of CPython for both.
//! - *Locks* between processes: mutex, read-write lock, semaphore, condition variable, event, barrier. The death of an
//!   owner is reported once, with the lock held and the data in reach.
//!
//! # What other crates use meanwhile
//!
//! The bare ground is in `ipc-sys`: sealed memory (`memory`), sleeping on a word (`futex`), a lock that reports a dead owner
//! (`robust`). `ipc-queue` stands on these three.
