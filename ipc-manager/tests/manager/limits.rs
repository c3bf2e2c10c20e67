//! What is left to do when a process has no room for another connection: the server, or a client.

use crate::{manager, tests, until};
use ipc_manager::{CallError, Event, List, Lock, Manager};
use ipc_pipe::{Receiver, Sender};
use ipc_process::Process;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

tests! {
    calls_beyond_the_room_of_the_server
    calls_beyond_the_room_of_a_client
    what_is_held_comes_back_all_the_same
    a_client_beyond_the_room_of_the_server
}

/// So many descriptors the server may have: enough for some calls that wait.
const FEW: u64 = 90;
/// More calls than that.
const MANY: usize = 24;

fn allow(n_descriptors: u64) {
    let limit = Rlimit { current: Some(n_descriptors), ..getrlimit(Resource::Nofile) };
    setrlimit(Resource::Nofile, limit).expect("fewer are allowed");
}

/// A manager whose server has room for few.
fn narrow() -> Manager {
    Manager::builder().initializer(allow, FEW).start().expect("a manager")
}

fn n_descriptors(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).expect("Linux has it").count()
}

/// Has more calls wait for the event than there is room for, and does something when there is none. How many waited, and how many were refused.
fn crowd(event: &Event, is_refusal: fn(&CallError) -> bool, meanwhile: impl FnOnce()) -> (u32, u32) {
    let (n_waited, n_refused) = (AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..MANY {
            scope.spawn(|| match event.wait_timeout(Duration::from_millis(1500)) {
                Err(CallError::TimedOut) | Ok(()) => n_waited.fetch_add(1, SeqCst),
                Err(error) => {
                    assert!(is_refusal(&error), "{error:?}");
                    n_refused.fetch_add(1, SeqCst)
                }
            });
        }
        until("there is no more room", || n_refused.load(SeqCst) > 0);
        meanwhile();
    });
    (n_waited.into_inner(), n_refused.into_inner())
}

fn calls_beyond_the_room_of_the_server() {
    let manager = narrow();
    let (event, list) = (manager.event().expect("an event"), manager.list_from([7]).expect("a list"));
    let before = (n_descriptors(std::process::id()), n_descriptors(manager.pid()));
    let is_refusal = |error: &CallError| matches!(error, CallError::Limit { .. });
    for _ in 0..2 {
        let (n_waited, n_refused) = crowd(&event, is_refusal, || ());
        assert!(n_waited > 4 && n_refused > 4, "{n_waited} waited, {n_refused} were refused");
        assert_eq!(list.to_vec().expect("items"), [7]);
    }
    // Eight idle lines are kept, of six descriptors each.
    let is_back = || {
        n_descriptors(std::process::id()) <= before.0 + 8 * 6
            && n_descriptors(manager.pid()) <= before.1 + 8 * 6
    };
    until("not more than before", is_back);
}

fn calls_beyond_the_room_of_a_client() {
    let manager = manager();
    let event = manager.event().expect("an event");
    let list = manager.list_from([7]).expect("a list");
    let client = |(event, list): (Event, List<u32>)| {
        allow(FEW);
        let is_refusal = |error: &CallError| matches!(error, CallError::Os(_));
        let (n_waited, n_refused) = crowd(&event, is_refusal, || ());
        assert!(n_waited > 4 && n_refused > 4, "{n_waited} waited, {n_refused} were refused");
        assert_eq!(list.to_vec().expect("items"), [7]);
    };
    Process::spawn(client, (event, list)).expect("a child").join().expect("a child that ends");
}

/// A guard that is dropped when there is no line for its release, in a process that goes on.
fn what_is_held_comes_back_all_the_same() {
    let manager = narrow();
    let (event, lock) = (manager.event().expect("an event"), manager.reentrant_lock().expect("a lock"));
    let (semaphore, condition) =
        (manager.semaphore(1).expect("a semaphore"), manager.condition().expect("a condition"));
    let guards = (lock.lock().expect("once"), lock.lock().expect("twice"));
    let (permit, guard) = (semaphore.acquire().expect("a permit"), condition.lock().expect("its lock"));
    let is_refusal = |error: &CallError| matches!(error, CallError::Limit { .. });
    let (_, n_refused) = crowd(&event, is_refusal, || drop((guards, permit, guard)));
    assert!(n_refused > 0);
    // What the server is told beside the lines can be overtaken by a call.
    until("the lock is free", || !lock.is_locked().expect("a call"));
    until("the condition is free", || !condition.is_locked().expect("a call"));
    until("the permit is back", || semaphore.available().expect("a call") == 1);
}

/// It is told that there is no room, and not that the server is gone.
fn a_client_beyond_the_room_of_the_server() {
    let manager = narrow();
    let (event, lock) = (manager.event().expect("an event"), manager.lock().expect("a lock"));
    let (locks, their_locks) = ipc_pipe::simplex::<Lock>().expect("a pipe");
    let (go, may_go) = ipc_pipe::simplex::<()>().expect("a pipe");
    let (errors, their_errors) = ipc_pipe::simplex::<String>().expect("a pipe");
    let client = |(locks, may_go, errors): (Receiver<Lock>, Receiver<()>, Sender<String>)| {
        may_go.recv().expect("a word");
        let error = locks.recv().expect_err("there is no room");
        errors.send(format!("{error:?}")).expect("it listens");
        may_go.recv().expect("a word");
        drop(locks.recv().expect("a lock").lock().expect("the lock"));
    };
    let client = Process::spawn(client, (their_locks, may_go, errors)).expect("a child");
    // Both are on their way before there is no more room.
    (0..2).for_each(|_| locks.send(lock.clone()).expect("it is there"));
    let is_refusal = |error: &CallError| matches!(error, CallError::Limit { .. });
    crowd(&event, is_refusal, || {
        go.send(()).expect("it is there");
        let error = their_errors.recv().expect("what it was told");
        assert!(error.contains("no room"), "{error}");
    });
    go.send(()).expect("it is there");
    client.join().expect("there is room again");
}
