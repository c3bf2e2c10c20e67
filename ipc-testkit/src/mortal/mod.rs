//! Processes that are threads of a test, and die before any of their steps.
//!
//! An algorithm that has to survive kills is written over words and over the question who is dead. Here are words whose every
//! change is a step ([`AtomicU32`], [`AtomicU64`]; others call [`step`]), a thread that ends before the step of a given number
//! ([`dies_before`]), and [`Process`], which knows that it is dead afterwards. Loads are no steps: they leave nothing behind.
//!
//! Compiled with `--cfg loom` the same words and processes are those of a model, and `model` has what else it needs.
//!
//! # Examples
//!
//! ```
//! use ipc_testkit::mortal::{AtomicU64, at_every_step, processes};
//! use std::sync::atomic::Ordering::Relaxed;
//!
//! // Nobody ever finds the second word set and the first one not.
//! let deaths = at_every_step(|step| {
//!     let [victim] = processes();
//!     let (first, second) = (AtomicU64::new(0), AtomicU64::new(0));
//!     let lived = victim.dies_at(step, || {
//!         first.store(1, Relaxed);
//!         second.store(1, Relaxed);
//!     });
//!     assert!(first.load(Relaxed) >= second.load(Relaxed));
//!     assert!(victim.is_dead(victim.number()));
//!     lived.is_some()
//! });
//! assert_eq!(deaths, 2);
//! ```

mod fate;
mod process;
mod words;

pub use fate::{at_every_step, dies_before, step};
pub use process::{Process, processes};
pub use words::{AtomicU32, AtomicU64};
