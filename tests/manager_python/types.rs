//! Each kind of object, made by one process and used by another one.

use crate::{LONG, isolated, manager, run};
use multiproc::manager::{
    Array, Barrier, BoundedSemaphore, CallError, Condition, Dict, Event, JoinableQueue, List, Lock,
    Namespace, Pool, Queue, ReentrantLock, Semaphore, Set, Value,
};
use multiproc::{Manager, StartMethod};
use std::collections::HashMap;
use std::time::Duration;

by_every_method! {
    types
}

/// What is made by one process is used by another one.
fn types(method: StartMethod) {
    let manager = manager(method);
    let of_types: [fn(&Manager, StartMethod); 16] = [
        type_event,
        type_lock,
        type_rlock,
        type_semaphore,
        type_bounded_semaphore,
        type_condition,
        type_barrier,
        type_pool,
        type_queue,
        type_joinable_queue,
        type_list,
        type_dict,
        type_set,
        type_value,
        type_array,
        type_namespace,
    ];
    of_types.iter().for_each(|of_type| of_type(&manager, method));
}

fn type_event(manager: &Manager, method: StartMethod) {
    let event = manager.event().expect("an event");
    event.set().expect("set");
    let child = |event: Event| {
        assert!(event.is_set().expect("a call"));
        event.wait().expect("it is set");
        event.clear().expect("clear");
        assert!(event.wait_timeout(Duration::from_millis(1)).is_err());
    };
    run(method, child, event.clone());
    assert!(!event.is_set().expect("a call"));
}

fn type_lock(manager: &Manager, method: StartMethod) {
    let lock = manager.lock().expect("a lock");
    run(method, |lock: Lock| std::mem::forget(lock.lock().expect("free")), lock.clone());
    let guard = lock.lock_timeout(LONG).expect("the child has ended");
    assert!(guard.was_abandoned());
    guard.release().expect("it was held");
}

fn type_rlock(manager: &Manager, method: StartMethod) {
    let lock = manager.reentrant_lock().expect("a lock");
    let child = |lock: ReentrantLock| {
        let _twice = (lock.lock().expect("free"), lock.lock().expect("again"));
    };
    run(method, child, lock.clone());
    assert!(!lock.is_locked().expect("a call"));
}

fn type_semaphore(manager: &Manager, method: StartMethod) {
    let semaphore = manager.semaphore(1).expect("a semaphore");
    let child = |semaphore: Semaphore| semaphore.acquire().expect("free").forget().expect("a call");
    run(method, child, semaphore.clone());
    assert!(semaphore.try_acquire().is_err());
    semaphore.release().expect("one more");
    assert_eq!(semaphore.available().expect("a call"), 1);
}

fn type_bounded_semaphore(manager: &Manager, method: StartMethod) {
    let semaphore = manager.bounded_semaphore(1).expect("a semaphore");
    let child = |semaphore: BoundedSemaphore| std::mem::forget(semaphore.acquire().expect("free"));
    run(method, child, semaphore.clone());
    drop(semaphore.acquire_timeout(LONG).expect("the child has ended"));
    assert!(matches!(semaphore.release(), Err(CallError::NotHeld)));
}

fn type_condition(manager: &Manager, method: StartMethod) {
    let condition = manager.condition().expect("a condition");
    run(method, |condition: Condition| drop(condition.lock().expect("free")), condition.clone());
    assert!(!condition.is_locked().expect("a call"));
}

fn type_barrier(manager: &Manager, method: StartMethod) {
    let barrier = manager.barrier(5).expect("a barrier");
    barrier.abort().expect("abort");
    let child = |barrier: Barrier| {
        assert_eq!(barrier.state().expect("a call").parties, 5);
        barrier.reset().expect("reset");
    };
    run(method, child, barrier.clone());
    assert!(!barrier.state().expect("a call").is_broken);
}

fn type_pool(manager: &Manager, method: StartMethod) {
    let pool = manager.pool(1).expect("a pool");
    let child = |pool: Pool| pool.apply(|n: u32| n + 1, 1).expect("a task");
    assert_eq!(run(method, child, pool.clone()), 2);
    assert_eq!(pool.apply(|n: u32| n * 2, 4).expect("a task"), 8);
}

fn type_queue(manager: &Manager, method: StartMethod) {
    let queue = manager.queue(2).expect("a queue");
    [5, 6].iter().for_each(|item| queue.put(item).expect("room"));
    let child = |queue: Queue<i32>| {
        assert!(queue.len().expect("a call") == 2 && queue.is_full().expect("a call"));
        assert_eq!((queue.get().expect("an item"), queue.get().expect("an item")), (5, 6));
        assert!(queue.is_empty().expect("a call"));
    };
    run(method, child, queue.clone());
    assert!(queue.is_empty().expect("a call") && !queue.is_full().expect("a call"));
}

fn type_joinable_queue(manager: &Manager, method: StartMethod) {
    let queue = manager.joinable_queue(2).expect("a queue");
    queue.put(&5).expect("room");
    let child = |queue: JoinableQueue<i32>| {
        assert_eq!(queue.get().expect("an item"), 5);
        queue.task_done().expect("it was got");
    };
    run(method, child, queue.clone());
    queue.try_join().expect("all are done");
}

fn type_list(manager: &Manager, method: StartMethod) {
    let list = manager.list().expect("a list");
    list.push(&5).expect("push");
    let child = |list: List<i32>| {
        assert_eq!((list.get(0).expect("an item"), list.count(&5).expect("a call")), (5, 1));
        assert_eq!(list.index_of(&5).expect("it is there"), 0);
        list.sort().expect("sort");
        list.reverse().expect("reverse");
        assert_eq!((list.iter().count(), list.len().expect("a call")), (1, 1));
        assert_eq!(list.remove(0).expect("an item"), 5);
    };
    run(method, child, list.clone());
    assert!(list.is_empty().expect("a call"));
}

fn type_dict(manager: &Manager, method: StartMethod) {
    let dict = manager.dict().expect("a dict");
    dict.set("object", &5).expect("set");
    let child = |dict: Dict<String, i32>| {
        let entry = || ("object".to_string(), 5);
        assert_eq!((dict.len().expect("a call"), dict.get("object").expect("a call")), (1, Some(5)));
        assert_eq!(dict.to_vec().expect("entries"), [entry()]);
        assert_eq!(
            (dict.keys().expect("keys"), dict.values().expect("values")),
            (vec!["object".into()], vec![5])
        );
        assert_eq!(dict.to_map().expect("entries"), HashMap::from([entry()]));
        assert_eq!(dict.pop().expect("a call"), Some(entry()));
    };
    run(method, child, dict.clone());
    assert!(dict.is_empty().expect("a call"));
}

fn type_set(manager: &Manager, method: StartMethod) {
    let set = manager.set_from([1, 2, 3]).expect("a set");
    let child = |set: Set<i32>| {
        assert!(set.contains(&2).expect("a call") && !set.insert(&2).expect("a call"));
        assert!(set.is_superset([1, 2]).expect("a call") && set.is_disjoint([9]).expect("a call"));
        set.subtract([1]).expect("a call");
        set.extend([4]).expect("a call");
        assert!(set.remove(&3).expect("a call"));
    };
    run(method, child, set.clone());
    assert_eq!(set.to_vec().expect("items"), [2, 4]);
}

fn type_value(manager: &Manager, method: StartMethod) {
    let value = manager.value(1).expect("a value");
    let child = |value: Value<i32>| {
        assert_eq!(value.get().expect("get"), 1);
        value.set(&2).expect("set");
    };
    run(method, child, value.clone());
    assert_eq!(value.get().expect("get"), 2);
}

fn type_array(manager: &Manager, method: StartMethod) {
    let array = manager.array([0, 1]).expect("an array");
    let child = |array: Array<u16>| {
        assert_eq!((array.get(0).expect("get"), array.len().expect("a call")), (0, 2));
        assert_eq!(array.iter().collect::<Result<Vec<_>, _>>().expect("items"), [0, 1]);
        array.set(0, &7).expect("set");
    };
    run(method, child, array.clone());
    assert_eq!(array.to_vec().expect("items"), [7, 1]);
}

fn type_namespace(manager: &Manager, method: StartMethod) {
    let namespace = manager.namespace().expect("a namespace");
    namespace.set("x", &0).expect("set");
    let child = |namespace: Namespace| {
        assert_eq!(namespace.get::<i32>("x").expect("get"), 0);
        namespace.set("y", &true).expect("set");
    };
    run(method, child, namespace.clone());
    assert!(namespace.get::<bool>("y").expect("get"));
}
