//! The condition variable between threads and processes, and what becomes of notifications when those who got them die.

#[path = "support/peers.rs"]
mod peers;
mod support;

use ipc_shared::Arena;
use ipc_shared::sync::{Condvar, CondvarError, CondvarTimeoutError, Event, LockError, Mutex, TryLockError};
use ipc_sys::clock::Deadline;
use ipc_sys::process::Child;
use ipc_testkit::leaks::Snapshot;
use ipc_testkit::{Rng, isolated, isolated_within};
use peers::{
    Board, NoDescriptors, SHORT, Stranger, collect, eventually, foreign_fork, kill, resume, sleep_for_ever,
    stop, travel, wait_for_threads,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use support::{LONG, fork_child, join};

/// What the numbers on the board count.
const READY: usize = 0;
const WOKEN: usize = 1;
const GO: usize = 2;

/// A lock and what goes with it.
struct Pair<T> {
    lock: Mutex<T>,
    changed: Condvar,
}

fn pair<T: bytemuck::Pod>(data: T) -> Pair<T> {
    let arena = Arena::new();
    let lock = Mutex::new_in(&arena, data).expect("memory is left");
    Pair { lock, changed: Condvar::new_in(&arena).expect("memory is left") }
}

impl Pair<u64> {
    /// Counts itself in the data, and waits once.
    fn wait_once(&self) {
        let mut guard = self.lock.lock().expect("nobody dies with it");
        *guard += 1;
        drop(self.changed.wait(guard).expect("nobody dies with it"));
    }

    /// Until so many have counted themselves: they wait then, since they have released the lock by it.
    #[track_caller]
    fn wait_for_waiters(&self, count: u64) {
        eventually(|| *self.lock.lock().expect("nobody dies with it") == count);
    }
}

#[test]
fn smoke() {
    let Pair { lock, changed } = pair(0_u8);
    assert_eq!((changed.notify_one(), changed.notify_all(), changed.notify(5)), (false, 0, 0));
    std::thread::scope(|scope| {
        let mut guard = lock.lock().expect("it is free");
        scope.spawn(|| {
            *lock.lock().expect("it was released") = 1;
            assert!(changed.notify_one());
        });
        while *guard == 0 {
            guard = changed.wait(guard).expect("nobody dies");
        }
        // It is held again.
        assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
    });
    assert_eq!(format!("{changed:?}"), "Condvar { .. }");
}

#[test]
fn clones_are_one() {
    let Pair { lock, changed } = pair(0_u64);
    let pair = Pair { lock: lock.clone(), changed: changed.clone() };
    std::thread::scope(|scope| {
        scope.spawn(|| pair.wait_once());
        pair.wait_for_waiters(1);
        assert!(changed.notify_one());
    });
}

/// Python's `test_timeout`.
#[test]
fn timeout() {
    let Pair { lock, changed } = pair(7_u8);
    let start = Instant::now();
    let waited = changed.wait_timeout(lock.lock().expect("it is free"), SHORT);
    assert!(start.elapsed() >= SHORT);
    let Err(CondvarTimeoutError::TimedOut(guard)) = waited else { panic!("nobody notifies") };
    assert_eq!(*guard, 7);
    assert!(lock.try_lock().is_err());
    drop(guard);
    drop(lock.try_lock().expect("it is free"));
    // Whoever gave up waits for nothing any more.
    assert!(!changed.notify_one());
}

#[test]
fn deadline() {
    let Pair { lock, changed } = pair(());
    let deadline = Instant::now() + SHORT;
    for _ in 0..2 {
        let waited = changed.wait_deadline(lock.lock().expect("it is free"), deadline);
        assert!(matches!(waited, Err(CondvarTimeoutError::TimedOut(_))));
        assert!(Instant::now() >= deadline);
    }
}

/// Python's `test_notify`: processes and threads, one at a time.
#[test]
fn python_notify() {
    isolated(|| {
        let (pair, board) = (pair(0_u64), Board::new());
        let wait = || {
            pair.wait_once();
            board.add(WOKEN);
        };
        let children: Vec<Child> = (0..3).map(|_| fork_child(wait)).collect();
        std::thread::scope(|scope| {
            (0..3).for_each(|_| drop(scope.spawn(wait)));
            pair.wait_for_waiters(6);
            assert_eq!(board.get(WOKEN), 0);
            for woken in 1..=6 {
                assert!(pair.changed.notify_one());
                board.wait_for(WOKEN, woken);
                std::thread::sleep(Duration::from_millis(5));
                assert_eq!(board.get(WOKEN), woken);
            }
            assert!(!pair.changed.notify_one());
        });
        children.iter().for_each(join);
    });
}

/// Python's `test_notify_all`: first all give up, then all are notified.
#[test]
fn python_notify_all() {
    isolated(|| {
        let (pair, board) = (pair(0_u64), Board::new());
        let wait = || {
            let guard = pair.lock.lock().expect("nobody dies with it");
            let waited = pair.changed.wait_timeout(guard, SHORT);
            drop(waited.expect_err("nobody notifies"));
            pair.wait_once();
            board.add(WOKEN);
        };
        let children: Vec<Child> = (0..3).map(|_| fork_child(wait)).collect();
        std::thread::scope(|scope| {
            (0..3).for_each(|_| drop(scope.spawn(wait)));
            pair.wait_for_waiters(6);
            assert_eq!(pair.changed.notify_all(), 6);
            assert_eq!(pair.changed.notify_all(), 0);
        });
        children.iter().for_each(join);
        assert_eq!(board.get(WOKEN), 6);
    });
}

/// Python's `test_notify_n`: some, the rest, and more than there are.
#[test]
fn python_notify_n() {
    isolated(|| {
        let (pair, board) = (pair(0_u64), Board::new());
        let wait = || {
            pair.wait_once();
            board.add(WOKEN);
        };
        let children: Vec<Child> = (0..3).map(|_| fork_child(wait)).collect();
        std::thread::scope(|scope| {
            (0..3).for_each(|_| drop(scope.spawn(wait)));
            pair.wait_for_waiters(6);
            assert_eq!((pair.changed.notify(0), pair.changed.notify(2)), (0, 2));
            board.wait_for(WOKEN, 2);
            std::thread::sleep(Duration::from_millis(20));
            assert_eq!(board.get(WOKEN), 2);
            assert_eq!((pair.changed.notify(9), pair.changed.notify(3)), (4, 0));
        });
        children.iter().for_each(join);
        assert_eq!(board.get(WOKEN), 6);
    });
}

/// Python's `test_waitfor`: a number goes from 0 to 4 by another process.
#[test]
fn python_waitfor() {
    isolated(|| {
        let Pair { lock, changed } = pair(0_u64);
        let child = fork_child(|| {
            let mut guard = lock.lock().expect("it is free");
            *guard = 0;
            changed.notify_one();
            let guard = changed.wait_while(guard, |state| *state != 4).expect("nobody dies");
            assert_eq!(*guard, 4);
        });
        for _ in 0..4 {
            std::thread::sleep(Duration::from_millis(10));
            *lock.lock().expect("nobody dies") += 1;
            changed.notify_one();
        }
        // The child may have begun late, and set the number back.
        eventually(|| {
            *lock.lock().expect("nobody dies") = 4;
            changed.notify_one();
            child.has_ended(Deadline::NOW).expect("a child")
        });
        join(&child);
    });
}

/// Python's `test_waitfor_timeout`: the number never gets there, and the time is that of all waits together.
#[test]
fn python_waitfor_timeout() {
    isolated(|| {
        let (Pair { lock, changed }, board) = (pair(0_u64), Board::new());
        let child = fork_child(|| {
            let guard = lock.lock().expect("it is free");
            board.add(READY);
            let start = Instant::now();
            let waited = changed.wait_timeout_while(guard, SHORT, |state| *state != 4);
            assert!(start.elapsed() >= SHORT);
            assert!(matches!(waited, Err(CondvarTimeoutError::TimedOut(state)) if *state < 4));
        });
        board.wait_for(READY, 1);
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(10));
            *lock.lock().expect("nobody dies") += 1;
            changed.notify_one();
        }
        join(&child);
        // What holds already is not waited for; what came without a notification counts at the end.
        let guard = changed.wait_timeout_while(lock.lock().expect("it is free"), LONG, |state| *state == 4);
        drop(guard.expect("it holds"));
        std::thread::scope(|scope| {
            let guard = lock.lock().expect("it is free");
            scope.spawn(|| *lock.lock().expect("it was released") = 4);
            let waited = changed.wait_timeout_while(guard, 5 * SHORT, |state| *state != 4);
            assert_eq!(*waited.expect("it came, without a notification"), 4);
        });
    });
}

#[test]
fn who_has_waited_longest_is_notified_first() {
    isolated(|| {
        let (pair, board) = (pair(0_u64), Board::new());
        let mut children = Vec::new();
        for n in 0..4 {
            children.push(fork_child(|| {
                pair.wait_once();
                board.add(10 + n);
            }));
            pair.wait_for_waiters(n as u64 + 1);
        }
        for (n, child) in children.iter().enumerate() {
            assert!(pair.changed.notify_one());
            join(child);
            assert_eq!(board.get(10 + n), 1);
        }
    });
}

/// A notification that its receiver does not live to use is given on.
#[test]
fn swallowed_notification_goes_to_another() {
    isolated(|| {
        let pair = pair(0_u64);
        for _ in 0..10 {
            *pair.lock.lock().expect("it is free") = 0;
            let first = fork_child(|| pair.wait_once());
            pair.wait_for_waiters(1);
            let second = fork_child(|| pair.wait_once());
            pair.wait_for_waiters(2);
            // So it cannot use what it gets.
            stop(&first);
            assert!(pair.changed.notify_one());
            kill(&first);
            join(&second);
            assert!(!pair.changed.notify_one());
        }
    });
}

/// The same at random moments of the receiver's way from its sleep to the lock and out of it.
#[test]
fn receiver_killed_at_random() {
    const ROUNDS: usize = 300;
    const TO_THE_FIRST: u64 = 100;
    isolated_within(Duration::from_secs(120), || {
        let (pair, mut rng) = (pair(0_u64), Rng::from_env());
        let mut n_swallowed = 0;
        for _ in 0..ROUNDS {
            *pair.lock.lock().or_else(LockError::recover).expect("it has a part") = 0;
            let first = fork_child(|| {
                let mut guard = pair.lock.lock().expect("it is free");
                *guard += 1;
                let mut guard = pair.changed.wait(guard).expect("nobody dies with it");
                *guard += TO_THE_FIRST;
                drop(guard);
                sleep_for_ever()
            });
            pair.wait_for_waiters(1);
            let second = fork_child(|| {
                let mut guard = pair.lock.lock().expect("it is free");
                *guard += 1;
                drop(pair.changed.wait(guard).or_else(CondvarError::recover).expect("it has a part"));
            });
            pair.wait_for_waiters(2);
            assert!(pair.changed.notify_one());
            let (start, pause) = (Instant::now(), Duration::from_nanos(rng.below(50_000)));
            while start.elapsed() < pause {
                std::hint::spin_loop();
            }
            kill(&first);
            // If the first had its lock again, the notification was used, and what is told is told by the lock.
            let was_used = match pair.lock.lock() {
                Ok(guard) => *guard >= TO_THE_FIRST,
                Err(error) => error.recover().is_ok(),
            };
            n_swallowed += usize::from(!was_used);
            if was_used {
                pair.changed.notify_one();
            }
            join(&second);
        }
        println!("{n_swallowed} of {ROUNDS} notifications were swallowed");
    });
}

/// Python's `notify` waits until each of the notified has answered; nobody waits for the dead here.
#[test]
fn waiters_that_are_killed_block_nobody() {
    isolated(|| {
        let pair = pair(0_u64);
        let children: Vec<Child> = (0..6).map(|_| fork_child(|| pair.wait_once())).collect();
        pair.wait_for_waiters(6);
        children[..4].iter().for_each(kill);
        assert_eq!(pair.changed.notify_all(), 2);
        children[4..].iter().for_each(join);
        assert_eq!(pair.changed.notify_all(), 0);
    });
}

#[test]
fn stopped_waiter_blocks_nobody() {
    isolated(|| {
        let pair = pair(0_u64);
        let children: Vec<Child> = (0..2).map(|_| fork_child(|| pair.wait_once())).collect();
        pair.wait_for_waiters(2);
        stop(&children[0]);
        assert_eq!(pair.changed.notify_all(), 2);
        join(&children[1]);
        assert!(!child_ended(&children[0]));
        resume(&children[0]);
        join(&children[0]);
    });
}

fn child_ended(child: &Child) -> bool {
    child.has_ended(Deadline::NOW).expect("a child")
}

/// The death of the lock's owner reaches a waiter that takes the lock again.
#[test]
fn owner_killed_is_told_to_the_waiter() {
    isolated(|| {
        let (Pair { lock, changed }, board) = (pair(0_u64), Board::new());
        let guard = lock.lock().expect("it is free");
        let child = fork_child(|| {
            board.add(READY);
            let mut guard = lock.lock().expect("nobody has died yet");
            *guard = 7;
            assert!(changed.notify_one());
            board.add(GO);
            sleep_for_ever()
        });
        board.wait_for(READY, 1);
        let killer = std::thread::spawn(move || {
            board.wait_for(GO, 1);
            kill(&child);
        });
        let Err(CondvarError::Lock(LockError::OwnerDied(guard))) = changed.wait(guard) else {
            panic!("the owner has died")
        };
        assert_eq!(*guard, 7);
        killer.join().expect("it has killed");
        // A wait with a guard that was not recovered leaves the lock poisoned, as dropping it does.
        let waited = changed.wait_timeout(guard, SHORT);
        let Err(CondvarTimeoutError::Condvar(CondvarError::Lock(LockError::Poisoned(mut guard)))) = waited
        else {
            panic!("nobody has recovered")
        };
        guard.recover();
        let waited = changed.wait_timeout(guard, SHORT);
        assert!(matches!(waited, Err(CondvarTimeoutError::TimedOut(_))));
    });
}

#[test]
fn a_panic_in_the_condition_poisons() {
    let Pair { lock, changed } = pair(0_u64);
    let panics = || drop(changed.wait_while(lock.lock().expect("it is free"), |_| panic!("on purpose")));
    catch_unwind(AssertUnwindSafe(panics)).expect_err("it panics");
    assert!(matches!(lock.lock(), Err(LockError::Poisoned(_))));
}

#[test]
fn as_many_wait_as_can() {
    isolated(|| {
        let (pair, n_waiters) = (pair(0_u64), Condvar::MAX_WAITERS as u64);
        std::thread::scope(|scope| {
            for _ in 0..n_waiters {
                scope.spawn(|| pair.wait_once());
            }
            pair.wait_for_waiters(n_waiters);
            let guard = pair.lock.lock().expect("it is free");
            let Err(CondvarError::TooManyWaiters(mut guard)) = pair.changed.wait(guard) else {
                panic!("there is no room")
            };
            // It is held all the time, and healthy.
            assert!(pair.lock.try_lock().is_err());
            *guard += 1;
            let waited = pair.changed.wait_timeout(guard, SHORT);
            let full = matches!(&waited, Err(CondvarTimeoutError::Condvar(CondvarError::TooManyWaiters(_))));
            assert!(full);
            drop(waited);
            assert_eq!(pair.changed.notify_all() as u64, n_waiters);
        });
        wait_for_threads();
        assert_eq!(*pair.lock.lock().expect("it is healthy"), n_waiters + 1);
        // There is room again.
        let waited = pair.changed.wait_timeout(pair.lock.lock().expect("it is free"), SHORT);
        assert!(matches!(waited, Err(CondvarTimeoutError::TimedOut(_))));
    });
}

/// A table that is full of the dead has room.
#[test]
fn the_dead_make_room() {
    isolated(|| {
        let pair = pair(0_u64);
        let n_waiters = Condvar::MAX_WAITERS as u64;
        let crowd = fork_child(|| {
            std::thread::scope(|scope| {
                (0..n_waiters).for_each(|_| drop(scope.spawn(|| pair.wait_once())));
            });
        });
        pair.wait_for_waiters(n_waiters);
        kill(&crowd);
        let waited = pair.changed.wait_timeout(pair.lock.lock().expect("it is free"), SHORT);
        assert!(matches!(waited, Err(CondvarTimeoutError::TimedOut(_))));
    });
}

/// It releases nothing, and comes back as a guard of the child's own.
#[test]
fn forked_copy_releases_nothing() {
    isolated(|| {
        let (Pair { lock, changed }, board) = (pair(0_u64), Board::new());
        let mut guard = Some(lock.lock().expect("it is free"));
        let child = fork_child(|| {
            let copy = guard.take().expect("it was copied");
            board.add(READY);
            let waited = changed.wait_timeout(copy, SHORT);
            let Err(CondvarTimeoutError::TimedOut(mut guard)) = waited else { panic!("nobody notifies") };
            assert_eq!(*guard, 7);
            *guard = 8;
            board.add(GO);
            board.wait_for(WOKEN, 1);
        });
        board.wait_for(READY, 1);
        std::thread::sleep(2 * SHORT);
        assert_eq!(board.get(GO), 0);
        assert!(lock.try_lock().is_err());
        **guard.as_mut().expect("the parent has its own") = 7;
        drop(guard);
        board.wait_for(GO, 1);
        assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
        board.add(WOKEN);
        join(&child);
        assert_eq!(*lock.lock().expect("all is well"), 8);
    });
}

#[test]
fn child_that_got_no_part_is_told() {
    isolated(|| {
        let Pair { lock, changed } = pair(0_u64);
        let mut guard = Some(lock.lock().expect("it is free"));
        let no_descriptors = NoDescriptors::new();
        let pid = foreign_fork(|| {
            let copy = guard.take().expect("it was copied");
            !changed.notify_one()
                && changed.notify_all() == 0
                && matches!(changed.wait(copy), Err(CondvarError::Lock(LockError::Forked)))
        });
        assert_eq!(collect(pid), 0);
        drop(no_descriptors);
        let waited = changed.wait_timeout(guard.expect("the parent has its own"), SHORT);
        assert!(matches!(waited, Err(CondvarTimeoutError::TimedOut(_))));
    });
}

/// The child of a process whose threads wait has none of these threads, and waits for itself.
#[test]
fn child_of_a_foreign_fork_takes_part() {
    isolated(|| {
        let pair = pair(0_u64);
        std::thread::scope(|scope| {
            (0..16).for_each(|_| drop(scope.spawn(|| pair.wait_once())));
            pair.wait_for_waiters(16);
            let waits = foreign_fork(|| {
                let mut guard = pair.lock.lock().expect("nobody dies with it");
                *guard += 1;
                pair.changed.wait(guard).is_ok()
            });
            pair.wait_for_waiters(17);
            assert_eq!(collect(foreign_fork(|| pair.changed.notify(16) == 16)), 0);
            assert!(pair.changed.notify_one());
            assert_eq!(collect(waits), 0);
        });
        wait_for_threads();
    });
}

#[test]
fn travels_in_messages() {
    isolated(|| {
        let before = Snapshot::take();
        let stranger = Stranger::start(|(lock, changed): (Mutex<u64>, Condvar)| {
            Pair { lock, changed }.wait_once();
        });
        let pair = pair(0_u64);
        let child = stranger.send(&(&pair.lock, &pair.changed));
        pair.wait_for_waiters(1);
        let here: Condvar = travel(&pair.changed).expect("it is a condition variable");
        assert!(here.notify_one());
        join(&child);
        assert!(serde_json::to_string(&here).is_err());
        drop((child, pair, here));
        before.assert_no_growth();
    });
}

#[test]
fn wrong_kind_is_refused() {
    let pair = pair(0_u64);
    let error = travel::<Event>(&pair.changed).expect_err("it is a condition variable");
    assert!(error.contains("condition variable"), "{error}");
    travel::<Condvar>(&pair.lock).expect_err("it is a mutex");
}
