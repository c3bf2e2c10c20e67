//! What Python's own tests of `Pool` demand, by every start method.
//!
//! After `_TestPool`, `_TestPoolWorkerErrors`, `_TestPoolWorkerLifetime`, `TestPoolNotLeakOnFailure` and `TestInitializers` of
//! `Lib/test/_test_multiprocessing.py` (PSF licence); the code is ours. Their tests of reference counts, warnings, pickling and
//! context managers have nothing here to hold on to.
//!
//! | Python | here |
//! | --- | --- |
//! | `test_apply` | `apply` |
//! | `test_map`, `test_starmap`, `test_map_chunksize` | `map`, `starmap`, `map_chunksize` |
//! | `test_map_async`, `test_starmap_async`, `test_map_async_callbacks` | `map_async`, `starmap_async`, `callbacks` |
//! | `test_map_unplicklable`, `test_map_no_failfast` | `arguments_that_do_not_encode`, `map_waits_for_all` |
//! | `test_map_handle_iterable_exception`, `test_imap_handle_iterable_exception`, `test_imap_unordered_handle_iterable_exception` | `inputs_that_panic` |
//! | `test_async`, `test_async_timeout` | `apply_async`, `async_timeout` |
//! | `test_imap`, `test_imap_unordered` | `imap`, `imap_unordered` |
//! | `test_make_pool` | `sizes` |
//! | `test_terminate`, `test_empty_iterable` | `terminate`, `empty_inputs` |
//! | `test_context`, `test_enter` | `the_end_of_the_scope` |
//! | `test_traceback` | `traceback` |
//! | `test_async_error_callback`, `test_unpickleable_result` | `error_callback`, `results_that_do_not_encode` |
//! | `test_pool_worker_lifetime`, `test_pool_worker_lifetime_early_close`, `test_pool_maxtasksperchild_invalid` | `worker_lifetime`, `worker_lifetime_early_close`, `worker_lifetime_invalid` |
//! | `test_release_unused_processes` (`TestPoolNotLeakOnFailure`) | `a_pool_that_fails_leaves_nothing` |
//! | `test_pool_initializer` | `initializer` |

#[macro_use]
mod support;

use multiproc::process::{GetError, PoolError};
use multiproc::{Builder, Pool, StartMethod, TaskError};
use serde::{Serialize, Serializer, ser::Error as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

by_every_method! {
    apply
    map
    starmap
    map_chunksize
    map_async
    starmap_async
    callbacks
    arguments_that_do_not_encode
    map_waits_for_all
    inputs_that_panic
    apply_async
    async_timeout
    imap
    imap_unordered
    sizes
    terminate
    empty_inputs
    the_end_of_the_scope
    traceback
    error_callback
    results_that_do_not_encode
    worker_lifetime
    worker_lifetime_early_close
    worker_lifetime_invalid
    a_pool_that_fails_leaves_nothing
    initializer
}

/// Runs a body in a process of its own, of which nothing may be left; and in a copy of that one, which has the lifeline that daemons
/// hang on for as long as it lives.
fn isolated(body: impl Fn() + Copy) {
    // Moved, since the body must be found in another process: it is a type without content.
    ipc_testkit::isolated(move || {
        multiproc::init();
        Builder::new().fork(move |()| body(), ()).expect("a process").join().expect("a test that passes");
    });
}

fn pool(method: StartMethod, n_workers: usize) -> Pool {
    Pool::builder().method(method).workers(n_workers).build().expect("a pool")
}

fn sqr(number: u64) -> u64 {
    number * number
}

/// `sqr(x, wait)`.
fn sqr_after((number, ms): (u64, u64)) -> u64 {
    std::thread::sleep(Duration::from_millis(ms));
    number * number
}

fn mul(a: u64, b: u64) -> u64 {
    a * b
}

fn squares(n: u64) -> Vec<u64> {
    (0..n).map(sqr).collect()
}

#[track_caller]
fn all<R>(results: impl IntoIterator<Item = Result<R, TaskError>>) -> Vec<R> {
    results.into_iter().collect::<Result<_, _>>().expect("no task fails")
}

fn apply(method: StartMethod) {
    let pool = pool(method, 4);
    assert_eq!(pool.apply(sqr, 5).expect("a number"), 25);
    assert_eq!(pool.apply(sqr_after, (5, 1)).expect("a number"), 25);
}

fn map(method: StartMethod) {
    let pool = pool(method, 4);
    assert_eq!(all(pool.map(sqr, 0..10)), squares(10));
    assert_eq!(all(pool.tasks().chunk_size(20).map(sqr, 0..100)), squares(100));
}

fn starmap(method: StartMethod) {
    let pool = pool(method, 4);
    let (short, long) = ((0..10).zip((0..10).rev()), (0..100).zip((0..100).rev()));
    assert_eq!(all(pool.starmap(mul, short)), (0..10).map(|n| n * (9 - n)).collect::<Vec<_>>());
    assert_eq!(all(pool.starmap(mul, long)), (0..100).map(|n| n * (99 - n)).collect::<Vec<_>>());
}

fn map_async(method: StartMethod) {
    assert_eq!(all(pool(method, 4).map_async(sqr, 0..10).get()), squares(10));
}

fn starmap_async(method: StartMethod) {
    let results = pool(method, 4).starmap_async(mul, (0..10).map(|n| (n, n))).get();
    assert_eq!(all(results), squares(10));
}

fn callbacks(method: StartMethod) {
    let pool = pool(method, 4);
    let (told, results) = channel();
    let (one, many, failed, failed_many) = (told.clone(), told.clone(), told.clone(), told);
    pool.apply_async(sqr, 7)
        .then(move |value| one.send(vec![value]).expect("heard"), |error| panic!("{error}"));
    pool.map_async(sqr, 0..3).then(move |values| many.send(all(values)).expect("heard"));
    let fail = |n: u64| if n == 1 { panic!("one") } else { n };
    pool.apply_async(fail, 1).then(|_| panic!("it failed"), move |_| failed.send(vec![99]).expect("heard"));
    pool.map_async(fail, 0..3).then(move |values| {
        let n_failed = values.iter().filter(|value| value.is_err()).count() as u64;
        failed_many.send(vec![100, n_failed]).expect("heard");
    });
    let mut told: Vec<_> = results.into_iter().collect();
    told.sort();
    assert_eq!(told, [vec![0, 1, 4], vec![49], vec![99], vec![100, 1]]);
}

/// Does not encode.
#[derive(serde::Deserialize)]
struct Stubborn;

impl Serialize for Stubborn {
    fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("it will not"))
    }
}

fn arguments_that_do_not_encode(method: StartMethod) {
    let pool = pool(method, 4);
    for result in pool.map(|_: Stubborn| (), (0..10).map(|_| Stubborn)) {
        assert!(matches!(result, Err(TaskError::Encode(_))));
    }
    assert_eq!(pool.apply(sqr, 3).expect("the pool goes on"), 9);
}

fn map_chunksize(method: StartMethod) {
    let pool = pool(method, 4);
    assert!(pool.tasks().chunk_size(1).map(sqr, []).is_empty());
    assert!(pool.tasks().chunk_size(1).map_async(sqr, []).wait_timeout(Duration::from_secs(30)));
}

fn inputs_that_panic(method: StartMethod) {
    let pool = pool(method, 4);
    for place in [0, 1, 7] {
        let inputs = || (0..10).map(|n| if n == place { panic!("someone said so") } else { n });
        let panicked = |work: &dyn Fn() -> usize| {
            catch_unwind(AssertUnwindSafe(work)).expect_err("the input panics");
        };
        panicked(&|| pool.map(sqr, inputs()).len());
        panicked(&|| pool.tasks().chunk_size(3).map(sqr, inputs()).len());
        panicked(&|| pool.map_async(sqr, inputs()).len());
        panicked(&|| pool.imap(sqr, inputs()).count());
        panicked(&|| pool.tasks().chunk_size(3).imap(sqr, inputs()).count());
        panicked(&|| pool.imap_unordered(sqr, inputs()).count());
        // What came before the input that panics, comes.
        let mut results = pool.tasks().in_flight(1).imap(sqr, inputs());
        for n in 0..place {
            assert_eq!(results.next().expect("more").expect("a number"), sqr(n));
        }
        panicked(&|| pool.imap(sqr, inputs()).count());
    }
    assert_eq!(all(pool.map(sqr, 0..10)), squares(10));
}

fn apply_async(method: StartMethod) {
    let pool = pool(method, 4);
    let start = Instant::now();
    let result = pool.apply_async(sqr_after, (7, 100));
    assert_eq!(result.get().expect("a number"), 49);
    assert!(start.elapsed() >= Duration::from_millis(100));
}

fn async_timeout(method: StartMethod) {
    let pool = pool(method, 4);
    let start = Instant::now();
    let slow = pool.apply_async(sqr_after, (6, 60_000));
    let Err(GetError::TimedOut(slow)) = slow.get_timeout(Duration::from_millis(100)) else {
        panic!("too soon")
    };
    assert!(start.elapsed() >= Duration::from_millis(100));
    assert!(!slow.ready() && slow.successful().is_none());
}

fn imap(method: StartMethod) {
    let pool = pool(method, 4);
    assert_eq!(all(pool.imap(sqr, 0..10)), squares(10));
    let mut results = pool.imap(sqr, 0..10);
    for n in 0..10 {
        assert_eq!(results.next().expect("more").expect("a number"), sqr(n));
    }
    assert!(results.next().is_none() && results.next().is_none());
    assert_eq!(all(pool.tasks().chunk_size(100).imap(sqr, 0..1000)), squares(1000));
}

fn imap_unordered(method: StartMethod) {
    let pool = pool(method, 4);
    for chunk_size in [1, 100] {
        let results = pool.tasks().chunk_size(chunk_size).imap_unordered(sqr, 0..1000);
        let mut values = all(results.map(|(_, result)| result));
        values.sort_unstable();
        assert_eq!(values, squares(1000));
    }
}

fn sizes(method: StartMethod) {
    for n_workers in [1, 2, 3] {
        assert_eq!(pool(method, n_workers).workers().len(), n_workers);
    }
    assert!(matches!(Pool::builder().method(method).workers(0).build(), Err(PoolError::NoWorkers)));
}

fn terminate(method: StartMethod) {
    let pool = pool(method, 4);
    let sleep = |_: u64| std::thread::sleep(Duration::from_secs(1));
    let tasks = pool.map_async(sleep, 0..10_000);
    pool.terminate();
    pool.join();
    // Python waits for ever here.
    assert!(tasks.get().iter().any(|result| matches!(result, Err(TaskError::Cancelled))));
}

fn empty_inputs(method: StartMethod) {
    let pool = pool(method, 1);
    assert!(pool.map(sqr, []).is_empty());
    assert_eq!(pool.imap(sqr, []).count(), 0);
    assert_eq!(pool.imap_unordered(sqr, []).count(), 0);
    assert!(pool.map_async(sqr, []).get().is_empty());
    assert!(pool.starmap(mul, []).is_empty());
}

fn the_end_of_the_scope(method: StartMethod) {
    let task = {
        let pool = pool(method, 2);
        assert_eq!(all(pool.map(sqr, 0..10)), squares(10));
        pool.apply_async(sqr_after, (1, 600_000))
    };
    // The drop of a pool is `terminate`, as the end of Python's `with`.
    assert!(matches!(task.get(), Err(TaskError::Cancelled)));
    let pool = pool(method, 2);
    pool.close();
    assert!(matches!(pool.apply(sqr, 1), Err(TaskError::Closed)));
}

fn traceback(method: StartMethod) {
    fn raising(_: u64) -> u64 {
        panic!("the key of the matter")
    }
    let pool = pool(method, 1);
    for error in [
        pool.apply(raising, 1),
        pool.map(raising, [1]).remove(0),
        pool.imap(raising, [1]).next().expect("one"),
    ] {
        let Err(TaskError::Panicked(report)) = error else { panic!("{error:?}") };
        assert_eq!(report.message(), "the key of the matter");
        assert!(report.location().is_some_and(|location| location.contains("pool_python.rs")));
        assert!(report.backtrace().contains("raising"));
    }
}

fn map_waits_for_all(method: StartMethod) {
    let pool = pool(method, 2);
    let start = Instant::now();
    let work = |n: u64| {
        std::thread::sleep(Duration::from_millis(n * 100));
        // Messages that fill whatever is between the processes.
        assert!(n > 0, "{}", "x".repeat(1 << 20));
    };
    let results = pool.tasks().chunk_size(1).map(work, [0, 3]);
    assert!(results[0].is_err() && results[1].is_ok());
    assert!(start.elapsed() >= Duration::from_millis(300));
    let error = pool.map(work, [0, 0, 0, 0]).remove(0).expect_err("it panics");
    assert!(error.to_string().len() > 1 << 20);
    pool.join();
}

fn error_callback(method: StartMethod) {
    let pool = pool(method, 2);
    let (told, errors) = channel();
    let raising = |(): ()| -> u64 { panic!("key") };
    pool.apply_async(raising, ()).then(|_| (), move |error| told.send(error).expect("heard"));
    let error = errors.recv().expect("it is called");
    assert!(matches!(&error, TaskError::Panicked(report) if report.message() == "key"), "{error}");
}

fn results_that_do_not_encode(method: StartMethod) {
    let pool = pool(method, 2);
    let before: Vec<u32> = pool.workers().iter().map(|worker| worker.pid()).collect();
    for _ in 0..20 {
        let error = pool.apply(|(): ()| Stubborn, ()).map(|_| ()).expect_err("it will not");
        assert!(matches!(&error, TaskError::Result { reason } if reason.contains("it will not")), "{error}");
    }
    assert_eq!(pool.workers().iter().map(|worker| worker.pid()).collect::<Vec<_>>(), before);
    assert_eq!(pool.deaths(), 0);
}

fn worker_lifetime(method: StartMethod) {
    let pool = Pool::builder().method(method).workers(3).max_tasks_per_worker(10).build().expect("a pool");
    let before: Vec<u32> = pool.workers().iter().map(|worker| worker.pid()).collect();
    let tasks: Vec<_> = (0..100).map(|n| pool.apply_async(sqr, n)).collect();
    for (n, task) in (0..).zip(tasks) {
        assert_eq!(task.get().expect("a number"), sqr(n));
    }
    assert_eq!(pool.apply(sqr, 9).expect("there are workers"), 81);
    assert!(pool.workers().iter().all(|worker| !before.contains(&worker.pid())), "all have gone");
}

fn worker_lifetime_early_close(method: StartMethod) {
    let pool = Pool::builder().method(method).workers(3).max_tasks_per_worker(1).build().expect("a pool");
    let tasks: Vec<_> = (0..6).map(|n| pool.apply_async(sqr_after, (n, 50))).collect();
    pool.close();
    pool.join();
    for (n, task) in (0..).zip(tasks) {
        assert_eq!(task.get().expect("a number"), sqr(n));
    }
}

fn worker_lifetime_invalid(method: StartMethod) {
    let error = Pool::builder().method(method).workers(2).max_tasks_per_worker(0).build().expect_err("none");
    assert!(matches!(error, PoolError::NoTasks));
}

/// The leak check around each test sees what the failed pool leaves.
fn a_pool_that_fails_leaves_nothing(method: StartMethod) {
    let picky = |(): ()| assert!(!multiproc::current().name().ends_with('4'), "not the fourth");
    for _ in 0..3 {
        // The names count on, so one of ten is refused each time.
        let failed = Pool::builder().method(method).workers(10).initializer(picky, ()).build();
        assert!(matches!(failed, Err(PoolError::Initializer { .. })), "{failed:?}");
    }
}

fn initializer(method: StartMethod) {
    use std::sync::atomic::{AtomicU64, Ordering};
    static SET: AtomicU64 = AtomicU64::new(0);
    let set = |number| SET.store(number, Ordering::Relaxed);
    let pool = Pool::builder().method(method).workers(1).initializer(set, 1_u64).build().expect("a pool");
    assert_eq!(pool.apply(|(): ()| SET.load(Ordering::Relaxed), ()).expect("a number"), 1);
}
