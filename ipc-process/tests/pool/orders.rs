//! The ways to hand in tasks, and to get what comes of them.

use super::{PATIENCE, double, eventually, pool, submit_held};
use ipc_process::{StartMethod, TaskError};
use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

pub(crate) fn imap_keeps_the_order_and_is_lazy(method: StartMethod) {
    let pool = pool(method, 2);
    let n_taken = Cell::new(0);
    let inputs = (0_u64..).inspect(|_| n_taken.set(n_taken.get() + 1));
    let slow_first = |n: u64| {
        std::thread::sleep(Duration::from_micros(if n % 10 == 0 { 3000 } else { 0 }));
        n * 2
    };
    let mut results = pool.tasks().in_flight(6).imap(slow_first, inputs);
    assert_eq!(n_taken.get(), 0);
    for n in 0..100 {
        assert_eq!(results.next().expect("it has no end").expect("a number"), n * 2);
        assert!(n_taken.get() <= n + 7, "{} taken for {n}", n_taken.get());
    }
    drop(results);
    let all: Result<Vec<u64>, _> = pool.tasks().chunk_size(7).imap(double, 0..100).collect();
    assert_eq!(all.expect("numbers"), (0..100).map(|n| n * 2).collect::<Vec<_>>());
    assert_eq!(pool.imap(double, []).count(), 0);
}

pub(crate) fn starmap_takes_functions_of_several_arguments(method: StartMethod) {
    fn join(a: String, b: u8, c: Option<char>) -> String {
        format!("{a}{b}{c:?}")
    }
    let pool = pool(method, 2);
    let joined = pool.starmap(join, [("a".to_string(), 1, None), ("b".to_string(), 2, Some('c'))]);
    assert_eq!(joined.into_iter().collect::<Result<Vec<_>, _>>().expect("texts"), ["a1None", "b2Some('c')"]);
    let sums = pool.starmap_async(|a: u64, b: u64| a + b, (0..100).map(|n| (n, n))).get();
    assert!((0..).zip(sums).all(|(n, sum)| sum.expect("a number") == 2 * n));
}

pub(crate) fn map_async_ends_with_its_last_task(method: StartMethod) {
    let pool = pool(method, 2);
    let held = submit_held(&pool);
    let other = submit_held(&pool);
    held.pid();
    other.pid();
    let tasks = pool.map_async(|n: u64| if n == 5 { panic!("five") } else { n }, 0..10);
    assert_eq!((tasks.len(), tasks.n_ended(), tasks.ready(), tasks.successful()), (10, 0, false, None));
    let Err(tasks) = tasks.get_timeout(Duration::from_millis(1)) else { panic!("nobody runs them") };
    held.release().expect("it was let go");
    assert!(tasks.wait_timeout(PATIENCE));
    assert_eq!(tasks.successful(), Some(false));
    let results = tasks.get();
    assert!(matches!(&results[5], Err(TaskError::Panicked(report)) if report.message() == "five"));
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 9);
    other.release().expect("it was let go");
    assert!(pool.map_async(double, []).get().is_empty());
}

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park_timeout(PATIENCE),
        }
    }
}

pub(crate) fn results_are_futures(method: StartMethod) {
    let pool = pool(method, 2);
    let slow = |n: u64| {
        std::thread::sleep(Duration::from_millis(n));
        n
    };
    for n in [0, 1, 30] {
        assert_eq!(block_on(pool.apply_async(slow, n)).expect("a number"), n);
    }
    let all = block_on(pool.map_async(slow, [20, 0, 5]));
    assert_eq!(all.into_iter().collect::<Result<Vec<_>, _>>().expect("numbers"), [20, 0, 5]);
    let died = block_on(pool.apply_async(|(): ()| -> () { std::process::abort() }, ()));
    assert!(matches!(died, Err(TaskError::WorkerDied { .. })));
    let both = block_on(async { (pool.apply_async(slow, 3).await, pool.apply_async(slow, 4).await) });
    assert!(matches!(both, (Ok(3), Ok(4))));
    let lost = pool.apply_async(|(): ()| std::thread::sleep(Duration::from_secs(600)), ());
    pool.terminate();
    assert!(matches!(block_on(lost), Err(TaskError::Cancelled)));
}

pub(crate) fn callbacks_are_called_once_each(method: StartMethod) {
    let pool = pool(method, 2);
    let (told, results) = channel();
    let half = |n: u64| if n % 2 == 0 { n / 2 } else { panic!("{n} is odd") };
    for n in 0..20 {
        let (value, error) = (told.clone(), told.clone());
        pool.apply_async(half, n).then(
            move |half| value.send((n, Some(half))).expect("somebody listens"),
            move |failed| {
                error.send((n, failed.to_string().contains("odd").then_some(0))).expect("somebody listens")
            },
        );
    }
    let all = told.clone();
    pool.map_async(half, 0..4)
        .then(move |results| all.send((99, Some(results.len() as u64))).expect("somebody listens"));
    drop(told);
    let mut results: Vec<_> = results.iter().collect();
    results.sort_unstable();
    let expected = (0..20).map(|n| (n, Some(if n % 2 == 0 { n / 2 } else { 0 }))).chain([(99, Some(4))]);
    assert_eq!(results, expected.collect::<Vec<_>>());
}

pub(crate) fn callbacks_that_panic_harm_nobody(method: StartMethod) {
    let pool = pool(method, 2);
    let called = Arc::new(Mutex::new(Vec::new()));
    for n in 0..10 {
        let called = Arc::clone(&called);
        let note = move |result| {
            called.lock().expect("no panic under it").push(result);
            assert!(n % 2 == 0, "a callback panics");
        };
        pool.apply_async(double, n).then(note, |error| panic!("{error}"));
    }
    assert_eq!(pool.apply(double, 4).expect("a number"), 8);
    // Those of a pool are called before it is gone.
    pool.join();
    let mut called = called.lock().expect("no panic under it").clone();
    called.sort_unstable();
    assert_eq!(called, (0..10).map(|n| n * 2).collect::<Vec<_>>());
}

/// A callback ran in the thread that replaces workers, and a pool whose callback waited for a task had no workers any more.
pub(crate) fn a_callback_may_use_the_pool(method: StartMethod) {
    let pool = Arc::new(pool(method, 1));
    let (told, results) = channel();
    let inside = Arc::clone(&pool);
    pool.apply_async(|(): ()| -> u64 { std::process::exit(3) }, ()).then(
        |_| (),
        move |_| {
            told.send(inside.apply(double, 21)).expect("somebody listens");
        },
    );
    assert_eq!(results.recv_timeout(PATIENCE).expect("it is called").expect("a number"), 42);
    eventually("the callback has let go", || Arc::strong_count(&pool) == 1);
}

pub(crate) fn progress_is_told(method: StartMethod) {
    let pool = pool(method, 2);
    let told = RefCell::new(Vec::new());
    let odd_fails = |n: u64| assert!(n % 2 == 0);
    pool.tasks().chunk_size(10).progress(|progress| told.borrow_mut().push(progress)).map(odd_fails, 0..100);
    let seen = told.take();
    assert!(seen.is_sorted_by_key(|progress| progress.done));
    assert!(seen.iter().all(|progress| progress.total == Some(100) && progress.failed <= progress.done));
    assert_eq!(seen.last().map(|progress| (progress.done, progress.failed)), Some((100, 50)));
    // An input of unknown length: its end is known when it is there.
    let unknown = (0..10_u64).filter(|n| n % 2 == 0);
    let hook = |progress| told.borrow_mut().push(progress);
    assert_eq!(pool.tasks().progress(hook).imap_unordered(double, unknown).count(), 5);
    let last = *told.borrow().last().expect("it was told");
    assert_eq!((last.done, last.failed, last.total), (5, 0, Some(5)));
}

pub(crate) fn results_that_nobody_wants_are_dropped(method: StartMethod) {
    let pool = pool(method, 2);
    for n in 0..500 {
        drop(pool.apply_async(double, n));
        drop(pool.map_async(double, 0..10));
    }
    drop(pool.imap(double, 0..).take(3).collect::<Vec<_>>());
    assert_eq!(pool.apply(double, 1).expect("a number"), 2);
    pool.join();
}
