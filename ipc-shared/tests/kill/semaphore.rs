//! A process that is killed at every instruction while it acquires, gives back, forgets and adds permits.
//!
//! After each there are as many permits as before, or as after: those of the dead are free, and none is made or lost.

use crate::inside::{LIMIT, row_of};
use crate::support::{fork_child, join};
use crate::wake_race::{self, Race};
use ipc_shared::Arena;
use ipc_shared::sync::Semaphore;
use ipc_testkit::kill::{Args, Moment, Phase, Row, storm, sweep, sweep_blocking, sweep_pairs};
use std::cell::{Cell, RefCell};
use std::thread::sleep;
use std::time::Duration;

/// Whether so many permits are there, all free, and not one more.
fn has(semaphore: &Semaphore, n: u32) -> bool {
    let counted = semaphore.available_permits() == n;
    let permit = semaphore.acquire_many_timeout(n, LIMIT);
    counted && permit.is_ok() && semaphore.try_acquire().is_err()
}

fn one_in(arena: &Arena, n: u32) -> Semaphore {
    Semaphore::new_in(arena, n).expect("memory is left")
}

pub(crate) fn acquire(args: &Args) -> Row {
    let call = |semaphore: &Semaphore| drop(semaphore.acquire().expect("one is free"));
    sweep_one(args.scale(499, 1), "semaphore_acquire", |arena| one_in(arena, 2), call, &[2])
}

pub(crate) fn forget(args: &Args) -> Row {
    let call = |semaphore: &Semaphore| semaphore.acquire().expect("one is free").forget();
    sweep_one(args.scale(499, 1), "semaphore_forget", |arena| one_in(arena, 2), call, &[2, 1])
}

pub(crate) fn add(args: &Args) -> Row {
    let call = |semaphore: &Semaphore| semaphore.add_permits(1).expect("there is room");
    sweep_one(args.scale(131, 1), "semaphore_add", |arena| one_in(arena, 2), call, &[2, 3])
}

/// The only permit is that of a dead process.
pub(crate) fn inherit(args: &Args) -> Row {
    let make = |arena: &Arena| {
        let semaphore = one_in(arena, 1);
        join(&fork_child(|| std::mem::forget(semaphore.acquire())));
        semaphore
    };
    let call = |semaphore: &Semaphore| drop(semaphore.acquire().expect("the dead have none"));
    sweep_one(args.scale(997, 1), "semaphore_inherit", make, call, &[1])
}

/// Sweeps a call. Survivors find one of the expected numbers of permits, and each of these once at least.
fn sweep_one(
    stride: u64,
    label: &str,
    make: fn(&Arena) -> Semaphore,
    call: impl Fn(&Semaphore),
    expected: &[u32],
) -> Row {
    let arena = Arena::new();
    let (mut losses, mut seen) = (0, vec![0_u64; expected.len()]);
    let swept = sweep(
        stride,
        || make(&arena),
        |semaphore| call(semaphore),
        |semaphore, point| {
            let found = semaphore.available_permits();
            match expected.iter().position(|&expected| expected == found) {
                Some(place) if has(&semaphore, found) => seen[place] += 1,
                _ => {
                    eprintln!("{label}: {found} permits after a kill at {point}");
                    losses += 1;
                }
            }
        },
    );
    eprintln!("{label}: {expected:?} {seen:?}");
    let row = row_of(&swept, label);
    Row { losses, ok: row.ok && seen.iter().all(|&count| count > 0) && arena.in_use() == 0, ..row }
}

/// A waiter is killed before it sleeps, asleep, and after it was woken; another one sleeps beside it.
pub(crate) fn asleep(args: &Args) -> Row {
    let arena = Arena::new();
    let semaphore = one_in(&arena, 1);
    let other = RefCell::new(None);
    let mut losses = 0;
    let swept = sweep_blocking(
        args.scale(2999, 3),
        || Cell::new(Some(semaphore.acquire().expect("one is free"))),
        |_| drop(semaphore.acquire().expect("one comes back")),
        |permit| {
            *other.borrow_mut() =
                Some(fork_child(|| drop(semaphore.acquire_timeout(LIMIT).expect("one comes back"))));
            sleep(Duration::from_millis(2));
            drop(permit.take());
        },
        |permit, point, phase: Phase| {
            drop(permit);
            if let Some(other) = other.borrow_mut().take() {
                join(&other);
            }
            if !has(&semaphore, 1) {
                eprintln!("semaphore_asleep: no permit after a kill at {point}, {phase:?}");
                losses += 1;
            }
        },
    );
    Row { losses, ..row_of(&swept, "semaphore_asleep") }
}

/// Two who want the same permit.
pub(crate) fn pairs(args: &Args) -> Row {
    let arena = Arena::new();
    let mut losses = 0;
    let call = |semaphore: &Semaphore| drop(semaphore.acquire().expect("it comes back"));
    let swept = sweep_pairs(
        args.scale(1999, 29),
        args.scale(2203, 31),
        || one_in(&arena, 1),
        call,
        call,
        |semaphore, pair| {
            if !has(&semaphore, 1) {
                eprintln!("semaphore_pairs: not one permit after {pair:?}");
                losses += 1;
            }
        },
    );
    let row = row_of(&swept, "semaphore_pairs");
    Row { losses, ok: row.ok && arena.in_use() == 0, ..row }
}

/// Six who want three permits, of which one is killed every millisecond.
pub(crate) fn many(args: &Args) -> Row {
    let arena = Arena::new();
    let mut losses = 0;
    let swept = storm(
        args.scale(150, 10_000),
        6,
        || one_in(&arena, 3),
        |semaphore, number| drop(semaphore.acquire_many(1 + number as u32 % 2).expect("they come back")),
        |semaphore| drop(semaphore.acquire().expect("they come back")),
        |semaphore, moment| losses += u64::from(moment == Moment::Over && !has(semaphore, 3)),
    );
    let row = row_of(&swept, "semaphore_storm");
    Row { losses, ok: row.ok && arena.in_use() == 0, ..row }
}

/// Of two who sleep the one that is woken is killed: the other one has the permit.
pub(crate) fn swallowed(args: &Args) -> Row {
    let race = Race {
        label: "semaphore_swallowed",
        make: |arena| one_in(arena, 0),
        wait: |semaphore| drop(semaphore.acquire().expect("one is added")),
        wake: |semaphore| semaphore.add_permits(1).expect("there is room"),
        relieve: |_| (),
    };
    wake_race::run(args, &race)
}
