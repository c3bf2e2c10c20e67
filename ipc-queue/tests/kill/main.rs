//! Kills processes in the middle of puts and gets, and looks at what the others find.
//!
//! `cargo test` does some hundred kills, `cargo test -p ipc-queue --test kill -- --full` some ten thousand.

mod ledger;
mod storm;
mod swept;
mod woken;

#[path = "../support/mod.rs"]
mod support;

use ipc_testkit::kill::{Scenario, run};

fn main() -> std::process::ExitCode {
    run(&[
        Scenario { name: "put_into_empty", run: swept::put_into_empty },
        Scenario { name: "put_second", run: swept::put_second },
        Scenario { name: "put_last", run: swept::put_last },
        Scenario { name: "put_over_the_end", run: swept::put_over_the_end },
        Scenario { name: "get_only", run: swept::get_only },
        Scenario { name: "get_from_full", run: swept::get_from_full },
        Scenario { name: "get_over_the_end", run: swept::get_over_the_end },
        Scenario { name: "close", run: swept::close },
        Scenario { name: "storm", run: storm::storm },
        Scenario { name: "woken", run: woken::woken },
    ])
}
