//! Models of the semaphore.

use super::*;
use crate::sync::raw::model::{Process, explore, explore_deaths, processes};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

/// A semaphore with two cells, and how many permits are in hands.
struct Counted {
    head: RawSemaphore,
    cells: [Cell; 2],
    out: AtomicU32,
}

impl Counted {
    fn new(permits: u32) -> Arc<Counted> {
        let cells = [Cell::new(), Cell::new()];
        Arc::new(Counted { head: RawSemaphore::new(permits, None), cells, out: AtomicU32::new(0) })
    }

    /// Takes `n` of at most `most` permits and gives them back.
    fn visit(&self, by: &Process, n: u32, most: u32) {
        let holder = self.head.acquire(&self.cells, by, n, Deadline::NEVER).unwrap();
        assert!(self.out.fetch_add(n, Ordering::Relaxed) + n <= most);
        self.out.fetch_sub(n, Ordering::Relaxed);
        self.head.release(&self.cells, by, holder, n);
    }

    fn available(&self, by: &Process) -> u32 {
        self.head.available(&self.cells, by)
    }
}

#[test]
fn two_share_one_permit() {
    explore(|| {
        let counted = Counted::new(1);
        let [a, b, _] = processes();
        let other = {
            let counted = counted.clone();
            thread::spawn(move || counted.visit(&b, 1, 1))
        };
        counted.visit(&a, 1, 1);
        other.join().unwrap();
        assert_eq!(counted.available(&a), 1);
    });
}

#[test]
fn added_permits_wake_all_who_wait() {
    explore(|| {
        let counted = Counted::new(0);
        let [a, b, c] = processes();
        let others = [a, b].map(|by| {
            let counted = counted.clone();
            thread::spawn(move || {
                counted.head.acquire(&counted.cells, &by, 1, Deadline::NEVER).unwrap();
            })
        });
        counted.head.add(&counted.cells, 1).unwrap();
        counted.head.add(&counted.cells, 1).unwrap();
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(counted.available(&c), 0);
    });
}

/// Two permits come at once, and the ring wakes one.
#[test]
fn who_is_woken_wakes_the_next() {
    explore(|| {
        let counted = Counted::new(0);
        let [a, b, _] = processes();
        let others = [a, b].map(|by| {
            let counted = counted.clone();
            thread::spawn(move || {
                counted.head.acquire(&counted.cells, &by, 1, Deadline::NEVER).unwrap();
            })
        });
        counted.head.add(&counted.cells, 2).unwrap();
        for other in others {
            other.join().unwrap();
        }
    });
}

/// One wants three, one wants two, and two come: they are for the second, whoever slept first.
#[test]
fn what_is_too_little_for_one_wakes_the_other() {
    explore(|| {
        let counted = Counted::new(0);
        let [a, b, _] = processes();
        let [wants_two, wants_three] = [(a, 2), (b, 3)].map(|(by, n)| {
            let counted = counted.clone();
            thread::spawn(move || counted.visit(&by, n, 3))
        });
        counted.head.add(&counted.cells, 2).unwrap();
        wants_two.join().unwrap();
        counted.head.add(&counted.cells, 1).unwrap();
        wants_three.join().unwrap();
    });
}

/// What one process gives back and forgets while another looks is never counted twice.
#[test]
fn forgetting_beside_a_look_makes_no_permit() {
    explore(|| {
        let counted = Counted::new(2);
        let [a, b, _] = processes();
        counted.head.acquire(&counted.cells, &a, 2, Deadline::NEVER).unwrap();
        let other = {
            let (counted, a) = (counted.clone(), a.clone());
            thread::spawn(move || {
                counted.head.forget(&counted.cells, &a, a.id(), 1);
                counted.head.release(&counted.cells, &a, a.id(), 1);
            })
        };
        let many = counted.head.acquire(&counted.cells, &b, 2, Deadline::NOW);
        assert!(many.is_err());
        other.join().unwrap();
        assert_eq!(counted.available(&b), 1);
    });
}

/// A permit in the hands of one that is killed at any step is there for the next.
#[test]
fn a_killed_holder_keeps_nothing() {
    explore_deaths(|steps| {
        let counted = Counted::new(1);
        let [victim, b, _] = processes();
        let visitor = {
            let counted = counted.clone();
            thread::spawn(move || {
                let visit = || {
                    let holder = counted.head.acquire(&counted.cells, &victim, 1, Deadline::NEVER).unwrap();
                    counted.head.release(&counted.cells, &victim, holder, 1);
                };
                victim.mortal(steps, visit).is_none()
            })
        };
        counted.visit(&b, 1, 1);
        let killed = visitor.join().unwrap();
        assert_eq!(counted.available(&b), 1);
        counted.visit(&b, 1, 1);
        killed
    });
}

/// A sleeper is killed, woken or not; the permit that came is for the other.
#[test]
fn a_killed_sleeper_takes_no_permit_along() {
    explore_deaths(|steps| {
        let counted = Counted::new(0);
        let [victim, b, c] = processes();
        let sleeper = {
            let counted = counted.clone();
            thread::spawn(move || {
                let acquire = || counted.head.acquire(&counted.cells, &victim, 1, Deadline::NEVER).unwrap();
                victim.mortal(steps, acquire).is_none()
            })
        };
        let other = {
            let counted = counted.clone();
            thread::spawn(move || {
                counted.head.acquire(&counted.cells, &b, 1, Deadline::NEVER).unwrap();
            })
        };
        counted.head.add(&counted.cells, 2).unwrap();
        other.join().unwrap();
        let killed = sleeper.join().unwrap();
        assert_eq!(counted.available(&c), u32::from(killed));
        killed
    });
}
