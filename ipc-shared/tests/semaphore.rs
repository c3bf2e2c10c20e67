//! Semaphores between threads and processes, and what becomes of the permits of the dead.

#[path = "support/peers.rs"]
mod peers;
mod support;

use ipc_shared::Arena;
use ipc_shared::sync::{
    AcquireError, AcquireTimeoutError, AddPermitsError, Barrier, BoundedSemaphore, Mutex, Semaphore,
    TryAcquireError,
};
use ipc_sys::process::Child;
use ipc_testkit::leaks::Snapshot;
use ipc_testkit::{Isolated, isolated};
use peers::{Board, SHORT, Stranger, eventually, kill, resume, sleep_for_ever, stop, stop_time, travel};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};
use support::{LONG, fork_child, join};

/// What the numbers on the board count.
const READY: usize = 0;
const GO: usize = 1;
const DONE: usize = 2;

fn semaphore(permits: u32) -> Semaphore {
    Semaphore::new_in(&Arena::new(), permits).expect("memory is left")
}

fn bounded(permits: u32) -> BoundedSemaphore {
    BoundedSemaphore::new_in(&Arena::new(), permits).expect("memory is left")
}

/// A child that has `n` permits, and keeps them until it is killed.
fn holder(semaphore: &Semaphore, n: u32) -> Child {
    let board = Board::new();
    let child = fork_child(|| {
        let _permits = semaphore.try_acquire_many(n).expect("they are free");
        board.add(READY);
        sleep_for_ever()
    });
    board.wait_for(READY, 1);
    child
}

/// Python's `_TestSemaphore.test_semaphore`, where releasing is adding what was forgotten.
#[test]
fn smoke() {
    let semaphore = semaphore(2);
    assert_eq!(semaphore.available_permits(), 2);
    semaphore.acquire().expect("one is free").forget();
    assert_eq!(semaphore.available_permits(), 1);
    semaphore.acquire().expect("one is free").forget();
    assert!(matches!(semaphore.try_acquire(), Err(TryAcquireError::NoPermits)));
    // Also above the number that it was made with.
    for n in 1..=4 {
        semaphore.add_permits(1).expect("there is no bound");
        assert_eq!(semaphore.available_permits(), n);
    }
    assert!(format!("{semaphore:?}").contains("available_permits: 4"));
    // Forgetting takes nothing from the other permits of the process.
    let kept = semaphore.acquire().expect("one is free");
    semaphore.acquire().expect("one is free").forget();
    assert_eq!(semaphore.available_permits(), 2);
    drop(kept);
    assert_eq!(semaphore.available_permits(), 3);
}

/// Python's `test_bounded_semaphore`.
#[test]
fn bound_is_kept() {
    let semaphore = bounded(2);
    assert_eq!(semaphore.add_permits(1), Err(AddPermitsError::Full));
    let (one, two) = (semaphore.acquire().expect("is free"), semaphore.acquire().expect("is free"));
    assert!(matches!(semaphore.try_acquire(), Err(TryAcquireError::NoPermits)));
    assert_eq!(semaphore.add_permits(1), Err(AddPermitsError::Full));
    one.forget();
    assert_eq!(semaphore.add_permits(2), Err(AddPermitsError::Full));
    semaphore.add_permits(1).expect("there is room for one");
    drop(two);
    assert_eq!((semaphore.available_permits(), semaphore.add_permits(1)), (2, Err(AddPermitsError::Full)));
}

/// The check of the bound is exact when many add at the same time.
#[test]
fn bound_is_kept_against_many() {
    isolated(|| {
        let (semaphore, board) = (bounded(10), Board::new());
        semaphore.acquire_many(10).expect("they are free").forget();
        let adders: Vec<Child> = (0..4)
            .map(|_| {
                fork_child(|| {
                    board.wait_for(GO, 1);
                    (0..10).filter(|_| semaphore.add_permits(1).is_ok()).for_each(|_| board.add(DONE));
                })
            })
            .collect();
        board.add(GO);
        adders.iter().for_each(join);
        assert_eq!((board.get(DONE), semaphore.available_permits()), (10, 10));
    });
}

#[test]
fn most_permits() {
    let semaphore = semaphore(Semaphore::MAX_PERMITS);
    assert_eq!(semaphore.available_permits(), i32::MAX as u32);
    assert_eq!(semaphore.add_permits(1), Err(AddPermitsError::Full));
    assert_eq!(semaphore.add_permits(u32::MAX), Err(AddPermitsError::Full));
    let all = semaphore.try_acquire_many(Semaphore::MAX_PERMITS).expect("they are free");
    assert!(semaphore.try_acquire().is_err());
    drop(all);
    assert_eq!(semaphore.available_permits(), Semaphore::MAX_PERMITS);
}

#[test]
#[should_panic(expected = "of which there can be")]
fn too_many_permits() {
    let _ = Semaphore::new(Semaphore::MAX_PERMITS + 1);
}

#[test]
fn clones_are_one() {
    let arena = Arena::new();
    let one = Semaphore::new_in(&arena, 1).expect("memory is left");
    let other = one.clone();
    let permit = one.acquire().expect("one is free");
    assert!(matches!(other.try_acquire(), Err(TryAcquireError::NoPermits)));
    drop(permit);
    assert_eq!((other.available_permits(), arena.in_use()), (1, 1));
}

#[test]
fn try_many() {
    let semaphore = semaphore(3);
    let two = semaphore.try_acquire_many(2).expect("three are free");
    assert!(matches!(semaphore.try_acquire_many(2), Err(TryAcquireError::NoPermits)));
    let none = semaphore.try_acquire_many(0).expect("nothing is always free");
    assert_eq!((two.n_permits(), none.n_permits(), semaphore.available_permits()), (2, 0, 1));
    assert_eq!(format!("{two:?}"), "Permit { n_permits: 2, .. }");
}

/// Python's `test_timeout`, with every way to say it.
#[test]
fn timeout() {
    let semaphore = semaphore(0);
    for timeout in [Duration::ZERO, SHORT] {
        let start = Instant::now();
        let late = semaphore.acquire_timeout(timeout);
        assert!(matches!(late, Err(AcquireTimeoutError::TimedOut)) && start.elapsed() >= timeout);
        let late = semaphore.acquire_many_timeout(2, timeout);
        assert!(matches!(late, Err(AcquireTimeoutError::TimedOut)) && start.elapsed() >= 2 * timeout);
    }
    semaphore.add_permits(1).expect("there is no bound");
    // A permit that is there is taken, also if the time is over.
    drop(semaphore.acquire_timeout(Duration::ZERO).expect("one is free"));
}

#[test]
fn deadline() {
    let semaphore = semaphore(1);
    let permit = semaphore.acquire_deadline(Instant::now()).expect("one is free");
    let deadline = Instant::now() + SHORT;
    assert!(matches!(semaphore.acquire_deadline(deadline), Err(AcquireTimeoutError::TimedOut)));
    assert!(matches!(semaphore.acquire_many_deadline(1, deadline), Err(AcquireTimeoutError::TimedOut)));
    assert!(Instant::now() >= deadline);
    drop(permit);
}

#[test]
fn between_threads() {
    const N_THREADS: u32 = 8;
    let (semaphore, inside) = (semaphore(3), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..N_THREADS {
            scope.spawn(|| {
                for _ in 0..500 {
                    let permit = semaphore.acquire().expect("nobody dies");
                    assert!(inside.fetch_add(1, SeqCst) < 3);
                    inside.fetch_sub(1, SeqCst);
                    drop(permit);
                }
            });
        }
    });
    assert_eq!(semaphore.available_permits(), 3);
}

#[test]
fn between_processes() {
    isolated(|| {
        let (semaphore, board) = (semaphore(2), Board::new());
        let users: Vec<Child> = (0..4)
            .map(|_| {
                fork_child(|| {
                    for n in 0..500 {
                        let permit = semaphore.acquire_many(1 + n % 2).expect("nobody dies");
                        let n_inside = board.number(DONE).fetch_add(permit.n_permits().into(), SeqCst);
                        assert!(n_inside + u64::from(permit.n_permits()) <= 2);
                        board.number(DONE).fetch_sub(permit.n_permits().into(), SeqCst);
                    }
                })
            })
            .collect();
        users.iter().for_each(join);
        assert_eq!(semaphore.available_permits(), 2);
    });
}

/// What one process forgets another adds: the way of Python's semaphores.
#[test]
fn made_by_one_and_taken_by_another() {
    isolated(|| {
        let semaphore = semaphore(0);
        let maker = fork_child(|| (0..1000).for_each(|_| semaphore.add_permits(1).expect("no bound")));
        for _ in 0..1000 {
            semaphore.acquire_timeout(LONG).expect("the maker lives").forget();
        }
        join(&maker);
        assert_eq!(semaphore.available_permits(), 0);
    });
}

#[test]
fn owner_killed() {
    isolated(|| {
        let semaphore = semaphore(3);
        let child = holder(&semaphore, 3);
        assert_eq!(semaphore.available_permits(), 0);
        let waiter = fork_child(|| drop(semaphore.acquire_many(2).expect("there is a cell")));
        std::thread::sleep(SHORT);
        kill(&child);
        join(&waiter);
        assert_eq!(semaphore.available_permits(), 3);
        drop(semaphore.try_acquire_many(3).expect("the dead have none"));
    });
}

/// What a dead process has forgotten does not come back, and what it has added stays.
#[test]
fn what_was_forgotten_outlives_its_process() {
    isolated(|| {
        let semaphore = semaphore(5);
        let before = Board::new();
        let child = fork_child(|| {
            semaphore.try_acquire_many(2).expect("they are free").forget();
            let _held = semaphore.try_acquire_many(3).expect("they are free");
            semaphore.add_permits(1).expect("there is no bound");
            before.add(READY);
            sleep_for_ever()
        });
        before.wait_for(READY, 1);
        kill(&child);
        assert_eq!(semaphore.available_permits(), 4);
        drop(semaphore.try_acquire_many(4).expect("they are free"));
        assert!(semaphore.try_acquire_many(5).is_err());
    });
}

/// Killed at random in the middle of everything; the count is exact after each.
#[test]
fn ten_thousand_deaths() {
    let long = std::env::var_os("IPC_SHARED_LONG").is_some();
    let limit = if long { Duration::from_secs(600) } else { Duration::from_secs(60) };
    Isolated::new().watchdog(limit).run(|| {
        const PERMITS: u32 = 4;
        let n_rounds = if std::env::var_os("IPC_SHARED_LONG").is_some() { 10_000 } else { 300 };
        let mut rng = ipc_testkit::Rng::from_env();
        let (semaphore, board) = (semaphore(PERMITS), Board::new());
        for round in 0..n_rounds {
            let ready = board.get(READY);
            let users: Vec<Child> = (0..2)
                .map(|_| {
                    fork_child(|| {
                        board.add(READY);
                        loop {
                            drop(semaphore.acquire_many(1 + round % PERMITS));
                        }
                    })
                })
                .collect();
            board.wait_for(READY, ready + 2);
            std::thread::sleep(Duration::from_micros(rng.below(500)));
            users.iter().for_each(kill);
            assert_eq!(semaphore.available_permits(), PERMITS, "round {round}");
            drop(semaphore.acquire_many_timeout(PERMITS, LONG).expect("the dead have none"));
        }
    });
}

/// `N` wait, `k` of them are killed, and as many permits come as there are others: all of those leave.
#[test]
fn waiters_that_are_killed_swallow_nothing() {
    const N: usize = 8;
    isolated(|| {
        let n_rounds = if std::env::var_os("IPC_SHARED_LONG").is_some() { 500 } else { 10 };
        for round in 0..n_rounds {
            let n_killed = 1 + round % (N - 1);
            let (semaphore, board) = (semaphore(0), Board::new());
            let waiters: Vec<Child> = (0..N)
                .map(|_| {
                    fork_child(|| {
                        board.add(READY);
                        semaphore.acquire_timeout(LONG).expect("there is one for each").forget();
                    })
                })
                .collect();
            board.wait_for(READY, N as u64);
            std::thread::sleep(Duration::from_millis(round as u64 % 10));
            let (dying, living) = waiters.split_at(n_killed);
            // Some are killed while permits come, so that the wake-up is theirs.
            let (early, late) = dying.split_at(n_killed / 2);
            early.iter().for_each(kill);
            late.iter().for_each(stop);
            semaphore.add_permits((N - n_killed) as u32).expect("there is no bound");
            late.iter().for_each(kill);
            living.iter().for_each(join);
            assert_eq!(semaphore.available_permits(), 0);
        }
    });
}

#[test]
fn stopped_owner_is_not_robbed() {
    isolated(|| {
        let semaphore = semaphore(1);
        let child = holder(&semaphore, 1);
        stop(&child);
        let late = semaphore.acquire_timeout(stop_time());
        assert!(matches!(late, Err(AcquireTimeoutError::TimedOut)));
        assert_eq!(semaphore.available_permits(), 0);
        resume(&child);
        kill(&child);
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn forked_copy_releases_nothing() {
    isolated(|| {
        let semaphore = semaphore(3);
        let mut dropped = Some(semaphore.acquire().expect("one is free"));
        let mut forgotten = Some(semaphore.acquire().expect("one is free"));
        join(&fork_child(|| {
            drop(dropped.take());
            forgotten.take().expect("it is there").forget();
            assert_eq!(semaphore.available_permits(), 1);
            // One of the child's own is not mistaken for it.
            drop(semaphore.acquire().expect("one is free"));
        }));
        assert_eq!(semaphore.available_permits(), 1);
        drop((dropped, forgotten));
        assert_eq!(semaphore.available_permits(), 3);
    });
}

#[test]
fn as_many_holders_as_there_is_room_for() {
    isolated(|| {
        let arena = Arena::new();
        // 128 bytes have room for five.
        let small = Semaphore::with_max_holders(&arena, 100, 2).expect("memory is left");
        let holders: Vec<Child> = (0..5).map(|_| holder(&small, 1)).collect();
        assert!(matches!(small.acquire(), Err(AcquireError::TooManyHolders)));
        assert!(matches!(small.try_acquire(), Err(TryAcquireError::Acquire(AcquireError::TooManyHolders))));
        assert_eq!(small.available_permits(), 95);
        kill(&holders[2]);
        drop(small.acquire().expect("the place of the dead is free"));
        holders.iter().enumerate().filter(|(idx, _)| *idx != 2).for_each(|(_, child)| kill(child));

        let large = Semaphore::with_max_holders(&arena, 1, usize::MAX).expect("memory is left");
        drop(large.acquire().expect("one is free"));
        // Never refused: no more can hold than there are permits.
        let bounded = BoundedSemaphore::with_max_holders(&arena, 1, 0).expect("memory is left");
        drop(bounded.acquire().expect("one is free"));
    });
}

#[test]
fn travels_in_messages() {
    isolated(|| {
        let before = Snapshot::take();
        let stranger = Stranger::start(|(free, bounded): (Semaphore, BoundedSemaphore)| {
            free.acquire().expect("one is free").forget();
            bounded.acquire().expect("one is free").forget();
            std::mem::forget(free.acquire());
        });
        let (free, bounded) = (semaphore(3), bounded(3));
        join(&stranger.send(&(&free, &bounded)));
        assert_eq!((free.available_permits(), bounded.available_permits()), (2, 2));
        let here: (Semaphore, BoundedSemaphore) = travel(&(&free, &bounded)).expect("as was sent");
        let permit = free.acquire().expect("one is free");
        assert_eq!((here.0.available_permits(), here.1.available_permits()), (1, 2));
        assert_eq!((here.1.add_permits(1), here.1.add_permits(1)), (Ok(()), Err(AddPermitsError::Full)));
        drop(permit);
        assert!(serde_json::to_string(&free).is_err() && serde_json::to_string(&bounded).is_err());
        drop((free, bounded, here));
        before.assert_no_growth();
    });
}

#[test]
fn wrong_kind_is_refused() {
    let (free, bounded) = (semaphore(3), bounded(3));
    let error = travel::<Semaphore>(&bounded).expect_err("it is bounded");
    assert!(error.contains("bounded semaphore"), "{error}");
    travel::<BoundedSemaphore>(&free).expect_err("it is not bounded");
    travel::<Mutex>(&free).expect_err("it is a semaphore");
    travel::<Barrier>(&free).expect_err("it is a semaphore");
    assert_eq!((free.available_permits(), bounded.available_permits()), (3, 3));
}

/// A permit belongs to the process: another thread gives it back.
#[test]
fn a_permit_is_given_back_by_another_thread() {
    let semaphore = semaphore(1);
    let permit = semaphore.acquire().expect("one is free");
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| drop(semaphore.acquire_timeout(LONG).expect("it is given back")));
        scope.spawn(move || drop(permit));
        waiter.join().expect("it did not panic");
    });
    eventually(|| semaphore.available_permits() == 1);
}
