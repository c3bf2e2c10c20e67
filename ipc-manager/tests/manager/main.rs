//! Managed objects from one process and from several: what they do, what waits, and what is left when somebody is killed.

mod containers;
mod deaths;
mod functions;
mod limits;
mod references;
mod waits;

use ipc_manager::Manager;
use ipc_process::Process;
use std::time::{Duration, Instant};

/// What ends a wait that should not have been needed. Long, so that a loaded machine fails no test.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes a test of each body, in a program of its own: the server is a daemon, and daemons hang on a lifeline of their parent's, which the
/// leak check around it would find.
macro_rules! tests {
    ($($name:ident)*) => {
        mod run {
            $(
                #[test]
                fn $name() {
                    ipc_testkit::isolated_within(crate::limit(), || crate::in_a_program(|()| super::$name()));
                }
            )*
        }
    };
}
use tests;

/// How long a test may take: longer where there are many rounds.
fn limit() -> Duration {
    Duration::from_secs(long_or(60, 900).into())
}

/// A number for every day, and a large one if `IPC_MANAGER_LONG` is set.
fn long_or(short: u32, long: u32) -> u32 {
    if std::env::var_os("IPC_MANAGER_LONG").is_some() { long } else { short }
}

fn in_a_program(test: fn(())) {
    Process::spawn(test, ()).expect("a process").join().expect("a test that passes");
}

/// A manager that works.
fn manager() -> Manager {
    Manager::start().expect("a manager")
}

/// Waits until something is so.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
