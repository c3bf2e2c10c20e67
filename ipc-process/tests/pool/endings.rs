//! Close, terminate, drop, join, and the death of the owner.

use super::{assert_ends, assert_full, double, eventually, hold, method_of, pool, submit_held};
use ipc_pipe::{Sender, simplex};
use ipc_process::{Process, StartMethod, TaskError};
use std::collections::BTreeSet;
use std::time::Duration;

fn sleep_long(seconds: u64) {
    std::thread::sleep(Duration::from_secs(seconds));
}

pub(crate) fn a_closed_pool_takes_no_tasks(method: StartMethod) {
    let pool = pool(method, 2);
    let held = submit_held(&pool);
    let queued: Vec<_> = (0..20).map(|n| (n, pool.apply_async(double, n))).collect();
    pool.close();
    pool.close();
    assert!(matches!(pool.apply(double, 1), Err(TaskError::Closed)));
    let mapped = pool.map(double, 0..3);
    assert!(mapped.len() == 3 && mapped.iter().all(|result| matches!(result, Err(TaskError::Closed))));
    // Those that came before are run.
    held.pid();
    held.release().expect("it was let go");
    for (n, task) in queued {
        assert_eq!(task.get().expect("it came in time"), n * 2);
    }
    eventually("the workers leave", || pool.workers().is_empty());
    assert!(matches!(pool.apply(double, 1), Err(TaskError::Closed)));
}

pub(crate) fn terminate_cancels_what_is_queued(method: StartMethod) {
    let pool = pool(method, 2);
    let tasks: Vec<_> = (0..1000).map(|_| pool.apply_async(sleep_long, 1000)).collect();
    let held = submit_held(&pool);
    std::thread::scope(|scope| {
        // Somebody waits already, and terminate may be called from anywhere.
        let waiting = scope.spawn(|| held.task.get());
        scope.spawn(|| pool.terminate());
        pool.terminate();
        assert!(matches!(waiting.join().expect("no panic"), Err(TaskError::Cancelled)));
    });
    for task in tasks {
        assert!(matches!(task.get(), Err(TaskError::Cancelled)));
    }
    assert!(matches!(pool.apply(double, 1), Err(TaskError::Closed)));
    pool.close();
    pool.join();
}

pub(crate) fn a_dropped_pool_leaves_nobody(method: StartMethod) {
    let pool = pool(method, 3);
    let held: Vec<_> = (0..3).map(|_| submit_held(&pool)).collect();
    let processes: Vec<_> = held.iter().map(|held| hold(held.pid())).collect();
    let queued: Vec<_> = (0..10).map(|n| pool.apply_async(double, n)).collect();
    drop(pool);
    processes.iter().for_each(|process| assert_ends(process));
    held.into_iter().for_each(|held| assert!(matches!(held.task.get(), Err(TaskError::Cancelled))));
    queued.into_iter().for_each(|task| assert!(matches!(task.get(), Err(TaskError::Cancelled))));
    // Nor does one that never did anything.
    drop(super::pool(method, 3));
}

pub(crate) fn join_waits_for_every_task(method: StartMethod) {
    let pool = pool(method, 2);
    let nap = |n: u64| {
        std::thread::sleep(Duration::from_millis(n % 5));
        n
    };
    let tasks: Vec<_> = (0..100).map(|n| pool.apply_async(nap, n)).collect();
    let processes: Vec<_> = assert_full(&pool, 2).into_iter().map(hold).collect();
    pool.join();
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.try_get().expect("it has ended"), n as u64);
    }
    processes.iter().for_each(|process| assert_ends(process));
}

pub(crate) fn join_ends_although_workers_die(method: StartMethod) {
    for _ in 0..5 {
        let pool = pool(method, 2);
        let tasks: Vec<_> = (0..200).map(|n| (n, pool.apply_async(double, n))).collect();
        pool.close();
        let kills = pool.workers().len();
        pool.workers().iter().for_each(|worker| worker.kill().expect("it is a child"));
        pool.join();
        let mut n_died = 0;
        for (n, task) in tasks {
            match task.try_get() {
                Ok(result) => assert_eq!(result, n * 2),
                Err(ipc_process::GetError::Task(TaskError::WorkerDied { .. })) => n_died += 1,
                Err(error) => panic!("{error}"),
            }
        }
        assert!(n_died <= kills, "{n_died} of {kills}");
    }
}

/// Makes a pool, tells the ids of all processes below, and stays.
fn own((method, pids): (String, Sender<BTreeSet<u32>>)) {
    let pool = pool(method_of(&method), 3);
    let mut below = assert_full(&pool, 3);
    // The fork server, where there is one, is the only other child.
    below.extend(ipc_testkit::proc::children().into_iter().map(|pid| pid as u32));
    let held = submit_held(&pool);
    held.pid();
    pids.send(below).expect("somebody wants to know");
    loop {
        std::thread::park();
    }
}

pub(crate) fn a_killed_owner_takes_all_along(method: StartMethod) {
    for _ in 0..5 {
        let (pids, below) = simplex().expect("a pipe");
        let owner = Process::spawn(own, (method.to_string(), pids)).expect("a process");
        let below: Vec<_> = below.recv().expect("the ids").into_iter().map(hold).collect();
        assert_eq!(below.len(), if method == StartMethod::Spawn { 3 } else { 4 });
        owner.kill().expect("it is a child");
        below.iter().for_each(|process| assert_ends(process));
        owner.join().expect_err("it was killed");
    }
}
