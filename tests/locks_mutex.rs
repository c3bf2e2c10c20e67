//! Mutexes, condition variables and events between processes, by each start method: as arguments, and through a pipe to a
//! process that was there before them.

use ipc_testkit::isolated;
use multiproc::shared::Arena;
use multiproc::sync::{Condvar, Event, LockError, Mutex, ReentrantMutex};
use multiproc::{Builder, Pipe, Process, StartMethod, pipe};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(30);

/// Starts the child by both methods, and lets the body see what it does with what it was given: as an argument, and through
/// a pipe, for which there is the second function.
fn in_all_ways<T: Clone + Serialize + DeserializeOwned>(
    make: fn(&Arena) -> T,
    child: fn(T),
    child_of_pipe: fn(Pipe<(), T>),
    body: fn(&T, &Process<()>),
) {
    for &method in StartMethod::ALL {
        let arena = Arena::new();
        let shared = make(&arena);
        let process = Builder::new().method(method).spawn(child, shared.clone()).expect("it was started");
        body(&shared, &process);

        let (here, there) = pipe::<T, ()>().expect("there are sockets");
        let process = Builder::new().method(method).spawn(child_of_pipe, there).expect("it was started");
        let arena = Arena::new();
        let shared = make(&arena);
        here.send(shared.clone()).expect("the child receives");
        body(&shared, &process);
    }
    multiproc::stop_forkserver();
}

fn receive<T: DeserializeOwned>(pipe: Pipe<(), T>) -> T {
    pipe.recv().expect("the parent sends one")
}

#[track_caller]
fn assert_success(process: &Process<()>) {
    let status = process.wait().expect("it can be waited for");
    assert!(status.success(), "{status:?}");
}

fn add(lock: Mutex<u64>) {
    (0..1000).for_each(|_| *lock.lock().expect("nobody dies") += 1);
}

#[test]
fn mutex() {
    isolated(|| {
        in_all_ways(
            |arena| Mutex::new_in(arena, 0_u64).expect("memory is left"),
            add,
            |pipe| add(receive(pipe)),
            |lock, process| {
                add(lock.clone());
                assert_success(process);
                assert_eq!(*lock.lock().expect("nobody dies"), 2000);
            },
        );
    });
}

/// Dies with the lock.
fn die((lock, locked): (Mutex<u64>, Event)) {
    *lock.lock().expect("it is free") = 7;
    std::mem::forget(lock.lock());
    locked.set();
    std::process::abort()
}

#[test]
fn owner_killed() {
    isolated(|| {
        in_all_ways(
            |arena| (Mutex::new_in(arena, 0_u64).unwrap(), Event::new_in(arena).unwrap()),
            die,
            |pipe| die(receive(pipe)),
            |(lock, locked), _| {
                assert!(locked.wait_timeout(LONG));
                let Err(LockError::OwnerDied(mut guard)) = lock.lock() else { panic!("it has died") };
                assert_eq!(*guard, 7);
                guard.recover();
                drop(guard);
                drop(lock.lock().expect("it was recovered"));
            },
        );
    });
}

fn add_nested(lock: ReentrantMutex<u64>) {
    for _ in 0..1000 {
        let outer = lock.lock().expect("nobody dies");
        lock.lock().expect("it is ours").set(outer.get() + 1);
    }
}

#[test]
fn reentrant_mutex() {
    isolated(|| {
        in_all_ways(
            |arena| ReentrantMutex::new_in(arena, 0_u64).expect("memory is left"),
            add_nested,
            |pipe| add_nested(receive(pipe)),
            |lock, process| {
                add_nested(lock.clone());
                assert_success(process);
                assert_eq!(lock.lock().expect("nobody dies").get(), 2000);
            },
        );
    });
}

fn answer((ping, pong): (Event, Event)) {
    assert!(ping.wait_timeout(LONG));
    pong.set();
}

#[test]
fn event() {
    isolated(|| {
        in_all_ways(
            |arena| (Event::new_in(arena).unwrap(), Event::new_in(arena).unwrap()),
            answer,
            |pipe| answer(receive(pipe)),
            |(ping, pong), process| {
                ping.set();
                assert!(pong.wait_timeout(LONG));
                assert_success(process);
            },
        );
    });
}

/// Takes turns: the child makes the odd numbers, the parent the even ones.
fn take_turns(lock: &Mutex<u64>, changed: &Condvar, parity: u64) {
    for _ in 0..100 {
        let guard = lock.lock().expect("nobody dies");
        let mut turn = changed.wait_while(guard, |turn| *turn % 2 == parity).expect("nobody dies");
        *turn += 1;
        changed.notify_one();
    }
}

#[test]
fn condvar() {
    isolated(|| {
        in_all_ways(
            |arena| (Mutex::new_in(arena, 0_u64).unwrap(), Condvar::new_in(arena).unwrap()),
            |(lock, changed): (Mutex<u64>, Condvar)| take_turns(&lock, &changed, 1),
            |pipe| {
                let (lock, changed): (Mutex<u64>, Condvar) = receive(pipe);
                take_turns(&lock, &changed, 1);
            },
            |(lock, changed), process| {
                take_turns(lock, changed, 0);
                assert_success(process);
                assert_eq!(*lock.lock().expect("nobody dies"), 200);
            },
        );
    });
}
