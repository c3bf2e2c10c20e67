//! The reentrant mutex between threads and processes, and what is left of it when they die.

#[path = "support/peers.rs"]
mod peers;
mod support;

use ipc_shared::Arena;
use ipc_shared::sync::{LockError, LockTimeoutError, Mutex, ReentrantMutex, TryLockError};
use ipc_sys::process::Child;
use ipc_testkit::isolated;
use ipc_testkit::leaks::Snapshot;
use peers::{
    Board, NoDescriptors, SHORT, Stranger, collect, foreign_fork, kill, resume, sleep_for_ever, stop,
    stop_time, travel,
};
use std::cell::Cell;
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;
use support::{LONG, fork_child, join};

/// What the numbers on the board count.
const READY: usize = 0;
const GO: usize = 1;

fn mutex<T: bytemuck::Pod>(data: T) -> ReentrantMutex<T> {
    ReentrantMutex::new_in(&Arena::new(), data).expect("memory is left")
}

fn elements(array: &Cell<[u64; 2]>) -> &[Cell<u64>] {
    let slice: &Cell<[u64]> = array;
    slice.as_slice_of_cells()
}

/// Whether another thread gets the lock at once.
fn is_free<T: bytemuck::Pod>(lock: &ReentrantMutex<T>) -> bool {
    std::thread::scope(|scope| scope.spawn(|| lock.try_lock().is_ok()).join().expect("it returns"))
}

#[test]
fn smoke() {
    let lock = mutex([1_u64, 2]);
    let outer = lock.lock().expect("it is free");
    let inner = lock.lock().expect("it is ours");
    elements(&inner)[1].set(3);
    assert_eq!(outer.replace([5, 6]), [1, 3]);
    assert_eq!(inner.get(), [5, 6]);
    assert_eq!(format!("{lock:?}, {inner:?}"), "ReentrantMutex { .. }, [5, 6]");
}

#[test]
fn clones_are_one() {
    let lock = mutex(0_u8);
    let other = lock.clone();
    let guard = lock.lock().expect("it is free");
    other.try_lock().expect("it is ours").set(9);
    assert_eq!(guard.get(), 9);
    assert!(!is_free(&other));
    drop(guard);
    assert!(is_free(&lock));
}

/// Python's `_TestLock.test_rlock`: three deep. Whoever is not the owner has no guard, so that it has nothing to release.
#[test]
fn it_is_free_after_the_last_release_in_any_order() {
    let lock = mutex(());
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut guards = [(); 3].map(|()| Some(lock.lock().expect("it is ours")));
        for idx in order {
            assert!(!is_free(&lock));
            guards[idx] = None;
        }
        assert!(is_free(&lock));
    }
}

#[test]
fn other_threads_wait() {
    let lock = mutex(());
    let guard = lock.lock().expect("it is free");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
            let start = Instant::now();
            assert!(matches!(lock.lock_timeout(SHORT), Err(LockTimeoutError::TimedOut)));
            assert!(start.elapsed() >= SHORT);
            let deadline = Instant::now() + SHORT;
            assert!(matches!(lock.lock_deadline(deadline), Err(LockTimeoutError::TimedOut)));
            assert!(Instant::now() >= deadline);
        });
    });
    // The owner does not.
    drop(lock.try_lock().expect("it is ours"));
    drop(lock.lock_timeout(SHORT).expect("it is ours"));
    drop(lock.lock_deadline(Instant::now()).expect("it is ours"));
    drop(guard);
    assert!(is_free(&lock));
}

fn add_one(lock: &ReentrantMutex<[u64; 2]>) {
    let outer = lock.lock().expect("nobody dies");
    let [one, two] = elements(&outer) else { panic!("there are two") };
    assert_eq!(one.get(), two.get());
    one.set(one.get() + 1);
    let inner = lock.lock().expect("it is ours");
    drop(outer);
    let two = &elements(&inner)[1];
    two.set(two.get() + 1);
}

#[test]
fn between_threads() {
    let lock = mutex([0; 2]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..2000).for_each(|_| add_one(&lock)));
        }
    });
    assert_eq!(lock.lock().expect("it is free").get(), [8000; 2]);
}

#[test]
fn between_processes() {
    isolated(|| {
        let lock = mutex([0; 2]);
        let children: Vec<Child> =
            (0..4).map(|_| fork_child(|| (0..2000).for_each(|_| add_one(&lock)))).collect();
        children.iter().for_each(join);
        assert_eq!(lock.lock().expect("it is free").get(), [8000; 2]);
    });
}

/// Kills a process that has the lock three times.
fn kill_an_owner(lock: &ReentrantMutex<u8>) {
    let board = Board::new();
    let child = fork_child(|| {
        (0..3).for_each(|_| forget(lock.lock()));
        lock.lock().or_else(LockError::recover).expect("it is ours").set(7);
        board.add(READY);
        sleep_for_ever()
    });
    board.wait_for(READY, 1);
    assert!(lock.try_lock().is_err());
    kill(&child);
}

#[test]
fn owner_killed() {
    isolated(|| {
        let lock = mutex(0_u8);
        kill_an_owner(&lock);
        let Err(LockError::OwnerDied(outer)) = lock.lock() else { panic!("somebody has died") };
        // That is told once. The other guards of the same thread find what was not repaired.
        let Err(LockError::Poisoned(mut inner)) = lock.lock() else { panic!("nobody has recovered") };
        assert_eq!((outer.get(), inner.get()), (7, 7));
        inner.recover();
        drop(lock.lock().expect("it was recovered, by any guard of the thread"));
        drop((outer, inner));
        assert!(is_free(&lock));
    });
}

#[test]
fn death_that_is_not_recovered_leaves_it_poisoned() {
    isolated(|| {
        let lock = mutex(0_u8);
        kill_an_owner(&lock);
        drop(lock.lock());
        for _ in 0..2 {
            assert!(matches!(lock.lock(), Err(LockError::Poisoned(_))));
        }
        kill_an_owner(&lock);
        assert!(matches!(lock.try_lock(), Err(TryLockError::Lock(LockError::OwnerDied(_)))));
        drop(lock.lock().or_else(LockError::recover).expect("that is all it takes"));
        assert!(is_free(&lock));
    });
}

#[test]
fn a_panic_with_a_guard_poisons() {
    let lock = mutex(0_u8);
    let outer = lock.lock().expect("it is free");
    let panics = || {
        let _inner = lock.lock();
        panic!("on purpose");
    };
    catch_unwind(AssertUnwindSafe(panics)).expect_err("it panics");
    drop(outer);
    assert!(matches!(lock.lock(), Err(LockError::Poisoned(_))));
    drop(lock.lock().or_else(LockError::recover));
    assert!(is_free(&lock));
}

/// As long as for the mutex: 30 s with the variable `IPC_SHARED_LONG`.
#[test]
fn stopped_owner_is_not_robbed() {
    isolated(|| {
        let (lock, board) = (mutex(0_u64), Board::new());
        let child = fork_child(|| {
            let outer = lock.lock().expect("it is free");
            board.add(READY);
            board.wait_for(GO, 1);
            let inner = lock.lock().expect("it is still ours");
            assert_eq!(outer.get(), 0);
            inner.set(1);
        });
        board.wait_for(READY, 1);
        stop(&child);
        assert!(matches!(lock.lock_timeout(stop_time()), Err(LockTimeoutError::TimedOut)));
        board.add(GO);
        resume(&child);
        join(&child);
        assert_eq!(lock.lock().expect("nobody has died").get(), 1);
    });
}

#[test]
fn forked_copy_releases_nothing() {
    isolated(|| {
        let lock = mutex(0_u8);
        let mut guard = Some(lock.lock().expect("it is free"));
        join(&fork_child(|| {
            // The only thread of the child has the number of the parent's, and is another.
            assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
            drop(guard.take());
            assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
        }));
        join(&fork_child(|| assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)))));
        drop(lock.try_lock().expect("it is ours"));
        drop(guard);
        join(&fork_child(|| lock.lock().expect("it is free").set(1)));
        assert_eq!(lock.lock().expect("it is free").get(), 1);
    });
}

#[test]
fn child_that_got_no_part_is_told() {
    isolated(|| {
        let lock = mutex(0_u8);
        let guard = lock.lock().expect("it is free");
        let no_descriptors = NoDescriptors::new();
        let pid = foreign_fork(|| {
            matches!(lock.lock(), Err(LockError::Forked))
                && matches!(lock.try_lock(), Err(TryLockError::Lock(LockError::Forked)))
        });
        assert_eq!(collect(pid), 0);
        drop(no_descriptors);
        lock.lock().expect("the parent goes on").set(2);
        assert_eq!(guard.get(), 2);
    });
}

#[test]
fn travels_in_messages() {
    isolated(|| {
        let before = Snapshot::take();
        let stranger = Stranger::start(|lock: ReentrantMutex<u64>| {
            let outer = lock.lock().expect("it is free");
            lock.lock().expect("it is ours").set(outer.get() + 1);
        });
        let lock = mutex(41_u64);
        join(&stranger.send(&lock));
        let here: ReentrantMutex<u64> = travel(&lock).expect("it is a reentrant mutex");
        let guard = lock.lock_timeout(LONG).expect("it is free");
        assert_eq!(here.lock().expect("it is ours").get(), 42);
        assert!(serde_json::to_string(&lock).is_err());
        drop(guard);
        drop((lock, here));
        before.assert_no_growth();
    });
}

#[test]
fn wrong_kind_is_refused() {
    let lock = mutex(7_u64);
    let error = travel::<Mutex<u64>>(&lock).expect_err("it is a reentrant mutex");
    assert!(error.contains("reentrant mutex of 1 elements of 8 bytes"), "{error}");
    travel::<ReentrantMutex<[u64; 2]>>(&lock).expect_err("it has another size");
}
