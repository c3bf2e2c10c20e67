//! A process that is killed at every instruction while it reads or writes under a lock.
//!
//! After each a writer has the lock at once. It is told of the death of a writer, once, and of that of a reader never.

use crate::inside::{Found, IS_INSIDE, Inside, LIMIT, WRONG, enter_by, row_of};
use crate::support::{fork_child, join};
use ipc_shared::Arena;
use ipc_shared::sync::{LockTimeoutError, ReadError, RwLock, RwLockWriteGuard};
use ipc_testkit::kill::{Args, Moment, Row, storm, sweep, sweep_pairs};
use std::thread::yield_now;
use std::time::Instant;

type Lock = RwLock<Inside>;

fn new_in(arena: &Arena) -> Lock {
    RwLock::new_in(arena, Inside::default()).expect("memory is left")
}

fn left_by_the_dead(arena: &Arena) -> Lock {
    let lock = new_in(arena);
    join(&fork_child(|| {
        let mut guard = lock.write().expect("nobody has it");
        guard[IS_INSIDE] = 1;
        std::mem::forget(guard);
    }));
    lock
}

fn write(lock: &Lock) -> Found {
    enter_by(lock.write().map_err(LockTimeoutError::Lock), RwLockWriteGuard::recover)
}

/// Reads what no writer changes meanwhile. What a dead writer has left is found as a poisoned lock.
fn read(lock: &Lock) -> Found {
    let (guard, found) = match lock.read() {
        Ok(guard) => (guard, Found::Well),
        Err(ReadError::Poisoned(guard)) => (guard, Found::Poisoned),
        Err(other) => panic!("{other}"),
    };
    let first = guard[0];
    yield_now();
    let is_whole = guard[IS_INSIDE] == 0 && guard[1] == first;
    assert!(is_whole || found == Found::Poisoned, "a reader beside a writer");
    found
}

/// What a writer finds at once, and then a lock as if nothing had happened; nothing if it is not so.
fn survive(lock: &Lock, place: &dyn std::fmt::Debug) -> Option<Found> {
    let start = Instant::now();
    let enter = || enter_by(lock.write_timeout(LIMIT), RwLockWriteGuard::recover);
    let (found, again) = (enter(), enter());
    let wrong = lock.read_timeout(LIMIT).map_or(u64::MAX, |guard| guard[WRONG]);
    let is_well = found != Found::Busy && again == Found::Well && wrong == 0 && start.elapsed() < LIMIT;
    if !is_well {
        eprintln!("{place:?}: {found:?}, then {again:?}, {wrong} wrong, after {:?}", start.elapsed());
    }
    is_well.then_some(found)
}

pub(crate) fn read_one(args: &Args) -> Row {
    let call = |lock: &Lock| assert_eq!(read(lock), Found::Well);
    sweep_one(args.scale(499, 1), "rw_lock_read", new_in, call, &[Found::Well])
}

pub(crate) fn write_one(args: &Args) -> Row {
    let call = |lock: &Lock| assert_eq!(write(lock), Found::Well);
    sweep_one(args.scale(499, 1), "rw_lock_write", new_in, call, &[Found::Well, Found::Died])
}

/// Reading what a dead writer has left takes its death from nobody.
pub(crate) fn read_after_death(args: &Args) -> Row {
    let call = |lock: &Lock| assert_eq!(read(lock), Found::Poisoned);
    sweep_one(args.scale(997, 1), "rw_lock_read_after_death", left_by_the_dead, call, &[Found::Died])
}

pub(crate) fn repair(args: &Args) -> Row {
    let call = |lock: &Lock| assert_eq!(write(lock), Found::Died);
    sweep_one(args.scale(997, 1), "rw_lock_repair", left_by_the_dead, call, &[Found::Died, Found::Well])
}

fn sweep_one(
    stride: u64,
    label: &str,
    make: fn(&Arena) -> Lock,
    call: impl Fn(&Lock),
    expected: &[Found],
) -> Row {
    let arena = Arena::new();
    let (mut losses, mut seen) = (0, vec![0_u64; expected.len()]);
    let swept = sweep(
        stride,
        || make(&arena),
        |lock| call(lock),
        |lock, point| {
            let found = survive(&lock, &(label, point));
            let place = expected.iter().position(|&expected| Some(expected) == found);
            if place.is_none() {
                eprintln!("{label}: {found:?} after a kill at {point}");
            }
            place.map_or_else(|| losses += 1, |place| seen[place] += 1);
        },
    );
    eprintln!("{label}: {expected:?} {seen:?}");
    let row = row_of(&swept, label);
    Row { losses, ok: row.ok && seen.iter().all(|&count| count > 0) && arena.in_use() == 0, ..row }
}

/// One who reads and one who writes.
pub(crate) fn pairs(args: &Args) -> Row {
    let arena = Arena::new();
    let mut losses = 0;
    let swept = sweep_pairs(
        args.scale(2999, 29),
        args.scale(3203, 31),
        || new_in(&arena),
        |lock| _ = read_as_it_is(lock),
        |lock| assert_eq!(write(lock), Found::Well),
        |lock, pair| losses += u64::from(survive(&lock, &("rw_lock_pairs", pair)).is_none()),
    );
    let row = row_of(&swept, "rw_lock_pairs");
    Row { losses, ok: row.ok && arena.in_use() == 0, ..row }
}

fn read_as_it_is(lock: &Lock) -> u64 {
    match lock.read() {
        Ok(guard) | Err(ReadError::Poisoned(guard)) => guard[0],
        Err(other) => panic!("{other}"),
    }
}

/// Three who write and three who read, of which one is killed every millisecond.
pub(crate) fn many(args: &Args) -> Row {
    let arena = Arena::new();
    let mut losses = 0;
    let swept = storm(
        args.scale(150, 10_000),
        6,
        || new_in(&arena),
        |lock, number| _ = if number % 2 == 0 { write(lock) } else { read(lock) },
        |lock| assert_ne!(write(lock), Found::Busy),
        |lock, moment| {
            losses += u64::from(moment == Moment::Over && survive(lock, &"rw_lock_storm").is_none());
        },
    );
    let row = row_of(&swept, "rw_lock_storm");
    Row { losses, ok: row.ok && arena.in_use() == 0, ..row }
}
