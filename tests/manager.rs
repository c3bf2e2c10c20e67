//! Every kind of managed object, used by the parent and by a child that it was passed to, by each start method.

use ipc_testkit::isolated;
use multiproc::manager::{
    Array, Barrier, BoundedSemaphore, CallError, Condition, Dict, Event, Host, JoinableQueue, List, Lock,
    Namespace, Pool, Queue, ReentrantLock, Semaphore, Set, Value,
};
use multiproc::{Builder, Manager, Process, StartMethod, pipe};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(30);

/// The server is a daemon, and daemons hang on a lifeline that their parent keeps: so each body has a program of its own.
macro_rules! for_all_methods {
    ($($name:ident)*) => {
        mod spawned {
            $(
                #[test]
                fn $name() {
                    super::isolated(|| super::in_a_program(|()| super::$name(super::StartMethod::Spawn)));
                }
            )*
        }
        mod forked {
            $(
                #[test]
                fn $name() {
                    super::isolated(|| super::in_a_program(|()| super::$name(super::StartMethod::Fork)));
                }
            )*
        }
    };
}

for_all_methods! {
    containers
    queues
    locks
    conditions_and_barriers
    pools
    what_a_child_makes
    through_a_pipe
    one_manager_after_the_other
}

fn in_a_program(test: fn(())) {
    Process::spawn(test, ()).expect("a process").join().expect("a test that passes");
}

/// A manager whose server is made by the method, too.
fn manager(method: StartMethod) -> Manager {
    Manager::builder().method(method).start().expect("a manager")
}

fn run<A, R>(method: StartMethod, function: fn(A) -> R, args: A) -> R
where
    A: Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    let child = Builder::new().method(method).spawn(function, args).expect("it was started");
    child.join().expect("it returned")
}

type Containers = (List<String>, Dict<String, u32>, Set<u8>, Namespace, Value<i32>, Array<u16>);

fn containers(method: StartMethod) {
    let manager = manager(method);
    let (list, dict, set) =
        (manager.list().expect("a list"), manager.dict().expect("a dict"), manager.set().expect("a set"));
    let namespace = manager.namespace().expect("a namespace");
    let (value, array) = (manager.value(1).expect("a value"), manager.array([1, 2]).expect("an array"));
    list.push("parent").expect("push");
    let work = |(list, dict, set, namespace, value, array): Containers| {
        list.push("child").expect("push");
        dict.set("child", &1).expect("set");
        set.insert(&7).expect("insert");
        namespace.set("child", &true).expect("set");
        value.fetch_add(1).expect("add");
        array.set(1, &9).expect("set");
        list.to_vec().expect("items")
    };
    let args = (list.clone(), dict.clone(), set.clone(), namespace.clone(), value.clone(), array.clone());
    assert_eq!(run(method, work, args), ["parent", "child"]);
    assert_eq!(list.len().expect("a call"), 2);
    assert_eq!(dict.get("child").expect("get"), Some(1));
    assert!(set.contains(&7).expect("a call"));
    assert!(namespace.get::<bool>("child").expect("get"));
    assert_eq!((value.get().expect("get"), array.to_vec().expect("items")), (2, vec![1, 9]));
}

fn queues(method: StartMethod) {
    let manager = manager(method);
    let questions: JoinableQueue<u32> = manager.joinable_queue(2).expect("a queue");
    let answers: Queue<u32> = manager.queue(0).expect("a queue");
    let work = |(questions, answers): (JoinableQueue<u32>, Queue<u32>)| {
        for _ in 0..10 {
            answers.put(&(questions.get().expect("get") * 2)).expect("put");
            questions.task_done().expect("done");
        }
    };
    let builder = Builder::new().method(method);
    let child = builder.spawn(work, (questions.clone(), answers.clone())).expect("it was started");
    (0..10).for_each(|n| questions.put_timeout(&n, LONG).expect("put"));
    questions.join_timeout(LONG).expect("all are done");
    let doubled: Vec<u32> = (0..10).map(|_| answers.get_timeout(LONG).expect("get")).collect();
    assert!(doubled.into_iter().eq((0..10).map(|n| n * 2)));
    child.join().expect("it returned");
}

type Locks = (Lock, ReentrantLock, Semaphore, BoundedSemaphore, Event);

fn locks(method: StartMethod) {
    let manager = manager(method);
    let (lock, again) = (manager.lock().expect("a lock"), manager.reentrant_lock().expect("a lock"));
    let semaphore = manager.semaphore(1).expect("a semaphore");
    let bounded = manager.bounded_semaphore(1).expect("a semaphore");
    let event = manager.event().expect("an event");
    let guards = (lock.lock().expect("free"), again.lock().expect("free"));
    let permits = (semaphore.acquire().expect("free"), bounded.acquire().expect("free"));
    let work = |(lock, again, semaphore, bounded, event): Locks| {
        assert!(lock.try_lock().is_err() && again.try_lock().is_err());
        assert!(semaphore.try_acquire().is_err() && bounded.try_acquire().is_err());
        event.set().expect("set");
        let _all = (lock.lock_timeout(LONG).expect("free"), again.lock_timeout(LONG).expect("free"));
        let _permits =
            (semaphore.acquire_timeout(LONG).expect("free"), bounded.acquire_timeout(LONG).expect("free"));
    };
    let args = (lock.clone(), again.clone(), semaphore.clone(), bounded.clone(), event.clone());
    let child = Builder::new().method(method).spawn(work, args).expect("it was started");
    event.wait_timeout(LONG).expect("the child has seen it all taken");
    drop((guards, permits));
    child.join().expect("it returned");
    assert!(!lock.is_locked().expect("a call") && !again.is_locked().expect("a call"));
    assert_eq!((semaphore.available().expect("a call"), bounded.available().expect("a call")), (1, 1));
}

fn conditions_and_barriers(method: StartMethod) {
    let manager = manager(method);
    let (condition, barrier) =
        (manager.condition().expect("a condition"), manager.barrier(2).expect("a barrier"));
    let number = manager.value(0).expect("a value");
    let work = |(condition, barrier, number): (Condition, Barrier, Value<u32>)| {
        barrier.wait_timeout(LONG).expect("the parent comes");
        let guard = condition.lock().expect("the lock");
        number.set(&7).expect("set");
        guard.notify_all().expect("notify");
    };
    let args = (condition.clone(), barrier.clone(), number.clone());
    let child = Builder::new().method(method).spawn(work, args).expect("it was started");
    let guard = condition.lock().expect("the lock");
    barrier.wait_timeout(LONG).expect("the child comes");
    assert!(guard.wait_while_timeout(|| Ok(number.get()? != 7), LONG).expect("a wait"));
    drop(guard);
    child.join().expect("it returned");
}

fn pools(method: StartMethod) {
    let manager = manager(method);
    let pool = manager.pool(1).expect("a pool");
    assert_eq!(run(method, |pool: Pool| pool.apply(|n: u32| n + 1, 1).expect("a task"), pool.clone()), 2);
    assert_eq!(pool.apply(|n: u32| n * 2, 4).expect("a task"), 8);
}

/// It comes back as the child's result, and is there when the child is not.
fn what_a_child_makes(method: StartMethod) {
    let manager = manager(method);
    let make = |host: Host| {
        let rows = host.list().expect("a list");
        rows.push(&host.list_from([1, 2]).expect("a list")).expect("push");
        rows
    };
    let rows: List<List<u8>> = run(method, make, manager.host().clone());
    assert_eq!(rows.get(0).expect("a row").to_vec().expect("items"), [1, 2]);
}

/// To a process that was there before them, and on from there.
fn through_a_pipe(method: StartMethod) {
    let manager = manager(method);
    let (here, there) = pipe::<Dict<String, List<u8>>, bool>().expect("a pipe");
    let work = |pipe: multiproc::Pipe<bool, Dict<String, List<u8>>>| {
        let dict = pipe.recv().expect("the parent sends one");
        let list = dict.get("list").expect("get").expect("it is there");
        let grandchild =
            Process::spawn(|list: List<u8>| list.push(&3).is_ok(), list).expect("it was started");
        pipe.send(grandchild.join().expect("it returned")).expect("the parent receives");
    };
    let child = Builder::new().method(method).spawn(work, there).expect("it was started");
    let dict = manager.dict().expect("a dict");
    dict.set("list", &manager.list_from([1, 2]).expect("a list")).expect("set");
    here.send(dict.clone()).expect("the child receives");
    assert!(here.recv().expect("the child sends"));
    let list = dict.get("list").expect("get").expect("it is there");
    assert_eq!(list.to_vec().expect("items"), [1, 2, 3]);
    child.join().expect("it returned");
}

fn one_manager_after_the_other(method: StartMethod) {
    let first = manager(method);
    let list = first.list_from([1]).expect("a list");
    first.shutdown().expect("an end");
    let second = manager(method);
    let other = second.list_from([2]).expect("a list");
    assert!(matches!(list.get(0), Err(CallError::ServerGone)));
    assert_eq!(run(method, |other: List<u8>| other.get(0).expect("an item"), other), 2);
}
