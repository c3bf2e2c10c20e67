//! Workers that are stopped: not dead, and nobody knows for how long.

use super::{assert_ends, assert_full, double, eventually, hold, pool, signal, submit_held};
use ipc_process::{StartMethod, TaskError};
use ipc_sys::handle::OwnedHandle;
use rustix::process::Signal;

/// Stops a process, and waits until it has stopped.
fn stop(pid: u32) -> OwnedHandle {
    let process = hold(pid);
    signal(&process, Signal::STOP);
    eventually("the process stops", || {
        let pid = i32::try_from(pid).expect("a process id");
        ipc_testkit::proc::stat(pid).is_some_and(|stat| stat.state == 'T')
    });
    process
}

/// A task that was offered to a stopped worker waited for that worker, though others had nothing to do.
pub(crate) fn a_stopped_idle_worker_holds_back_no_task(method: StartMethod) {
    let pool = pool(method, 2);
    let pids = assert_full(&pool, 2);
    for pid in pids {
        let process = stop(pid);
        for n in 0..20 {
            assert_eq!(pool.apply(double, n).expect("a number"), n * 2);
        }
        pool.map(double, 0..100).into_iter().for_each(|result| _ = result.expect("a number"));
        assert_eq!(pool.deaths(), 0);
        signal(&process, Signal::CONT);
        assert_full(&pool, 2);
    }
    let process = stop(*assert_full(&pool, 2).first().expect("a worker"));
    let tasks: Vec<_> = (0..100).map(|n| pool.apply_async(double, n)).collect();
    signal(&process, Signal::KILL);
    assert_ends(&process);
    tasks.into_iter().for_each(|task| _ = task.get().expect("it was in no task"));
    assert_full(&pool, 2);
    assert_eq!(pool.deaths(), 1);
}

pub(crate) fn a_stopped_busy_worker_holds_back_its_own_task_only(method: StartMethod) {
    let pool = pool(method, 2);
    let held = submit_held(&pool);
    let process = stop(held.pid());
    for _ in 0..3 {
        pool.map(double, 0..100).into_iter().for_each(|result| _ = result.expect("a number"));
    }
    assert!(!held.task.ready());
    signal(&process, Signal::CONT);
    held.release().expect("it goes on");
    let held = submit_held(&pool);
    let process = stop(held.pid());
    signal(&process, Signal::KILL);
    assert!(matches!(held.task.get(), Err(TaskError::WorkerDied { status }) if status.signal() == Some(9)));
    assert_full(&pool, 2);
}

pub(crate) fn stopped_workers_are_terminated(method: StartMethod) {
    let pool = pool(method, 2);
    let stopped: Vec<_> = assert_full(&pool, 2).into_iter().map(stop).collect();
    let task = pool.apply_async(double, 1);
    drop(pool);
    stopped.iter().for_each(|process| assert_ends(process));
    assert!(matches!(task.get(), Err(TaskError::Cancelled)));
}

/// The last step of a join waited for the workers to leave by themselves, which one that is stopped does not.
pub(crate) fn join_does_not_wait_for_a_stopped_worker(method: StartMethod) {
    let pool = pool(method, 2);
    let pids = assert_full(&pool, 2);
    let process = stop(*pids.first().expect("a worker"));
    let task = pool.apply_async(double, 1);
    pool.join();
    assert_ends(&process);
    assert_eq!(task.get().expect("a number"), 2);
}

pub(crate) fn a_pool_whose_workers_were_all_stopped_goes_on(method: StartMethod) {
    let pool = pool(method, 2);
    let stopped: Vec<_> = assert_full(&pool, 2).into_iter().map(stop).collect();
    let tasks: Vec<_> = (0..50).map(|n| (n, pool.apply_async(double, n))).collect();
    stopped.iter().for_each(|process| signal(process, Signal::CONT));
    for (n, task) in tasks {
        assert_eq!(task.get().expect("a number"), n * 2);
    }
    assert_full(&pool, 2);
    assert_eq!(pool.deaths(), 0);
}
