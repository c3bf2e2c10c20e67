//! Forked children for tests that run in a process of one thread.
//!
//! # Safety
//!
//! Forks. The callers are bodies of `ipc_testkit::isolated`, programs of one thread, so nothing can be held by another
//! thread at the moment of the fork.
#![allow(unsafe_code)]
// Each test uses some of these.
#![allow(dead_code)]

use ipc_sys::clock::Deadline;
use ipc_sys::process::{Child, Forked, Signal, exit_now, fork, thread_count};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Runs `body` in a forked child, which exits with 0 when it returns and with 101 when it panics.
pub(crate) fn fork_child(body: impl FnOnce()) -> Child {
    assert_eq!(thread_count().expect("procfs is there"), 1, "only a process of one thread forks safely");
    // SAFETY: this is the only thread.
    match unsafe { fork() }.expect("the process can be made") {
        Forked::Parent(child) => child,
        Forked::Child => {
            let result = catch_unwind(AssertUnwindSafe(body));
            exit_now(if result.is_ok() { 0 } else { 101 })
        }
    }
}

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
