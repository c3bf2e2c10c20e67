//! The read-write lock between made-up processes: who is kept out, who is told, and what the dead leave.

use super::*;
use crate::sync::raw::fake::{Process, World};
use ipc_testkit::mortal::at_every_step;
use ipc_testkit::{Rng, watchdog};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// A lock and its cells.
struct Shared {
    head: RawRwLock,
    cells: Vec<Cell>,
}

impl Shared {
    fn new(n_cells: usize) -> Shared {
        Shared { head: RawRwLock::new(), cells: (0..n_cells).map(|_| Cell::new()).collect() }
    }

    fn read(&self, by: Process<'_>, deadline: Deadline) -> Result<State, ReadError> {
        self.head.read(&self.cells, &by, deadline).map(|acquired| acquired.state)
    }

    fn try_read(&self, by: Process<'_>) -> Result<State, ReadError> {
        self.read(by, Deadline::NOW)
    }

    fn write(&self, by: Process<'_>, deadline: Deadline) -> Result<State, RawLockError> {
        self.head.write(&self.cells, &by, deadline).map(|acquired| acquired.state)
    }

    fn try_write(&self, by: Process<'_>) -> Result<State, RawLockError> {
        self.write(by, Deadline::NOW)
    }

    fn unlock_read(&self, by: Process<'_>) {
        self.head.unlock_read(&self.cells, &by, by.id());
    }

    fn unlock_write(&self, by: Process<'_>) {
        self.head.unlock_write(&by, by.id());
    }

    fn wait_until_pending(&self, by: Process<'_>) {
        while self.head.pending.get() != by.id().get() {
            thread::yield_now();
        }
    }
}

#[test]
fn smoke() {
    let world = World::default();
    let (a, b) = (world.start(), world.start());
    let shared = Shared::new(4);
    assert_eq!(shared.try_read(a), Ok(State::Clean));
    assert_eq!(shared.try_read(a), Ok(State::Clean));
    assert_eq!(shared.try_read(b), Ok(State::Clean));
    assert_eq!(shared.try_write(b), Err(RawLockError::TimedOut));
    shared.unlock_read(a);
    shared.unlock_read(b);
    assert_eq!(shared.try_write(b), Err(RawLockError::TimedOut));
    shared.unlock_read(a);
    assert_eq!(shared.try_write(b), Ok(State::Clean));
    assert_eq!(shared.try_write(a), Err(RawLockError::TimedOut));
    assert_eq!(shared.try_write(b), Err(RawLockError::TimedOut));
    assert_eq!(shared.try_read(a), Err(ReadError::TimedOut));
    shared.unlock_write(b);
    assert_eq!(shared.try_read(a), Ok(State::Clean));
}

#[test]
fn a_copy_in_a_child_unlocks_nothing() {
    let world = World::default();
    let (parent, child) = (world.start(), world.start());
    let shared = Shared::new(4);
    for child in [child, world.nameless()] {
        assert_eq!(shared.try_read(parent), Ok(State::Clean));
        shared.head.unlock_read(&shared.cells, &child, parent.id());
        assert!(shared.try_write(parent).is_err());
        shared.unlock_read(parent);
        assert_eq!(shared.try_write(parent), Ok(State::Clean));
        shared.head.unlock_write(&child, parent.id());
        assert!(shared.try_read(parent).is_err());
        shared.unlock_write(parent);
    }
    assert_eq!(shared.try_read(world.nameless()), Err(ReadError::Forked));
    assert_eq!(shared.try_write(world.nameless()), Err(RawLockError::Forked));
}

#[test]
fn a_full_table_is_an_error_until_a_reader_dies_or_stops() {
    let world = World::default();
    let (a, b, late) = (world.start(), world.start(), world.start());
    let shared = Shared::new(2);
    assert!(shared.try_read(a).is_ok() && shared.try_read(b).is_ok());
    assert_eq!(shared.read(late, Deadline::NEVER), Err(ReadError::TooManyReaders));
    shared.unlock_read(a);
    assert_eq!(shared.try_read(late), Ok(State::Clean));
    assert_eq!(shared.try_read(a), Err(ReadError::TooManyReaders));
    b.kill();
    assert_eq!(shared.try_read(a), Ok(State::Clean));
}

#[test]
fn dead_readers_hold_nothing() {
    let world = World::default();
    let (dies, writer) = (world.start(), world.start());
    let shared = Shared::new(2);
    assert!(shared.try_read(dies).is_ok() && shared.try_read(dies).is_ok());
    assert!(shared.try_write(writer).is_err());
    dies.kill();
    assert_eq!(shared.try_write(writer), Ok(State::Clean));
}

#[test]
fn the_death_of_a_writer_is_told_to_one_writer() {
    let world = World::default();
    let (dies, a, b) = (world.start(), world.start(), world.start());
    let shared = Shared::new(4);
    assert_eq!(shared.try_write(dies), Ok(State::Clean));
    dies.kill();
    assert_eq!(shared.try_read(a), Ok(State::Poisoned));
    assert_eq!(shared.try_read(b), Ok(State::Poisoned));
    shared.unlock_read(a);
    shared.unlock_read(b);
    assert_eq!(shared.try_write(a), Ok(State::OwnerDied));
    shared.unlock_write(a);
    assert_eq!(shared.try_write(b), Ok(State::Poisoned));
    assert_eq!(shared.try_read(a), Err(ReadError::TimedOut));
    shared.head.recover();
    shared.unlock_write(b);
    assert_eq!(shared.try_write(b), Ok(State::Clean));
    shared.head.poison();
    shared.unlock_write(b);
    assert!(shared.head.is_poisoned());
    assert_eq!(shared.try_write(a), Ok(State::Poisoned));
    a.kill();
    assert_eq!(shared.try_write(b), Ok(State::OwnerDied));
    shared.head.recover();
    shared.unlock_write(b);
    assert_eq!(shared.try_read(b), Ok(State::Clean));
}

#[test]
fn each_death_is_told_once() {
    let world = World::default();
    let shared = Shared::new(2);
    let survivor = world.start();
    for _ in 0..2000 {
        let dies = world.start();
        assert_eq!(shared.try_write(dies), Ok(State::Clean));
        dies.kill();
        assert_eq!(shared.try_write(survivor), Ok(State::OwnerDied));
        shared.head.recover();
        shared.unlock_write(survivor);
    }
}

#[test]
fn a_pending_writer_keeps_new_readers_out_until_it_gives_up_or_dies() {
    let _watchdog = watchdog(LIMIT);
    let world = World::default();
    let (reader, writer, late) = (world.start(), world.start(), world.start());
    let shared = Shared::new(4);
    assert!(shared.try_read(reader).is_ok());
    assert!(shared.write(writer, Deadline::after(Duration::from_millis(1))).is_err());
    assert_eq!(shared.try_read(late), Ok(State::Clean));
    shared.unlock_read(late);
    thread::scope(|scope| {
        let waits = scope.spawn(|| shared.write(writer, Deadline::NEVER));
        shared.wait_until_pending(writer);
        assert_eq!(shared.try_read(late), Err(ReadError::TimedOut));
        shared.unlock_read(reader);
        assert_eq!(waits.join().unwrap(), Ok(State::Clean));
    });
    shared.unlock_write(writer);
    // As if it had died while it slept.
    shared.head.pending.set(writer.id().get());
    assert_eq!(shared.try_read(late), Err(ReadError::TimedOut));
    writer.kill();
    assert_eq!(shared.try_read(late), Ok(State::Clean));
}

#[test]
fn a_failed_try_keeps_nobody_out() {
    let world = World::default();
    let (reader, writer) = (world.start(), world.start());
    let shared = Shared::new(4);
    assert!(shared.try_read(reader).is_ok());
    assert!(shared.try_write(writer).is_err());
    assert_eq!(shared.head.beat.get(), 0);
}

#[test]
fn a_process_that_reads_can_read_again_beside_a_pending_writer() {
    let _watchdog = watchdog(LIMIT);
    let world = World::default();
    let (reader, writer) = (world.start(), world.start());
    let shared = Shared::new(4);
    assert!(shared.try_read(reader).is_ok());
    thread::scope(|scope| {
        let waits = scope.spawn(|| shared.write(writer, Deadline::NEVER));
        shared.wait_until_pending(writer);
        assert_eq!(shared.read(reader, Deadline::NEVER), Ok(State::Clean));
        shared.unlock_read(reader);
        shared.unlock_read(reader);
        assert_eq!(waits.join().unwrap(), Ok(State::Clean));
    });
}

/// A writer that was stopped while it waited has nothing, so that readers go on.
#[test]
fn a_stopped_pending_writer_stops_nobody() {
    let _watchdog = watchdog(LIMIT);
    let world = World::default();
    let (reader, stopped) = (world.start(), world.start());
    let shared = Shared::new(4);
    shared.head.pending.set(stopped.id().get());
    assert_eq!(shared.read(reader, Deadline::NEVER), Ok(State::Clean));
    assert_eq!(shared.head.pending.get(), NOBODY);
}

#[test]
fn readers_or_one_writer() {
    let _watchdog = watchdog(LIMIT);
    let world = World::default();
    let shared = Shared::new(8);
    // How many read, or -1.
    let inside = AtomicI32::new(0);
    thread::scope(|scope| {
        for i in 0..6 {
            let (by, shared, inside) = (world.start(), &shared, &inside);
            scope.spawn(move || {
                for round in 0..400 {
                    if (round + i) % 3 == 0 {
                        assert_eq!(shared.write(by, Deadline::NEVER), Ok(State::Clean));
                        assert_eq!(inside.swap(-1, Ordering::SeqCst), 0);
                        assert_eq!(inside.swap(0, Ordering::SeqCst), -1);
                        shared.unlock_write(by);
                    } else {
                        assert_eq!(shared.read(by, Deadline::NEVER), Ok(State::Clean));
                        assert!(inside.fetch_add(1, Ordering::SeqCst) >= 0);
                        assert!(inside.fetch_sub(1, Ordering::SeqCst) > 0);
                        shared.unlock_read(by);
                    }
                }
            });
        }
    });
    assert_eq!(shared.try_write(world.start()), Ok(State::Clean));
}

#[test]
fn a_sleeper_learns_of_deaths() {
    let _watchdog = watchdog(LIMIT);
    for writes in [true, false] {
        let world = World::default();
        let (dies, sleeps) = (world.start(), world.start());
        let shared = Shared::new(8);
        assert!(if writes { shared.try_write(dies).is_ok() } else { shared.try_read(dies).is_ok() });
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| shared.write(sleeps, Deadline::NEVER));
            shared.wait_until_pending(sleeps);
            dies.kill();
            let expected = if writes { State::OwnerDied } else { State::Clean };
            assert_eq!(sleeper.join().unwrap(), Ok(expected));
        });
    }
}

/// What one who dies does, and whether it may have written.
type Deed = (&'static str, bool, fn(&Shared, Process<'_>));

const DEEDS: &[Deed] = &[
    ("read", false, |shared, by| {
        shared.try_read(by).unwrap();
        shared.try_read(by).unwrap();
        shared.unlock_read(by);
        shared.unlock_read(by);
    }),
    ("write", true, |shared, by| {
        shared.try_write(by).unwrap();
        shared.unlock_write(by);
    }),
    ("poison and recover", true, |shared, by| {
        shared.try_write(by).unwrap();
        shared.head.poison();
        shared.head.recover();
        shared.unlock_write(by);
    }),
];

#[test]
fn a_death_at_every_step_is_told_once_or_not_at_all() {
    for &(name, writes, deed) in DEEDS {
        let deaths = at_every_step(|n| {
            let world = World::default();
            let (dies, a, b) = (world.start(), world.start(), world.start());
            let shared = Shared::new(2);
            let lived = dies.dies_at(n, || deed(&shared, dies)).is_some();
            let first = shared.try_write(a).unwrap();
            assert!(
                first == State::Clean || first == State::OwnerDied && writes,
                "{name}, step {n}: {first:?}"
            );
            assert!(shared.try_read(b).is_err());
            shared.unlock_write(a);
            let second = if first == State::Clean { State::Clean } else { State::Poisoned };
            assert_eq!(shared.try_write(b), Ok(second), "{name}, step {n}");
            shared.unlock_write(b);
            assert!(shared.try_read(a).is_ok() && shared.try_read(b).is_ok());
            lived
        });
        assert!(deaths > 2, "{name}: {deaths}");
    }
}

/// A writer has died; who comes next dies at every step, and again; the death stays known until somebody was told.
#[test]
fn a_death_while_burying_the_dead_three_deep() {
    let round = |n: [u32; 2], reads: bool| {
        let world = World::default();
        let shared = Shared::new(1);
        let dies = world.start();
        shared.try_write(dies).unwrap();
        dies.kill();
        let mut lived = true;
        let mut told = false;
        for n in n {
            let dies = world.start();
            let state = dies.dies_at(n, || {
                if reads {
                    assert_eq!(shared.try_read(dies), Ok(State::Poisoned));
                    State::Poisoned
                } else {
                    shared.try_write(dies).unwrap()
                }
            });
            lived = state.is_some();
            told |= state == Some(State::OwnerDied);
        }
        // Whoever was told has died, too.
        let survivor = world.start();
        assert_eq!(shared.try_write(survivor), Ok(State::OwnerDied), "{n:?}, told: {told}");
        shared.unlock_write(survivor);
        assert_eq!(shared.try_write(survivor), Ok(State::Poisoned));
        lived
    };
    for reads in [false, true] {
        at_every_step(|first| {
            at_every_step(|second| round([first, second], reads));
            round([u32::MAX, first], reads)
        });
    }
}

/// Who dies while it waits to write leaves the lock to the others.
#[test]
fn a_death_while_waiting_at_every_step() {
    let _watchdog = watchdog(LIMIT);
    let deaths = at_every_step(|n| {
        let world = World::default();
        let (reader, dies, late) = (world.start(), world.start(), world.start());
        let shared = Shared::new(4);
        shared.try_read(reader).unwrap();
        let soon = Deadline::after(Duration::from_millis(1));
        let lived = dies.dies_at(n, || assert!(shared.write(dies, soon).is_err())).is_some();
        assert_eq!(shared.try_read(late), Ok(State::Clean), "step {n}");
        shared.unlock_read(late);
        shared.unlock_read(reader);
        assert_eq!(shared.try_write(late), Ok(State::Clean), "step {n}");
        lived
    });
    assert!(deaths > 5, "{deaths}");
}

#[test]
fn any_bytes_are_a_lock() {
    let _watchdog = watchdog(LIMIT);
    let mut rng = Rng::from_env();
    for _ in 0..2000 {
        let world = World::default();
        let by = world.start();
        let shared = Shared::new(rng.below(4) as usize);
        scribble(&shared, &mut rng);
        let deadline = Deadline::after(Duration::from_micros(100));
        let _ = shared.read(by, deadline);
        shared.unlock_read(by);
        let _ = shared.write(by, deadline);
        shared.unlock_write(by);
        let _ = shared.head.is_poisoned();
    }
}

#[test]
fn somebody_who_scribbles_all_the_time_stops_nobody() {
    let _watchdog = watchdog(LIMIT);
    let world = World::default();
    let by = world.start();
    let shared = Shared::new(3);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut rng = Rng::from_env();
            while !done.load(Ordering::Relaxed) {
                scribble(&shared, &mut rng);
            }
        });
        for _ in 0..200 {
            let deadline = Deadline::after(Duration::from_micros(500));
            let _ = shared.read(by, deadline);
            shared.unlock_read(by);
            let _ = shared.write(by, deadline);
            shared.unlock_write(by);
        }
        done.store(true, Ordering::Relaxed);
    });
}

fn scribble(shared: &Shared, rng: &mut Rng) {
    let mut word = || if rng.one_in(2) { rng.next_u64() } else { rng.below(4) };
    shared.head.writer.set(word());
    shared.head.pending.set(word());
    shared.head.health.set(word() as u32);
    shared.head.beat.set(word() as u32);
    for cell in &shared.cells {
        cell.owner.set(word());
        cell.word.set(word());
    }
}
