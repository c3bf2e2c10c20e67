//! What is left when a client, the server or the process of the gate is killed.

use crate::{Open, PATIENCE, client, kill, open, open_with, reach, stay, tests, until};
use ipc_manager::{CallError, Lock, Manager, Queue, Semaphore, Value};
use ipc_pipe::Address;
use ipc_process::Process;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

tests! {
    a_killed_client_gives_all_back
    a_killed_client_is_forgotten_in_its_wait
    references_come_back_in_any_way
    every_call_fails_when_the_server_is_killed
    every_call_fails_when_the_gate_closes
    every_call_fails_when_the_gate_is_killed
    a_forked_child_has_no_part
    a_line_that_is_cut_in_a_call
}

fn n_clients(open: &Open) -> usize {
    open.manager.clients().expect("clients").len()
}

fn a_killed_client_gives_all_back() {
    let open = open();
    let (lock, permits) =
        (open.manager.lock().expect("a lock"), open.manager.semaphore(2).expect("a semaphore"));
    open.gate.publish("lock", &lock).expect("a name");
    open.gate.publish("permits", &permits).expect("a name");
    let process = client(&open, |way| {
        let remote = reach(&way);
        let (lock, permits): (Lock, Semaphore) =
            (remote.find("lock").expect("it"), remote.find("permits").expect("it"));
        let _guard = lock.lock().expect("the lock");
        let _permits = (permits.acquire().expect("one"), permits.acquire().expect("two"));
        let _made = remote.list_from([1, 2, 3]).expect("a list");
        stay(&remote);
    });
    assert!(lock.try_lock().is_err() && permits.try_acquire().is_err());
    let is_list =
        |open: &Open| open.manager.objects().expect("objects").iter().any(|object| object.kind == "list");
    assert!(is_list(&open));
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| lock.lock_timeout(PATIENCE).expect("the lock").was_abandoned());
        until("it waits", || open.manager.objects().expect("objects").iter().any(|it| it.waiting == 1));
        kill(&process);
        assert!(waits.join().expect("a thread"), "the lock was left behind");
    });
    let _both = [
        permits.acquire_timeout(PATIENCE).expect("a permit"),
        permits.acquire_timeout(PATIENCE).expect("a permit"),
    ];
    until("its list is gone", || !is_list(&open));
    until("it is gone", || n_clients(&open) == 1);
}

/// It waits for an item in one thread when it is killed: the next item is not given to it.
fn a_killed_client_is_forgotten_in_its_wait() {
    let open = open();
    let queue = open.manager.queue::<u32>(0).expect("a queue");
    open.gate.publish("queue", &queue).expect("a name");
    let process = client(&open, |way| {
        let remote = reach(&way);
        let queue: ipc_manager::Queue<u32> = remote.find("queue").expect("it");
        std::thread::spawn(move || queue.get());
        stay(&remote);
    });
    until("it waits", || open.manager.objects().expect("objects").iter().any(|it| it.waiting == 1));
    kill(&process);
    until("it is forgotten", || open.manager.objects().expect("objects").iter().all(|it| it.waiting == 0));
    queue.put(&1).expect("room");
    assert_eq!(queue.try_get().expect("the item"), 1);
}

fn references_come_back_in_any_way() {
    let open = open();
    let n_objects = || open.manager.objects().expect("objects").len();
    let before = n_objects();
    let remote = reach(&open.way);
    let lists: Vec<_> = (0..2500).map(|n| remote.list_from([n]).expect("a list")).collect();
    assert_eq!(n_objects(), before + 2500);
    drop(lists);
    until("they are gone", || n_objects() == before);
    let kept = remote.value(1).expect("a value");
    drop(remote);
    assert_eq!((kept.get().expect("the number"), n_clients(&open)), (1, 2));
    drop(kept);
    until("the session is over", || n_clients(&open) == 1);
    assert_eq!(n_objects(), before);
}

/// A call that waits, and those that come later.
fn fail(open: &Open, end: impl FnOnce()) {
    let remote = reach(&open.way);
    let (event, value) = (remote.event().expect("an event"), remote.value(1).expect("a value"));
    std::thread::scope(|scope| {
        let waits: Vec<_> = (0..16).map(|_| scope.spawn(|| event.wait())).collect();
        until("they wait", || {
            open.manager.objects().expect("objects").iter().map(|it| it.waiting).sum::<usize>() == 16
        });
        end();
        for wait in waits {
            assert!(matches!(wait.join().expect("a thread"), Err(CallError::ServerGone)));
        }
    });
    assert!(matches!(value.get(), Err(CallError::ServerGone)));
    assert!(matches!(remote.list::<u8>(), Err(CallError::ServerGone)));
}

fn every_call_fails_when_the_server_is_killed() {
    let open = open();
    fail(&open, || open.manager.process().kill().expect("a kill"));
    assert!(Manager::connect(&open.way.0, &open.way.1).is_err());
}

fn every_call_fails_when_the_gate_closes() {
    let Open { gate, way, manager } = open();
    let value: Value<u32> = manager.value(1).expect("a value");
    let remote = reach(&way);
    assert_eq!(remote.value(2).expect("a value").get().expect("a number"), 2);
    drop(gate);
    assert!(matches!(remote.value(2), Err(CallError::ServerGone)));
    // The manager is there as before.
    assert_eq!(value.get().expect("a number"), 1);
    until("no client is left", || manager.clients().expect("clients").len() == 1);
    let gate = manager.serve(&way.0, &way.1).expect("the address is free");
    assert!(reach(&way).published().expect("names").is_empty());
    drop(gate);
}

/// The gate is in another process than the manager's owner.
fn every_call_fails_when_the_gate_is_killed() {
    let mut open = open();
    let ways = open.manager.queue(1).expect("a queue");
    let keeper = Process::spawn(
        |(host, ways): (ipc_manager::Host, ipc_manager::Queue<crate::Way>)| {
            let key = ipc_pipe::Key::random().expect("a key");
            let gate = host.serve(&crate::tcp(), &key).expect("a gate");
            ways.put(&(gate.address().clone(), key)).expect("room");
            loop {
                std::thread::park();
            }
        },
        (open.manager.host().clone(), ways.clone()),
    );
    let keeper = keeper.expect("a child");
    open.way = ways.get_timeout(PATIENCE).expect("a way");
    fail(&open, || kill(&keeper));
    until("nobody is left", || n_clients(&open) == 1);
}

fn a_forked_child_has_no_part() {
    let open = open();
    // In a process that has one thread, unlike this one, which has the gate's.
    let parent = Process::spawn(
        |way: crate::Way| {
            let value = reach(&way).value(1_u32).expect("a value");
            let copy = value.clone();
            let child = ipc_process::Builder::new()
                .fork(move |(): ()| matches!(copy.get(), Err(CallError::Forked)), ())
                .expect("a child");
            assert!(child.join().expect("its answer"));
            value.get().expect("a number")
        },
        open.way.clone(),
    );
    assert_eq!(parent.expect("a process").join().expect("its number"), 1);
    until("the session is over", || n_clients(&open) == 1);
}

/// The connections of a wire, in the order in which they came.
type Connections = Arc<Mutex<Vec<TcpStream>>>;

/// Passes on what clients and a gate say to each other, on connections that can be cut one by one.
fn pass_on(wire: TcpListener, gate: Address) -> Connections {
    let connections = Connections::default();
    let known = Arc::clone(&connections);
    let Address::Tcp(gate) = gate else { unreachable!("it is TCP") };
    std::thread::spawn(move || {
        for client in wire.incoming().map_while(Result::ok) {
            let gate = TcpStream::connect(gate).expect("the gate");
            let copy = |stream: &TcpStream| stream.try_clone().expect("a copy");
            for (mut from, mut to) in [(copy(&client), copy(&gate)), (copy(&gate), copy(&client))] {
                std::thread::spawn(move || {
                    // Either way it is over.
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                });
            }
            known.lock().expect("no panic").push(client);
        }
    });
    connections
}

/// The client stays, and its call is given up: at the gate, and at the server, which would otherwise give it the next item.
fn a_line_that_is_cut_in_a_call() {
    let wire = TcpListener::bind("127.0.0.1:0").expect("a wire");
    let at = wire.local_addr().expect("its address");
    let open = open_with(|gate| gate.also_known_as(at).max_calls(1));
    let connections = pass_on(wire, open.way.0.clone());
    let remote = reach(&(Address::Tcp(at), open.way.1.clone()));
    let queue: Queue<u32> = open.manager.queue(0).expect("a queue");
    open.gate.publish("queue", &queue).expect("a name");
    let far: Queue<u32> = remote.find("queue").expect("it");
    let waiting = || open.manager.objects().expect("objects").iter().map(|it| it.waiting).sum::<usize>();
    for item in 0..3 {
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| far.get());
            until("it waits", || waiting() == 1);
            // The first one is the main connection.
            let line = connections.lock().expect("no panic").pop().expect("a line");
            line.shutdown(Shutdown::Both).expect("it was open");
            let failed = waits.join().expect("a thread");
            assert!(matches!(failed, Err(CallError::Limit { .. })), "{failed:?}");
        });
        until("nobody waits", || waiting() == 0);
        // There is one call at a time, so the place of the one that was cut has to be free.
        far.put(&item).expect("another line");
        assert_eq!(queue.try_get().expect("the item"), item);
    }
}
