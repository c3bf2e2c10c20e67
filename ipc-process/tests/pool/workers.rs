//! Workers come and go.

use super::{assert_full, double, eventually, method_of, pool, submit_held};
use ipc_process::{Pool, StartMethod, TaskError};
use ipc_testkit::Rng;
use std::time::Duration;

pub(crate) fn workers_killed_while_idle_are_replaced(method: StartMethod) {
    let pool = pool(method, 3);
    for round in 1..=10 {
        pool.workers().iter().for_each(|worker| worker.kill().expect("it is a child"));
        eventually("the deaths are counted", || pool.deaths() == 3 * round);
        assert_full(&pool, 3);
        pool.map(double, 0..30).into_iter().for_each(|result| _ = result.expect("nobody was in a task"));
    }
}

pub(crate) fn workers_killed_while_they_start_are_replaced(method: StartMethod) {
    let mut rng = Rng::from_env();
    let pool = pool(method, 2);
    let tasks: Vec<_> = (0..300).map(|n| (n, pool.apply_async(double, n))).collect();
    let mut n_kills = 0;
    while !tasks.iter().all(|(_, task)| task.ready()) && n_kills < 400 {
        // As soon as they are there, or a little later.
        std::thread::sleep(Duration::from_micros(rng.below(3000)));
        for worker in pool.workers() {
            worker.kill().expect("it is a child");
            n_kills += 1;
        }
    }
    let mut n_died = 0;
    for (n, task) in tasks {
        match task.get() {
            Ok(result) => assert_eq!(result, n * 2),
            Err(TaskError::WorkerDied { status }) => {
                assert_eq!(status.signal(), Some(9));
                n_died += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(n_died <= n_kills, "{n_died} tasks died of {n_kills} kills");
    assert_full(&pool, 2);
}

pub(crate) fn an_old_handle_hits_nobody(method: StartMethod) {
    let pool = pool(method, 2);
    let old = pool.workers();
    old.iter().for_each(|worker| worker.kill().expect("it is a child"));
    eventually("the deaths are counted", || pool.deaths() == 2);
    let new = assert_full(&pool, 2);
    for _ in 0..100 {
        old.iter().for_each(|worker| worker.kill().expect("nobody is there"));
    }
    assert_eq!(assert_full(&pool, 2), new);
    assert_eq!(pool.deaths(), 2);
    drop(pool);
    old.iter().for_each(|worker| worker.kill().expect("nobody is there"));
}

pub(crate) fn a_slow_task_holds_back_nobody(method: StartMethod) {
    let pool = pool(method, 2);
    let slow = submit_held(&pool);
    // Whether it has begun or not.
    let tasks: Vec<_> = (0..200).map(|n| (n, pool.apply_async(double, n))).collect();
    for (n, task) in tasks {
        assert_eq!(task.get().expect("a number"), n * 2);
    }
    assert!(!slow.task.ready());
    slow.release().expect("it was let go");
}

pub(crate) fn the_workers_are_told_and_named(method: StartMethod) {
    let pool = pool(method, 3);
    let told: std::collections::BTreeSet<u32> = pool.workers().iter().map(|worker| worker.pid()).collect();
    assert_eq!(told, assert_full(&pool, 3));
    let name = pool.apply(|(): ()| ipc_process::current().name().to_owned(), ()).expect("a name");
    assert!(name.starts_with("PoolWorker-"), "{name}");
    assert!(pool.workers().iter().any(|worker| worker.name() == name));
    assert!(pool.apply(|(): ()| ipc_process::current().is_daemon(), ()).expect("an answer"));
    let default = Pool::builder().method(method_of("spawn")).build().expect("a pool");
    assert_eq!(default.workers().len(), std::thread::available_parallelism().map_or(1, usize::from));
}
