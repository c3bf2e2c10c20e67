//! The semaphore between made-up processes: permits are neither lost nor made, wherever somebody dies.

use super::*;
use crate::sync::raw::fake::{Process, World};
use ipc_testkit::mortal::at_every_step;
use ipc_testkit::{Rng, watchdog};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(60);

/// A semaphore and its cells.
struct Shared {
    head: RawSemaphore,
    cells: Vec<Cell>,
}

impl Shared {
    fn new(permits: u32, bound: Option<u32>, n_cells: usize) -> Shared {
        let cells = (0..n_cells).map(|_| Cell::new()).collect();
        Shared { head: RawSemaphore::new(permits, bound), cells }
    }

    fn acquire(&self, by: Process<'_>, n: u32, deadline: Deadline) -> Result<Id, AcquireError> {
        self.head.acquire(&self.cells, &by, n, deadline)
    }

    fn try_acquire(&self, by: Process<'_>) -> bool {
        self.acquire(by, 1, Deadline::NOW).is_ok()
    }

    fn release(&self, by: Process<'_>, holder: Id, n: u32) {
        self.head.release(&self.cells, &by, holder, n);
    }

    fn forget(&self, by: Process<'_>, n: u32) {
        self.head.forget(&self.cells, &by, by.id(), n);
    }

    fn add(&self, n: u32) -> Result<(), AddError> {
        self.head.add(&self.cells, n)
    }

    /// How many permits a process can really take, one by one; all come back.
    fn takes(&self, by: Process<'_>) -> u32 {
        let n = (0..1000).take_while(|_| self.try_acquire(by)).count() as u32;
        assert_eq!(self.head.available(&self.cells, &by), 0);
        (0..n).for_each(|_| self.release(by, by.id(), 1));
        assert_eq!(self.head.available(&self.cells, &by), n);
        n
    }
}

#[test]
fn smoke() {
    let world = World::default();
    let (a, b) = (world.start(), world.start());
    let shared = Shared::new(2, None, 4);
    assert_eq!(shared.acquire(a, 1, Deadline::NEVER), Ok(a.id()));
    assert!(shared.try_acquire(b));
    assert_eq!(shared.acquire(a, 1, Deadline::NOW), Err(AcquireError::TimedOut));
    shared.release(b, b.id(), 1);
    assert!(shared.try_acquire(a));
    assert!(!shared.try_acquire(b));
    shared.release(a, a.id(), 2);
    assert_eq!(shared.takes(b), 2);
}

#[test]
fn a_timeout_lasts_as_long_as_it_says() {
    let world = World::default();
    let shared = Shared::new(0, None, 4);
    let start = Instant::now();
    let timeout = Duration::from_millis(120);
    let result = shared.acquire(world.start(), 1, Deadline::after(timeout));
    assert_eq!(result, Err(AcquireError::TimedOut));
    assert!(start.elapsed() >= timeout);
}

#[test]
fn many_are_taken_at_once_or_not_at_all() {
    let world = World::default();
    let (a, b) = (world.start(), world.start());
    let shared = Shared::new(5, None, 4);
    assert!(shared.acquire(a, 3, Deadline::NOW).is_ok());
    assert!(shared.acquire(b, 3, Deadline::NOW).is_err());
    assert!(shared.acquire(b, 2, Deadline::NOW).is_ok());
    shared.release(a, a.id(), 3);
    assert!(shared.acquire(b, 3, Deadline::NOW).is_ok());
    assert_eq!(shared.head.available(&shared.cells, &a), 0);
}

#[test]
fn only_the_holder_gives_back() {
    let world = World::default();
    let (parent, child) = (world.start(), world.start());
    let shared = Shared::new(1, None, 4);
    assert!(shared.try_acquire(parent));
    shared.release(child, parent.id(), 1);
    shared.release(world.nameless(), parent.id(), 1);
    shared.release(child, child.id(), 1);
    shared.release(parent, parent.id(), 2);
    assert!(!shared.try_acquire(child));
    assert_eq!(shared.acquire(world.nameless(), 1, Deadline::NOW), Err(AcquireError::Forked));
    shared.release(parent, parent.id(), 1);
    shared.release(parent, parent.id(), 1);
    assert_eq!(shared.takes(child), 1);
}

#[test]
fn forgotten_permits_stay_away_and_added_ones_come() {
    let world = World::default();
    let (a, b) = (world.start(), world.start());
    let shared = Shared::new(3, Some(3), 4);
    assert_eq!(shared.add(1), Err(AddError::Full));
    assert!(shared.acquire(a, 2, Deadline::NOW).is_ok());
    assert_eq!(shared.add(1), Err(AddError::Full));
    shared.forget(a, 2);
    assert_eq!(shared.takes(b), 1);
    a.kill();
    assert_eq!(shared.takes(b), 1);
    assert_eq!(shared.add(3), Err(AddError::Full));
    assert_eq!(shared.add(2), Ok(()));
    assert_eq!(shared.takes(b), 3);
    assert_eq!(shared.add(u32::MAX), Err(AddError::Full));
}

#[test]
fn the_counters_run_over_their_end() {
    let world = World::default();
    let a = world.start();
    let shared = Shared::new(2, Some(3), 2);
    shared.head.added.set(1);
    shared.cells[1].word.set(u64::from(u32::MAX) << 32);
    assert_eq!(shared.takes(a), 2);
    for _ in 0..3 {
        assert!(shared.try_acquire(a));
        shared.forget(a, 1);
        assert_eq!(shared.add(1), Ok(()));
        assert_eq!(shared.takes(a), 2);
    }
}

#[test]
fn a_full_table_is_an_error_and_idle_owners_make_room() {
    let world = World::default();
    let holders: Vec<_> = (0..3).map(|_| world.start()).collect();
    let late = world.start();
    let shared = Shared::new(9, None, 3);
    assert!(holders.iter().all(|&holder| shared.try_acquire(holder)));
    assert_eq!(shared.acquire(late, 1, Deadline::NEVER), Err(AcquireError::TooManyHolders));
    shared.release(holders[1], holders[1].id(), 1);
    assert!(shared.try_acquire(late));
    assert!(!shared.try_acquire(holders[1]));
    holders[0].kill();
    assert!(shared.try_acquire(holders[1]));
    assert_eq!(shared.head.available(&shared.cells, &late), 6);
}

#[test]
fn permits_come_back_to_a_sleeper() {
    let _watchdog = watchdog(LIMIT);
    let world = World::default();
    let (dies, sleeps) = (world.start(), world.start());
    let shared = Shared::new(2, None, 4);
    assert!(shared.acquire(dies, 2, Deadline::NOW).is_ok());
    thread::scope(|scope| {
        let sleeper = scope.spawn(|| shared.acquire(sleeps, 1, Deadline::NEVER));
        thread::sleep(Duration::from_millis(20));
        dies.kill();
        assert_eq!(sleeper.join().unwrap(), Ok(sleeps.id()));
    });
}

#[test]
fn ten_thousand_deaths_cost_no_permit() {
    let world = World::default();
    let shared = Shared::new(3, None, 5);
    let survivor = world.start();
    for round in 0..10_000 {
        let dies = world.start();
        let n = 1 + round % 3;
        assert_eq!(shared.acquire(dies, n, Deadline::NOW), Ok(dies.id()), "round {round}");
        dies.kill();
    }
    assert_eq!(shared.takes(survivor), 3);
}

#[test]
fn never_more_holders_than_permits() {
    let _watchdog = watchdog(LIMIT);
    let world = World::default();
    let shared = Shared::new(3, None, 8);
    let inside = AtomicU32::new(0);
    thread::scope(|scope| {
        for i in 0..6 {
            let by = world.start();
            let (shared, inside) = (&shared, &inside);
            scope.spawn(move || {
                for round in 0..500 {
                    let n = if i == 0 && round % 10 == 0 { 3 } else { 1 };
                    let holder = shared.acquire(by, n, Deadline::NEVER).unwrap();
                    assert!(inside.fetch_add(n, Ordering::SeqCst) + n <= 3);
                    inside.fetch_sub(n, Ordering::SeqCst);
                    if round % 7 == 0 {
                        shared.forget(by, n);
                        shared.add(n).unwrap();
                    } else {
                        shared.release(by, holder, n);
                    }
                }
            });
        }
    });
    assert_eq!(shared.takes(world.start()), 3);
}

/// What one who dies does: its name, how many permits the others must then find, of 4, and the deed.
type Deed = (&'static str, [u32; 2], fn(&Shared, Process<'_>));

const DEEDS: &[Deed] = &[
    ("acquire", [4, 4], |shared, by| assert!(shared.acquire(by, 2, Deadline::NOW).is_ok())),
    ("acquire, release", [4, 4], |shared, by| {
        shared.acquire(by, 2, Deadline::NOW).unwrap();
        shared.release(by, by.id(), 1);
        shared.release(by, by.id(), 1);
    }),
    ("acquire, forget", [3, 4], |shared, by| {
        shared.acquire(by, 2, Deadline::NOW).unwrap();
        shared.forget(by, 1);
    }),
    ("add", [4, 5], |shared, _| shared.add(1).unwrap()),
    ("wait in vain", [4, 4], |shared, by| {
        assert!(shared.acquire(by, 5, Deadline::after(Duration::from_millis(1))).is_err());
    }),
];

#[test]
fn a_death_at_every_step_leaves_old_or_new() {
    let _watchdog = watchdog(LIMIT);
    for &(name, [least, most], deed) in DEEDS {
        let deaths = at_every_step(|n| {
            let world = World::default();
            let (dies, survivor, second) = (world.start(), world.start(), world.start());
            let shared = Shared::new(4, None, 2);
            let lived = dies.dies_at(n, || deed(&shared, dies)).is_some();
            let found = shared.takes(survivor);
            assert!((least..=most).contains(&found), "{name}, step {n}: {found}");
            assert_eq!(shared.takes(second), found, "{name}, step {n}");
            lived
        });
        assert!(deaths > 1, "{name}: {deaths}");
    }
}

/// The one who takes from the dead dies itself at every step, and so does the one who takes from that one.
#[test]
fn a_death_while_taking_from_the_dead_three_deep() {
    at_every_step(|first| {
        let lived = |n: [u32; 3]| {
            let world = World::default();
            let shared = Shared::new(3, None, 1);
            let mut alive = false;
            for n in n {
                let dies = world.start();
                alive = dies.dies_at(n, || assert!(shared.acquire(dies, 3, Deadline::NOW).is_ok())).is_some();
            }
            assert_eq!(shared.takes(world.start()), 3);
            alive
        };
        at_every_step(|second| {
            at_every_step(|third| lived([first, second, third]));
            lived([u32::MAX, u32::MAX, second])
        });
        lived([u32::MAX, u32::MAX, first])
    });
}

/// A sleeper dies after it was woken. The other gets the permit all the same.
#[test]
fn a_wake_up_that_dies_is_a_delay() {
    let _watchdog = watchdog(LIMIT);
    for n in 0..8 {
        let world = World::default();
        let (holder, dies, waits) = (world.start(), world.start(), world.start());
        let shared = Shared::new(1, None, 4);
        assert!(shared.try_acquire(holder));
        thread::scope(|scope| {
            let sleeper = |by: Process<'_>| shared.acquire(by, 1, Deadline::NEVER);
            let first = scope.spawn(move || dies.dies_at(n, || sleeper(dies)));
            thread::sleep(Duration::from_millis(5));
            let second = scope.spawn(move || sleeper(waits));
            thread::sleep(Duration::from_millis(5));
            shared.release(holder, holder.id(), 1);
            first.join().unwrap();
            assert_eq!(second.join().unwrap(), Ok(waits.id()));
        });
    }
}

#[test]
fn any_bytes_are_a_semaphore() {
    let _watchdog = watchdog(LIMIT);
    let mut rng = Rng::from_env();
    for _ in 0..2000 {
        let world = World::default();
        let by = world.start();
        let shared = Shared::new(rng.next_u64() as u32, None, rng.below(4) as usize);
        scribble(&shared, &mut rng);
        use_once(&shared, by, &mut rng);
    }
}

#[test]
fn somebody_who_scribbles_all_the_time_stops_nobody() {
    let _watchdog = watchdog(LIMIT);
    let world = World::default();
    let by = world.start();
    let shared = Shared::new(2, None, 3);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut rng = Rng::from_env();
            while !done.load(Ordering::Relaxed) {
                scribble(&shared, &mut rng);
            }
        });
        let mut rng = Rng::from_env();
        (0..200).for_each(|_| use_once(&shared, by, &mut rng));
        done.store(true, Ordering::Relaxed);
    });
}

fn use_once(shared: &Shared, by: Process<'_>, rng: &mut Rng) {
    let mut n = || rng.below(4) as u32;
    let deadline = Deadline::after(Duration::from_micros(200));
    let _ = shared.acquire(by, n(), deadline);
    let _ = shared.acquire(by, u32::MAX - n(), deadline);
    let _ = shared.acquire(by, 1, deadline);
    let _ = shared.add(n());
    shared.release(by, by.id(), n());
    shared.forget(by, n());
    let _ = shared.head.available(&shared.cells, &by);
}

fn scribble(shared: &Shared, rng: &mut Rng) {
    let mut word = || if rng.one_in(2) { rng.next_u64() } else { rng.below(4) };
    shared.head.added.set(word() as u32);
    shared.head.bound.set(word() as u32);
    shared.head.bell.listen(Serves::All);
    for cell in &shared.cells {
        cell.owner.set(word());
        cell.word.set(word());
    }
}
