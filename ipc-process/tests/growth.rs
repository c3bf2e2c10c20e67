//! Starting processes for ever: neither those that work nor those that fail leave anything behind.

use ipc_process::{Builder, Process, SpawnError, StartMethod};
use ipc_testkit::isolated_within;
use ipc_testkit::leaks::Snapshot;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(300);

fn add_one(number: u64) -> u64 {
    number + 1
}

/// Runs `round` some times to let caches and the allocator settle, and then `n_rounds` times without growth.
#[track_caller]
fn assert_no_growth(n_rounds: u64, mut round: impl FnMut(u64)) {
    (0..50).for_each(&mut round);
    let before = Snapshot::take();
    (0..n_rounds).for_each(&mut round);
    before.assert_no_growth();
    let grown = Snapshot::take().rss_kib().saturating_sub(before.rss_kib());
    assert!(grown <= 2 * 1024, "{grown} KiB more resident memory after {n_rounds} rounds");
}

fn thousand_processes(method: StartMethod) {
    ipc_process::init();
    assert_no_growth(1000, |number| {
        let process = Builder::new().method(method).spawn(add_one, number).expect("a process");
        assert_eq!(process.join().expect("a number"), number + 1);
    });
}

#[test]
fn thousand_spawned_processes_leave_nothing() {
    isolated_within(LIMIT, || thousand_processes(StartMethod::Spawn));
}

#[test]
fn thousand_forked_processes_leave_nothing() {
    isolated_within(LIMIT, || thousand_processes(StartMethod::Fork));
}

/// Dropped ones are collected by the starts after them, so that a few are left at any time.
#[test]
fn dropped_processes_do_not_pile_up() {
    isolated_within(LIMIT, || {
        for _ in 0..300 {
            drop(Builder::new().method(StartMethod::Fork).spawn(add_one, 1).expect("a process"));
            let n_children = ipc_testkit::proc::children().len();
            assert!(n_children < 100, "{n_children} children are there");
        }
        let last = Builder::new().method(StartMethod::Fork).spawn(add_one, 1).expect("a process");
        last.join().expect("a number");
        while !ipc_testkit::proc::children().is_empty() {
            std::thread::sleep(Duration::from_millis(5));
            let process = Builder::new().method(StartMethod::Fork).spawn(add_one, 1).expect("a process");
            process.join().expect("a number");
        }
    });
}

/// The program that is not there is found missing by the child, after it was made: it has to be collected.
#[test]
fn starts_that_fail_in_the_child_leave_nothing() {
    isolated_within(LIMIT, || {
        ipc_process::init();
        assert_no_growth(200, |number| {
            let result = Builder::new().executable("/no/such/program").spawn(add_one, number);
            assert!(matches!(result, Err(SpawnError::Exec { .. })), "{result:?}");
            let result = Builder::new().executable("/bin/true").spawn(add_one, number);
            assert!(matches!(result, Err(SpawnError::Died { .. })), "{result:?}");
            for method in [StartMethod::Spawn, StartMethod::Fork] {
                let result =
                    Builder::new().method(method).current_dir("/no/such/folder").spawn(add_one, number);
                assert!(matches!(result, Err(SpawnError::Setup { .. })), "{result:?}");
            }
        });
    });
}

#[test]
fn starts_that_fail_in_the_parent_leave_nothing() {
    isolated_within(LIMIT, || {
        ipc_process::init();
        assert_no_growth(200, |_| {
            let limits = ipc_codec::Limits::with_max_frame(10);
            let result = Builder::new().limits(limits).spawn(|text: String| text, "x".repeat(100));
            assert!(matches!(result, Err(SpawnError::Encode(_))), "{result:?}");
            let result = Builder::new().env("", "").spawn(add_one, 1);
            assert!(matches!(result, Err(SpawnError::InvalidInput { .. })), "{result:?}");
        });
    });
}

#[test]
fn processes_that_fail_leave_nothing() {
    isolated_within(LIMIT, || {
        ipc_process::init();
        assert_no_growth(200, |_| {
            let process = Process::spawn(|(): ()| std::process::abort(), ()).expect("a process");
            let result: Result<(), _> = process.join();
            result.expect_err("it aborts");
            let process = Builder::new().method(StartMethod::Fork).spawn(|(): ()| std::process::exit(3), ());
            let result: Result<(), _> = process.expect("a process").join();
            result.expect_err("it exits");
        });
    });
}
