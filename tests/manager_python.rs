//! What CPython's tests say of its managers, in our words and for ours: by every start method where there is a child.
//!
//! The tests are those of `Lib/test/_test_multiprocessing.py` (Python 3.11 to 3.14; Python Software Foundation License); what they hold for
//! right was read there, no code was taken. Those of several kinds of objects are here as far as they are run with a manager.
//!
//! | Python's test | ours |
//! | --- | --- |
//! | `TestSyncManagerTypes`, 15 tests, and `test_set` of 3.14 | `types`, a function for each. What a child leaves locked is free |
//! | `_TestContainers.test_list`, `test_list_iter`, `test_list_proxy_in_list` | `lists`, `list_iterators`, `lists_in_lists` |
//! | `_TestContainers.test_dict`, `test_dict_iter`, `test_dict_proxy_nested` | `dicts`, `dict_iterators`: a dict that changes meanwhile is no error; `dicts_in_dicts` |
//! | `_TestContainers.test_nested_queue`, `test_namespace` | `queues_in_containers`, `namespaces`: names that begin with `_` are names like others |
//! | `_TestMyManager.test_mymanager`, `_context`, `_context_prestarted` | `own_types`; a manager ends with its value |
//! | `_TestRemoteManager.test_remote` | `a_remote_manager` |
//! | `_TestManagerRestart.test_rapid_restart` | `a_rapid_restart`, `one_manager_after_the_other` |
//! | `TestInitializers.test_manager_initializer` | `initializers` |
//! | `TestManagerExceptions` | none: of references that are counted |
//! | `_TestQueue.test_put`, `test_get` | `queue_put`, `queue_get` |
//! | `_TestQueue.test_fork`, `test_qsize`, `test_task_done`, `test_timeout` | `queue_of_two_processes`, `queue_len`, `task_done`, `queue_get` |
//! | `_TestQueue.test_queue_feeder_*`, `test_closed_queue_*`, `test_no_import_lock_contention` | none: of processes' own queues, and of the interpreter. A closed one: `ipc-manager/tests/manager/waits.rs` |
//! | `_TestLock.test_lock`, `test_rlock`, `test_lock_context` | `locks`; nobody releases but who has a guard. `locked` of 3.14: `locked_elsewhere` |
//! | `_TestSemaphore.test_semaphore`, `test_bounded_semaphore`, `test_timeout` | `semaphores`, `bounded_semaphores`, `semaphore_timeouts` |
//! | `_TestCondition.test_notify`, `test_notify_all`, `test_notify_n` | `condition_notify`, `condition_notify_all`, `condition_notify_some` |
//! | `_TestCondition.test_timeout`, `test_wait_result` | `condition_wait_results`; no signal ends a wait |
//! | `_TestCondition.test_waitfor`, `test_waitfor_timeout` | `condition_wait_while`, `condition_wait_while_timeout` |
//! | `_TestEvent.test_event`; `test_repr` | `events`; none: proxies show their place |
//! | `_TestBarrier.test_barrier`, `test_barrier_10`, `test_wait_return`, `test_action` | `barrier_again_and_again`, `barrier_results`: who gets zero does what is to be done once |
//! | `_TestBarrier.test_abort`, `test_reset`, `test_abort_and_reset` | `barrier_abort`, `barrier_reset`, `barrier_abort_and_reset` |
//! | `_TestBarrier.test_timeout`, `test_default_timeout`, `test_single_thread` | `barrier_timeout`: each wait has its own; `barrier_of_one` |
//! | `_TestBarrier.test_thousand` | Python leaves it out with a manager |
//! | `_TestPool.test_apply`, `test_map`, `test_starmap` and their `_async`, `test_async`, `test_map_chunksize`, `test_empty_iterable` | `pool_calls`: a tuple is an argument like others |
//! | `_TestPool.test_async_timeout`, `test_terminate`, `test_make_pool` | `pool_timeouts`, `pool_terminate`, `pool_sizes` |
//! | `_TestPool.test_map_unplicklable`, `test_traceback`, `test_wrapped_exception`, `test_map_no_failfast` | `pool_errors` |
//! | `_TestPool.test_map_async_callbacks`, `test_imap*`, `test_release_task_refs` | none: a managed pool has neither callbacks nor iterators; of references that are counted |
//! | `_TestSharedMemory.test_shared_memory_SharedMemoryManager_*` | none: shared memory that nobody holds is gone, without a manager |
//! | nested objects that outlive their maker (gh-103136, gh-75275) | `what_a_child_makes`, `through_a_pipe` |
//!
//! Python's elapsed times are asserted from below only.

#[macro_use]
mod support;

use multiproc::manager::{
    Array, Barrier, BoundedSemaphore, CallError, Condition, Dict, Event, Host, JoinableQueue, List, Lock,
    Methods, Namespace, Object, Pool, Queue, ReentrantLock, Registered, Semaphore, Set, Value,
};
use multiproc::{Address, Builder, Key, Manager, Process, StartMethod, pipe};
use serde::de::DeserializeOwned;
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// For what has to come.
const LONG: Duration = Duration::from_secs(30);
/// For what does not come.
const SHORT: Duration = Duration::from_millis(30);

by_every_method! {
    types own_types a_remote_manager a_rapid_restart one_manager_after_the_other initializers
    queue_put queue_get queue_of_two_processes task_done locked_elsewhere
    condition_notify condition_notify_all condition_notify_some condition_wait_results
    condition_wait_while condition_wait_while_timeout events
    barrier_again_and_again barrier_results barrier_abort barrier_reset barrier_abort_and_reset barrier_timeout
    what_a_child_makes through_a_pipe
}

by_every_method! { alone: StartMethod::Spawn;
    lists list_iterators lists_in_lists dicts dict_iterators dicts_in_dicts queues_in_containers namespaces
    queue_len locks semaphores bounded_semaphores semaphore_timeouts barrier_of_one
    pool_calls pool_timeouts pool_terminate pool_sizes pool_errors
}

/// Runs a body in a process of its own, of which nothing may be left; and in a copy of that one, which has the lifeline that the server hangs
/// on for as long as it lives.
fn isolated(body: impl Fn() + Copy) {
    // Moved, since the body must be found in another process: it is a type without content.
    ipc_testkit::isolated(move || {
        multiproc::init();
        Builder::new().fork(move |()| body(), ()).expect("a process").join().expect("a test that passes");
    });
}

/// A manager whose server is made by the method, too.
fn manager(method: StartMethod) -> Manager {
    Manager::builder().method(method).start().expect("a manager")
}

fn start<A, R>(method: StartMethod, function: fn(A) -> R, args: A) -> Process<R>
where
    A: Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    Builder::new().method(method).spawn(function, args).expect("it was started")
}

fn run<A, R>(method: StartMethod, function: fn(A) -> R, args: A) -> R
where
    A: Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    start(method, function, args).join().expect("it returned")
}

/// Whether a wait ends by its time, and not before it.
#[track_caller]
fn assert_times_out<T>(wait: impl FnOnce(Duration) -> Result<T, CallError>) {
    let begin = Instant::now();
    assert!(matches!(wait(SHORT), Err(CallError::TimedOut)));
    assert!(begin.elapsed() >= SHORT);
}

#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < LONG, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
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

fn lists(method: StartMethod) {
    let manager = manager(method);
    let (a, b) = (manager.list_from(0..10).expect("a list"), manager.list::<i32>().expect("a list"));
    let all = |list: &List<i32>| list.to_vec().expect("items");
    assert_eq!((all(&a), all(&b)), ((0..10).collect(), Vec::new()));
    b.extend(0..5).expect("extend");
    assert_eq!((b.get(2).expect("an item"), b.slice(2..10).expect("items")), (2, vec![2, 3, 4]));
    b.repeat(2).expect("repeat");
    assert_eq!(all(&b), [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
    let lists = manager.list_from([a.clone(), b.clone()]).expect("a list");
    let both: Vec<_> = lists.iter().map(|list| all(&list.expect("a list"))).collect();
    assert_eq!(both, [all(&a), all(&b)]);
    a.push(&10).expect("push");
    assert_eq!(all(&lists.get(0).expect("a list")), (0..11).collect::<Vec<_>>());
}

fn list_iterators(method: StartMethod) {
    let manager = manager(method);
    let list = manager.list_from(0..10).expect("a list");
    let mut items = list.iter();
    assert!(items.by_ref().map(|item| item.expect("an item")).eq(0..10));
    assert!(items.next().is_none(), "it is exhausted");
    let mut items = list.iter();
    list.set(0, &100).expect("set");
    assert_eq!(items.next().expect("an item").expect("an item"), 100);
}

fn lists_in_lists(method: StartMethod) {
    let manager = manager(method);
    let row = || manager.list_from(0..3).expect("a list");
    let rows = manager.list_from([row(), row(), row()]).expect("a list");
    let get = |index| rows.get(index).expect("a row");
    get(0).set(2, &55).expect("set");
    assert_eq!(get(0).to_vec().expect("items"), [0, 1, 55]);
    assert_eq!(get(1).to_vec().expect("items"), [0, 1, 2]);
    assert_eq!(get(1).pop().expect("an item"), Some(2));
    let lengths: Vec<usize> = (0..3).map(|index| get(index).len().expect("a call")).collect();
    assert_eq!(lengths, [3, 2, 3]);

    #[derive(Serialize, Deserialize)]
    struct Inner(List<Inner>);
    let circle = manager.list().expect("a list");
    circle.push(&Inner(circle.clone())).expect("push");
    assert!(circle.get(0).expect("itself").0.is_same(&circle));
}

fn dicts(method: StartMethod) {
    let manager = manager(method);
    let dict = manager.dict().expect("a dict");
    let entries: Vec<(u32, char)> = (65..70).zip('A'..).collect();
    entries.iter().for_each(|(key, value)| dict.set(key, value).expect("set"));
    assert_eq!(dict.to_map().expect("entries"), entries.iter().copied().collect());
    assert_eq!(dict.keys().expect("keys"), [65, 66, 67, 68, 69]);
    assert_eq!(dict.values().expect("values"), ['A', 'B', 'C', 'D', 'E']);
    assert_eq!(dict.to_vec().expect("entries"), entries);
    // As `|=` of 3.14.
    dict.extend([(69, 'e'), (70, 'f')]).expect("extend");
    assert_eq!((dict.get(&69).expect("get"), dict.len().expect("a call")), (Some('e'), 6));
}

fn dict_iterators(method: StartMethod) {
    let manager = manager(method);
    let dict = manager.dict_from((65..70).zip('A'..)).expect("a dict");
    let mut entries = dict.iter();
    assert!(entries.by_ref().map(|entry| entry.expect("an entry").0).eq(65..70));
    assert!(entries.next().is_none(), "it is exhausted");
    let mut entries = dict.iter();
    dict.clear().expect("clear");
    assert!(entries.next().is_none());
}

fn dicts_in_dicts(method: StartMethod) {
    let manager = manager(method);
    let of = |entries: [(&str, u32); 2]| {
        manager.dict_from(entries.map(|(key, value)| (key.to_string(), value))).expect("a dict")
    };
    let (pets, supplies) = (of([("ferrets", 2), ("hamsters", 4)]), of([("water", 10), ("feed", 3)]));
    let dict = manager.dict::<String, Dict<String, u32>>().expect("a dict");
    dict.set("pets", &pets).expect("set");
    dict.set("supplies", &supplies).expect("set");
    let inner = |key: &str| dict.get(key).expect("get").expect("a dict");
    let count = |of: &Dict<String, u32>, key: &str| of.get(key).expect("get");
    inner("supplies").set("blankets", &5).expect("set");
    supplies.set("water", &7).expect("set");
    assert_eq!((count(&supplies, "blankets"), count(&inner("supplies"), "water")), (Some(5), Some(7)));
    drop((pets, supplies));
    assert_eq!(count(&inner("pets"), "ferrets"), Some(2));
    let (pets, supplies) = (inner("pets"), inner("supplies"));
    dict.clear().expect("clear");
    assert_eq!((count(&supplies, "water"), count(&pets, "hamsters")), (Some(7), Some(4)));
    let list = manager.list_from([pets.clone(), supplies]).expect("a list");
    list.get(0).expect("a dict").set("marmots", &1).expect("set");
    assert_eq!(count(&pets, "marmots"), Some(1));
    drop(pets);
    assert_eq!(count(&list.get(0).expect("a dict"), "marmots"), Some(1));
    let outer = manager.list_from([list.clone()]).expect("a list");
    drop(list);
    assert_eq!(count(&outer.get(0).expect("a list").get(1).expect("a dict"), "feed"), Some(3));
}

fn queues_in_containers(method: StartMethod) {
    let manager = manager(method);
    let list: List<Queue<u32>> = manager.list().expect("a list");
    list.push(&manager.queue(0).expect("a queue")).expect("push");
    list.get(0).expect("a queue").put(&123).expect("put");
    assert_eq!(list.get(0).expect("a queue").get().expect("get"), 123);
    let dict: Dict<u8, JoinableQueue<u32>> = manager.dict().expect("a dict");
    dict.set(&0, &manager.joinable_queue(0).expect("a queue")).expect("set");
    let queue = || dict.get(&0).expect("get").expect("a queue");
    queue().put(&456).expect("put");
    assert_eq!(queue().get().expect("get"), 456);
}

fn namespaces(method: StartMethod) {
    let manager = manager(method);
    let namespace = manager.namespace().expect("a namespace");
    let set = |name: &str, value: &str| namespace.set(name, &value.to_string()).expect("set");
    set("name", "Bob");
    set("job", "Builder");
    set("_hidden", "hidden");
    assert_eq!(namespace.get::<String>("job").expect("get"), "Builder");
    namespace.remove("job").expect("it is there");
    assert!(namespace.contains("name").expect("a call") && !namespace.contains("job").expect("a call"));
    assert_eq!(namespace.names().expect("names"), ["name", "_hidden"]);
    assert!(matches!(namespace.get::<String>("job"), Err(CallError::NotFound)));
}

/// Two methods that all can call, and one that is there under another name only.
#[derive(Clone)]
struct Foo;

impl Registered for Foo {
    type Args = ();

    fn create((): ()) -> Foo {
        Foo
    }

    fn methods(methods: &mut Methods<Foo>) {
        methods.read("f", |_, (): ()| "f()".to_string());
        methods.read("g", |_, (): ()| -> String { panic!("g() has no luck") });
        methods.read("squares", |_, n: u64| (0..n).map(|n| n * n).collect::<Vec<_>>());
    }
}

fn own_types(method: StartMethod) {
    let manager = Manager::builder().method(method).register::<Foo>().start().expect("a manager");
    let object = manager.object::<Foo>(()).expect("an object");
    let child = |object: Object<Foo>| {
        assert_eq!(object.call::<_, String>("f", ()).expect("f"), "f()");
        let error = object.call::<_, String>("g", ()).unwrap_err();
        assert!(
            matches!(&error, CallError::Panicked { message, .. } if message.contains("no luck")),
            "{error}"
        );
        assert!(matches!(object.call::<_, ()>("_h", ()), Err(CallError::NoSuchMethod { .. })));
        object.call::<_, Vec<u64>>("squares", 10_u64).expect("squares")
    };
    assert!(run(method, child, object.clone()).into_iter().eq((0..10).map(|n| n * n)));
    manager.shutdown().expect("an end");
    assert!(matches!(object.call::<_, String>("f", ()), Err(CallError::ServerGone)));
}

/// What goes to a remote manager in one queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Thing {
    Text(String),
    Nothing,
    Bool(bool),
    Number(f64),
    Bytes(Vec<u8>),
    #[serde(serialize_with = "never")]
    Unspeakable,
}

fn never<S: Serializer>(_: S) -> Result<S::Ok, S::Error> {
    Err(S::Error::custom("it cannot be said"))
}

fn things() -> Vec<Thing> {
    vec![
        Thing::Text("hello world".into()),
        Thing::Nothing,
        Thing::Bool(true),
        Thing::Number(2.25),
        Thing::Text("hall\u{e5} v\u{e4}rlden".into()),
        Thing::Text("\u{43f}\u{440}\u{438}\u{432}\u{456}\u{442}".into()),
        Thing::Bytes(b"hall\xe5 v\xe4rlden".to_vec()),
    ]
}

fn find_queue((address, key): &(Address, Key)) -> Queue<Vec<Thing>> {
    Manager::connect(address, key).and_then(|remote| Ok(remote.find("queue")?)).expect("a queue")
}

fn a_remote_manager(method: StartMethod) {
    let (manager, key) = (manager(method), Key::random().expect("a key"));
    let queue: Queue<Vec<Thing>> = manager.queue(0).expect("a queue");
    // Before the gate, whose thread forbids a fork.
    let ways: Queue<(Address, Key)> = manager.queue(0).expect("a queue");
    let child = |ways: Queue<(Address, Key)>| {
        let queue = find_queue(&ways.get().expect("a way"));
        queue.put(&things()).expect("put");
    };
    let child = start(method, child, ways.clone());
    let gate = manager.serve(&"tcp:127.0.0.1:0".parse().expect("an address"), &key).expect("a gate");
    gate.publish("queue", &queue).expect("a name");
    let way = (gate.address().clone(), key);
    ways.put(&way).expect("put");
    let far = find_queue(&way);
    assert_eq!(far.get_timeout(LONG).expect("an item"), things());
    assert!(matches!(far.put(&vec![Thing::Unspeakable]), Err(CallError::Encode(_))));
    assert!(far.is_empty().expect("the same line goes on"));
    child.join().expect("it returned");
}

fn a_rapid_restart(method: StartMethod) {
    let key = Key::random().expect("a key");
    let mut address: Address = "tcp:127.0.0.1:0".parse().expect("an address");
    for _ in 0..2 {
        let manager = manager(method);
        let (queue, ways) =
            (manager.queue::<Vec<Thing>>(0).expect("a queue"), manager.queue(0).expect("a queue"));
        let child = |ways: Queue<(Address, Key)>| {
            find_queue(&ways.get().expect("a way")).put(&vec![Thing::Nothing]).expect("put");
        };
        let child = start(method, child, ways.clone());
        let gate = manager.serve(&address, &key).expect("the address is free");
        gate.publish("queue", &queue).expect("a name");
        address = gate.address().clone();
        ways.put(&(address.clone(), key.clone())).expect("put");
        assert_eq!(queue.get_timeout(LONG).expect("an item"), [Thing::Nothing]);
        child.join().expect("it returned");
    }
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

fn initializers(method: StartMethod) {
    static SEED: OnceLock<u32> = OnceLock::new();
    let set = |seed: u32| SEED.set(seed).expect("nobody was before it");
    let manager = Manager::builder().method(method).initializer(set, 7).start().expect("a manager");
    let value = manager.value(0).expect("a value");
    value.update(|value: &mut u32, (): ()| *value = *SEED.get().expect("it was set"), ()).expect("update");
    assert_eq!(value.get().expect("get"), 7);
}

fn queue_put(method: StartMethod) {
    let manager = manager(method);
    let queue: Queue<u32> = manager.queue(6).expect("a queue");
    let (start_now, go_on) = (manager.event().expect("an event"), manager.event().expect("an event"));
    let child = |(queue, start_now, go_on): (Queue<u32>, Event, Event)| {
        start_now.wait().expect("wait");
        (1..=6).for_each(|n| assert_eq!(queue.get().expect("an item"), n));
        go_on.set().expect("set");
    };
    let child = start(method, child, (queue.clone(), start_now.clone(), go_on.clone()));
    assert!(queue.is_empty().expect("a call") && !queue.is_full().expect("a call"));
    (1..=2).for_each(|n| queue.put(&n).expect("room"));
    (3..=4).for_each(|n| queue.try_put(&n).expect("room"));
    (5..=6).for_each(|n| queue.put_timeout(&n, SHORT).expect("room"));
    assert!(!queue.is_empty().expect("a call") && queue.is_full().expect("a call"));
    assert!(matches!(queue.try_put(&7), Err(CallError::TimedOut)));
    assert_times_out(|time| queue.put_timeout(&7, time));
    assert_times_out(|time| queue.put_deadline(&7, Instant::now() + time));
    start_now.set().expect("set");
    go_on.wait_timeout(LONG).expect("six items were got");
    assert!(queue.is_empty().expect("a call") && !queue.is_full().expect("a call"));
    child.join().expect("it returned");
}

fn queue_get(method: StartMethod) {
    let manager = manager(method);
    let queue: Queue<u32> = manager.queue(0).expect("a queue");
    let (start_now, go_on) = (manager.event().expect("an event"), manager.event().expect("an event"));
    let child = |(queue, start_now, go_on): (Queue<u32>, Event, Event)| {
        start_now.wait().expect("wait");
        (2..6).for_each(|n| queue.put(&n).expect("room"));
        go_on.set().expect("set");
    };
    let child = start(method, child, (queue.clone(), start_now.clone(), go_on.clone()));
    assert!(queue.is_empty().expect("a call"));
    start_now.set().expect("set");
    go_on.wait_timeout(LONG).expect("four items were put");
    assert_eq!((queue.get().expect("2"), queue.get_timeout(LONG).expect("3")), (2, 3));
    assert_eq!(queue.get_deadline(Instant::now() + LONG).expect("4"), 4);
    assert_eq!(queue.try_get().expect("5"), 5);
    assert!(queue.is_empty().expect("a call"));
    assert!(matches!(queue.try_get(), Err(CallError::TimedOut)));
    assert_times_out(|time| queue.get_timeout(time));
    assert_times_out(|time| queue.get_deadline(Instant::now() + time));
    child.join().expect("it returned");
}

fn queue_of_two_processes(method: StartMethod) {
    let manager = manager(method);
    let queue: Queue<u32> = manager.queue(0).expect("a queue");
    (0..10).for_each(|n| queue.put(&n).expect("room"));
    let child = |queue: Queue<u32>| (10..20).for_each(|n| queue.put(&n).expect("room"));
    let child = start(method, child, queue.clone());
    assert!((0..20).map(|_| queue.get_timeout(LONG).expect("an item")).eq(0..20));
    assert!(queue.try_get().is_err());
    child.join().expect("it returned");
}

fn queue_len(method: StartMethod) {
    let manager = manager(method);
    let queue: Queue<u32> = manager.queue(0).expect("a queue");
    let len = || queue.len().expect("a call");
    assert_eq!(len(), 0);
    queue.put(&1).expect("room");
    assert_eq!(len(), 1);
    queue.put(&5).expect("room");
    assert_eq!(len(), 2);
    queue.get().expect("an item");
    assert_eq!(len(), 1);
    queue.get().expect("an item");
    assert_eq!(len(), 0);
}

fn task_done(method: StartMethod) {
    let manager = manager(method);
    let queue: JoinableQueue<Option<u32>> = manager.joinable_queue(0).expect("a queue");
    let work = |queue: JoinableQueue<Option<u32>>| {
        while queue.get().expect("an item").is_some() {
            std::thread::sleep(Duration::from_millis(5));
            queue.task_done().expect("it was got");
        }
    };
    let workers: Vec<_> = (0..4).map(|_| start(method, work, queue.clone())).collect();
    (0..10).for_each(|n| queue.put(&Some(n)).expect("room"));
    queue.join_timeout(LONG).expect("all are done");
    assert!(queue.is_empty().expect("a call"));
    workers.iter().for_each(|_| queue.put(&None).expect("room"));
    workers.into_iter().for_each(|worker| worker.join().expect("it returned"));
    assert!(matches!(queue.try_join(), Err(CallError::TimedOut)));
}

fn locks(method: StartMethod) {
    let manager = manager(method);
    let lock = manager.lock().expect("a lock");
    let guard = lock.lock().expect("free");
    assert!(matches!(lock.try_lock(), Err(CallError::TimedOut)), "it is not reentrant");
    guard.release().expect("it was held");
    drop(lock.try_lock().expect("free"));
    let again = manager.reentrant_lock().expect("a lock");
    let guards = [(); 3].map(|()| again.lock().expect("three times"));
    for guard in guards {
        assert!(again.is_locked().expect("a call"));
        guard.release().expect("it was held");
    }
    assert!(!again.is_locked().expect("a call"));
}

fn locked_elsewhere(method: StartMethod) {
    let manager = manager(method);
    let (lock, again) = (manager.lock().expect("a lock"), manager.reentrant_lock().expect("a lock"));
    let is_locked = |(lock, again): (Lock, ReentrantLock)| {
        assert!(again.try_lock().is_err() == lock.try_lock().is_err());
        (lock.is_locked().expect("a call"), again.is_locked().expect("a call"))
    };
    let look = || run(method, is_locked, (lock.clone(), again.clone()));
    assert_eq!(look(), (false, false));
    let guards = (lock.lock().expect("free"), again.lock().expect("free"));
    assert_eq!(look(), (true, true));
    drop(guards);
    assert_eq!(look(), (false, false));
}

/// The same for both kinds.
macro_rules! two_permits {
    ($semaphore:expr) => {
        let available = || $semaphore.available().expect("a call");
        assert_eq!(available(), 2);
        let first = $semaphore.acquire().expect("free");
        assert_eq!(available(), 1);
        let second = $semaphore.acquire().expect("free");
        assert_eq!(available(), 0);
        assert!(matches!($semaphore.try_acquire(), Err(CallError::TimedOut)));
        drop(first);
        assert_eq!(available(), 1);
        drop(second);
        assert_eq!(available(), 2);
    };
}

fn semaphores(method: StartMethod) {
    let manager = manager(method);
    let semaphore = manager.semaphore(2).expect("a semaphore");
    two_permits!(semaphore);
    semaphore.release().expect("one more");
    semaphore.release().expect("one more");
    assert_eq!(semaphore.available().expect("a call"), 4);
}

fn bounded_semaphores(method: StartMethod) {
    let manager = manager(method);
    let semaphore = manager.bounded_semaphore(2).expect("a semaphore");
    two_permits!(semaphore);
    assert!(matches!(semaphore.release(), Err(CallError::NotHeld)));
    assert_eq!(semaphore.available().expect("a call"), 2);
}

fn semaphore_timeouts(method: StartMethod) {
    let manager = manager(method);
    let semaphore = manager.semaphore(0).expect("a semaphore");
    assert!(matches!(semaphore.try_acquire(), Err(CallError::TimedOut)));
    assert!(matches!(semaphore.acquire_timeout(Duration::ZERO), Err(CallError::TimedOut)));
    assert_times_out(|time| semaphore.acquire_timeout(time).map(drop));
    assert_times_out(|time| semaphore.acquire_deadline(Instant::now() + time).map(drop));
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

/// How many come to a barrier.
const N: usize = 5;

/// Has this process and four children do the same.
fn together<A: Clone + Serialize + DeserializeOwned>(method: StartMethod, work: fn(A), args: &A) {
    let children: Vec<_> = (1..N).map(|_| start(method, work, args.clone())).collect();
    work(args.clone());
    children.into_iter().for_each(|child| child.join().expect("it returned"));
}

/// A barrier for all of them, and where they say what they have seen.
type Meeting = (Barrier, List<bool>, List<bool>, List<bool>);

fn meeting(manager: &Manager) -> Meeting {
    let list = || manager.list().expect("a list");
    (manager.barrier(N).expect("a barrier"), list(), list(), list())
}

fn len(list: &List<bool>) -> usize {
    list.len().expect("a call")
}

fn barrier_again_and_again(method: StartMethod) {
    let manager = manager(method);
    let pass = |(barrier, before, after, _): Meeting| {
        for round in 0..10 {
            before.push(&true).expect("push");
            assert_eq!(len(&after), round * N);
            barrier.wait_timeout(LONG).expect("all come");
            after.push(&true).expect("push");
            assert_eq!(len(&before), (round + 1) * N);
            barrier.wait_timeout(LONG).expect("all come");
        }
        let state = barrier.state().expect("a call");
        assert!(state.waiting == 0 && !state.is_broken);
    };
    together(method, pass, &meeting(&manager));
}

fn barrier_results(method: StartMethod) {
    let manager = manager(method);
    let (barrier, queue) = (manager.barrier(N).expect("a barrier"), manager.queue(0).expect("a queue"));
    let come = |(barrier, queue): (Barrier, Queue<usize>)| {
        queue.put(&barrier.wait_timeout(LONG).expect("all come")).expect("put");
    };
    together(method, come, &(barrier, queue.clone()));
    let mut places = queue.get_available(N).expect("items");
    places.sort_unstable();
    assert_eq!(places, [0, 1, 2, 3, 4]);
}

fn barrier_abort(method: StartMethod) {
    let manager = manager(method);
    let come = |(barrier, passed, broken, _): Meeting| {
        if barrier.wait_timeout(LONG).expect("all come") == N / 2 {
            return barrier.abort().expect("abort");
        }
        let list = match barrier.wait_timeout(LONG) {
            Err(CallError::Broken) => broken,
            _ => passed,
        };
        list.push(&true).expect("push");
    };
    let meeting = meeting(&manager);
    together(method, come, &meeting);
    let (barrier, passed, broken, _) = meeting;
    assert_eq!((len(&passed), len(&broken)), (0, N - 1));
    assert!(barrier.state().expect("a call").is_broken);
}

fn barrier_reset(method: StartMethod) {
    let manager = manager(method);
    let come = |(barrier, passed, broken, later): Meeting| {
        if barrier.wait_timeout(LONG).expect("all come") == N / 2 {
            until("the others wait", || barrier.state().expect("a call").waiting == N - 1);
            barrier.reset().expect("reset");
        } else {
            let list = match barrier.wait_timeout(LONG) {
                Err(CallError::Broken) => broken,
                _ => passed,
            };
            list.push(&true).expect("push");
        }
        barrier.wait_timeout(LONG).expect("all come");
        later.push(&true).expect("push");
    };
    let meeting = meeting(&manager);
    together(method, come, &meeting);
    let (_, passed, broken, later) = meeting;
    assert_eq!((len(&passed), len(&broken), len(&later)), (0, N - 1, N));
}

fn barrier_abort_and_reset(method: StartMethod) {
    let manager = manager(method);
    let come = |((barrier, passed, broken, later), other): (Meeting, Barrier)| {
        if barrier.wait_timeout(LONG).expect("all come") == N / 2 {
            barrier.abort().expect("abort");
        } else {
            let list = match barrier.wait_timeout(LONG) {
                Err(CallError::Broken) => broken,
                _ => passed,
            };
            list.push(&true).expect("push");
        }
        // All have left it before it is reset, and nobody comes before it was.
        if other.wait_timeout(LONG).expect("all come") == N / 2 {
            barrier.reset().expect("reset");
        }
        other.wait_timeout(LONG).expect("all come");
        barrier.wait_timeout(LONG).expect("all come");
        later.push(&true).expect("push");
    };
    let (meeting, other) = (meeting(&manager), manager.barrier(N).expect("a barrier"));
    together(method, come, &(meeting.clone(), other));
    let (_, passed, broken, later) = meeting;
    assert_eq!((len(&passed), len(&broken), len(&later)), (0, N - 1, N));
}

fn barrier_timeout(method: StartMethod) {
    let manager = manager(method);
    let come = |(barrier, passed, late, _): Meeting| {
        if barrier.wait_timeout(LONG).expect("all come") == N / 2 {
            until("it is broken", || barrier.state().expect("a call").is_broken);
        }
        let list = match barrier.wait_timeout(2 * SHORT) {
            Err(CallError::Broken | CallError::TimedOut) => late,
            _ => passed,
        };
        list.push(&true).expect("push");
    };
    let meeting = meeting(&manager);
    together(method, come, &meeting);
    assert_eq!((len(&meeting.1), len(&meeting.2)), (0, N));
}

fn barrier_of_one(method: StartMethod) {
    let manager = manager(method);
    let barrier = manager.barrier(1).expect("a barrier");
    assert_eq!((barrier.wait().expect("alone"), barrier.wait().expect("alone")), (0, 0));
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
            assert!(message.contains("no luck") && message.contains("manager_python.rs"), "{message}");
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
    let child = start(method, work, there);
    let dict = manager.dict().expect("a dict");
    dict.set("list", &manager.list_from([1, 2]).expect("a list")).expect("set");
    here.send(dict.clone()).expect("the child receives");
    assert!(here.recv().expect("the child sends"));
    let list = dict.get("list").expect("get").expect("it is there");
    assert_eq!(list.to_vec().expect("items"), [1, 2, 3]);
    child.join().expect("it returned");
}
