//! Tests of the condition variable between threads that play processes.

use super::*;
use crate::sync::raw::fake::{Process, World};
use ipc_testkit::{Rng, isolated};
use std::sync::atomic::AtomicUsize;
use std::thread;
use std::time::{Duration, Instant};

type Condvar = RawCondvar<4>;

/// Waits without a lock to release.
fn wait<const N: usize>(
    condvar: &RawCondvar<N>,
    process: &Process<'_>,
    deadline: Deadline,
) -> Result<bool, RawWaitError> {
    condvar.wait(process, deadline, || (), || ()).map(|(_, notified)| notified)
}

/// Returns when so many wait.
fn until_waiting<const N: usize>(condvar: &RawCondvar<N>, count: usize) {
    while condvar.cells.iter().filter(|cell| cell.is_waiting()).count() != count {
        thread::yield_now();
    }
}

#[test]
fn nobody_is_notified_when_nobody_waits() {
    let world = World::default();
    let (process, condvar) = (world.process(0), Condvar::new());
    assert_eq!(condvar.notify(&process, 1), Ok(0));
    assert_eq!(wait(&condvar, &process, Deadline::NOW), Ok(false));
    assert_eq!(condvar.notify(&process, usize::MAX), Ok(0));
    assert_eq!(condvar.notify(&World::default().nameless(), 1), Err(RawLockError::Forked));
    assert_eq!(
        condvar.wait(&World::default().nameless(), Deadline::NEVER, || panic!("not released"), || ()),
        Err(RawWaitError::Forked)
    );
}

#[test]
fn a_timeout_ends_not_before_its_time() {
    isolated(|| {
        let world = World::default();
        let timeout = Duration::from_millis(120);
        let start = Instant::now();
        assert_eq!(wait(&Condvar::new(), &world.process(0), Deadline::after(timeout)), Ok(false));
        assert!(start.elapsed() >= timeout);
    });
}

#[test]
fn the_first_to_wait_is_the_first_to_go() {
    isolated(|| {
        let world = World::default();
        let (condvar, order) = (Condvar::new(), std::sync::Mutex::new(Vec::new()));
        // The tickets pass zero on the way.
        condvar.next.store(u32::MAX - 1, Relaxed);
        thread::scope(|scope| {
            for idx in 0..4 {
                let (process, condvar, order) = (world.process(idx), &condvar, &order);
                scope.spawn(move || {
                    assert_eq!(wait(condvar, &process, Deadline::NEVER), Ok(true));
                    order.lock().unwrap().push(idx);
                });
                until_waiting(condvar, idx + 1);
            }
            for gone in 1..=4 {
                assert_eq!(condvar.notify(&world.process(9), 1), Ok(1));
                while order.lock().unwrap().len() < gone {
                    thread::yield_now();
                }
            }
        });
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3]);
    });
}

#[test]
fn as_many_go_as_are_called() {
    isolated(|| {
        let world = World::default();
        let (condvar, gone) = (Condvar::new(), AtomicUsize::new(0));
        thread::scope(|scope| {
            for idx in 0..4 {
                let (process, condvar, gone) = (world.process(idx), &condvar, &gone);
                scope.spawn(move || {
                    assert_eq!(wait(condvar, &process, Deadline::NEVER), Ok(true));
                    gone.fetch_add(1, Relaxed);
                });
            }
            until_waiting(&condvar, 4);
            assert_eq!(condvar.notify(&world.process(9), 3), Ok(3));
            // Three looks of the one that was not called: it stays.
            thread::sleep(3 * RECHECK);
            assert_eq!(gone.load(Relaxed), 3);
            assert_eq!(condvar.notify(&world.process(9), usize::MAX), Ok(1));
        });
    });
}

#[test]
fn a_full_table_is_an_error_until_somebody_goes() {
    isolated(|| {
        let world = World::default();
        let (process, condvar) = (world.process(0), Condvar::new());
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(wait(&condvar, &process, Deadline::NEVER), Ok(true)));
            }
            until_waiting(&condvar, 4);
            let fifth = condvar.wait(&process, Deadline::NEVER, || panic!("not released"), || ());
            assert_eq!(fifth, Err(RawWaitError::Full));
            assert_eq!(condvar.notify(&process, usize::MAX), Ok(4));
        });
        assert_eq!(wait(&condvar, &process, Deadline::NOW), Ok(false));
    });
}

#[test]
fn the_dead_are_not_notified_and_take_no_room() {
    let world = World::default();
    let (dead, alive, condvar) = (world.process(0), world.process(1), Condvar::new());
    for _ in 0..4 {
        condvar.enter(&dead, Deadline::NOW).unwrap();
    }
    assert_eq!(wait(&condvar, &alive, Deadline::NOW), Err(RawWaitError::Full));
    dead.kill();
    assert_eq!(wait(&condvar, &alive, Deadline::NOW), Ok(false));
    assert_eq!(condvar.notify(&alive, usize::MAX), Ok(0));
}

#[test]
fn a_swallowed_notification_is_passed_on() {
    isolated(|| {
        let world = World::default();
        let (victim, alive, notifier) = (world.process(0), world.process(1), world.process(2));
        let condvar = Condvar::new();
        thread::scope(|scope| {
            condvar.enter(&victim, Deadline::NOW).unwrap();
            let waiter = scope.spawn(|| wait(&condvar, &alive, Deadline::NEVER));
            until_waiting(&condvar, 2);
            assert_eq!(condvar.notify(&notifier, 1), Ok(1));
            // Chosen and alive, if slow: the notification is the victim's.
            thread::sleep(3 * RECHECK);
            assert!(!waiter.is_finished());
            victim.kill();
            assert_eq!(waiter.join().unwrap(), Ok(true));
        });
        assert!(condvar.cells.iter().all(|cell| cell.owner.load(Relaxed) == NOBODY));
    });
}

#[test]
fn what_a_killed_notifier_has_begun_is_found() {
    isolated(|| {
        let world = World::default();
        let (victim, alive, condvar) = (world.process(0), world.process(1), Condvar::new());
        thread::scope(|scope| {
            let waiter = scope.spawn(|| wait(&condvar, &alive, Deadline::NEVER));
            until_waiting(&condvar, 1);
            // It has the table, has chosen, has not called.
            condvar.mutex.lock(&victim, Deadline::NEVER).unwrap();
            condvar.cells[0].state.store(NOTIFIED, Relaxed);
            victim.kill();
            assert_eq!(waiter.join().unwrap(), Ok(true));
        });
        assert_eq!(condvar.notify(&alive, 1), Ok(0));
    });
}

#[test]
fn any_table_is_a_condition_variable() {
    isolated(|| {
        let world = World::default();
        let (process, mut rng) = (world.process(0), Rng::seeded(1));
        for _ in 0..2_000 {
            let condvar = Condvar::new();
            condvar.next.store(rng.next_u64() as u32, Relaxed);
            condvar.limit.store(rng.next_u64() as u32, Relaxed);
            for cell in &condvar.cells {
                let owners = [NOBODY, process.id().get(), rng.next_u64(), u64::MAX];
                cell.owner.store(owners[rng.next_u64() as usize % 4], Relaxed);
                cell.ticket.store(rng.next_u64() as u32, Relaxed);
                cell.state.store([WAITING, NOTIFIED, LEFT, 77][rng.next_u64() as usize % 4], Relaxed);
            }
            let waited = wait(&condvar, &process, Deadline::NOW);
            assert!(matches!(waited, Ok(_) | Err(RawWaitError::Full)));
            assert!(condvar.notify(&process, usize::MAX).is_ok_and(|count| count <= 4));
        }
    });
}
