//! Kills processes that make, open, change and unlink, and looks at what the others find.
//!
//! `cargo test` does some hundred kills, `cargo test -p ipc-shared --test kill -- --full` some ten thousand.

mod birth;
mod cells;
mod change;
mod inside;
mod mutex;
mod words;

#[path = "../support/mod.rs"]
mod support;

use ipc_testkit::kill::{Scenario, run};

fn main() -> std::process::ExitCode {
    inside::warm_up();
    run(&[
        Scenario { name: "create", run: birth::create },
        Scenario { name: "create_list", run: birth::create_list },
        Scenario { name: "open_or_create", run: birth::open_or_create },
        Scenario { name: "unlink", run: birth::unlink },
        Scenario { name: "make", run: cells::make },
        Scenario { name: "send", run: cells::send },
        Scenario { name: "receive", run: cells::receive },
        Scenario { name: "set_number", run: change::set_number },
        Scenario { name: "set_text", run: change::set_text },
        Scenario { name: "set_kind", run: change::set_kind },
        Scenario { name: "mutex_lock", run: mutex::lock },
        Scenario { name: "mutex_repair", run: mutex::repair },
        Scenario { name: "mutex_unrepaired", run: mutex::unrepaired },
        Scenario { name: "mutex_asleep", run: mutex::asleep },
        Scenario { name: "mutex_pairs", run: mutex::pairs },
        Scenario { name: "mutex_heirs", run: mutex::heirs },
        Scenario { name: "mutex_recovery", run: mutex::recovery },
        Scenario { name: "mutex_stops", run: mutex::stops },
        Scenario { name: "mutex_long_stop", run: mutex::long_stop },
        Scenario { name: "mutex_storm", run: mutex::many },
        // The last ones: from there on the kernel refuses files without names.
        Scenario { name: "create_in_place", run: birth::create_in_place },
        Scenario { name: "create_list_in_place", run: birth::create_list_in_place },
    ])
}
