//! The last resort against a scenario that hangs: the system's alarm clock.
//!
//! A thread could not do it: scenarios fork, and have to be the only thread. The alarm is not inherited by forked children.
//!
//! # Safety
//!
//! 1. What runs in the handler are `write` and `_exit`, which may run at any point of a program, whatever it interrupts.

#![allow(unsafe_code)]

use std::time::Duration;

/// Ends the process if it is not called again within `limit`, which counts in whole seconds. Zero switches the alarm off.
pub(super) fn set(limit: Duration) {
    let handler = end as extern "C" fn(libc::c_int);
    // SAFETY: the handler has the signature that the system calls, and by Invariant 1 may run at any time.
    unsafe { libc::signal(libc::SIGALRM, handler as libc::sighandler_t) };
    // SAFETY: the call takes no pointer.
    unsafe { libc::alarm(limit.as_secs() as libc::c_uint) };
}

extern "C" fn end(_signal: libc::c_int) {
    let message = b"\nkill: the scenario above has taken longer than it may\n";
    // SAFETY: the pointer and the length are those of a constant.
    unsafe { libc::write(2, message.as_ptr().cast(), message.len()) };
    // SAFETY: the call takes no pointer and does not return.
    unsafe { libc::_exit(104) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Failure, Isolated};

    #[test]
    fn a_scenario_that_hangs_ends_the_process_and_says_so() {
        let report = Isolated::new().try_run(|| {
            set(Duration::from_secs(1));
            std::thread::sleep(Duration::from_secs(1000));
        });
        let report = report.expect_err("the alarm rings");
        assert_eq!(report.failures, [Failure::Unfinished { status: "exit status: 104".to_owned() }]);
        assert!(report.output.contains("longer than it may"), "{report}");
    }

    #[test]
    fn an_alarm_that_is_switched_off_does_not_ring() {
        crate::isolated(|| {
            set(Duration::from_secs(1));
            set(Duration::ZERO);
            std::thread::sleep(Duration::from_millis(1200));
        });
    }
}
