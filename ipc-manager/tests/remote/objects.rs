//! What objects do through a gate: all that they do on the same machine.

use crate::{PATIENCE, Way, open, open_at, open_with, reach, tests};
use ipc_manager::{
    Array, Barrier, CallError, Condition, Dict, Event, JoinableQueue, List, Lock, Manager, Namespace, Queue,
    Set, Value,
};
use ipc_process::Process;
use std::time::Duration;

tests! {
    containers
    queues_and_locks
    names_lead_to_objects
    objects_in_objects
    functions_where_they_are_allowed
    a_local_socket
    long_values
    threads_do_not_wait_for_each_other
    several_processes_at_once
    a_call_that_was_given_up_does_no_harm
}

fn containers() {
    let open = open();
    let remote = reach(&open.way);
    let list: List<String> = remote.list().expect("a list");
    list.extend(["a", "b", "c"].map(String::from)).expect("more");
    assert_eq!(list.get(2).expect("the last"), "c");
    assert!(matches!(list.get(9), Err(CallError::NotFound)));
    let dict: Dict<String, u32> = remote.dict().expect("a dict");
    assert_eq!(dict.insert("one", &1).expect("nothing before"), None);
    assert_eq!(dict.fetch_add("one", 4).expect("a number"), 1);
    assert!(dict.compare_exchange("one", Some(&5), Some(&6)).expect("an answer"));
    let set: Set<u8> = remote.set_from([1, 2, 2]).expect("a set");
    assert_eq!(set.len().expect("a length"), 2);
    let array: Array<u16> = remote.array([7, 8]).expect("an array");
    array.set(1, &9).expect("set");
    assert_eq!(array.to_vec().expect("items"), [7, 9]);
    let value: Value<i64> = remote.value(-1).expect("a value");
    assert_eq!(value.fetch_add(-1).expect("a number"), -1);
    let namespace: Namespace = remote.namespace().expect("a namespace");
    namespace.set("x", &(1_u8, "y".to_string())).expect("set");
    assert_eq!(namespace.get::<(u8, String)>("x").expect("it"), (1, "y".to_string()));
    // The server sees them as it sees others.
    assert!(open.manager.objects().expect("objects").iter().any(|object| object.kind == "array"));
    assert_eq!(open.manager.clients().expect("clients").len(), 2);
}

fn queues_and_locks() {
    let open = open();
    let remote = reach(&open.way);
    let queue: Queue<u32> = remote.queue(1).expect("a queue");
    queue.put(&1).expect("room");
    assert!(queue.put_timeout(&2, Duration::from_millis(20)).unwrap_err().is_timeout());
    assert_eq!(queue.get().expect("an item"), 1);
    let tasks: JoinableQueue<u32> = remote.joinable_queue(0).expect("a queue");
    tasks.put(&1).expect("room");
    tasks.get().expect("a task");
    tasks.task_done().expect("done");
    tasks.join().expect("all done");
    let lock: Lock = remote.lock().expect("a lock");
    let guard = lock.lock().expect("the lock");
    assert!(matches!(lock.try_lock(), Err(CallError::TimedOut)));
    drop(guard);
    assert!(!lock.is_locked().expect("an answer"));
    let semaphore = remote.semaphore(1).expect("a semaphore");
    let permit = semaphore.acquire().expect("a permit");
    assert!(semaphore.try_acquire().is_err());
    drop(permit);
    let event: Event = remote.event().expect("an event");
    assert!(event.wait_timeout(Duration::from_millis(5)).is_err());
    let condition: Condition = remote.condition().expect("a condition");
    condition.lock().expect("its lock").notify_all().expect("nobody waits");
    let barrier: Barrier = remote.barrier(1).expect("a barrier");
    barrier.wait().expect("alone");
}

fn names_lead_to_objects() {
    let open = open();
    let list = open.manager.list_from([1_u32, 2]).expect("a list");
    open.gate.publish("list", &list).expect("a name");
    drop(list);
    let remote = reach(&open.way);
    assert_eq!(remote.find::<List<u32>>("list").expect("it").to_vec().expect("items"), [1, 2]);
    assert!(matches!(remote.find::<List<u32>>("others"), Err(CallError::NotFound)));
    assert!(matches!(remote.find::<List<String>>("list"), Err(CallError::WrongType { .. })));
    assert!(matches!(remote.find::<Dict<u32, u32>>("list"), Err(CallError::WrongType { .. })));
    // A client can publish, too.
    remote.publish("mine", &remote.value(5_u8).expect("a value")).expect("a name");
    assert_eq!(reach(&open.way).find::<Value<u8>>("mine").expect("it").get().expect("a number"), 5);
    assert_eq!(remote.published().expect("names"), ["list", "mine"]);
    open.gate.unpublish("list").expect("a name less");
    assert!(matches!(remote.find::<List<u32>>("list"), Err(CallError::NotFound)));
}

fn objects_in_objects() {
    let open = open();
    let remote = reach(&open.way);
    let rows: List<List<u32>> = remote.list().expect("a list");
    rows.push(&remote.list_from([1]).expect("a row")).expect("room");
    rows.get(0).expect("the row").push(&2).expect("room");
    assert_eq!(rows.get(0).expect("the row").to_vec().expect("items"), [1, 2]);
    // It cannot go to another process: that has to connect.
    assert!(Process::spawn(|_: List<List<u32>>| (), rows).is_err());
}

fn functions_where_they_are_allowed() {
    let open = open_with(ipc_manager::GateBuilder::with_functions);
    let child = Process::spawn(
        |way: Way| {
            let value = reach(&way).value(20_u32).expect("a value");
            let update = |number: &mut u32, by: u32| {
                *number += by;
                assert!(*number < 100, "too much");
                *number
            };
            assert_eq!(value.update(update, 1).expect("a number"), 21);
            let error = value.update(update, 100).unwrap_err();
            assert!(matches!(&error, CallError::Panicked { message, .. } if message.contains("too much")));
            let pool = reach(&way).pool(1).expect("a pool");
            assert_eq!(pool.apply(|n: u32| n * 2, 21).expect("a number"), 42);
            value.get().expect("a number")
        },
        open.way.clone(),
    );
    assert_eq!(child.expect("a child").join().expect("its number"), 21);
}

fn a_local_socket() {
    let folder = ipc_testkit::temp_dir();
    let address = ipc_pipe::Address::local(folder.path().join("private").join("gate")).expect("an address");
    let open = open_at(&address, |gate| gate);
    let list = reach(&open.way).list_from([1_u8, 2]).expect("a list");
    assert_eq!(list.to_vec().expect("items"), [1, 2]);
    assert!(address.to_string().starts_with("local:"));
}

fn long_values() {
    let open = open();
    let remote = reach(&open.way);
    for size in [10_000, 60_000, 70_000, 3 << 20] {
        let text: String = "abcdefghij".repeat(size / 10);
        let value = remote.value(text.clone()).expect("a value");
        assert!(value.get().expect("the same") == text);
    }
    // Too long for the gate: the connection ends, and nothing else.
    let narrow = open_with(|gate| gate.max_bytes(10_000));
    let remote = reach(&narrow.way);
    let value = remote.value("short".to_string()).expect("a value");
    value.set(&"long".repeat(10_000)).expect_err("too long");
    assert_eq!(value.get().expect("the same"), "short");
}

fn threads_do_not_wait_for_each_other() {
    let open = open();
    let remote = reach(&open.way);
    let (event, value) = (remote.event().expect("an event"), remote.value(0_u32).expect("a value"));
    std::thread::scope(|scope| {
        let waiting: Vec<_> =
            (0..4).map(|_| scope.spawn(|| event.wait_timeout(PATIENCE).expect("it is set"))).collect();
        for _ in 0..100 {
            value.fetch_add(1).expect("a number");
        }
        event.set().expect("set");
        waiting.into_iter().for_each(|thread| thread.join().expect("a thread"));
    });
    assert_eq!(value.get().expect("a number"), 100);
}

fn several_processes_at_once() {
    let open = open();
    let (counts, lock) =
        (open.manager.dict::<u32, u32>().expect("a dict"), open.manager.lock().expect("a lock"));
    open.gate.publish("counts", &counts).expect("a name");
    open.gate.publish("lock", &lock).expect("a name");
    let work = |way: Way| {
        let remote = reach(&way);
        let (counts, lock): (Dict<u32, u32>, Lock) =
            (remote.find("counts").expect("a dict"), remote.find("lock").expect("a lock"));
        for n in 0..200 {
            counts.fetch_add(&(n % 7), 1).expect("a number");
            let _guard = lock.lock().expect("the lock");
            let number = counts.get(&100).expect("a number").unwrap_or(0);
            counts.set(&100, &(number + 1)).expect("set");
        }
    };
    let children: Vec<_> = (0..3).map(|_| Process::spawn(work, open.way.clone()).expect("a child")).collect();
    children.into_iter().for_each(|child| child.join().expect("its end"));
    let sum: u32 = (0..7).map(|n| counts.get(&n).expect("a number").expect("some")).sum();
    assert_eq!((sum, counts.get(&100).expect("a number")), (600, Some(600)));
}

/// Calls whose time is over, in the middle of those that are not: each gets its own reply.
fn a_call_that_was_given_up_does_no_harm() {
    let open = open();
    let remote = reach(&open.way);
    let (queue, values) =
        (remote.queue::<u32>(0).expect("a queue"), remote.dict::<u32, u32>().expect("a dict"));
    (0..50_u32).for_each(|n| values.set(&n, &(n * n)).expect("set"));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for n in 0..50 {
                    let given_up = queue.get_timeout(Duration::from_micros(u64::from(n) * 20));
                    assert!(given_up.unwrap_err().is_timeout());
                    assert_eq!(values.get(&n).expect("a reply"), Some(n * n));
                    // A result that is of another type is read to its end.
                    let number: Result<Value<u8>, _> = remote.find("no such name");
                    assert!(matches!(number, Err(CallError::NotFound)));
                }
            });
        }
    });
    // Nothing that was given up takes an item later.
    queue.put(&7).expect("room");
    assert_eq!(queue.try_get().expect("the item"), 7);
    drop(Manager::connect(&open.way.0, &open.way.1).expect("one more"));
}
