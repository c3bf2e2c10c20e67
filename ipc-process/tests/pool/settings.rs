//! What a pool can be told: initializers, limits of tasks, memory and time, its size; and what it tells.

use super::deaths::{SIZES, WAYS, Way, die, status};
use super::{assert_full, double, eventually, pool, submit_held};
use ipc_codec::handle::Handle;
use ipc_process::{Pool, PoolBuilder, PoolError, SpawnError, StartMethod, TaskError};
use ipc_sys::handle::OwnedHandle;
use ipc_sys::memory::SharedMapping;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

fn builder(method: StartMethod, n_workers: usize) -> PoolBuilder {
    Pool::builder().method(method).workers(n_workers)
}

static SET: AtomicU64 = AtomicU64::new(0);

fn set(number: u64) {
    SET.store(number, Ordering::Relaxed);
}

fn is_set(_: u64) -> u64 {
    SET.load(Ordering::Relaxed)
}

pub(crate) fn the_initializer_runs_in_every_worker(method: StartMethod) {
    let pool = builder(method, 3).initializer(set, 7).build().expect("a pool");
    for round in 1..=3 {
        assert!(pool.map(is_set, 0..100).into_iter().all(|number| number.expect("a number") == 7));
        assert_full(&pool, 3);
        pool.workers().iter().for_each(|worker| worker.kill().expect("it is a child"));
        eventually("the deaths are counted", || pool.deaths() == 3 * round);
    }
    assert_eq!(SET.load(Ordering::Relaxed), 0, "nothing of that happened here");
}

pub(crate) fn an_initializer_that_dies_is_an_error(method: StartMethod) {
    for (size, way) in SIZES.into_iter().flat_map(|size| WAYS.map(|way| (size, way))) {
        let error = builder(method, size).initializer(|way: Way| die(way), way).build().expect_err("it dies");
        match (status(way), error) {
            (None, PoolError::Initializer { reason }) => assert!(reason.contains("the end"), "{reason}"),
            (Some(expected), PoolError::Spawn(SpawnError::Died { status })) => assert_eq!(status, expected),
            (_, error) => panic!("{way:?}, {size} workers: {error:?}"),
        }
    }
}

/// Dies in the way whose number is in shared memory, counted from 1, and takes it away: the next worker lives.
fn die_if_told(memory: Handle<OwnedHandle>) {
    let memory = SharedMapping::from_handle(memory.into_inner()).expect("shared memory");
    let told = memory.atomic_u64(0).swap(0, Ordering::Relaxed) as usize;
    if let Some(way) = told.checked_sub(1) {
        die(WAYS[way]);
    }
}

pub(crate) fn workers_that_die_as_they_start_are_replaced(method: StartMethod) {
    for size in SIZES {
        let memory = SharedMapping::create(size_of::<u64>()).expect("memory");
        let handle = Handle::from(memory.duplicate_handle().expect("a handle"));
        let pool = builder(method, size).initializer(die_if_told, handle).build().expect("a pool");
        let mut n_deaths = 0;
        // The panic comes last: an initializer that fails ends the pool.
        for (number, way) in WAYS.into_iter().enumerate().rev() {
            memory.atomic_u64(0).store(number as u64 + 1, Ordering::Relaxed);
            pool.workers()[0].kill().expect("it is a child");
            if way == Way::Panic {
                eventually("the pool ends", || {
                    matches!(pool.apply(double, 1), Err(TaskError::Broken { .. }))
                });
                continue;
            }
            // The one that was killed, and the one that was to be the next.
            n_deaths += 2;
            eventually("the deaths are counted", || pool.deaths() == n_deaths);
            for (n, result) in (0..).zip(pool.map(double, 0..100)) {
                assert_eq!(result.expect("nobody was in a task"), n * 2, "{way:?}, {size} workers");
            }
            assert_full(&pool, size);
        }
    }
}

/// Fails in every worker but the first ones.
fn fail_later(path: String) {
    assert!(!std::path::Path::new(&path).exists(), "not any more");
}

/// A worker that replaced another failed to start, and so did the next one, for ever.
pub(crate) fn an_initializer_that_fails_later_ends_the_pool(method: StartMethod) {
    let folder = ipc_testkit::temp_dir();
    let path = folder.path().join("no more workers");
    let pool =
        builder(method, 2).initializer(fail_later, path.display().to_string()).build().expect("a pool");
    let held = submit_held(&pool);
    held.pid();
    std::fs::write(&path, "").expect("a file");
    let result = pool.apply(|(): ()| -> () { std::process::exit(1) }, ());
    assert!(matches!(result, Err(TaskError::WorkerDied { .. })), "{result:?}");
    eventually("the pool ends", || matches!(pool.apply(double, 1), Err(TaskError::Broken { .. })));
    let error = held.release().expect_err("the pool has ended");
    assert!(error.to_string().contains("not any more"), "{error}");
    assert_eq!(pool.deaths(), 2, "nobody tried again");
}

pub(crate) fn workers_are_replaced_after_their_tasks(method: StartMethod) {
    let pool = builder(method, 2).max_tasks_per_worker(10).build().expect("a pool");
    for chunk_size in [1, 3, 100] {
        let results = pool.tasks().chunk_size(chunk_size).map(|n: u64| (n, std::process::id()), 0..100);
        let mut by = std::collections::BTreeMap::<u32, usize>::new();
        for (n, result) in (0..).zip(results) {
            let (number, pid) = result.expect("nobody dies");
            assert_eq!(number, n);
            *by.entry(pid).or_default() += 1;
        }
        assert!(by.len() >= 10 && by.values().all(|n_tasks| *n_tasks <= 10), "{by:?}");
    }
    assert_eq!(pool.deaths(), 0);
    drop(pool);
    let pool = builder(method, 3).max_tasks_per_worker(1).build().expect("a pool");
    let tasks: Vec<_> = (0..6).map(|n| pool.apply_async(double, n)).collect();
    pool.join();
    assert!((0..).zip(tasks).all(|(n, task)| task.get().expect("it was done") == n * 2));
    assert!(matches!(builder(method, 1).max_tasks_per_worker(0).build(), Err(PoolError::NoTasks)));
}

pub(crate) fn workers_that_grow_are_replaced(method: StartMethod) {
    let pool = builder(method, 1).max_memory_per_worker(200 << 20).build().expect("a pool");
    let grow = |n_bytes: usize| {
        std::mem::forget(std::hint::black_box(vec![1_u8; n_bytes]));
        std::process::id()
    };
    let mut pids = BTreeSet::new();
    for _ in 0..20 {
        pids.insert(pool.apply(grow, 50 << 20).expect("nobody dies"));
    }
    assert!((3..=10).contains(&pids.len()), "{} workers", pids.len());
    assert_eq!(pool.deaths(), 0);
}

pub(crate) fn a_hard_limit_ends_its_task_alone(method: StartMethod) {
    // Long enough for the others, should they have to wait for a processor in the middle of their work.
    let limit = Duration::from_millis(500);
    let pool = builder(method, 2).hard_limit(limit).build().expect("a pool");
    let start = Instant::now();
    let stuck = |n: u64| {
        if n == 30 {
            std::thread::sleep(Duration::from_secs(600))
        }
    };
    let results = pool.tasks().chunk_size(25).map(stuck, 0..100);
    assert!(start.elapsed() >= limit);
    for (n, result) in results.into_iter().enumerate() {
        match result {
            Ok(()) => assert_ne!(n, 30),
            Err(TaskError::TimedOut { limit: told }) => assert_eq!((n, told), (30, limit)),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(pool.deaths(), 1);
    // The limit is that of a task, and not of a chunk.
    let short = |_: u64| std::thread::sleep(Duration::from_millis(20));
    assert!(pool.tasks().chunk_size(30).map(short, 0..60).into_iter().all(|result| result.is_ok()));
    eventually("the worker is replaced", || pool.workers().len() == 2);
}

pub(crate) fn a_soft_limit_is_told_to_its_task_alone(method: StartMethod) {
    let limit = Duration::from_millis(20);
    let pool = builder(method, 2).soft_limit(limit).build().expect("a pool");
    let work = |is_slow: bool| {
        let start = Instant::now();
        while is_slow && !ipc_process::task_is_overdue() {
            std::thread::yield_now();
        }
        let is_overdue = ipc_process::task_is_overdue();
        // After the question: it may have taken long.
        (start.elapsed(), is_overdue)
    };
    for (n, result) in pool.tasks().chunk_size(5).map(work, (0..20).map(|n| n == 3)).into_iter().enumerate() {
        let (elapsed, is_overdue) = result.expect("nobody dies");
        assert!(n != 3 || elapsed >= limit, "{elapsed:?}");
        assert!(is_overdue == (n == 3) || elapsed >= limit, "task {n}");
    }
    assert!(!ipc_process::task_is_overdue());
    assert_eq!(pool.deaths(), 0);
}

pub(crate) fn bored_workers_leave_and_come_back(method: StartMethod) {
    let pool = builder(method, 2).idle_timeout(Duration::from_millis(20)).build().expect("a pool");
    for n in 0..3 {
        eventually("the workers leave", || pool.workers().is_empty());
        assert_eq!(pool.apply(double, n).expect("one comes back"), n * 2);
        assert_eq!(pool.map(double, 0..50).into_iter().filter(Result::is_ok).count(), 50);
    }
    assert_eq!(pool.deaths(), 0);
}

pub(crate) fn a_pool_changes_its_size(method: StartMethod) {
    let pool = pool(method, 1);
    for size in [4, 2, 3, 1, 5] {
        let tasks = pool.map_async(double, 0..200);
        pool.resize(size);
        assert!(tasks.get().into_iter().zip(0..).all(|(result, n)| result.expect("nobody dies") == n * 2));
        eventually("the size is as it should be", || pool.workers().len() == size);
        assert_full(&pool, size);
    }
    assert_eq!(pool.deaths(), 0);
}
