//! The frame of a kill test, and the ways to kill.
//!
//! A kill test is a program that kills processes at many points and prints a row for each scenario. A crate has it as
//! `tests/kill.rs`, with `harness = false` for it in the manifest. `cargo test` runs it in its quick form,
//! `cargo xtask kill AREA` in full. It understands the arguments of libtest as far as they choose what is run.
//!
//! Each scenario has a process of its own. It bounds its own waits and counts those that were too long as hangs. As a last
//! resort its process ends itself when it takes more than [`Args::limit`], and the others go on.
//!
//! # Which sweep for what
//!
//! A sweep stops a process at every point of a call and looks what that leaves for the others. A point is an instruction,
//! and what processes leave in memory changes by instructions only: all points together are all that can happen. It costs
//! some 0.2 ms a point.
//!
//! | question | answer |
//! | --- | --- |
//! | What does a process leave that dies in this call? | [`sweep()`] |
//! | The call sleeps until others act. What if it dies asleep, or when it was just woken? | [`sweep_blocking()`] |
//! | What if another one is halfway through a call, too? | [`sweep_pairs()`] |
//! | What if those who repair it die as well? | [`sweep_recovery()`] |
//! | What if it does not die, but stands still for long? | [`sweep_stops()`] |
//! | What if they die within the kernel, and hundreds of times? | [`storm()`] |
//!
//! What is killed is a fork of the scenario's process, which must have one thread; what it shares with the survivors, `make` makes
//! before the fork. For each point it is made anew. The survivor that checks is the scenario's process, or what it forks.
//!
//! Each of them returns the same counts, and [`Sweep::row`] makes a row of them. A call that does not end within some
//! seconds is a hang and is killed; no child outlives a sweep, also when a check panics.
//!
//! What a call does may depend on the time, or on what the allocator has at hand; then a child misses its point, and is
//! killed elsewhere. Few do that, and they are counted.
//!
//! # Examples
//!
//! ```
//! use ipc_testkit::kill::{self, Args, Row, Scenario};
//!
//! fn put(args: &Args) -> Row {
//!     let mut row = Row::new("put");
//!     for _point in 0..args.scale(10, 1_000) {
//!         row.points += 1;
//!         // Start a child, kill it at this point, let the survivors work, compare with what they must find.
//!         row.kills += 1;
//!     }
//!     row
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     kill::run(&[Scenario { name: "put", run: put }])
//! }
//! ```

mod alarm;
mod args;
mod blocking;
mod forked;
mod pairs;
mod patience;
mod pin;
mod recovery;
mod route;
mod row;
mod runner;
mod stops;
mod storm;
mod sweep;
mod swept;
mod tracee;
pub(crate) mod words;

pub use args::Args;
pub use blocking::{Phase, sweep_blocking};
pub use forked::Ending;
pub use pairs::{Pair, Party, sweep_pairs};
pub use recovery::sweep_recovery;
pub use row::Row;
pub use runner::{Scenario, run, run_with};
pub use stops::sweep_stops;
pub use storm::{Moment, storm};
pub use sweep::sweep;
pub use swept::Sweep;
