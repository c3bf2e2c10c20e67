//! Kills processes in the middle of sends and receives, and looks at what the other side finds.
//!
//! `cargo test` does some thousand kills, `cargo test --release -p ipc-pipe --test kill -- --full` some ten thousand.

mod ends;
mod handles;
mod letters;
mod receives;
mod sends;

#[path = "../support/mod.rs"]
mod support;

use ipc_testkit::kill::{Scenario, run};

fn main() -> std::process::ExitCode {
    letters::warm_up();
    run(&[
        Scenario { name: "send", run: sends::send },
        Scenario { name: "send_timeout", run: sends::send_timeout },
        Scenario { name: "send_parts", run: sends::send_parts },
        Scenario { name: "send_parts_beside_another", run: sends::send_parts_beside_another },
        Scenario { name: "withdraw", run: sends::withdraw },
        Scenario { name: "recv", run: receives::recv },
        Scenario { name: "recv_parts", run: receives::recv_parts },
        Scenario { name: "recv_into", run: receives::recv_into },
        Scenario { name: "last_receiver", run: receives::last_receiver },
        Scenario { name: "receiver_of_a_sleeper", run: receives::receiver_of_a_sleeper },
        Scenario { name: "send_handle", run: handles::send_handle },
        Scenario { name: "recv_handle", run: handles::recv_handle },
        Scenario { name: "serve", run: ends::serve },
        Scenario { name: "let_go", run: ends::let_go },
        Scenario { name: "open", run: ends::open },
    ])
}
