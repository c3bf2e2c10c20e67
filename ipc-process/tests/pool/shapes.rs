//! Pools of all sizes, beside each other, inside each other, after each other.

use super::{assert_full, double, method_of, pool};
use ipc_process::{Pool, PoolError, SpawnError, StartMethod};

pub(crate) fn no_workers_are_refused(method: StartMethod) {
    let error = Pool::builder().method(method).workers(0).build().expect_err("nobody would work");
    assert!(matches!(error, PoolError::NoWorkers), "{error}");
}

pub(crate) fn pools_of_every_size_work(method: StartMethod) {
    for size in [1, 2, 5, 13] {
        let pool = pool(method, size);
        assert_eq!(pool.workers().len(), size);
        assert_full(&pool, size);
        for (n, result) in pool.map(double, 0..100).into_iter().enumerate() {
            assert_eq!(result.expect("a number"), n as u64 * 2);
        }
        assert_eq!(pool.deaths(), 0);
    }
}

/// A pool in a worker of a pool.
fn sum_of_doubles((method, n): (String, u64)) -> u64 {
    let inner = pool(method_of(&method), 2);
    inner.map(double, 0..n).into_iter().map(|result| result.expect("a number")).sum()
}

pub(crate) fn a_pool_inside_a_worker_works(method: StartMethod) {
    let outer = pool(method, 2);
    let inputs = (0..6).map(|n| (method.to_string(), n));
    for (n, result) in outer.map(sum_of_doubles, inputs).into_iter().enumerate() {
        assert_eq!(result.expect("a number"), (0..n as u64).map(double).sum());
    }
    // Whoever dies with a pool of its own takes that along.
    let pid_below = |method: String| {
        let inner = pool(method_of(&method), 1);
        let pid = inner.apply(|(): ()| std::process::id(), ()).expect("a process id");
        std::mem::forget(inner);
        pid
    };
    let below = super::hold(outer.apply(pid_below, method.to_string()).expect("a process id"));
    drop(outer);
    super::assert_ends(&below);
}

pub(crate) fn two_pools_at_once(method: StartMethod) {
    let first = pool(method, 2);
    let second = Pool::builder().method(method).workers(2).build();
    match (method, second) {
        (StartMethod::Fork, Err(PoolError::Spawn(SpawnError::MultiThreaded { threads: 2 }))) => {}
        (StartMethod::Spawn | StartMethod::ForkServer, Ok(second)) => {
            assert_full(&first, 2);
            assert_full(&second, 2);
            drop(first);
            assert_full(&second, 2);
            return;
        }
        (_, other) => panic!("{other:?}"),
    }
    // The other way round it works: one that spawns minds no threads.
    let second = pool(StartMethod::Spawn, 2);
    assert_full(&first, 2);
    assert_full(&second, 2);
}

/// A thread can be joined a moment before the kernel has removed it, and was counted by the next pool.
pub(crate) fn pools_one_after_another(method: StartMethod) {
    for n in 0..50 {
        let pool = pool(method, 1);
        assert_eq!(pool.apply(double, n).expect("a number"), n * 2);
    }
}

pub(crate) fn a_process_with_threads_may_make_a_pool_or_is_told(method: StartMethod) {
    let (stop, told) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || told.recv());
    let made = Pool::builder().method(method).workers(1).build();
    match (method, made) {
        (StartMethod::Fork, Err(PoolError::Spawn(SpawnError::MultiThreaded { threads: 2 }))) => {}
        (StartMethod::Spawn | StartMethod::ForkServer, Ok(pool)) => drop(assert_full(&pool, 1)),
        (_, other) => panic!("{other:?}"),
    }
    drop(stop);
    thread.join().expect("no panic").expect_err("nothing was sent");
}
