//! Conditions and events.

use crate::{LONG, SHORT, assert_times_out, isolated, manager, start, until};
use multiproc::manager::{CallError, Condition, Event, Semaphore, Value};
use multiproc::{Manager, StartMethod};
use std::time::{Duration, Instant};

by_every_method! {
    condition_notify condition_notify_all condition_notify_some condition_wait_results
    condition_wait_while condition_wait_while_timeout events
}

/// A condition, and how many have come to sleep and were woken.
type Bed = (Condition, Semaphore, Semaphore);

fn bed(manager: &Manager) -> Bed {
    let counter = || manager.semaphore(0).expect("a semaphore");
    (manager.condition().expect("a condition"), counter(), counter())
}

/// Sleeps until it is woken, or for so many milliseconds.
fn sleep(((condition, sleeping, woken), timeout): (Bed, Option<u64>)) {
    let guard = condition.lock().expect("the lock");
    sleeping.release().expect("one more");
    match timeout {
        None => guard.wait().expect("a wait"),
        Some(ms) => assert!(!guard.wait_timeout(Duration::from_millis(ms)).expect("a wait")),
    }
    woken.release().expect("one more");
}

/// Has so many processes and so many threads sleep, and does something meanwhile; all of them have to end.
fn with_sleepers(method: StartMethod, n: usize, bed: &Bed, timeout: Option<u64>, meanwhile: impl FnOnce()) {
    let children: Vec<_> = (0..n).map(|_| start(method, sleep, (bed.clone(), timeout))).collect();
    std::thread::scope(|scope| {
        (0..n).for_each(|_| drop(scope.spawn(|| sleep((bed.clone(), timeout)))));
        for _ in 0..2 * n {
            bed.1.acquire_timeout(LONG).expect("one more sleeps").forget().expect("a call");
        }
        meanwhile();
    });
    children.into_iter().for_each(|child| child.join().expect("it returned"));
}

fn n_woken(bed: &Bed) -> u64 {
    bed.2.available().expect("a call")
}

fn notify(bed: &Bed, most: usize) -> usize {
    bed.0.lock().expect("the lock").notify(most).expect("notify")
}

fn condition_notify(method: StartMethod) {
    let manager = manager(method);
    let bed = bed(&manager);
    with_sleepers(method, 1, &bed, None, || {
        std::thread::sleep(SHORT);
        assert_eq!(n_woken(&bed), 0);
        assert_eq!(notify(&bed, 1), 1);
        until("one is awake", || n_woken(&bed) == 1);
        assert_eq!(notify(&bed, 1), 1);
        until("both are awake", || n_woken(&bed) == 2);
        assert_eq!(notify(&bed, 1), 0);
    });
}

fn condition_notify_all(method: StartMethod) {
    let manager = manager(method);
    let bed = bed(&manager);
    // Those whose time is over count no more.
    with_sleepers(method, 2, &bed, Some(30), || until("all are awake", || n_woken(&bed) == 4));
    with_sleepers(method, 2, &bed, None, || {
        std::thread::sleep(SHORT);
        assert_eq!(n_woken(&bed), 4);
        assert_eq!(bed.0.lock().expect("the lock").notify_all().expect("notify"), 4);
    });
    assert_eq!(n_woken(&bed), 8);
}

fn condition_notify_some(method: StartMethod) {
    let manager = manager(method);
    let bed = bed(&manager);
    with_sleepers(method, 3, &bed, None, || {
        assert_eq!(notify(&bed, 2), 2);
        until("two are awake", || n_woken(&bed) == 2);
        std::thread::sleep(SHORT);
        assert_eq!(n_woken(&bed), 2);
        assert_eq!(notify(&bed, 5), 4);
        until("all are awake", || n_woken(&bed) == 6);
        assert_eq!(notify(&bed, 3), 0);
    });
    assert_eq!(n_woken(&bed), 6);
}

fn condition_wait_results(method: StartMethod) {
    let manager = manager(method);
    let condition = manager.condition().expect("a condition");
    let guard = condition.lock().expect("the lock");
    assert!(!guard.wait_timeout(Duration::ZERO).expect("a wait"));
    let begin = Instant::now();
    assert!(!guard.wait_timeout(SHORT).expect("a wait"));
    assert!(begin.elapsed() >= SHORT);
    let child = |condition: Condition| condition.lock().expect("the lock").notify(1).expect("notify");
    let child = start(method, child, condition.clone());
    assert!(guard.wait_timeout(LONG).expect("a wait"));
    drop(guard);
    assert_eq!(child.join().expect("it returned"), 1);
}

fn condition_wait_while(method: StartMethod) {
    let manager = manager(method);
    let (condition, state) = (manager.condition().expect("a condition"), manager.value(-1).expect("a value"));
    let child = |(condition, state): (Condition, Value<i32>)| {
        let guard = condition.lock().expect("the lock");
        state.set(&0).expect("set");
        guard.notify(1).expect("notify");
        guard.wait_while(|| Ok(state.get()? != 4)).expect("a wait");
        state.get().expect("get")
    };
    let child = start(method, child, (condition.clone(), state.clone()));
    let guard = condition.lock().expect("the lock");
    assert!(guard.wait_while_timeout(|| Ok(state.get()? != 0), LONG).expect("a wait"));
    drop(guard);
    for _ in 0..4 {
        let guard = condition.lock().expect("the lock");
        state.fetch_add(1).expect("add");
        guard.notify(1).expect("notify");
    }
    assert_eq!(child.join().expect("it returned"), 4);
}

fn condition_wait_while_timeout(method: StartMethod) {
    let manager = manager(method);
    let (condition, state) = (manager.condition().expect("a condition"), manager.value(0).expect("a value"));
    let sleeping = manager.semaphore(0).expect("a semaphore");
    let child = |(condition, state, sleeping): (Condition, Value<i32>, Semaphore)| {
        let guard = condition.lock().expect("the lock");
        sleeping.release().expect("one more");
        let begin = Instant::now();
        let is_over = guard.wait_while_timeout(|| Ok(state.get()? != 4), 3 * SHORT).expect("a wait");
        assert!(!is_over && begin.elapsed() >= 3 * SHORT);
    };
    let child = start(method, child, (condition.clone(), state.clone(), sleeping.clone()));
    drop(sleeping.acquire_timeout(LONG).expect("it sleeps"));
    // Three times, so that it is never four.
    for _ in 0..3 {
        let guard = condition.lock().expect("the lock");
        state.fetch_add(1).expect("add");
        guard.notify(1).expect("notify");
    }
    child.join().expect("it returned");
}

fn events(method: StartMethod) {
    let manager = manager(method);
    let event = manager.event().expect("an event");
    assert!(!event.is_set().expect("a call"));
    assert!(matches!(event.try_wait(), Err(CallError::TimedOut)));
    assert_times_out(|time| event.wait_timeout(time));
    event.set().expect("set");
    assert!(event.is_set().expect("a call"));
    event.wait().expect("it is set");
    event.wait_timeout(SHORT).expect("it is set");
    event.clear().expect("clear");
    let child = |event: Event| {
        std::thread::sleep(SHORT);
        event.set().expect("set");
    };
    let child = start(method, child, event.clone());
    event.wait_timeout(LONG).expect("the child sets it");
    child.join().expect("it returned");
}
