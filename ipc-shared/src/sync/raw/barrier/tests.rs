//! The barrier between made-up processes: who leaves together, and how those learn that nobody else will come.

use super::*;
use crate::sync::raw::fake::{Process, World};
use ipc_testkit::mortal::at_every_step;
use ipc_testkit::{Rng, watchdog};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);
const BROKEN: Result<Passed, BarrierError> = Err(BarrierError::Broken);

/// A barrier and its cells.
struct Shared {
    head: RawBarrier,
    cells: Vec<Cell>,
}

impl Shared {
    fn new(parties: u32, n_cells: usize) -> Shared {
        Shared { head: RawBarrier::new(parties), cells: (0..n_cells).map(|_| Cell::new()).collect() }
    }

    fn wait(&self, by: Process<'_>) -> Result<Passed, BarrierError> {
        self.head.wait(&self.cells, &by, Deadline::NEVER)
    }

    fn wait_briefly(&self, by: Process<'_>) -> Result<Passed, BarrierError> {
        self.head.wait(&self.cells, &by, Deadline::after(Duration::from_millis(1)))
    }

    fn enroll(&self, by: Process<'_>) -> Result<(), BarrierError> {
        self.head.enroll(&self.cells, &by, Deadline::NEVER)
    }

    fn reset(&self, by: Process<'_>) {
        self.head.reset(&self.cells, &by, Deadline::NEVER).unwrap();
    }

    fn n_waiting(&self) -> u32 {
        self.head.n_waiting(&self.cells)
    }

    fn until_waiting(&self, n: u32) {
        while self.n_waiting() != n {
            thread::yield_now();
        }
    }

    /// Two fresh processes go through, twice.
    fn works_for_two(&self, world: &World) {
        assert!(!self.head.is_broken());
        for _ in 0..2 {
            let (a, b) = (world.start(), world.start());
            let mut passed = thread::scope(|scope| {
                let first = scope.spawn(|| self.wait(a));
                [self.wait(b).unwrap(), first.join().unwrap().unwrap()]
            });
            passed.sort_by_key(|passed| passed.index);
            let expected = [0, 1].map(|index| Passed { index, is_leader: index == 1 });
            assert_eq!(passed, expected);
            self.head.leave(&self.cells, &a, a.id());
            self.head.leave(&self.cells, &b, b.id());
        }
    }
}

#[test]
fn smoke() {
    let _watchdog = watchdog(LIMIT);
    let world = World::default();
    let alone = Shared::new(1, 1);
    assert_eq!(alone.wait(world.start()), Ok(Passed { index: 0, is_leader: true }));
    let shared = Shared::new(2, 2);
    shared.works_for_two(&world);
    assert_eq!((shared.head.parties(), shared.n_waiting()), (2, 0));
}

#[test]
fn nobody_passes_before_all_have_come_in_many_generations() {
    const PARTIES: u32 = 4;
    let _watchdog = watchdog(LIMIT);
    let world = World::default();
    let shared = Shared::new(PARTIES, 4);
    let (came, leaders) = (AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        // Two processes of two threads.
        for by in [world.start(), world.start()].repeat(2) {
            let (shared, came, leaders) = (&shared, &came, &leaders);
            scope.spawn(move || {
                for generation in 0..500 {
                    came.fetch_add(1, Ordering::SeqCst);
                    let passed = shared.wait(by).unwrap();
                    assert!(came.load(Ordering::SeqCst) >= (generation + 1) * PARTIES);
                    assert_eq!(passed.is_leader, passed.index == PARTIES - 1);
                    leaders.fetch_add(u32::from(passed.is_leader), Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(leaders.load(Ordering::SeqCst), 500);
}

/// Six threads, three at a time: none comes in before those have left who have passed.
#[test]
fn more_threads_than_parties() {
    let _watchdog = watchdog(LIMIT);
    let world = World::default();
    let shared = Shared::new(3, 4);
    let (tickets, sum) = (AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for by in [world.start(), world.start(), world.start()].repeat(2) {
            let (shared, tickets, sum) = (&shared, &tickets, &sum);
            scope.spawn(move || {
                while tickets.fetch_add(1, Ordering::Relaxed) < 600 {
                    sum.fetch_add(shared.wait(by).unwrap().index, Ordering::Relaxed);
                }
            });
        }
    });
    // In each of 200 generations the indices are 0, 1, 2.
    assert_eq!(sum.load(Ordering::Relaxed), 600);
}

#[test]
fn a_timeout_breaks_it_for_all() {
    let _watchdog = watchdog(LIMIT);
    let world = World::default();
    let (a, b) = (world.start(), world.start());
    let shared = Shared::new(3, 4);
    thread::scope(|scope| {
        let waits = scope.spawn(|| shared.wait(a));
        shared.until_waiting(1);
        assert_eq!(shared.wait_briefly(b), Err(BarrierError::TimedOut));
        assert_eq!(waits.join().unwrap(), BROKEN);
    });
    assert_eq!(shared.wait(a), BROKEN);
    assert!(shared.head.is_broken());
}

#[test]
fn abort_and_reset() {
    let _watchdog = watchdog(LIMIT);
    let world = World::default();
    let (a, b) = (world.start(), world.start());
    let shared = Shared::new(2, 4);
    for round in 0..20 {
        thread::scope(|scope| {
            let waits = scope.spawn(|| shared.wait(a));
            shared.until_waiting(1);
            if round % 2 == 0 {
                shared.head.abort();
                assert_eq!(shared.wait(b), BROKEN);
            }
            shared.reset(b);
            assert_eq!(waits.join().unwrap(), BROKEN);
        });
        shared.works_for_two(&world);
    }
}

/// Who has passed is not told otherwise by a reset or an abort before it has left.
#[test]
fn who_drains_keeps_the_verdict() {
    let world = World::default();
    let (a, b) = (world.start(), world.start());
    let shared = Shared::new(2, 4);
    let Door::In(waiter) = shared.head.look_at_door(&shared.cells, &a, a.id(), false) else {
        panic!("not in")
    };
    assert_eq!(shared.wait(b), Ok(Passed { index: 1, is_leader: true }));
    let passed = Ok(Passed { index: 0, is_leader: false });
    assert_eq!(waiter.verdict(shared.head.phase.get()), Some(passed));
    // Nobody comes in meanwhile.
    assert!(matches!(shared.head.look_at_door(&shared.cells, &b, b.id(), false), Door::Draining(_)));
    shared.head.abort();
    assert_eq!(waiter.verdict(shared.head.phase.get()), Some(passed));
    shared.reset(b);
    assert!(!shared.head.is_broken());
    assert_eq!(waiter.verdict(shared.head.phase.get()), Some(passed));
    assert!(matches!(shared.head.look_at_door(&shared.cells, &b, b.id(), false), Door::Draining(_)));
    assert_eq!(shared.head.stay(&waiter, &shared.cells, &a, Deadline::NEVER), passed);
    shared.works_for_two(&world);
}

#[test]
fn the_generation_runs_over_its_end() {
    let _watchdog = watchdog(LIMIT);
    let world = World::default();
    let shared = Shared::new(2, 4);
    shared.head.phase.set(u32::MAX << GENERATION);
    shared.works_for_two(&world);
    assert_eq!(generation(shared.head.phase.get()), 1);
}

#[test]
fn a_party_that_dies_breaks_it_wherever_it_was() {
    let _watchdog = watchdog(LIMIT);
    for waits in [true, false] {
        let world = World::default();
        let (dies, a, b) = (world.start(), world.start(), world.start());
        let shared = Shared::new(3, 4);
        thread::scope(|scope| {
            if waits {
                // The thread goes on and leaves the wait as the dead cannot; what counts is what the others learn.
                scope.spawn(|| shared.wait(dies));
                shared.until_waiting(1);
            } else {
                shared.enroll(dies).unwrap();
            }
            let n = shared.n_waiting();
            let sleeps = scope.spawn(|| shared.wait(a));
            shared.until_waiting(n + 1);
            dies.kill();
            assert_eq!(sleeps.join().unwrap(), BROKEN);
        });
        assert_eq!(shared.wait(b), BROKEN);
        shared.reset(b);
        shared.head.leave(&shared.cells, &a, a.id());
        shared.head.leave(&shared.cells, &b, b.id());
        shared.head.parties.set(2);
        shared.works_for_two(&world);
    }
}

#[test]
fn nobody_passes_over_a_corpse() {
    let _watchdog = watchdog(LIMIT);
    let world = World::default();
    let (dies, last) = (world.start(), world.start());
    let shared = Shared::new(2, 4);
    let Door::In(_) = shared.head.look_at_door(&shared.cells, &dies, dies.id(), false) else {
        panic!("not in")
    };
    dies.kill();
    assert_eq!(shared.wait(last), BROKEN);
}

#[test]
fn the_dead_do_not_hold_up_who_drains() {
    let _watchdog = watchdog(LIMIT);
    let world = World::default();
    let (dies, a) = (world.start(), world.start());
    let shared = Shared::new(2, 4);
    let Door::In(_) = shared.head.look_at_door(&shared.cells, &dies, dies.id(), false) else {
        panic!("not in")
    };
    assert!(shared.wait(a).is_ok());
    dies.kill();
    assert_eq!(shared.wait(a), BROKEN);
    shared.reset(a);
    shared.works_for_two(&world);
}

#[test]
fn members_leave_and_take_nothing_with_them() {
    let _watchdog = watchdog(LIMIT);
    let world = World::default();
    let (leaves, child) = (world.start(), world.start());
    let shared = Shared::new(2, 3);
    shared.enroll(leaves).unwrap();
    shared.enroll(leaves).unwrap();
    shared.head.leave(&shared.cells, &child, leaves.id());
    assert!(cells::own(&shared.cells, leaves.id()).is_some());
    shared.head.leave(&shared.cells, &leaves, leaves.id());
    leaves.kill();
    shared.works_for_two(&world);
    assert_eq!(shared.wait(world.nameless()), Err(BarrierError::Forked));
}

#[test]
fn a_full_table_is_an_error_unless_somebody_has_died() {
    let world = World::default();
    let (a, b, late) = (world.start(), world.start(), world.start());
    let shared = Shared::new(3, 2);
    shared.enroll(a).unwrap();
    shared.enroll(b).unwrap();
    assert_eq!(shared.enroll(late), Err(BarrierError::TooManyMembers));
    assert_eq!(shared.wait(late), Err(BarrierError::TooManyMembers));
    a.kill();
    // The seat of the dead is free, and its death is not forgotten.
    assert_eq!(shared.enroll(late), Ok(()));
    assert_eq!(shared.wait(late), BROKEN);
}

/// What one who dies does, on a barrier for two.
type Deed = (&'static str, fn(&Shared, Process<'_>));

const DEEDS: &[Deed] = &[
    ("enroll and leave", |shared, by| {
        shared.enroll(by).unwrap();
        shared.head.leave(&shared.cells, &by, by.id());
    }),
    ("wait and time out", |shared, by| assert!(shared.wait_briefly(by).is_err())),
    ("abort", |shared, _| shared.head.abort()),
    ("reset", |shared, by| shared.reset(by)),
    ("bury and reset", |shared, by| {
        // Nobody has that name.
        shared.cells[3].owner.set(Id::new(9999).unwrap().get());
        shared.reset(by);
    }),
];

/// Whoever waits then is not left alone, and a reset makes it whole.
#[test]
fn a_death_at_every_step_breaks_it_or_is_no_matter() {
    let _watchdog = watchdog(LIMIT);
    for &(name, deed) in DEEDS {
        let deaths = at_every_step(|n| {
            let world = World::default();
            let (dies, survivor, other) = (world.start(), world.start(), world.start());
            let shared = Shared::new(2, 4);
            let lived = dies.dies_at(n, || deed(&shared, dies)).is_some();
            let results = thread::scope(|scope| {
                let first = scope.spawn(|| shared.wait(survivor));
                [shared.wait(other), first.join().unwrap()]
            });
            let passed = results.iter().filter(|result| result.is_ok()).count();
            assert!(passed == 0 || passed == 2, "{name}, step {n}: {results:?}");
            shared.reset(survivor);
            for by in [survivor, other] {
                shared.head.leave(&shared.cells, &by, by.id());
            }
            shared.works_for_two(&world);
            lived
        });
        assert!(deaths > 0, "{name}: {deaths}");
    }
}

/// The last to come dies at every step: who waits passes if it came to that, and learns of the death otherwise.
#[test]
fn the_last_dies_at_every_step() {
    let _watchdog = watchdog(LIMIT);
    let mut seen = [0, 0];
    at_every_step(|n| {
        let world = World::default();
        let (first, dies) = (world.start(), world.start());
        let shared = Shared::new(2, 4);
        let (lived, result) = thread::scope(|scope| {
            let waits = scope.spawn(|| shared.wait(first));
            shared.until_waiting(1);
            // Before it is a member nobody knows of it, so nobody waits for it either.
            shared.enroll(dies).unwrap();
            let lived = dies.dies_at(n, || shared.wait(dies)).is_some();
            (lived, waits.join().unwrap())
        });
        assert!(result.is_ok() || result == BROKEN, "step {n}: {result:?}");
        seen[usize::from(result.is_ok())] += 1;
        shared.reset(first);
        shared.head.leave(&shared.cells, &first, first.id());
        shared.works_for_two(&world);
        lived
    });
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
}

/// A member has died; the one who resets dies at every step, and so does the next. Who waited meanwhile does not wait on: a
/// reset that was not finished leaves the barrier broken, and the death known.
#[test]
fn a_death_while_resetting_three_deep() {
    let _watchdog = watchdog(LIMIT);
    let round = |n: [u32; 2]| {
        let world = World::default();
        let (dead, waits, survivor) = (world.start(), world.start(), world.start());
        let shared = Shared::new(2, 3);
        let entered = shared.head.look_at_door(&shared.cells, &waits, waits.id(), false);
        let Door::In(waiter) = entered else { panic!("not in") };
        shared.enroll(dead).unwrap();
        dead.kill();
        let lived = n.map(|n| {
            let dies = world.start();
            dies.dies_at(n, || shared.reset(dies)).is_some()
        });
        let ended = shared.head.stay(&waiter, &shared.cells, &waits, Deadline::NEVER);
        assert_eq!(ended, BROKEN, "{n:?}");
        let forgotten = cells::own(&shared.cells, dead.id()).is_none();
        assert!(shared.head.is_broken() || forgotten, "{n:?}: whole, and a member is dead");
        shared.reset(survivor);
        shared.head.leave(&shared.cells, &waits, waits.id());
        shared.works_for_two(&world);
        lived[1]
    };
    at_every_step(|first| {
        at_every_step(|second| round([first, second]));
        round([u32::MAX, first])
    });
}

#[test]
fn any_bytes_are_a_barrier() {
    let _watchdog = watchdog(LIMIT);
    let mut rng = Rng::from_env();
    for _ in 0..1000 {
        let world = World::default();
        let by = world.start();
        let shared = Shared::new(0, rng.below(4) as usize);
        scribble(&shared, &mut rng);
        use_once(&shared, by);
    }
}

#[test]
fn somebody_who_scribbles_all_the_time_stops_nobody() {
    let _watchdog = watchdog(LIMIT);
    let world = World::default();
    let by = world.start();
    let shared = Shared::new(2, 3);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut rng = Rng::from_env();
            while !done.load(Ordering::Relaxed) {
                scribble(&shared, &mut rng);
            }
        });
        (0..200).for_each(|_| use_once(&shared, by));
        done.store(true, Ordering::Relaxed);
    });
}

fn use_once(shared: &Shared, by: Process<'_>) {
    let deadline = Deadline::after(Duration::from_micros(200));
    let _ = shared.head.wait(&shared.cells, &by, deadline);
    let _ = shared.head.enroll(&shared.cells, &by, deadline);
    let _ = shared.n_waiting();
    let _ = shared.head.reset(&shared.cells, &by, deadline);
    let _ = shared.head.wait(&shared.cells, &by, deadline);
    shared.head.leave(&shared.cells, &by, by.id());
}

fn scribble(shared: &Shared, rng: &mut Rng) {
    let mut word = || if rng.one_in(2) { rng.next_u64() } else { rng.below(4) };
    shared.head.parties.set(word() as u32);
    shared.head.phase.set(word() as u32);
    for cell in &shared.cells {
        cell.owner.set(word());
        cell.word.set(word());
    }
}
