//! Tests of the lock between threads that play processes.

use super::*;
use crate::raw::fake::{Process, processes};
use ipc_testkit::mortal::at_every_step;
use ipc_testkit::{Rng, isolated};
use std::sync::atomic::AtomicUsize;
use std::thread;
use std::time::Instant;

const SHORT: Duration = Duration::from_millis(120);

/// A forked child that got no name.
struct Nameless;

impl Peers for Nameless {
    fn me(&self) -> Option<Id> {
        None
    }

    fn is_dead(&self, _: Id) -> bool {
        false
    }
}

impl Wishes {
    fn is_none(self) -> bool {
        self.0 == 0
    }
}

fn try_lock(lock: &Lock, by: &Process) -> Result<Taken, LockError> {
    lock.lock(by, || Deadline::NOW)
}

#[test]
fn smoke() {
    let [one, two] = processes();
    let lock = Lock::default();
    assert_eq!(try_lock(&lock, &one), Ok(Taken::Free));
    assert_eq!(try_lock(&lock, &two), Err(LockError::TimedOut));
    assert_eq!(try_lock(&lock, &one), Err(LockError::TimedOut));
    assert!(lock.release(1).is_none());
    assert_eq!(try_lock(&lock, &two), Ok(Taken::Free));
    assert_eq!(lock.lock(&Nameless, || Deadline::NEVER), Err(LockError::Forked));
}

#[test]
fn a_try_leaves_no_trace() {
    let [one, two] = processes();
    let lock = Lock::default();
    try_lock(&lock, &one).unwrap();
    let before = lock.word.load(Relaxed);
    assert!(try_lock(&lock, &two).is_err());
    assert_eq!((lock.word.load(Relaxed), lock.wishes.load(Relaxed)), (before, 0));
}

#[test]
fn a_timeout_ends_not_before_its_time() {
    isolated(|| {
        let [one, two] = processes();
        let lock = Lock::default();
        try_lock(&lock, &one).unwrap();
        let start = Instant::now();
        assert_eq!(lock.lock(&two, || Deadline::after(SHORT)), Err(LockError::TimedOut));
        assert!(start.elapsed() >= SHORT);
    });
}

#[test]
fn wishes_are_for_who_releases_with_a_change() {
    let [one, two] = processes();
    for wishes in [Wishes::ONE, Wishes::ALL, Wishes::POLLED] {
        let lock = Lock::default();
        lock.wish(wishes);
        assert_eq!(try_lock(&lock, &one), Ok(Taken::Free));
        assert_eq!(try_lock(&lock, &two), Err(LockError::TimedOut));
        assert!(lock.release(0).is_none());
        assert_eq!(try_lock(&lock, &two), Ok(Taken::Free));
        assert_eq!(lock.release(1), wishes);
        assert_eq!(try_lock(&lock, &one), Ok(Taken::Free));
        assert!(lock.release(1).is_none());
    }
}

#[test]
fn who_tells_without_the_lock_takes_the_wishes_of_sleepers_only() {
    let [one] = processes();
    let lock = Lock::default();
    try_lock(&lock, &one).unwrap();
    lock.wish(Wishes::ALL);
    lock.wish(Wishes::POLLED);
    let bell = lock.bell.load(Relaxed);
    lock.tell(MANY);
    lock.tell(MANY);
    assert_eq!(lock.bell.load(Relaxed), bell + 1);
    assert_eq!(lock.release(1), Wishes::POLLED);
}

/// Who has woken one leaves the wish on behalf of the others.
#[test]
fn a_ring_wakes_as_many_as_there_are_changes() {
    isolated(|| {
        let (lock, n_awake) = (Lock::default(), AtomicUsize::new(0));
        let [changer] = processes();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let heard = lock.listen(Wishes::ONE, None);
                    lock.sleep(heard, Deadline::NEVER, Duration::MAX);
                    n_awake.fetch_add(1, Relaxed);
                });
            }
            while n_awake.load(Relaxed) < 3 {
                try_lock(&lock, &changer).unwrap();
                let _ = lock.release(1);
            }
        });
        // Nobody has slept for long, so that wakes are for nothing and leave nothing.
        try_lock(&lock, &changer).unwrap();
        let _ = lock.release(1);
        try_lock(&lock, &changer).unwrap();
        assert!(lock.release(1).is_none());
    });
}

#[test]
fn one_at_a_time_among_many() {
    isolated(|| {
        const ROUNDS: usize = 20_000;
        let members = processes::<3>();
        let lock = Lock::default();
        // Two words that agree whenever nobody is inside; a lost addition shows two who were.
        let (first, second) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for idx in 0..6 {
                let (process, lock, first, second) = (&members[idx / 2], &lock, &first, &second);
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        assert_eq!(lock.lock(process, || Deadline::NEVER), Ok(Taken::Free));
                        let count = first.load(Relaxed);
                        assert_eq!(count, second.load(Relaxed));
                        first.store(count + 1, Relaxed);
                        second.store(count + 1, Relaxed);
                        let _ = lock.release((round % 2) as u32);
                    }
                });
            }
        });
        assert_eq!(first.load(Relaxed), 6 * ROUNDS);
        assert_eq!(lock.word.load(Relaxed), 0);
    });
}

/// Between any two steps of a visit: the next one gets the lock, is told of a death if the lock was not given back, and wishes
/// are found by the next change if the dead one has not taken them along.
#[test]
fn a_death_at_any_step_leaves_a_lock() {
    for wishes in [None, Some(Wishes::ONE), Some(Wishes::ALL), Some(Wishes::POLLED)] {
        let deaths = at_every_step(|step| {
            let lock = Lock::default();
            let [victim, next] = processes();
            wishes.into_iter().for_each(|wishes| lock.wish(wishes));
            let lived = victim.dies_at(step, || {
                try_lock(&lock, &victim).unwrap();
                let _ = lock.release(1);
            });
            let is_held = lock.word.load(Relaxed) != 0;
            let taken = try_lock(&lock, &next).unwrap();
            assert_eq!(taken == Taken::FromDead, is_held);
            assert!(lived.is_none() || taken == Taken::Free);
            let left = lock.release(taken.changes(1));
            assert!(!is_held || left == wishes.unwrap_or(Wishes(0)));
            assert_eq!(try_lock(&lock, &next), Ok(Taken::Free));
            lived.is_some()
        });
        assert!(deaths >= 2, "{deaths}");
    }
}

/// The lock goes from the dead to one that dies at any step, to one that lives; each learns that there is something to mend.
#[test]
fn who_takes_over_may_die_too() {
    let deaths = at_every_step(|step| {
        let lock = Lock::default();
        let [dead, mender, next] = processes();
        try_lock(&lock, &dead).unwrap();
        dead.die();
        let mut told = None;
        let lived = mender.dies_at(step, || {
            told = Some(try_lock(&lock, &mender).unwrap());
            let _ = lock.release(Taken::FromDead.changes(0));
        });
        assert!(told.is_none_or(|told| told == Taken::FromDead));
        let is_held = lock.word.load(Relaxed) != 0;
        assert_eq!(try_lock(&lock, &next).unwrap() == Taken::FromDead, is_held);
        lived.is_some()
    });
    assert!(deaths >= 3, "{deaths}");
}

#[test]
fn a_stopped_owner_keeps_its_lock() {
    isolated(|| {
        let [stopped, other] = processes();
        let lock = Lock::default();
        try_lock(&lock, &stopped).unwrap();
        // Several looks, and none of them takes what is not given.
        let deadline = Deadline::after(Duration::from_millis(320));
        assert_eq!(lock.lock(&other, || deadline), Err(LockError::TimedOut));
        let _ = lock.release(0);
        assert_eq!(try_lock(&lock, &other), Ok(Taken::Free));
    });
}

#[test]
fn one_of_many_is_told_of_a_death() {
    isolated(|| {
        for round in 0..20 {
            let [owner, others @ ..] = processes::<4>();
            let (lock, told) = (Lock::default(), AtomicUsize::new(0));
            try_lock(&lock, &owner).unwrap();
            thread::scope(|scope| {
                for idx in 0..6 {
                    let (process, lock, told) = (&others[idx / 2], &lock, &told);
                    scope.spawn(move || {
                        let taken = lock.lock(process, || Deadline::NEVER).unwrap();
                        told.fetch_add(usize::from(taken == Taken::FromDead), Relaxed);
                        let _ = lock.release(0);
                    });
                }
                // The owner ends before, while, or after the others fall asleep.
                thread::sleep(Duration::from_millis(round % 4));
                owner.die();
            });
            assert_eq!(told.load(Relaxed), 1);
        }
    });
}

#[test]
fn any_word_is_a_lock() {
    let [process] = processes();
    let mut rng = Rng::seeded(1);
    let chosen = [2, 7, 15, u64::MAX, u64::MAX - 1, 1 << 63, 1 << 32, u32::MAX.into()];
    for word in chosen.into_iter().chain((0..1000).map(|_| rng.next_u64())) {
        let lock = Lock::default();
        lock.word.store(word, Relaxed);
        lock.wishes.store(word as u32, Relaxed);
        // The names in these words are those of nobody.
        assert_eq!(lock.lock(&process, || Deadline::NEVER), Ok(Taken::FromDead));
        assert_eq!(lock.release(1), Wishes(word as u32 & (ONE | ALL | POLLED)));
        assert_eq!(lock.word.load(Relaxed), 0);
    }
}
