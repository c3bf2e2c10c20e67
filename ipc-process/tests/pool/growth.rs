//! What a pool holds does not grow with what it has done.

use super::{assert_full, double, pool};
use ipc_process::{Pool, StartMethod, TaskError};
use ipc_testkit::leaks::Snapshot;
use ipc_testkit::proc;

/// How much the memory may differ for other reasons, in KiB.
const SLACK_KIB: u64 = 8 * 1024;

/// What is compared: the workers have other names each time, so their number has to do.
fn census(pool: &Pool, size: usize) -> (Snapshot, usize, Vec<usize>) {
    let workers = assert_full(pool, size);
    // All below this process: workers, or the fork server, whose children they are.
    let children = proc::children();
    let handles = |pid: u32| std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
    let mut n_handles: Vec<usize> = workers.into_iter().map(handles).collect();
    n_handles.sort_unstable();
    if let [server] = children[..] {
        n_handles.push(handles(server as u32));
    }
    (Snapshot::take(), children.len(), n_handles)
}

#[track_caller]
fn assert_same(before: &(Snapshot, usize, Vec<usize>), after: &(Snapshot, usize, Vec<usize>)) {
    assert_eq!(after.0.descriptors(), before.0.descriptors(), "descriptors");
    assert_eq!(after.0.threads(), before.0.threads(), "threads");
    assert_eq!(after.1, before.1, "children");
    assert!(before.0.diff(&after.0).mappings.is_empty(), "mappings");
    let grown = after.0.rss_kib().saturating_sub(before.0.rss_kib());
    assert!(grown < SLACK_KIB, "{grown} KiB more memory");
    assert_eq!(after.2, before.2, "descriptors of the workers, and of the fork server");
}

pub(crate) fn a_thousand_deaths_leave_nothing(method: StartMethod) {
    let pool = pool(method, 2);
    let die = |n: usize| match n % 3 {
        0 => std::process::exit(n as i32 % 100),
        1 => std::process::abort(),
        _ => (),
    };
    let storm = |n_deaths: usize| {
        let mut n_died = 0;
        for (index, result) in pool.imap_unordered(die, 0..n_deaths * 3 / 2) {
            match result {
                Ok(()) => assert_eq!(index % 3, 2),
                Err(TaskError::WorkerDied { .. }) => n_died += 1,
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(n_died, n_deaths);
    };
    storm(100);
    let before = census(&pool, 2);
    storm(1000);
    assert_same(&before, &census(&pool, 2));
    assert_eq!(pool.deaths(), 1100);
}

pub(crate) fn ten_thousand_tasks_leave_nothing(method: StartMethod) {
    let pool = pool(method, 2);
    let work = |n: u64| {
        for (index, result) in pool.imap_unordered(double, 0..n) {
            assert_eq!(result.expect("a number"), index as u64 * 2);
        }
    };
    work(1000);
    let before = census(&pool, 2);
    work(10_000);
    assert_same(&before, &census(&pool, 2));
    assert_eq!(pool.deaths(), 0);
}
