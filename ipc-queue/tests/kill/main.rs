//! Kills processes in the middle of puts and gets, and looks at what the others find.
//!
//! `cargo test` does some ten thousand kills, `cargo test --release -p ipc-queue --test kill -- --full` some hundred thousand.

mod asleep;
mod calls;
mod ends;
mod handles;
mod histories;
mod items;
mod ledger;
mod loans;
mod mending;
mod pairs;
mod places;
mod storm;
mod survive;
mod tasks;
mod woken;
mod words;

#[path = "../support/mod.rs"]
mod support;

use ipc_testkit::kill::{Scenario, run};

fn main() -> std::process::ExitCode {
    survive::warm_up();
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
        Scenario { name: "put_dropping", run: calls::put_dropping },
        Scenario { name: "put_many", run: calls::put_many },
        Scenario { name: "get_many", run: calls::get_many },
        Scenario { name: "values", run: calls::values },
        Scenario { name: "put_handle", run: handles::put_handle },
        Scenario { name: "get_handle", run: handles::get_handle },
        Scenario { name: "get_handle_of_the_dead", run: handles::get_handle_of_the_dead },
        Scenario { name: "pass_handle", run: handles::pass_handle },
        Scenario { name: "drop_with_handles", run: handles::drop_with_handles },
        Scenario { name: "put_large", run: handles::put_large },
        Scenario { name: "get_large", run: handles::get_large },
        Scenario { name: "loan", run: loans::loan },
        Scenario { name: "loan_put", run: loans::loan_put },
        Scenario { name: "take", run: loans::take },
        Scenario { name: "take_and_put", run: loans::take_and_put },
        Scenario { name: "heir", run: loans::heir },
        Scenario { name: "task", run: tasks::task },
        Scenario { name: "joined", run: tasks::joined },
        Scenario { name: "close", run: ends::close },
        Scenario { name: "let_go", run: ends::let_go },
        Scenario { name: "open", run: ends::open },
        Scenario { name: "sender", run: ends::sender },
        Scenario { name: "receiver", run: ends::receiver },
        Scenario { name: "end_asleep", run: ends::end_asleep },
        Scenario { name: "getters", run: asleep::getters },
        Scenario { name: "putters", run: asleep::putters },
        Scenario { name: "borrowers", run: asleep::borrowers },
        Scenario { name: "put_for_a_sleeper", run: asleep::put_for_a_sleeper },
        Scenario { name: "put_put", run: pairs::put_put },
        Scenario { name: "put_get", run: pairs::put_get },
        Scenario { name: "get_get", run: pairs::get_get },
        Scenario { name: "put_close", run: pairs::put_close },
        Scenario { name: "heirs", run: pairs::heirs },
        Scenario { name: "recovery", run: mending::recovery },
        Scenario { name: "loan_recovery", run: mending::loan_recovery },
        Scenario { name: "stopped_put", run: mending::stopped_put },
        Scenario { name: "stopped_get", run: mending::stopped_get },
        Scenario { name: "storm_of_strings", run: storm::strings },
        Scenario { name: "storm_of_values", run: storm::values },
        Scenario { name: "woken_getter", run: woken::getter },
        Scenario { name: "woken_putter", run: woken::putter },
        Scenario { name: "histories", run: histories::run },
    ])
}
