//! Calls, maps and iterators.

use super::{assert_full, double, pool, stay};
use ipc_codec::Limits;
use ipc_process::{Pool, StartMethod, TaskError};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) fn apply_returns_what_the_function_returns(method: StartMethod) {
    let pool = pool(method, 2);
    assert_eq!(pool.apply(double, 21).expect("a number"), 42);
    let text = pool.apply(|(a, b): (String, Vec<u8>)| format!("{a}{}", b.len()), ("n".into(), vec![0; 3]));
    assert_eq!(text.expect("a text"), "n3");
    pool.apply(|(): ()| (), ()).expect("nothing");
    assert_ne!(pool.apply(|(): ()| std::process::id(), ()).expect("a number"), std::process::id());
}

pub(crate) fn map_keeps_the_order(method: StartMethod) {
    let pool = pool(method, 3);
    // Later ones are done sooner.
    let slow_first = |n: u64| {
        std::thread::sleep(std::time::Duration::from_micros(2000_u64.saturating_sub(n * 10)));
        n * n
    };
    let squares: Vec<u64> = pool.map(slow_first, 0..200).into_iter().map(|n| n.expect("a number")).collect();
    assert_eq!(squares, (0..200).map(|n| n * n).collect::<Vec<_>>());
}

pub(crate) fn map_of_nothing_is_nothing(method: StartMethod) {
    let pool = pool(method, 2);
    assert!(pool.map(double, []).is_empty());
    assert_eq!(pool.imap_unordered(double, std::iter::empty()).count(), 0);
    assert_eq!(pool.apply(double, 1).expect("a number"), 2);
}

pub(crate) fn imap_unordered_yields_each_input_once(method: StartMethod) {
    let pool = pool(method, 2);
    let mut seen = BTreeSet::new();
    for (index, result) in pool.imap_unordered(double, 1000..1500) {
        assert_eq!(result.expect("a number"), (1000 + index as u64) * 2);
        assert!(seen.insert(index), "index {index} twice");
    }
    assert_eq!(seen, (0..500).collect());
}

pub(crate) fn imap_unordered_is_lazy(method: StartMethod) {
    const N_WORKERS: usize = 2;
    let pool = pool(method, N_WORKERS);
    let n_taken = Cell::new(0);
    let inputs = (0_u64..).inspect(|_| n_taken.set(n_taken.get() + 1));
    let mut results = pool.imap_unordered(double, inputs);
    assert_eq!(n_taken.get(), 0, "nothing is taken before somebody asks");
    for n_asked in 1..=100 {
        let (index, result) = results.next().expect("it has no end");
        assert_eq!(result.expect("a number"), index as u64 * 2);
        assert!(n_taken.get() < n_asked + 4 * N_WORKERS, "{} taken for {n_asked} results", n_taken.get());
    }
}

pub(crate) fn imap_unordered_dropped_early_ends_nothing(method: StartMethod) {
    let pool = pool(method, 2);
    let (gate, there) = ipc_pipe::pipe::<(), u32>().expect("a pipe");
    let mut results = pool.imap_unordered(
        |input: Option<ipc_pipe::Pipe<u32, ()>>| input.map(stay),
        [None, Some(there), None, None],
    );
    results.next().expect("one result").1.expect("which is nothing");
    drop(results);
    // The task that is under way does not notice.
    gate.recv().expect("it runs");
    assert_eq!(pool.apply(double, 4).expect("a number"), 8);
    gate.send(()).expect("it still runs");
    pool.join();
}

pub(crate) fn an_input_that_panics_leaves_the_pool_usable(method: StartMethod) {
    let pool = pool(method, 2);
    for position in [0, 1, 7] {
        let inputs = || (0..10_u64).map(|n| if n == position { panic!("no more") } else { n });
        catch_unwind(AssertUnwindSafe(|| pool.map(double, inputs()))).expect_err("the iterator panics");
        let mut results = pool.imap_unordered(double, inputs());
        let panicked = catch_unwind(AssertUnwindSafe(|| results.by_ref().count()));
        panicked.expect_err("the iterator panics");
        drop(results);
        assert_eq!(pool.apply(double, position).expect("a number"), position * 2);
    }
    assert_full(&pool, 2);
    assert_eq!(pool.deaths(), 0);
}

pub(crate) fn many_threads_use_one_pool(method: StartMethod) {
    let pool = pool(method, 2);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let pool = &pool;
            scope.spawn(move || {
                for n in 0..50 {
                    assert_eq!(
                        pool.apply(double, thread * 100 + n).expect("a number"),
                        (thread * 100 + n) * 2
                    );
                }
            });
        }
    });
}

pub(crate) fn limits_hold_for_each_task(method: StartMethod) {
    let limits = Limits { max_frame: 10_000, ..Limits::default() };
    let pool = Pool::builder().method(method).workers(1).limits(limits).build().expect("a pool");
    let n_bytes = |bytes: Vec<u8>| bytes.len();
    assert_eq!(pool.apply(n_bytes, vec![1; 9_000]).expect("short enough"), 9_000);
    let error = pool.apply(n_bytes, vec![1; 11_000]).expect_err("too long");
    assert!(matches!(error, TaskError::Encode(_)), "{error:?}");
    let zeros = |n: usize| vec![0_u8; n];
    assert_eq!(pool.apply(zeros, 9_000).expect("short enough").len(), 9_000);
    let error = pool.apply(zeros, 11_000).expect_err("too long");
    assert!(matches!(error, TaskError::Result { .. }), "{error:?}");
    assert_eq!(pool.deaths(), 0);
}
