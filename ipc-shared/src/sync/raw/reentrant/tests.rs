//! Tests of the reentrant mutex between threads that play processes.

use super::*;
use crate::sync::raw::State;
use crate::sync::raw::fake::World;
use ipc_testkit::isolated;
use std::sync::atomic::AtomicUsize;
use std::thread;

const BUSY: Result<Acquired, RawReentrantError> = Err(RawReentrantError::Lock(RawLockError::TimedOut));

#[test]
fn smoke() {
    let world = World::default();
    let (one, two, lock) = (world.process(0), world.process(1), RawReentrant::new());
    for _ in 0..3 {
        assert_eq!(lock.lock(&one, Deadline::NOW).map(|got| got.state), Ok(State::Clean));
    }
    for _ in 0..3 {
        assert_eq!(lock.lock(&two, Deadline::NOW), BUSY);
        lock.unlock(two.id());
        assert!(lock.is_held_by_this_thread(one.id()));
        lock.unlock(one.id());
    }
    assert!(!lock.is_held_by_this_thread(one.id()));
    assert!(lock.lock(&two, Deadline::NOW).is_ok());
    assert_eq!(
        lock.lock(&World::default().nameless(), Deadline::NOW),
        Err(RawReentrantError::Lock(RawLockError::Forked))
    );
}

#[test]
fn another_thread_of_the_process_waits() {
    isolated(|| {
        let world = World::default();
        let (process, lock) = (world.process(0), RawReentrant::new());
        lock.lock(&process, Deadline::NOW).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                assert_eq!(lock.lock(&process, Deadline::NOW), BUSY);
                lock.unlock(process.id());
            });
        });
        assert!(lock.is_held_by_this_thread(process.id()));
    });
}

#[test]
fn one_at_a_time_among_many() {
    isolated(|| {
        let world = World::default();
        let (lock, inside) = (RawReentrant::new(), AtomicUsize::new(0));
        thread::scope(|scope| {
            for idx in 0..6 {
                let (process, lock, inside) = (world.process(idx / 2), &lock, &inside);
                scope.spawn(move || {
                    for _ in 0..5_000 {
                        let me = lock.lock(&process, Deadline::NEVER).unwrap().me;
                        assert_eq!(inside.fetch_add(1, Relaxed), 0);
                        lock.lock(&process, Deadline::NOW).unwrap();
                        lock.unlock(me);
                        assert_eq!(inside.fetch_sub(1, Relaxed), 1);
                        lock.unlock(me);
                    }
                });
            }
        });
    });
}

/// The dead had it three times and left the number of this very thread.
#[test]
fn what_the_dead_leave_is_nobody_s() {
    let world = World::default();
    let (dead, one, two) = (world.process(0), world.process(1), world.process(2));
    let lock = RawReentrant::new();
    for _ in 0..3 {
        lock.lock(&dead, Deadline::NOW).unwrap();
    }
    dead.kill();
    assert!(!lock.is_held_by_this_thread(one.id()));
    assert_eq!(lock.lock(&one, Deadline::NOW).map(|got| got.state), Ok(State::OwnerDied));
    lock.unlock(one.id());
    assert_eq!(lock.lock(&two, Deadline::NOW).map(|got| got.state), Ok(State::Clean));
}

/// Another thread of the process has just taken the mutex from the dead, and not yet written who it is.
#[test]
fn the_number_of_a_dead_thread_is_not_that_of_a_living_one() {
    let world = World::default();
    let (dead, process, lock) = (world.process(0), world.process(1), RawReentrant::new());
    lock.lock(&dead, Deadline::NOW).unwrap();
    dead.kill();
    lock.mutex.lock(&process, Deadline::NOW).unwrap();
    assert!(!lock.is_held_by_this_thread(process.id()));
    assert_eq!(lock.lock(&process, Deadline::NOW), BUSY);
}

#[test]
fn a_depth_that_cannot_be_counted_is_an_error() {
    let world = World::default();
    let (one, two, lock) = (world.process(0), world.process(1), RawReentrant::new());
    lock.lock(&one, Deadline::NOW).unwrap();
    lock.depth.store(u32::MAX, Relaxed);
    assert_eq!(lock.lock(&one, Deadline::NOW), Err(RawReentrantError::TooDeep));
    lock.depth.store(0, Relaxed);
    lock.unlock(one.id());
    assert!(lock.lock(&two, Deadline::NOW).is_ok());
}
