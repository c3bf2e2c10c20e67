//! Kills workers and processes at many points of their lives, and counts what was lost.

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

fn main() -> ExitCode {
    ipc_process::init();
    kill::run(&[
        Scenario {
            name: "pool storm spawn",
            run: |args| storm::run("pool storm spawn", StartMethod::Spawn, args),
        },
        Scenario {
            name: "pool storm fork",
            run: |args| storm::run("pool storm fork", StartMethod::Fork, args),
        },
        Scenario {
            name: "start storm spawn",
            run: |args| start::run("start storm spawn", StartMethod::Spawn, args),
        },
        Scenario {
            name: "start storm fork",
            run: |args| start::run("start storm fork", StartMethod::Fork, args),
        },
        Scenario {
            name: "start sweep spawn",
            run: |args| sweep_start::run("start sweep spawn", StartMethod::Spawn, Victim::First, args),
        },
        Scenario {
            name: "start sweep fork",
            run: |args| sweep_start::run("start sweep fork", StartMethod::Fork, Victim::First, args),
        },
        Scenario {
            name: "start storm forkserver",
            run: |args| start::run("start storm forkserver", StartMethod::ForkServer, args),
        },
        Scenario {
            name: "start sweep forkserver",
            run: |args| {
                sweep_start::run("start sweep forkserver", StartMethod::ForkServer, Victim::First, args)
            },
        },
        Scenario {
            name: "start sweep served",
            run: |args| sweep_start::run("start sweep served", StartMethod::ForkServer, Victim::Second, args),
        },
        Scenario {
            name: "worker sweep spawn",
            run: |args| sweep_worker::run("worker sweep spawn", StartMethod::Spawn, args),
        },
        Scenario {
            name: "worker sweep fork",
            run: |args| sweep_worker::run("worker sweep fork", StartMethod::Fork, args),
        },
        Scenario {
            name: "chunk sweep spawn",
            run: |args| sweep_chunk::run("chunk sweep spawn", StartMethod::Spawn, args),
        },
        Scenario {
            name: "chunk sweep fork",
            run: |args| sweep_chunk::run("chunk sweep fork", StartMethod::Fork, args),
        },
    ])
}

/// Has this process be what it will be for the rest of its life: alone, and with the lifeline that its first daemon costs.
fn settle() {
    Builder::new().daemon(true).spawn(|(): ()| (), ()).expect("a process").join().expect("nothing");
    // The kernel removes a thread some time after it could be joined.
    while ipc_sys::process::thread_count().expect("it is told") > 1 {
        std::thread::sleep(Duration::from_millis(1));
    }
}
