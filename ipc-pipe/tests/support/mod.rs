//! Forked children for tests that run in a process of one thread.

// Each test uses some of these.
#![allow(dead_code)]

#[path = "../../../ipc-queue/tests/support/mod.rs"]
mod forks;

pub(crate) use forks::fork_child;

use ipc_sys::clock::Deadline;
use ipc_sys::process::{Child, Signal};
use std::time::Duration;

/// Whether a child ends well in time; if not, it is killed.
pub(crate) fn leaves(child: &Child, limit: Duration) -> bool {
    match child.wait(Deadline::after(limit)).expect("a child can be waited for") {
        Some(status) => status.success(),
        None => {
            child.signal(Signal::Kill).expect("it lives");
            child.wait(Deadline::NEVER).expect("a child can be waited for");
            false
        }
    }
}
