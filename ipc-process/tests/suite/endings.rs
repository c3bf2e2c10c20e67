//! How a process can end other than by returning, and what the parent learns of it.

use super::start;
use ipc_process::{ExitStatus, JoinError, Process, StartMethod};
use rustix::process::{Signal, getpid, kill_process};

fn sleep_for_ever((): ()) {
    loop {
        std::thread::park();
    }
}

/// The signal that a process ended by, and no result.
#[track_caller]
fn signal_of(process: Process<()>) -> i32 {
    match process.join() {
        Err(JoinError::Signaled { signal, .. }) => signal,
        other => panic!("no signal: {other:?}"),
    }
}

pub(crate) fn an_exit_code_comes_back(method: StartMethod) {
    fn leave(code: i32) {
        std::process::exit(code);
    }
    for code in [0, 3, 255] {
        let process = start(method, leave, code);
        let status = process.wait().expect("a status");
        assert_eq!(status, ExitStatus::Exited(code));
        assert_eq!(status.success(), code == 0);
        // Zero is an error as well: the function did not return, so there is no result.
        let result = process.join();
        assert!(matches!(result, Err(JoinError::Exited { code: found }) if found == code), "{result:?}");
    }
}

pub(crate) fn an_abort_is_a_signal(method: StartMethod) {
    let process = start(method, |(): ()| std::process::abort(), ());
    assert_eq!(process.wait().expect("a status").signal(), Some(Signal::ABORT.as_raw()));
    assert_eq!(signal_of(process), 6);
}

pub(crate) fn signals_are_named(method: StartMethod) {
    fn raise(signal: i32) {
        let signal = Signal::from_named_raw(signal).expect("a signal");
        kill_process(getpid(), signal).expect("this process is there");
        sleep_for_ever(());
    }
    for (signal, name) in [
        (Signal::KILL, "SIGKILL"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::BUS, "SIGBUS"),
        (Signal::USR1, "SIGUSR1"),
    ] {
        let process = start(method, raise, signal.as_raw());
        let status = process.wait().expect("a status");
        assert_eq!(status.signal(), Some(signal.as_raw()));
        assert!(status.to_string().contains(name), "{status}");
        let error = process.join().expect_err("it was killed");
        assert!(error.to_string().contains(name), "{error}");
    }
}

pub(crate) fn terminate_kill_and_interrupt_end_a_process(method: StartMethod) {
    let process = start(method, sleep_for_ever, ());
    process.terminate().expect("it is there");
    assert_eq!(signal_of(process), 15);

    let process = start(method, sleep_for_ever, ());
    process.kill().expect("it is there");
    assert_eq!(signal_of(process), 9);

    let process = start(method, sleep_for_ever, ());
    process.interrupt().expect("it is there");
    assert_eq!(signal_of(process), 2);
}

pub(crate) fn ending_an_ended_process_does_nothing(method: StartMethod) {
    let end_it_again = |process: &Process<u32>| {
        process.terminate().expect("nothing to do");
        process.kill().expect("nothing to do");
        process.interrupt().expect("nothing to do");
    };
    // Once before anybody collected it, while it is a zombie that could still be signalled, and once after.
    let process = start(method, |(): ()| 7, ());
    super::assert_ends(process.sentinel());
    end_it_again(&process);
    assert_eq!(process.wait().expect("a status"), ExitStatus::Exited(0));
    end_it_again(&process);
    assert_eq!(process.join().expect("a number"), 7);
}

pub(crate) fn a_status_that_somebody_else_collected_is_no_hang(method: StartMethod) {
    // Nobody else can collect the children of a fork server.
    if method == StartMethod::ForkServer {
        return;
    }
    let process = start(method, |(): ()| std::process::exit(3), ());
    super::eventually("the child is collected", || {
        rustix::process::wait(rustix::process::WaitOptions::empty()).is_ok_and(|found| found.is_some())
    });
    // Which of the two depends on the kernel: newer ones keep the status with the handle.
    assert!(matches!(process.wait().expect("a status"), ExitStatus::Unknown | ExitStatus::Exited(3)));
    process.kill().expect("nothing to do");
    let result: Result<(), _> = process.join();
    assert!(matches!(result, Err(JoinError::StatusLost | JoinError::Exited { code: 3 })), "{result:?}");
}
