//! A child that a debugger traces shows its end before it can be collected.
//!
//! # Safety
//!
//! Traces a process by its number, which is that of a child that is not collected.
#![allow(unsafe_code)]

use ipc_pipe::{Receiver, Sender, simplex};
use ipc_process::{Builder, JoinTimeoutError, Process};
use ipc_testkit::isolated;
use std::ptr::null_mut;
use std::time::Duration;

/// Traces a process until it is told to stop; tells whether the system allowed it.
fn trace((pid, is_traced, go): (u32, Sender<bool>, Receiver<()>)) {
    // SAFETY: the request takes no pointer.
    let result = unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, null_mut::<()>(), null_mut::<()>()) };
    is_traced.send(result == 0).expect("the parent waits for this");
    // Only by waiting for it, or by its own end, a debugger lets go of a process.
    let _ = go.recv();
}

fn seven_when_told(go: Receiver<()>) -> u32 {
    let _ = go.recv();
    7
}

/// A process that ends now, and one that traces it until the sender is dropped; `None` where the system forbids that.
fn start_traced() -> Option<(Process<u32>, Process<()>, Sender<()>)> {
    let (hold, go) = simplex::<()>().expect("a pipe");
    let process: Process<u32> = Builder::new().spawn(seven_when_told, go).expect("a process");
    let (traced, is_traced) = simplex().expect("a pipe");
    let (hold_tracer, go) = simplex::<()>().expect("a pipe");
    let tracer = Builder::new().spawn(trace, (process.pid(), traced, go)).expect("a process");
    if is_traced.recv().expect("an answer") {
        drop(hold);
        return Some((process, tracer, hold_tracer));
    }
    eprintln!("skipped: the system does not let processes trace each other");
    drop((hold, hold_tracer));
    process.join().expect("a number");
    tracer.join().expect("an end");
    None
}

#[test]
fn waits_for_a_traced_process_end() {
    isolated(|| {
        ipc_process::init();
        let Some((process, tracer, hold)) = start_traced() else { return };
        let timeout = Duration::from_millis(100);
        let Err(JoinTimeoutError::TimedOut(process)) = process.join_timeout(timeout) else {
            panic!("it is not to be had yet");
        };
        std::thread::scope(|scope| {
            // With a deadline that does not come and without one, both begun while the child is traced.
            let wait = scope.spawn(|| process.wait().expect("a status"));
            let timed = scope.spawn(|| process.wait_timeout(Duration::from_secs(30)).expect("a status"));
            std::thread::sleep(timeout);
            drop(hold);
            assert!(wait.join().expect("no panic").success());
            assert!(timed.join().expect("no panic").is_some());
        });
        tracer.join().expect("an end");
        assert_eq!(process.join().expect("a number"), 7);
    });
}

/// Once a panic: the wait without a deadline came back without a status.
#[test]
fn a_traced_process_is_joined() {
    isolated(|| {
        ipc_process::init();
        let Some((process, tracer, hold)) = start_traced() else { return };
        let release = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            drop(hold);
        });
        assert_eq!(process.join().expect("a number"), 7);
        release.join().expect("no panic");
        tracer.join().expect("an end");
    });
}
