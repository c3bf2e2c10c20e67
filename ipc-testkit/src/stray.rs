//! Processes of a run that have outlived it: finding them, describing them, ending them.

use crate::{proc, token};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long the processes of a run may take to end after its main one has.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// The living processes of a run, whoever their parents are by now.
///
/// Found by the token in their environment. A process that was started with a cleared environment is not found.
pub(crate) fn of_run(token: &str) -> Vec<i32> {
    proc::pids().into_iter().filter(|&pid| token::carries(pid, token)).collect()
}

/// Waits until no process of the run is left, for up to `grace`, and returns those that are.
pub(crate) fn wait_for_none(token: &str, grace: Duration) -> Vec<i32> {
    let end = Instant::now() + grace;
    loop {
        let found = of_run(token);
        if found.is_empty() || Instant::now() >= end {
            return found;
        }
        sleep(Duration::from_millis(10));
    }
}

/// Ends all processes of the run by SIGKILL.
///
/// # Blocking
///
/// Until they are gone, for up to [`GRACE`]: they may start others while they are being ended.
pub(crate) fn kill_all(token: &str) {
    let end = Instant::now() + GRACE;
    loop {
        let found = of_run(token);
        if found.is_empty() || Instant::now() >= end {
            return;
        }
        found.into_iter().for_each(|pid| kill(pid, token));
        sleep(Duration::from_millis(2));
    }
}

/// Ends one process if it belongs to the run.
///
/// The id may have passed to a stranger since it was found. So the process is held by a pidfd first and asked for the
/// token after that: what then answers is what the pidfd holds, or has ended, in which case the signal goes nowhere.
fn kill(pid: i32, token: &str) {
    let Some(pid) = Pid::from_raw(pid) else { return };
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    if token::carries(pid.as_raw_pid(), token) {
        // An error means that it has ended by itself.
        let _ = pidfd_send_signal(&process, Signal::KILL);
    }
}

/// What each of the processes is doing, a line or more for each.
pub(crate) fn describe(pids: &[i32]) -> String {
    pids.iter().map(|&pid| proc::describe(pid)).collect::<Vec<_>>().join("\n")
}
