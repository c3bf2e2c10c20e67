//! The frame of a kill test: a program that kills processes at many points and prints a row for each scenario.
//!
//! A crate has it as `tests/kill.rs`, with `harness = false` for it in the manifest. `cargo test` runs it in its quick
//! form, `cargo xtask kill AREA` in full. It understands the arguments of libtest as far as they choose what is run.
//!
//! A scenario bounds its own waits and counts those that were too long as hangs. As a last resort the program ends itself
//! when one scenario takes more than [`Args::limit`].
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
mod row;
mod runner;
mod sweep;

pub use args::Args;
pub use row::Row;
pub use runner::{Scenario, run, run_with};
pub use sweep::{Sweep, sweep};
