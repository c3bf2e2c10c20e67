//! What is left when a client, the server or its owner is killed.
//!
//! With `IPC_MANAGER_LONG` set, clients are killed 500 times in each way, and so is the server.

use crate::{PATIENCE, long_or, manager, tests, until};
use ipc_manager::{
    Barrier, CallError, Condition, Dict, Event, Host, List, Lock, Manager, Queue, ReentrantLock, Semaphore,
    Value,
};
use ipc_process::Process;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::time::Duration;

tests! {
    a_lock_of_a_killed_client_is_free
    permits_of_a_killed_client_come_back
    a_killed_client_breaks_its_barrier
    a_killed_client_gets_no_item
    references_of_a_killed_client_come_back
    a_condition_of_killed_clients
    clients_killed_in_calls
    clients_killed_holding_locks
    clients_killed_in_transactions
    servers_killed_with_calls_pending
    a_server_ends_with_its_owner
    a_function_that_aborts_the_server
}

/// Starts a process that does something, says that it has, and stays.
fn holder<A>(function: fn((A, Event)), args: A, done: &Event) -> Process<()>
where
    A: serde::Serialize + serde::de::DeserializeOwned,
{
    let process = Process::spawn(function, (args, done.clone())).expect("a child");
    done.wait_timeout(PATIENCE).expect("it says so");
    process
}

fn stay(done: &Event) {
    done.set().expect("set");
    loop {
        std::thread::park();
    }
}

fn kill(process: &Process<()>) {
    process.kill().expect("a kill");
    process.wait().expect("its end");
}

fn a_lock_of_a_killed_client_is_free() {
    let manager = manager();
    let done = manager.event().expect("an event");
    let (lock, again) = (manager.lock().expect("a lock"), manager.reentrant_lock().expect("a lock"));
    let child = holder(
        |((lock, again), done): ((Lock, ReentrantLock), Event)| {
            let _guards =
                (lock.lock().expect("the lock"), again.lock().expect("once"), again.lock().expect("twice"));
            stay(&done);
        },
        (lock.clone(), again.clone()),
        &done,
    );
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| lock.lock_timeout(PATIENCE).expect("the lock").was_abandoned());
        until("it waits", || manager.objects().expect("objects").iter().any(|object| object.waiting == 1));
        kill(&child);
        assert!(waits.join().expect("a thread"));
    });
    assert!(again.lock_timeout(PATIENCE).expect("the lock").was_abandoned());
    assert!(!lock.lock().expect("the lock").was_abandoned());
}

fn permits_of_a_killed_client_come_back() {
    let manager = manager();
    let (done, semaphore) = (manager.event().expect("an event"), manager.semaphore(2).expect("a semaphore"));
    let child = holder(
        |(semaphore, done): (Semaphore, Event)| {
            let _permits = (semaphore.acquire().expect("one"), semaphore.acquire().expect("another"));
            stay(&done);
        },
        semaphore.clone(),
        &done,
    );
    assert_eq!(semaphore.available().expect("a call"), 0);
    kill(&child);
    drop(semaphore.acquire_timeout(PATIENCE).expect("a permit"));
    until("both are back", || semaphore.available().expect("a call") == 2);
}

fn a_killed_client_breaks_its_barrier() {
    let manager = manager();
    let barrier = manager.barrier(3).expect("a barrier");
    let child = Process::spawn(|barrier: Barrier| drop(barrier.wait()), barrier.clone()).expect("a child");
    std::thread::scope(|scope| {
        let other = scope.spawn(|| barrier.wait_timeout(PATIENCE));
        until("both wait", || barrier.state().expect("a call").waiting == 2);
        kill(&child);
        assert!(matches!(other.join().expect("a thread"), Err(CallError::Broken)));
    });
}

/// It waits for an item when it is killed; the next one is for somebody else.
fn a_killed_client_gets_no_item() {
    let manager = manager();
    let queue: Queue<u32> = manager.queue(0).expect("a queue");
    let child = Process::spawn(|queue: Queue<u32>| drop(queue.get()), queue.clone()).expect("a child");
    let waiting = || manager.objects().expect("objects")[0].waiting;
    until("it waits", || waiting() == 1);
    kill(&child);
    until("nobody waits", || waiting() == 0);
    queue.put(&7).expect("put");
    assert_eq!(queue.get_timeout(PATIENCE).expect("the item"), 7);
}

fn references_of_a_killed_client_come_back() {
    let manager = manager();
    let (done, list) = (manager.event().expect("an event"), manager.list::<List<u8>>().expect("a list"));
    let child = holder(
        |((host, list), done): ((ipc_manager::Host, List<List<u8>>), Event)| {
            let own: Vec<List<u8>> = (0..50).map(|_| host.list().expect("a list")).collect();
            list.push(&own[0]).expect("push");
            stay(&done);
        },
        (manager.host().clone(), list.clone()),
        &done,
    );
    let n_objects = || manager.objects().expect("objects").len();
    assert_eq!((n_objects(), manager.clients().expect("clients").len()), (52, 2));
    let info = &manager.clients().expect("clients")[1];
    assert_eq!((info.pid, info.references), (child.pid(), 52));
    kill(&child);
    until("what was nobody else's is gone", || n_objects() == 3);
    assert_eq!(manager.clients().expect("clients").len(), 1);
    assert!(list.get(0).expect("the one in the list").is_empty().expect("a call"));
}

fn a_condition_of_killed_clients() {
    let manager = manager();
    let condition = manager.condition().expect("a condition");
    let sleep = |condition: Condition| drop(condition.lock().expect("the lock").wait());
    let children = [(); 2].map(|()| Process::spawn(sleep, condition.clone()).expect("a child"));
    let sleepers = || manager.objects().expect("objects")[0].size;
    until("both sleep", || sleepers() == Some(2));
    kill(&children[0]);
    until("one sleeps", || sleepers() == Some(1));
    assert_eq!(condition.lock().expect("the lock").notify_all().expect("notify"), 1);
    until("it has ended", || !children[1].is_alive());
    drop(condition.lock_timeout(PATIENCE).expect("the lock"));
}

/// What clients of one test have in common, who do the same for ever.
trait Args: Clone + Serialize + DeserializeOwned {}

impl<A: Clone + Serialize + DeserializeOwned> Args for A {}

/// Has two clients do something for ever, kills them at any moment of it, and looks at what is left; so often as is said below. Each time
/// the references are those of before.
fn kill_again_and_again<A: Args>(manager: &Manager, work: fn(A), args: &A, mut check: impl FnMut()) {
    let references = || {
        let objects = manager.objects().expect("objects");
        objects.into_iter().map(|object| (object.index, object.references)).collect::<Vec<_>>()
    };
    let before = references();
    let mut rng = ipc_testkit::Rng::from_env();
    for _ in 0..n_kills() {
        let children = [(); 2].map(|()| Process::spawn(work, args.clone()).expect("a child"));
        until("both have begun", || {
            let clients = manager.clients().expect("clients");
            clients.iter().filter(|client| client.calls > 10).count() == 3
        });
        std::thread::sleep(Duration::from_micros(rng.below(3000)));
        children.iter().for_each(kill);
        until("their sessions have ended", || manager.clients().expect("clients").len() == 1);
        check();
        until("their references are back", || references() == before);
    }
}

/// So often it happens in each of these tests.
fn n_kills() -> u32 {
    long_or(8, 500)
}

/// What a client did is done or not, and the next thing comes after it.
fn clients_killed_in_calls() {
    type Things = (Host, List<List<u64>>, Queue<u64>, Dict<String, u64>);
    let manager = manager();
    let things: Things = (
        manager.host().clone(),
        manager.list().expect("a list"),
        manager.queue(0).expect("a queue"),
        manager.dict().expect("a dict"),
    );
    let work = |(host, rows, queue, dict): Things| {
        loop {
            rows.push(&host.list_from([1, 2]).expect("a list")).expect("push");
            queue.put(&1).expect("put");
            dict.fetch_add("n", 1).expect("add");
            assert_eq!(rows.get(0).expect("a row").to_vec().expect("items"), [1, 2]);
        }
    };
    kill_again_and_again(&manager, work, &things, || {
        let (_, rows, queue, dict) = &things;
        let n_rows = rows.len().expect("a call") as u64;
        let (n_items, n) = (queue.len().expect("a call") as u64, dict.remove("n").expect("a call"));
        // Each of the two was in one of its calls.
        let n = n.unwrap_or(0);
        assert!(n <= n_items && n_items <= n_rows && n_rows <= n + 2, "{n_rows}, {n_items}, {n}");
        rows.clear().expect("clear");
        assert_eq!(queue.get_available(usize::MAX >> 1).expect("items").len() as u64, n_items);
    });
}

/// What they had is free, and nobody else had it meanwhile.
fn clients_killed_holding_locks() {
    type Things = (Lock, ReentrantLock, Semaphore, Condition, Value<u64>);
    let manager = manager();
    let things: Things = (
        manager.lock().expect("a lock"),
        manager.reentrant_lock().expect("a lock"),
        manager.semaphore(3).expect("a semaphore"),
        manager.condition().expect("a condition"),
        manager.value(0).expect("a value"),
    );
    let work = |(lock, again, semaphore, condition, inside): Things| {
        loop {
            let _permits = (semaphore.acquire().expect("one"), semaphore.acquire().expect("another"));
            let _guards = (again.lock().expect("once"), again.lock().expect("twice"));
            let guard = lock.lock().expect("the lock");
            // Who was killed in here has left its number.
            let before = inside.replace(&u64::from(std::process::id())).expect("set");
            assert!(before == 0 || guard.was_abandoned());
            let _ = condition.lock().expect("its lock").wait_timeout(Duration::from_micros(10));
            inside.set(&0).expect("set");
        }
    };
    kill_again_and_again(&manager, work, &things, || {
        let (lock, again, semaphore, condition, inside) = &things;
        let guard = lock.lock_timeout(PATIENCE).expect("the lock");
        let was_inside = inside.replace(&0).expect("set") != 0;
        assert!(!was_inside || guard.was_abandoned());
        drop((
            again.lock_timeout(PATIENCE).expect("the lock"),
            condition.lock_timeout(PATIENCE).expect("its lock"),
        ));
        assert_eq!(semaphore.available().expect("a call"), 3);
    });
}

/// A transaction, and a function that changes one object, are done wholly or not at all.
fn clients_killed_in_transactions() {
    type Things = (Host, Value<u64>, Dict<String, u64>, List<List<u64>>);
    let manager = manager();
    let things: Things = (
        manager.host().clone(),
        manager.value(0).expect("a value"),
        manager.dict().expect("a dict"),
        manager.list().expect("a list"),
    );
    let work = |(host, value, dict, rows): Things| {
        loop {
            let add = |(value, dict, rows): &mut (Vec<u64>, HashMap<String, u64>, Vec<List<u64>>),
                       row: List<u64>| {
                value[0] += 1;
                rows.push(row);
                *dict.entry("n".into()).or_default() += 1;
            };
            let row = host.list_from([1]).expect("a list");
            host.transaction((&value, &dict, &rows), add, row).expect("a transaction");
            let twice = |n: &mut Option<u64>, (): ()| *n = n.map(|n| n + 2).filter(|n| n % 2 == 0);
            dict.update("even", twice, ()).expect("an update");
        }
    };
    kill_again_and_again(&manager, work, &things, || {
        let (host, value, dict, rows) = &things;
        let look = |(value, dict, rows): &mut (Vec<u64>, HashMap<String, u64>, Vec<List<u64>>), (): ()| {
            let n = dict.remove("n").unwrap_or(0);
            let same = value[0] == n && rows.len() as u64 == n && n > 0;
            rows.clear();
            value[0] = 0;
            same
        };
        assert!(host.transaction((value, dict, rows), look, ()).expect("a transaction"));
    });
}

fn servers_killed_with_calls_pending() {
    for _ in 0..long_or(4, 500) {
        every_call_fails_when_the_server_is_killed();
    }
}

fn every_call_fails_when_the_server_is_killed() {
    let manager = manager();
    let queue: Queue<u32> = manager.queue(0).expect("a queue");
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..16).map(|_| scope.spawn(|| queue.get())).collect();
        until("all wait", || manager.objects().expect("objects")[0].waiting == 16);
        manager.process().kill().expect("a kill");
        for call in calls {
            let failed = call.join().expect("a thread");
            assert!(matches!(failed, Err(CallError::ServerGone)), "{failed:?}");
        }
    });
    assert!(matches!(queue.put(&1), Err(CallError::ServerGone)));
    assert!(matches!(manager.list::<u8>(), Err(CallError::ServerGone)));
    assert!(matches!(manager.shutdown(), Err(CallError::ServerGone)));
}

fn a_server_ends_with_its_owner() {
    let (tx, rx) = ipc_pipe::simplex::<List<u8>>().expect("a pipe");
    let owner = Process::spawn(
        |tx: ipc_pipe::Sender<List<u8>>| {
            let manager = Manager::start().expect("a manager");
            tx.send(manager.list().expect("a list")).expect("send");
            loop {
                std::thread::park();
            }
        },
        tx,
    );
    let owner: Process<()> = owner.expect("a child");
    let list = rx.recv().expect("a list");
    assert_eq!(list.len().expect("a call"), 0);
    kill(&owner);
    until("the server is gone", || matches!(list.len(), Err(CallError::ServerGone)));
}

fn a_function_that_aborts_the_server() {
    let manager = manager();
    let value = manager.value(1).expect("a value");
    let aborted = value.update(|_: &mut i32, (): ()| -> () { std::process::abort() }, ());
    assert!(matches!(aborted, Err(CallError::ServerGone)), "{aborted:?}");
    assert!(matches!(value.get(), Err(CallError::ServerGone)));
}
