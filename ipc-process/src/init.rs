//! The first line of `main`: in a child it runs the function, in any other process it notes that it was called.

use crate::child;
use crate::wire::{ChildEnd, channel_limits};
use std::ffi::OsStr;
use std::sync::atomic::{AtomicBool, Ordering};

/// The variable that tells a spawned program which of its handles is the channel to its parent.
pub(crate) const CHANNEL_VARIABLE: &str = "MULTIPROC_CHANNEL";

static CALLED: AtomicBool = AtomicBool::new(false);

/// Prepares this program to start processes by [`Spawn`](crate::StartMethod::Spawn); the first line of `main`.
///
/// A spawned child runs the same program as its parent, so it comes by here, too: in a child, this call runs the
/// function and never returns. A program that does not call it gets
/// [`SpawnError::NotInitialized`](crate::SpawnError::NotInitialized) from its first spawn, before any process is made;
/// that its children run `main` once more, and start children again, cannot happen.
///
/// With the feature `auto-init` the call is made when the program is loaded, for programs whose `main` belongs to a test
/// or benchmark harness. Calling it again does nothing.
///
/// # Examples
///
/// ```
/// fn square(number: u64) -> u64 {
///     number * number
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     ipc_process::init();
///     let process = ipc_process::Process::spawn(square, 12)?;
///     assert_eq!(process.join()?, 144);
///     Ok(())
/// }
/// ```
pub fn init() {
    CALLED.store(true, Ordering::Relaxed);
    let Some(channel) = std::env::var(CHANNEL_VARIABLE).ok() else { return };
    // A program that a child of the family runs by itself inherits the variable and not the channel; it is no child.
    let Some(handle) = ipc_sys::process::claim_channel(&channel) else { return };
    // So that no program which this one runs sees the variable. Where threads forbid it, the line above protects.
    ipc_sys::process::set_variable(OsStr::new(CHANNEL_VARIABLE), None);
    match ChildEnd::from_handle(handle) {
        Ok(channel) => child::run_spawned(channel.with_limits(channel_limits())),
        Err(error) => {
            eprintln!("multiproc: the channel of this process is not one: {error}");
            std::process::exit(child::EXIT_REFUSED);
        }
    }
}

/// Whether [`init`] was called.
pub(crate) fn was_called() -> bool {
    CALLED.load(Ordering::Relaxed)
}

#[cfg(feature = "auto-init")]
ipc_sys::at_load!(init);
