//! A guard that aborts the process when a piece of code takes too long.

use crate::proc;
use std::panic::Location;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Aborts the process unless the guard is dropped within `limit`. The message names the place of the call and tells what
/// each thread is doing.
///
/// The guard runs a thread. A test that needs a process of one thread sets the limit from outside, with
/// [`isolated_within`](crate::isolated_within).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let guard = ipc_testkit::watchdog(Duration::from_secs(10));
/// // Code that might hang.
/// drop(guard);
/// ```
///
/// # Panics
///
/// If the thread cannot be started.
#[track_caller]
pub fn watchdog(limit: Duration) -> WatchdogGuard {
    let place = Location::caller();
    let (stop, stopped) = channel::<()>();
    let watch = move || {
        if stopped.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            let doing = proc::describe(proc::own_pid());
            eprintln!("watchdog: the code at {place} has taken longer than {limit:?}\n{doing}");
            std::process::abort();
        }
    };
    let thread = Builder::new().name("ipc-watchdog".to_owned()).spawn(watch);
    let thread = thread.unwrap_or_else(|error| panic!("cannot start the thread of the watchdog: {error}"));
    WatchdogGuard { stop: Some(stop), thread: Some(thread), owner: std::process::id() }
}

/// Keeps the watchdog quiet once it is dropped.
///
/// # Other processes
///
/// A forked child has no copy of the thread: there the guard watches nothing.
#[derive(Debug)]
#[must_use = "the watchdog stops watching when the guard is dropped"]
pub struct WatchdogGuard {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    owner: u32,
}

impl Drop for WatchdogGuard {
    fn drop(&mut self) {
        self.stop = None;
        let Some(thread) = self.thread.take() else { return };
        if std::process::id() == self.owner {
            // Joined, so that a leak check right after the guard does not see the thread. It cannot have panicked.
            let _ = thread.join();
        } else {
            // The thread is not in this process, and to detach it would touch memory that is not its own any more.
            std::mem::forget(thread);
        }
    }
}
