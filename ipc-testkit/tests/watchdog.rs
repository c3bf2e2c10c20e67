//! The watchdog within a process: it aborts what hangs and lets go what does not.

use ipc_testkit::{Failure, Isolated, isolated, proc, watchdog};
use std::time::Duration;

#[test]
fn code_that_hangs_is_aborted_and_its_place_named() {
    let report = Isolated::new().try_run(|| {
        let _guard = watchdog(Duration::from_millis(50));
        std::thread::sleep(Duration::from_secs(1000));
    });
    let report = report.expect_err("the body hangs");
    assert!(matches!(&report.failures[..], [Failure::Unfinished { status }] if status.contains("signal: 6")));
    assert!(report.output.contains("watchdog: the code at") && report.output.contains(file!()), "{report}");
}

#[test]
fn code_that_ends_leaves_no_thread() {
    isolated(|| {
        drop(watchdog(Duration::from_millis(50)));
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(proc::tasks(proc::own_pid()).len(), 1);
    });
}
