//! Kills workers and processes at many points of their lives, and counts what was lost.

#[path = "kill/owner.rs"]
mod owner;
#[path = "kill/start.rs"]
mod start;
#[path = "kill/storm.rs"]
mod storm;
#[path = "kill/sweep_chunk.rs"]
mod sweep_chunk;
#[path = "kill/sweep_start.rs"]
mod sweep_start;
#[path = "kill/sweep_worker.rs"]
mod sweep_worker;
#[path = "kill/trace.rs"]
mod trace;

use ipc_process::{Builder, StartMethod};
use ipc_testkit::kill::{self, Scenario};
use std::process::ExitCode;
use std::time::Duration;
use sweep_start::Victim;

/// How long a wait may take before it counts as a hang.
const BOUND: Duration = Duration::from_secs(20);

/// A row for each: its name, the function that makes it, and what that function wants to know beside the name.
macro_rules! scenarios {
    ($($name:literal: $run:path, $($detail:expr),+;)+) => {
        [$(Scenario { name: $name, run: |args| $run($name, $($detail,)+ args) }),+]
    };
}

fn main() -> ExitCode {
    ipc_process::init();
    kill::run(&scenarios! {
        "pool storm spawn": storm::run, StartMethod::Spawn;
        "pool storm fork": storm::run, StartMethod::Fork;
        "pool storm forkserver": storm::run, StartMethod::ForkServer;
        "start storm spawn": start::run, StartMethod::Spawn;
        "start storm fork": start::run, StartMethod::Fork;
        "start storm forkserver": start::run, StartMethod::ForkServer;
        "start sweep spawn": sweep_start::run, StartMethod::Spawn, Victim::First;
        "start sweep fork": sweep_start::run, StartMethod::Fork, Victim::First;
        "start sweep forkserver": sweep_start::run, StartMethod::ForkServer, Victim::First;
        "start sweep served": sweep_start::run, StartMethod::ForkServer, Victim::Second;
        "worker sweep spawn": sweep_worker::run, StartMethod::Spawn;
        "worker sweep fork": sweep_worker::run, StartMethod::Fork;
        "chunk sweep spawn": sweep_chunk::run, StartMethod::Spawn;
        "chunk sweep fork": sweep_chunk::run, StartMethod::Fork;
    })
}

/// Has this process be what it will be for the rest of its life: alone, and with the lifeline that its first daemon costs.
fn settle() {
    Builder::new().daemon(true).spawn(|(): ()| (), ()).expect("a process").join().expect("nothing");
    // The kernel removes a thread some time after it could be joined.
    while ipc_sys::process::thread_count().expect("it is told") > 1 {
        std::thread::sleep(Duration::from_millis(1));
    }
}
