//! The mutex between threads and processes, and what is left of it when they die.

#[path = "support/peers.rs"]
mod peers;
mod support;

use ipc_shared::sync::{
    Condvar, Event, LockError, LockTimeoutError, Mutex, MutexGuard, ReentrantMutex, TryLockError,
};
use ipc_shared::{AllocError, Arena};
use ipc_sys::process::Child;
use ipc_testkit::isolated;
use ipc_testkit::leaks::Snapshot;
use peers::{
    Board, NoDescriptors, SHORT, Stranger, collect, eventually, foreign_fork, kill, resume, sleep_for_ever,
    stop, stop_time, travel, wait_for_threads,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Instant;
use support::{LONG, fork_child, join};

/// What the numbers on the board count.
const READY: usize = 0;
const TOLD: usize = 1;
const GO: usize = 2;

fn mutex<T: bytemuck::Pod>(data: T) -> Mutex<T> {
    Mutex::new_in(&Arena::new(), data).expect("memory is left")
}

/// A child that has the lock, and keeps it until it is killed.
fn owner<T: bytemuck::Pod>(lock: &Mutex<T>, change: impl FnOnce(&mut MutexGuard<'_, T>)) -> Child {
    let board = Board::new();
    let child = fork_child(|| {
        let mut guard = lock.lock().expect("it is free");
        change(&mut guard);
        board.add(READY);
        sleep_for_ever()
    });
    board.wait_for(READY, 1);
    child
}

#[test]
fn smoke() {
    let lock = mutex([1_u64, 2]);
    lock.lock().expect("it is free")[1] = 3;
    assert_eq!(*lock.lock().expect("it is free"), [1, 3]);
    assert_eq!(format!("{lock:?}, {:?}", lock.lock().expect("it is free")), "Mutex { .. }, [1, 3]");
}

#[test]
fn clones_are_one() {
    let arena = Arena::new();
    let one = Mutex::new_in(&arena, 0_u8).expect("memory is left");
    let other = one.clone();
    let mut guard = one.lock().expect("it is free");
    assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
    *guard = 9;
    drop(guard);
    assert_eq!((*other.lock().expect("it is free"), arena.in_use()), (9, 1));
}

/// Python's `_TestLock.test_lock`. The second half of it, a release too many, cannot be written here: the guard is gone.
#[test]
fn who_has_it_does_not_get_it_again() {
    let lock = mutex(());
    let guard = lock.lock().expect("it is free");
    assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
    drop(guard);
    drop(lock.try_lock().expect("it is free"));
}

#[test]
fn timeout() {
    let lock = mutex(());
    let guard = lock.lock().expect("it is free");
    let start = Instant::now();
    assert!(matches!(lock.lock_timeout(SHORT), Err(LockTimeoutError::TimedOut)));
    assert!(start.elapsed() >= SHORT);
    drop(guard);
    drop(lock.lock_timeout(LONG).expect("it is free"));
}

#[test]
fn deadline() {
    let lock = mutex(());
    let guard = lock.lock().expect("it is free");
    let deadline = Instant::now() + SHORT;
    assert!(matches!(lock.lock_deadline(deadline), Err(LockTimeoutError::TimedOut)));
    assert!(Instant::now() >= deadline);
    assert!(matches!(lock.lock_deadline(deadline), Err(LockTimeoutError::TimedOut)));
    drop(guard);
    drop(lock.lock_deadline(deadline).expect("it is free, and that counts after the deadline, too"));
}

#[test]
fn between_threads() {
    let lock = mutex(0_u64);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5000).for_each(|_| *lock.lock().expect("nobody dies") += 1));
        }
    });
    assert_eq!(*lock.lock().expect("it is free"), 20_000);
}

#[test]
fn between_processes() {
    isolated(|| {
        let before = Snapshot::take();
        let lock = mutex([0_u64; 2]);
        let add = || {
            for _ in 0..5000 {
                let mut pair = lock.lock().expect("nobody dies");
                assert_eq!(pair[0], pair[1]);
                pair[0] += 1;
                pair[1] += 1;
            }
        };
        let children: Vec<Child> = (0..4).map(|_| fork_child(add)).collect();
        children.iter().for_each(join);
        assert_eq!(*lock.lock().expect("it is free"), [20_000; 2]);
        drop((children, lock));
        before.assert_no_growth();
    });
}

#[test]
fn owner_killed_is_told_to_one_of_eight() {
    isolated(|| {
        let (lock, board) = (mutex(0_u64), Board::new());
        let owner = owner(&lock, |data| **data = 7);
        let wait = || {
            board.add(READY);
            let mut guard = lock.lock().or_else(|error| {
                assert!(matches!(error, LockError::OwnerDied(_)), "{error:?}");
                board.add(TOLD);
                error.recover()
            });
            **guard.as_mut().expect("it was recovered") += 1;
        };
        let waiters: Vec<Child> = (0..8).map(|_| fork_child(wait)).collect();
        board.wait_for(READY, 8);
        std::thread::sleep(SHORT);
        assert_eq!((board.get(TOLD), waiters.iter().filter(|child| child_ended(child)).count()), (0, 0));
        kill(&owner);
        waiters.iter().for_each(join);
        assert_eq!((*lock.lock().expect("all is well"), board.get(TOLD)), (15, 1));
    });
}

fn child_ended(child: &Child) -> bool {
    child.has_ended(ipc_sys::clock::Deadline::NOW).expect("it is a child")
}

#[test]
fn death_that_is_not_recovered_leaves_it_poisoned() {
    isolated(|| {
        let lock = mutex(0_u8);
        kill(&owner(&lock, |data| **data = 7));
        let Err(LockError::OwnerDied(guard)) = lock.lock() else { panic!("somebody has died") };
        assert_eq!(*guard, 7);
        drop(guard);
        for _ in 0..2 {
            let Err(LockError::Poisoned(guard)) = lock.lock() else { panic!("nobody has recovered") };
            assert_eq!(*guard, 7);
        }
        assert!(matches!(lock.try_lock(), Err(TryLockError::Lock(LockError::Poisoned(_)))));
        assert!(matches!(lock.lock_timeout(LONG), Err(LockTimeoutError::Lock(LockError::Poisoned(_)))));
        // The death of an owner is news also where there was disorder before.
        let board = Board::new();
        let child = fork_child(|| {
            forget(lock.lock());
            board.add(READY);
            sleep_for_ever()
        });
        board.wait_for(READY, 1);
        kill(&child);
        let Err(LockError::OwnerDied(mut guard)) = lock.lock() else { panic!("somebody has died") };
        guard.recover();
        drop(guard);
        drop(lock.lock().expect("it was recovered"));
    });
}

#[test]
fn a_panic_with_the_guard_poisons() {
    let lock = mutex(0_u8);
    let panics = || {
        let _guard = lock.lock();
        panic!("on purpose");
    };
    catch_unwind(AssertUnwindSafe(panics)).expect_err("it panics");
    let Err(LockError::Poisoned(guard)) = lock.lock() else { panic!("it is poisoned") };
    drop(guard);
    drop(lock.lock().or_else(LockError::recover).expect("that is all it takes"));
    drop(lock.lock().expect("it was recovered"));
    // A lock that is taken and released while something else unwinds is none of the panic's.
    struct Locks<'a>(&'a Mutex<u8>);
    impl Drop for Locks<'_> {
        fn drop(&mut self) {
            *self.0.lock().expect("it is free") += 1;
        }
    }
    let unwinds = || {
        let _locks = Locks(&lock);
        panic!("on purpose");
    };
    catch_unwind(AssertUnwindSafe(unwinds)).expect_err("it panics");
    assert_eq!(*lock.lock().expect("it is healthy"), 1);
}

/// The kernel's list of robust futexes gives up after 2,048.
#[test]
fn three_thousand_locks_of_one_that_is_killed() {
    isolated(|| {
        let arena = Arena::new();
        let locks: Vec<Mutex<u32>> =
            (0..3000).map(|n| Mutex::new_in(&arena, n).expect("memory is left")).collect();
        let board = Board::new();
        let child = fork_child(|| {
            locks.iter().for_each(|lock| forget(lock.lock().expect("it is free")));
            board.add(READY);
            sleep_for_ever()
        });
        board.wait_for(READY, 1);
        assert!(locks.iter().all(|lock| lock.try_lock().is_err()));
        kill(&child);
        for (n, lock) in locks.iter().enumerate() {
            let Err(LockError::OwnerDied(mut guard)) = lock.lock() else { panic!("lock {n} is not told") };
            assert_eq!(*guard as usize, n);
            guard.recover();
        }
        assert!(locks.iter().all(|lock| lock.lock().is_ok()));
    });
}

/// However long it stands still: 300 ms here, and 30 s if the variable `IPC_SHARED_LONG` is set.
#[test]
fn stopped_owner_is_not_robbed() {
    isolated(|| {
        let (lock, board) = (mutex(0_u64), Board::new());
        let child = fork_child(|| {
            let mut guard = lock.lock().expect("it is free");
            board.add(READY);
            board.wait_for(GO, 1);
            assert_eq!(*guard, 0);
            *guard = 1;
        });
        board.wait_for(READY, 1);
        stop(&child);
        let waiter = fork_child(|| assert_eq!(*lock.lock().expect("nobody dies"), 1));
        let late = lock.lock_timeout(stop_time());
        assert!(matches!(late, Err(LockTimeoutError::TimedOut)));
        board.add(GO);
        assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) && !child_ended(&waiter));
        resume(&child);
        join(&child);
        join(&waiter);
        assert_eq!(*lock.lock().expect("nobody has died"), 1);
    });
}

/// 256 descriptors are enough for any number of locks.
#[test]
fn two_hundred_thousand() {
    isolated(|| {
        let before = Snapshot::take();
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(256), ..limit }).expect("a lower limit");
        let arena = Arena::new();
        let make = |numbers: std::ops::Range<u64>| -> Vec<Mutex<u64>> {
            numbers.map(|n| Mutex::new_in(&arena, n).expect("memory is left")).collect()
        };
        let first = make(0..100_000);
        let second = make(100_000..200_000);
        join(&fork_child(|| {
            first.iter().chain(&second).for_each(|lock| *lock.lock().expect("it is free") += 1);
        }));
        for (n, lock) in (1..).zip(first.iter().chain(&second)) {
            assert_eq!(*lock.lock().expect("it is free"), n);
        }
        assert_eq!(arena.in_use(), 200_000);
        drop(first);
        assert_eq!(arena.in_use(), 100_000);
        drop((second, arena));
        before.assert_no_growth();
    });
}

#[test]
fn forked_copy_releases_nothing() {
    isolated(|| {
        let lock = mutex(0_u8);
        let mut guard = Some(lock.lock().expect("it is free"));
        join(&fork_child(|| {
            drop(guard.take());
            assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
        }));
        assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
        // Nor does it spoil anything.
        let child = fork_child(|| {
            let _copy = guard.take();
            panic!("on purpose");
        });
        assert_eq!(
            child.wait(ipc_sys::clock::Deadline::after(LONG)).expect("a child").unwrap().code(),
            Some(101)
        );
        drop(guard);
        join(&fork_child(|| *lock.lock().expect("it is free and healthy") = 1));
        assert_eq!(*lock.lock().expect("it is free"), 1);
    });
}

/// Sixteen threads use locks, and somebody who knows nothing of that forks: the child is one more who takes part.
#[test]
fn child_of_a_foreign_fork_takes_part() {
    const FORKS: u64 = 40;
    isolated(|| {
        let before = Snapshot::take();
        let arena = Arena::new();
        let locks: Vec<Mutex<u64>> =
            (0..4).map(|_| Mutex::new_in(&arena, 0).expect("memory is left")).collect();
        let (is_over, sum) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..16 {
                let lock = &locks[thread % 4];
                let (is_over, sum) = (&is_over, &sum);
                scope.spawn(move || {
                    while !is_over.load(SeqCst) {
                        *lock.lock().expect("nobody dies with it") += 1;
                        sum.fetch_add(1, SeqCst);
                    }
                });
            }
            for _ in 0..FORKS {
                let adds = |lock: &Mutex<u64>| lock.lock().map(|mut guard| *guard += 1).is_ok();
                assert_eq!(collect(foreign_fork(|| locks.iter().all(adds))), 0);
            }
            is_over.store(true, SeqCst);
        });
        wait_for_threads();
        let total: u64 = locks.iter().map(|lock| *lock.lock().expect("all is well")).sum();
        assert_eq!((total, arena.in_use()), (sum.load(SeqCst) + 4 * FORKS, 4));
        // And it dies like anybody.
        let pid = foreign_fork(|| {
            forget(locks[0].lock());
            std::process::abort()
        });
        assert_eq!(collect(pid), -libc::SIGABRT);
        assert!(matches!(locks[0].lock(), Err(LockError::OwnerDied(_))));
        drop((locks, arena));
        before.assert_no_growth();
    });
}

#[test]
fn without_descriptors_none_is_made() {
    isolated(|| {
        let before = Snapshot::take();
        let there = mutex(1_u8);
        let no_descriptors = NoDescriptors::new();
        let Err(AllocError::System { source, .. }) = Mutex::new_in(&Arena::new(), 0_u8) else {
            panic!("a segment needs descriptors")
        };
        assert_eq!(source.raw_os_error(), Some(libc::EMFILE));
        *there.lock().expect("what needs none works") += 1;
        drop(no_descriptors);
        assert_eq!(*mutex(3_u8).lock().expect("it works again"), 3);
        drop(there);
        before.assert_no_growth();
    });
}

#[test]
fn with_a_limit_on_files_none_is_made() {
    isolated(|| {
        let before = Snapshot::take();
        let limit = getrlimit(Resource::Fsize);
        setrlimit(Resource::Fsize, Rlimit { current: Some(4096), ..limit }).expect("a lower limit");
        let Err(AllocError::System { source, .. }) = Mutex::new_in(&Arena::new(), 0_u8) else {
            panic!("a segment is larger")
        };
        assert_eq!(source.raw_os_error(), Some(libc::EFBIG));
        setrlimit(Resource::Fsize, limit).expect("the old limit");
        assert_eq!(*mutex(3_u8).lock().expect("it works again"), 3);
        before.assert_no_growth();
    });
}

#[test]
fn child_that_got_no_part_is_told() {
    isolated(|| {
        let lock = mutex(0_u8);
        let mut guard = lock.lock().expect("it is free");
        let no_descriptors = NoDescriptors::new();
        let pid = foreign_fork(|| {
            matches!(lock.lock(), Err(LockError::Forked))
                && matches!(lock.try_lock(), Err(TryLockError::Lock(LockError::Forked)))
                && matches!(lock.lock_timeout(SHORT), Err(LockTimeoutError::Lock(LockError::Forked)))
                && matches!(lock.lock().or_else(LockError::recover), Err(LockError::Forked))
        });
        assert_eq!(collect(pid), 0);
        drop(no_descriptors);
        *guard = 1;
        drop(guard);
        // The next child has a part again.
        join(&fork_child(|| *lock.lock().expect("it is free") += 1));
        assert_eq!(*lock.lock().expect("the parent goes on"), 2);
    });
}

#[test]
fn travels_in_messages() {
    isolated(|| {
        let before = Snapshot::take();
        let stranger = Stranger::start(|lock: Mutex<u64>| *lock.lock().expect("it is free") += 1);
        let lock = mutex(41_u64);
        join(&stranger.send(&lock));
        let here: Mutex<u64> = travel(&lock).expect("it is a mutex");
        assert_eq!(*here.lock().expect("it is free"), 42);
        let guard = lock.lock().expect("it is free");
        assert!(here.try_lock().is_err());
        drop(guard);
        assert!(serde_json::to_string(&lock).is_err());
        drop((lock, here));
        before.assert_no_growth();
    });
}

#[test]
fn wrong_kind_is_refused() {
    let lock = mutex(7_u64);
    travel::<Mutex<i64>>(&lock).expect("it has the same size");
    let error = travel::<Mutex<u32>>(&lock).expect_err("it has another size");
    assert!(error.contains("mutex of 1 elements of 8 bytes"), "{error}");
    travel::<ReentrantMutex<u64>>(&lock).expect_err("it is a mutex");
    travel::<Event>(&lock).expect_err("it is a mutex");
    travel::<Condvar>(&lock).expect_err("it is a mutex");
    assert_eq!(*lock.lock().expect("it is free"), 7);
}

/// What a waiter that is killed leaves behind is a place in no queue.
#[test]
fn waiters_that_are_killed_are_missed_by_nobody() {
    isolated(|| {
        let (lock, board) = (mutex(0_u64), Board::new());
        let mut guard = lock.lock().expect("it is free");
        let waiters: Vec<Child> = (0..4)
            .map(|_| {
                fork_child(|| {
                    board.add(READY);
                    *lock.lock().expect("nobody dies with it") += 1;
                })
            })
            .collect();
        board.wait_for(READY, 4);
        std::thread::sleep(SHORT);
        waiters[..3].iter().for_each(kill);
        *guard += 1;
        drop(guard);
        join(&waiters[3]);
        eventually(|| lock.try_lock().is_ok());
        assert_eq!(*lock.lock().expect("nobody has died with it"), 2);
    });
}
