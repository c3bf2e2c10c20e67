//! Tests of the mutex between threads that play processes.

use super::*;
use crate::sync::raw::fake::World;
use ipc_testkit::{Rng, isolated};
use std::sync::atomic::AtomicUsize;
use std::thread;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(120);

#[test]
fn smoke() {
    let world = World::default();
    let (one, two) = (world.process(0), world.process(1));
    let mutex = RawMutex::new();
    let acquired = mutex.lock(&one, Deadline::NOW).unwrap();
    assert_eq!(acquired, Acquired { me: one.id(), state: State::Clean });
    assert_eq!(mutex.lock(&two, Deadline::NOW), Err(RawLockError::TimedOut));
    assert_eq!(mutex.lock(&one, Deadline::NOW), Err(RawLockError::TimedOut));
    mutex.unlock(two.id());
    assert!(mutex.is_owned_by(one.id()));
    mutex.unlock(one.id());
    assert!(mutex.lock(&two, Deadline::NOW).is_ok());
    assert_eq!(mutex.lock(&World::default().nameless(), Deadline::NEVER), Err(RawLockError::Forked));
}

#[test]
fn a_try_leaves_no_trace() {
    let world = World::default();
    let (one, two) = (world.process(0), world.process(1));
    let mutex = RawMutex::new();
    mutex.lock(&one, Deadline::NOW).unwrap();
    let before = mutex.word.load(Relaxed);
    assert!(mutex.lock(&two, Deadline::NOW).is_err());
    assert_eq!(mutex.word.load(Relaxed), before);
}

#[test]
fn a_timeout_ends_not_before_its_time() {
    isolated(|| {
        let world = World::default();
        let mutex = RawMutex::new();
        mutex.lock(&world.process(0), Deadline::NOW).unwrap();
        let start = Instant::now();
        let late = mutex.lock(&world.process(1), Deadline::after(SHORT));
        assert_eq!(late, Err(RawLockError::TimedOut));
        assert!(start.elapsed() >= SHORT);
    });
}

#[test]
fn one_at_a_time_among_many() {
    isolated(|| {
        const ROUNDS: usize = 20_000;
        let world = World::default();
        let mutex = RawMutex::new();
        // Two words that agree whenever nobody is inside; a lost addition shows two who were.
        let (first, second) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for idx in 0..6 {
                let (process, mutex, first, second) = (world.process(idx / 2), &mutex, &first, &second);
                scope.spawn(move || {
                    for _ in 0..ROUNDS {
                        let acquired = mutex.lock(&process, Deadline::NEVER).unwrap();
                        let count = first.load(Relaxed);
                        assert_eq!(count, second.load(Relaxed));
                        first.store(count + 1, Relaxed);
                        second.store(count + 1, Relaxed);
                        mutex.unlock(acquired.me);
                    }
                });
            }
        });
        assert_eq!(first.load(Relaxed), 6 * ROUNDS);
        assert_eq!(mutex.word.load(Relaxed), FREE);
    });
}

#[test]
fn sleepers_are_handed_the_lock_one_after_another() {
    isolated(|| {
        let world = World::default();
        let (holder, mutex, inside) = (world.process(0), RawMutex::new(), AtomicUsize::new(0));
        mutex.lock(&holder, Deadline::NOW).unwrap();
        thread::scope(|scope| {
            for idx in 1..9 {
                let (process, mutex, inside) = (world.process(idx), &mutex, &inside);
                scope.spawn(move || {
                    let acquired = mutex.lock(&process, Deadline::NEVER).unwrap();
                    assert_eq!(inside.fetch_add(1, Relaxed), 0);
                    thread::sleep(Duration::from_millis(1));
                    inside.fetch_sub(1, Relaxed);
                    mutex.unlock(acquired.me);
                });
            }
            while mutex.word.load(Relaxed) & CONTENDED == 0 {
                thread::yield_now();
            }
            mutex.unlock(holder.id());
        });
        assert_eq!(mutex.word.load(Relaxed), FREE);
    });
}

#[test]
fn a_stopped_owner_keeps_its_lock() {
    isolated(|| {
        let world = World::default();
        let (stopped, other, mutex) = (world.process(0), world.process(1), RawMutex::new());
        mutex.lock(&stopped, Deadline::NOW).unwrap();
        // Six looks, and none of them takes what is not given.
        let deadline = Deadline::after(Duration::from_millis(320));
        assert_eq!(mutex.lock(&other, deadline), Err(RawLockError::TimedOut));
        assert!(mutex.is_owned_by(stopped.id()));
        mutex.unlock(stopped.id());
        assert_eq!(mutex.lock(&other, Deadline::NOW).map(|got| got.state), Ok(State::Clean));
    });
}

#[test]
fn one_of_many_is_told_of_a_death() {
    isolated(|| {
        for round in 0..20 {
            let world = World::default();
            let (owner, mutex, told) = (world.process(0), RawMutex::new(), AtomicUsize::new(0));
            mutex.lock(&owner, Deadline::NOW).unwrap();
            thread::scope(|scope| {
                for idx in 1..7 {
                    let (process, mutex, told) = (world.process(idx / 2 + 1), &mutex, &told);
                    scope.spawn(move || {
                        let acquired = mutex.lock(&process, Deadline::NEVER).unwrap();
                        told.fetch_add(usize::from(acquired.state == State::OwnerDied), Relaxed);
                        mutex.unlock(acquired.me);
                    });
                }
                // The owner ends before, while, or after the others fall asleep.
                thread::sleep(Duration::from_millis(round % 4));
                owner.kill();
            });
            assert_eq!(told.load(Relaxed), 1);
        }
    });
}

#[test]
fn a_try_is_told_of_a_death() {
    let world = World::default();
    let (dead, taker, next) = (world.process(0), world.process(1), world.process(2));
    let mutex = RawMutex::new();
    mutex.lock(&dead, Deadline::NOW).unwrap();
    dead.kill();
    assert_eq!(mutex.lock(&taker, Deadline::NOW).map(|got| got.state), Ok(State::OwnerDied));
    assert_eq!(mutex.lock(&next, Deadline::NOW), Err(RawLockError::TimedOut));
    taker.kill();
    assert_eq!(mutex.lock(&next, Deadline::NOW).map(|got| got.state), Ok(State::OwnerDied));
}

#[test]
fn a_poisoned_lock_says_so_until_it_is_recovered() {
    let world = World::default();
    let (one, two, mutex) = (world.process(0), world.process(1), RawMutex::new());
    mutex.lock(&one, Deadline::NOW).unwrap();
    mutex.poison();
    mutex.unlock(one.id());
    for _ in 0..2 {
        assert_eq!(mutex.lock(&two, Deadline::NOW).map(|got| got.state), Ok(State::Poisoned));
        mutex.unlock(two.id());
    }
    mutex.lock(&two, Deadline::NOW).unwrap();
    mutex.recover();
    mutex.unlock(two.id());
    assert_eq!(mutex.lock(&one, Deadline::NOW).map(|got| got.state), Ok(State::Clean));
}

#[test]
fn any_word_is_a_lock() {
    let world = World::default();
    let process = world.process(0);
    let mut rng = Rng::seeded(1);
    let chosen = [1, 2, 3, u64::MAX, u64::MAX - 1, 1 << 63, 1 << 32, u32::MAX.into()];
    for word in chosen.into_iter().chain((0..1000).map(|_| rng.next_u64())) {
        let mutex = RawMutex::new();
        mutex.word.store(word, Relaxed);
        mutex.health.store(word as u32, Relaxed);
        mutex.unlock(process.id());
        // The names in these words are those of nobody.
        let acquired = mutex.lock(&process, Deadline::NEVER).unwrap();
        assert_eq!(acquired.state, State::OwnerDied);
        mutex.unlock(acquired.me);
        assert_eq!(mutex.word.load(Relaxed), FREE);
    }
}

/// Whoever writes anything at any time can keep a locker waiting, but not beyond its deadline.
#[test]
fn a_scribbler_is_no_hang() {
    isolated(|| {
        let world = World::default();
        let (alive, process, mutex) = (world.process(0), world.process(1), RawMutex::new());
        let done = std::sync::atomic::AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut word = 0_u64;
                while !done.load(Relaxed) {
                    mutex.word.store(owned_by(alive.id()) | (word & CONTENDED), Relaxed);
                    word += 1;
                }
            });
            // A few words may look free or dead, since the scribbler and the locks write into each other's.
            for _ in 0..5 {
                if let Ok(acquired) = mutex.lock(&process, Deadline::after(SHORT)) {
                    mutex.unlock(acquired.me);
                }
            }
            done.store(true, Relaxed);
        });
    });
}
