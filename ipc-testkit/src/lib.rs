//! Child processes, watchdog and leak check for the tests of the multiproc family.
//!
//! # A test in a process of its own
//!
//! What starts, kills or forks processes is tested in a fresh process of one thread. [`isolated()`] makes one, gives it 60
//! seconds, and lets it leave nothing behind: no descriptor, no child, no thread, no shared mapping, no name.
//!
//! ```
//! // In a test file this is the whole body of a `#[test]` function.
//! ipc_testkit::isolated(|| {
//!     let status = std::process::Command::new("true").status().expect("the program is there");
//!     assert!(status.success());
//! });
//! ```
//!
//! [`Isolated`] has the options: another limit, or leave to leak, with the reason. The body captures nothing, since it
//! runs in another process.
//!
//! # Names and folders
//!
//! [`unique_name()`] makes names that no other test has, and that the leak check knows as this test's. [`temp_dir()`]
//! makes a folder that goes away.
//!
//! # Loops that must not grow
//!
//! [`leaks::Snapshot`] compares before and after, also within one test.
//!
//! # Code that must not hang
//!
//! [`watchdog()`] aborts the process when a piece of code takes too long.
//!
//! # Calls that have an end
//!
//! [`Stopwatch`] tells how long a call takes, without the time for which others had the processor.
//!
//! # Random numbers that can be had again
//!
//! [`Rng`] prints its seed and takes it back from `IPC_TESTKIT_SEED`.
//!
//! # Input that nobody would send
//!
//! [`fuzz`] is the loop of all fuzz targets, with the changes that they make to honest bytes; [`Counting`] and [`peak_of`] tell
//! how much memory the answer took.
//!
//! # Queues that must lose nothing
//!
//! [`history`] notes what workers call and are told, in memory that a kill cannot break, and tells whether a queue can have
//! answered so.
//!
//! # Programs that kill
//!
//! [`kill`] is the frame of the `tests/kill.rs` of a crate, a program that kills processes at many points and prints what
//! was lost.
//!
//! # Threads that play processes
//!
//! [`mortal`] has threads that die before any of their steps, for algorithms over shared words; with `--cfg loom`
//! there is also `model`, for trying all orders of their steps.

pub mod fuzz;
pub mod history;
pub mod kill;
pub mod leaks;
#[cfg(loom)]
pub mod model;
pub mod mortal;
pub mod proc;

mod counting;
mod inner;
mod isolated;
mod names;
mod order;
mod outer;
mod report;
mod residue;
mod rng;
mod stopwatch;
mod stray;
mod token;
mod watchdog;

pub use counting::{Counting, peak_of};
pub use isolated::{Isolated, isolated, isolated_within};
pub use names::{TempDir, temp_dir, unique_name};
pub use report::{Failure, Report};
pub use rng::{Rng, SEED_VARIABLE};
pub use stopwatch::Stopwatch;
pub use watchdog::{WatchdogGuard, watchdog};
