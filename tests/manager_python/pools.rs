//! Pools.

use crate::managers::Thing;
use crate::{LONG, SHORT, assert_times_out, isolated, manager};
use multiproc::StartMethod;
use multiproc::manager::{Barrier, CallError};
use std::time::{Duration, Instant};

by_every_method! { alone: StartMethod::Spawn;
    pool_calls pool_timeouts pool_terminate pool_sizes pool_errors
}

fn sqr(number: u64) -> u64 {
    number * number
}

/// `sqr(x, wait)`.
fn sqr_after((number, ms): (u64, u64)) -> u64 {
    std::thread::sleep(Duration::from_millis(ms));
    number * number
}

fn pool_calls(method: StartMethod) {
    let manager = manager(method);
    let pool = manager.pool(4).expect("a pool");
    let all = |results: Vec<Result<u64, CallError>>| {
        results.into_iter().collect::<Result<Vec<_>, _>>().expect("no task fails")
    };
    let squares = |n: u64| (0..n).map(sqr).collect::<Vec<_>>();
    assert_eq!(pool.apply(sqr, 5).expect("a number"), 25);
    assert_eq!(pool.apply(sqr_after, (3, 1)).expect("a number"), 9);
    assert_eq!(all(pool.map(sqr, 0..10).expect("results")), squares(10));
    assert_eq!(all(pool.map(sqr, 0..100).expect("results")), squares(100));
    let mul = |(a, b): (u64, u64)| a * b;
    let pairs = || (0..100).zip((0..100).rev());
    let products: Vec<u64> = pairs().map(|(a, b)| a * b).collect();
    assert_eq!(all(pool.map(mul, pairs()).expect("results")), products);
    assert_eq!(all(pool.map_async(mul, pairs()).expect("begun").get().expect("results")), products);
    assert_eq!(
        all(pool.map_async(sqr, 0..10).expect("begun").get_timeout(LONG).expect("results")),
        squares(10)
    );
    let begin = Instant::now();
    let outcome = pool.apply_async(sqr_after, (7, 30)).expect("begun");
    assert_eq!(outcome.get().expect("a number"), 49);
    assert!(begin.elapsed() >= SHORT);
    assert!(pool.map(sqr, []).expect("results").is_empty());
    assert!(pool.map_async(sqr, []).expect("begun").get_timeout(LONG).expect("results").is_empty());
    pool.close().expect("close");
    pool.join_timeout(LONG).expect("nothing runs");
}

fn pool_timeouts(method: StartMethod) {
    let manager = manager(method);
    let pool = manager.pool(1).expect("a pool");
    let outcome = pool.apply_async(sqr_after, (6, 300)).expect("begun");
    assert!(matches!(outcome.try_get(), Err(CallError::TimedOut)));
    assert_times_out(|time| outcome.get_timeout(time));
    assert_times_out(|time| pool.join_timeout(time));
    // What was begun before is done.
    pool.close().expect("close");
    assert_eq!(outcome.get().expect("a number"), 36);
    pool.join().expect("nothing runs");
    let pool = manager.pool(1).expect("a pool");
    let outcome = pool.apply_async(sqr, 6).expect("begun");
    pool.close().expect("close");
    assert_eq!(outcome.get().expect("a number"), 36);
}

/// Ten thousand tasks that would take for ever, in workers that are not there yet, and in those that are.
fn pool_terminate(method: StartMethod) {
    let manager = manager(method);
    for pause in [Duration::ZERO, 2 * SHORT] {
        let pool = manager.pool(3).expect("a pool");
        let outcomes = pool.map_async(sqr_after, (0..10_000).map(|n| (n, 1_000_000))).expect("begun");
        std::thread::sleep(pause);
        pool.terminate().expect("terminate");
        pool.join_timeout(LONG).expect("nothing runs");
        let results = outcomes.get_timeout(LONG).expect("results");
        assert_eq!(results.len(), 10_000);
        assert!(results.iter().all(|result| matches!(result, Err(CallError::Refused { .. }))));
        assert!(matches!(pool.apply(sqr, 1), Err(CallError::Broken)));
    }
}

fn pool_sizes(method: StartMethod) {
    let manager = manager(method);
    assert!(matches!(manager.pool(0), Err(CallError::Refused { .. })));
    let pool = manager.pool(2).expect("a pool");
    // Each waits for the other.
    let both = manager.barrier(2).expect("a barrier");
    let meet = |both: Barrier| both.wait_timeout(LONG).expect("the other one");
    let results = pool.map(meet, [both.clone(), both]).expect("results");
    let mut places: Vec<usize> = results.into_iter().map(|result| result.expect("a place")).collect();
    places.sort_unstable();
    assert_eq!(places, [0, 1]);
}

fn pool_errors(method: StartMethod) {
    let manager = manager(method);
    let pool = manager.pool(2).expect("a pool");
    let refused = pool.map(|_: Thing| (), (0..10).map(|_| Thing::Unspeakable));
    assert!(matches!(refused, Err(CallError::Encode(_))), "{refused:?}");
    let error = pool.apply(|(): ()| -> () { panic!("no luck") }, ()).unwrap_err();
    match error {
        CallError::Panicked { message, backtrace } => {
            assert!(message.contains("no luck") && message.contains(file!()), "{message}");
            assert!(!backtrace.is_empty());
        }
        other => panic!("{other:?}"),
    }
    // The first failure waits for the others, however long its message is.
    let fail = |ms: u64| -> () {
        std::thread::sleep(Duration::from_millis(ms));
        panic!("{}", "x".repeat(1 << 20));
    };
    let begin = Instant::now();
    let results = pool.map(fail, [0, 50]).expect("results");
    assert!(begin.elapsed() >= SHORT);
    assert!(results.iter().all(|result| matches!(result, Err(CallError::Panicked { .. }))));
    pool.close().expect("close");
    pool.join_timeout(LONG).expect("nothing runs");
}
