//! Models of the lock.

use super::*;
use crate::raw::fake::{Process, processes};
use ipc_testkit::model::{expire, explore, explore_deaths, look_again, sleepers};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

/// A lock and what it guards; loom reports whoever touches the data together with another.
struct Guarded {
    lock: Lock,
    data: UnsafeCell<u32>,
}

impl Guarded {
    fn new() -> Arc<Guarded> {
        Arc::new(Guarded { lock: Lock::default(), data: UnsafeCell::new(0) })
    }

    /// Locks, touches the data, releases.
    fn visit(&self, by: &Process, deadline: Deadline) -> Result<Taken, LockError> {
        let taken = self.lock.lock(by, || deadline)?;
        self.data.with_mut(|_| ());
        let _ = self.lock.release(1);
        Ok(taken)
    }

    /// Has a thread visit.
    fn visitor(guarded: &Arc<Self>, by: Process, deadline: Deadline) -> thread::JoinHandle<Option<Taken>> {
        let guarded = guarded.clone();
        thread::spawn(move || guarded.visit(&by, deadline).ok())
    }
}

#[test]
fn one_at_a_time_and_nobody_sleeps_for_ever() {
    explore(|| {
        let guarded = Guarded::new();
        let [first, others @ ..] = processes::<3>();
        let others = others.map(|process| Guarded::visitor(&guarded, process, Deadline::NEVER));
        assert_eq!(guarded.visit(&first, Deadline::NEVER), Ok(Taken::Free));
        for other in others {
            assert_eq!(other.join().unwrap(), Some(Taken::Free));
        }
    });
}

#[test]
fn who_gives_up_takes_no_wake_up_along() {
    explore(|| {
        let guarded = Guarded::new();
        let [first, second, third] = processes();
        let timed = Guarded::visitor(&guarded, second, Deadline::after(Duration::from_secs(1)));
        let patient = Guarded::visitor(&guarded, third, Deadline::NEVER);
        let _ = guarded.visit(&first, Deadline::NEVER);
        expire();
        let _ = guarded.visit(&first, Deadline::NEVER);
        timed.join().unwrap();
        assert_eq!(patient.join().unwrap(), Some(Taken::Free));
    });
}

/// Whoever is killed with the lock, one and only one of the others learns of it.
#[test]
fn a_death_is_told_exactly_once() {
    explore_deaths(|step| {
        let guarded = Guarded::new();
        let [victim, first, second] = processes();
        let dying = {
            let guarded = guarded.clone();
            thread::spawn(move || {
                let lived = victim.mortal(step, || guarded.visit(&victim, Deadline::NEVER).unwrap());
                (lived.is_some(), guarded.lock.word.load(Relaxed) == victim.id().get())
            })
        };
        let other = Guarded::visitor(&guarded, second, Deadline::NEVER);
        let mine = guarded.visit(&first, Deadline::NEVER).unwrap();
        let theirs = other.join().unwrap().unwrap();
        let (lived, _) = dying.join().unwrap();
        let late = guarded.visit(&first, Deadline::NOW).unwrap();
        let told = [mine, theirs, late].into_iter().filter(|taken| *taken == Taken::FromDead).count();
        assert!(told <= usize::from(!lived));
        assert_eq!(guarded.visit(&first, Deadline::NOW), Ok(Taken::Free));
        !lived
    });
}

#[test]
fn who_takes_over_wakes_those_who_slept_before() {
    explore(|| {
        let guarded = Guarded::new();
        let [dead, taker, sleeper] = processes();
        guarded.lock.lock(&dead, || Deadline::NOW).unwrap();
        let sleeping = Guarded::visitor(&guarded, sleeper, Deadline::NEVER);
        dead.die_unseen();
        // If the other one has already taken over, it is as awake as this one.
        let asleep = sleepers() == 1;
        guarded.visit(&taker, Deadline::NEVER).unwrap();
        if !asleep {
            look_again();
        }
        sleeping.join().unwrap().unwrap();
    });
}

/// Waits for a change of the data that somebody else makes, which is counted outside of the lock.
struct Counted {
    lock: Lock,
    count: AtomicU32,
}

impl Counted {
    fn new() -> Arc<Counted> {
        Arc::new(Counted { lock: Lock::default(), count: AtomicU32::new(0) })
    }

    fn add(&self, by: &Process, n: u32) {
        let taken = self.lock.lock(by, || Deadline::NEVER).unwrap();
        if n > 0 {
            self.count.store(self.count.load(Relaxed) + n, Relaxed);
        }
        let _ = self.lock.release(taken.changes(n));
    }

    fn wait_for(&self, n: u32, wishes: Wishes) {
        let mut last = None;
        while self.count.load(Relaxed) < n {
            let heard = self.lock.listen(wishes, last);
            last = Some(heard);
            if self.count.load(Relaxed) < n {
                self.lock.sleep(heard, Deadline::NEVER, Duration::MAX);
            }
        }
    }

    fn waiter(counted: &Arc<Self>, n: u32, wishes: Wishes) -> thread::JoinHandle<()> {
        let counted = counted.clone();
        thread::spawn(move || counted.wait_for(n, wishes))
    }
}

/// Two sleep, and each change is for one of them: the wish of the second outlives the wake-up of the first.
#[test]
fn each_change_wakes_one_more() {
    explore(|| {
        let counted = Counted::new();
        let [changer] = processes();
        let waiters = [Wishes::ONE; 2].map(|wishes| Counted::waiter(&counted, 1, wishes));
        counted.add(&changer, 1);
        counted.add(&changer, 1);
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}

/// One change that is for two.
#[test]
fn two_changes_at_once_wake_two() {
    explore(|| {
        let counted = Counted::new();
        let [changer] = processes();
        let waiters = [Wishes::ONE; 2].map(|wishes| Counted::waiter(&counted, 1, wishes));
        counted.add(&changer, 2);
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}

/// A change that does not serve the first does serve the second.
#[test]
fn who_is_not_served_by_any_change_has_all_woken() {
    explore(|| {
        let counted = Counted::new();
        let [changer] = processes();
        let waiters =
            [(2, Wishes::ALL), (1, Wishes::ONE)].map(|(n, wishes)| Counted::waiter(&counted, n, wishes));
        counted.add(&changer, 1);
        for waiter in waiters.into_iter().rev() {
            waiter.join().unwrap();
            counted.add(&changer, 1);
        }
    });
}

/// Who has the lock and changes nothing leaves the wishes to the next, whoever comes in between.
#[test]
fn a_release_without_a_change_takes_no_wish_along() {
    explore(|| {
        let counted = Counted::new();
        let [idle, changer] = processes();
        let waiter = Counted::waiter(&counted, 1, Wishes::ONE);
        let idler = {
            let counted = counted.clone();
            thread::spawn(move || counted.add(&idle, 0))
        };
        counted.add(&changer, 1);
        waiter.join().unwrap();
        idler.join().unwrap();
    });
}

/// A wish that is left by who polls is found by one who makes a change after it.
#[test]
fn who_polls_sees_the_change_or_is_told() {
    explore(|| {
        let counted = Counted::new();
        let tokens = Arc::new(AtomicU32::new(0));
        let changers = processes::<2>();
        let others = [(0, 0), (1, 1)].map(|(idx, n): (usize, u32)| {
            let (counted, tokens, by) = (counted.clone(), tokens.clone(), changers[idx].clone());
            thread::spawn(move || {
                counted.lock.lock(&by, || Deadline::NEVER).unwrap();
                if n > 0 {
                    counted.count.store(n, Relaxed);
                }
                if counted.lock.release(n).is_polled() {
                    tokens.store(1, Relaxed);
                }
            })
        });
        counted.lock.wish(Wishes::POLLED);
        let has_seen = counted.count.load(Relaxed) == 1;
        for other in others {
            other.join().unwrap();
        }
        assert!(has_seen || tokens.load(Relaxed) == 1);
    });
}

/// A changer is killed at any step; whoever has the lock after it wakes the sleeper, also if it changes nothing itself.
#[test]
fn who_takes_over_tells_of_the_changes_of_the_dead() {
    explore_deaths(|step| {
        let counted = Counted::new();
        let [victim, next] = processes();
        let waiter = Counted::waiter(&counted, 1, Wishes::ONE);
        let killed = victim.mortal_unseen(step, || counted.add(&victim, 1)).is_none();
        // Killed after it has released the lock, it may have taken the wish along: what the look again is for.
        let is_freed = counted.lock.word.load(Relaxed) != victim.id().get();
        counted.add(&next, 0);
        if counted.count.load(Relaxed) == 0 {
            counted.add(&next, 1);
        } else if killed && is_freed {
            look_again();
        }
        waiter.join().unwrap();
        killed
    });
}
