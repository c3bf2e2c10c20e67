//! Kills processes in the middle of sends and receives, and of how they meet, and looks at what the other side finds.
//!
//! `cargo test` does some thousand kills, `cargo test --release -p ipc-pipe --test kill -- --full` some ten thousand.

mod doors;
mod ends;
mod handles;
mod letters;
mod receives;
mod sends;

#[path = "../support/mod.rs"]
mod support;

use ipc_testkit::kill::{Args, Scenario, run};

fn main() -> std::process::ExitCode {
    letters::warm_up();
    let mut scenarios = vec![
        Scenario { name: "send", run: sends::send },
        Scenario { name: "send_timeout", run: sends::send_timeout },
        Scenario { name: "send_parts", run: sends::send_parts },
        Scenario { name: "send_parts_beside_another", run: sends::send_parts_beside_another },
        Scenario { name: "send_to_a_dozer", run: sends::send_to_a_dozer },
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
        Scenario { name: "meet", run: doors::meet },
    ];
    // Their steps are too many to be counted while others wait, above all where they are not optimized.
    if !Args::parse().quick {
        scenarios.extend([
            Scenario { name: "bind", run: doors::bind },
            Scenario { name: "accept", run: doors::accept },
            Scenario { name: "connect", run: doors::connect },
        ]);
    }
    run(&scenarios)
}
