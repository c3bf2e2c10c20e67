//! Kills processes in the middle of puts and gets, and looks at what the others find.
//!
//! `cargo test` does some ten thousand kills, `cargo test --release -p ipc-queue --test kill -- --full` some hundred thousand.

mod calls;
mod items;
mod places;
mod survive;
mod words;

#[path = "../support/mod.rs"]
mod support;

use ipc_testkit::kill::{Scenario, run};

fn main() -> std::process::ExitCode {
    run(&[
        Scenario { name: "put", run: calls::put },
        Scenario { name: "try_put", run: calls::try_put },
        Scenario { name: "put_timeout", run: calls::put_timeout },
        Scenario { name: "try_put_full", run: calls::try_put_full },
        Scenario { name: "put_in_vain", run: calls::put_in_vain },
        Scenario { name: "get", run: calls::get },
        Scenario { name: "get_into", run: calls::get_into },
        Scenario { name: "try_get", run: calls::try_get },
        Scenario { name: "get_timeout", run: calls::get_timeout },
        Scenario { name: "try_get_empty", run: calls::try_get_empty },
        Scenario { name: "get_in_vain", run: calls::get_in_vain },
    ])
}
