//! What is left when a client, the server or its owner is killed.

use crate::{PATIENCE, manager, tests, until};
use ipc_manager::{
    Barrier, CallError, Condition, Event, List, Lock, Manager, Queue, ReentrantLock, Semaphore, Value,
};
use ipc_process::Process;
use std::time::Duration;

tests! {
    a_lock_of_a_killed_client_is_free
    permits_of_a_killed_client_come_back
    a_killed_client_breaks_its_barrier
    a_killed_client_gets_no_item
    references_of_a_killed_client_come_back
    a_condition_of_killed_clients
    a_client_killed_in_any_call
    every_call_fails_when_the_server_is_killed
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

/// Clients that do everything as fast as they can are killed at any moment. What they did is done or not, and nobody else is held up.
fn a_client_killed_in_any_call() {
    let n_kills = std::env::var("IPC_MANAGER_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(12);
    let manager = manager();
    let lock = manager.lock().expect("a lock");
    let (one, other) = (manager.value(0_u64).expect("a value"), manager.value(0_u64).expect("a value"));
    let rows: List<List<u64>> = manager.list().expect("a list");
    let work = |(host, lock, one, other, rows): (
        ipc_manager::Host,
        Lock,
        Value<u64>,
        Value<u64>,
        List<List<u64>>,
    )| {
        loop {
            let _guard = lock.lock().expect("the lock");
            rows.push(&host.list_from([1]).expect("a list")).expect("push");
            host.transaction(
                (&one, &other),
                |(one, other), (): ()| {
                    one[0] += 1;
                    other[0] += 1
                },
                (),
            )
            .expect("a transaction");
            rows.pop().expect("pop");
        }
    };
    let mut rng = ipc_testkit::Rng::from_env();
    for _ in 0..n_kills {
        let args = (manager.host().clone(), lock.clone(), one.clone(), other.clone(), rows.clone());
        let children = [(); 2].map(|()| Process::spawn(work, args.clone()).expect("a child"));
        std::thread::sleep(Duration::from_micros(rng.below(20_000)));
        children.iter().for_each(kill);
        let guard = lock.lock_timeout(PATIENCE).expect("the lock");
        let both = manager.transaction((&one, &other), |(one, other), (): ()| (one[0], other[0]), ());
        let (one, other) = both.expect("a transaction");
        assert_eq!(one, other);
        drop(guard);
    }
    rows.clear().expect("clear");
    until("their references are back", || manager.objects().expect("objects").len() == 4);
    until("their sessions have ended", || manager.clients().expect("clients").len() == 1);
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
