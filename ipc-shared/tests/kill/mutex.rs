//! A process that is killed at every instruction while it has a mutex, waits for it, or takes it from the dead.
//!
//! After each the next one has the lock at once, is told of a death inside once and never without one, and finds the data.

use crate::inside::{Found, IS_INSIDE, Inside, LIMIT, TOLD, WRONG, enter, row_of, survive, try_work, work};
use crate::support::{fork_child, join};
use crate::words::Bare;
use ipc_shared::Arena;
use ipc_shared::sync::{LockError, Mutex};
use ipc_sys::clock::Deadline;
use ipc_sys::process::Signal;
use ipc_testkit::kill::{
    Args, Ending, Moment, Phase, Row, storm, sweep, sweep_blocking, sweep_pairs, sweep_recovery, sweep_stops,
};
use std::cell::{Cell, RefCell};
use std::thread::sleep;
use std::time::{Duration, Instant};

fn new_in(arena: &Arena) -> Mutex<Inside> {
    Mutex::new_in(arena, Inside::default()).expect("memory is left")
}

/// A lock whose owner is dead.
fn left_by_the_dead(arena: &Arena) -> Mutex<Inside> {
    let lock = new_in(arena);
    die_with(&lock);
    lock
}

/// A process takes the lock and ends.
fn die_with(lock: &Mutex<Inside>) {
    join(&fork_child(|| {
        let mut guard = lock.lock().expect("nobody has it");
        guard[IS_INSIDE] = 1;
        std::mem::forget(guard);
    }));
}

pub(crate) fn lock(args: &Args) -> Row {
    sweep_one(
        args.scale(17, 1),
        "mutex_lock",
        new_in,
        |lock| assert_eq!(work(lock), Found::Well),
        &[Found::Well, Found::Died],
    )
}

/// The one who repairs dies: the next one is told of that.
pub(crate) fn repair(args: &Args) -> Row {
    let call = |lock: &Mutex<Inside>| assert_eq!(work(lock), Found::Died);
    sweep_one(args.scale(97, 1), "mutex_repair", left_by_the_dead, call, &[Found::Died, Found::Well])
}

/// The one who is told does not repair it: it is never found well again.
pub(crate) fn unrepaired(args: &Args) -> Row {
    let call = |lock: &Mutex<Inside>| match lock.lock() {
        Err(LockError::OwnerDied(guard)) => drop(guard),
        other => panic!("{other:?}"),
    };
    sweep_one(args.scale(199, 1), "mutex_unrepaired", left_by_the_dead, call, &[Found::Died, Found::Poisoned])
}

/// Sweeps a call on a lock. Survivors find what is in `expected`, and each of these once at least.
fn sweep_one(
    stride: u64,
    label: &str,
    make: fn(&Arena) -> Mutex<Inside>,
    call: impl Fn(&Mutex<Inside>),
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
            place.map_or_else(|| losses += 1, |place| seen[place] += 1);
        },
    );
    eprintln!("{label}: {expected:?} {seen:?}");
    let ok = seen.iter().all(|&count| count > 0) && arena.in_use() == 0;
    let row = row_of(&swept, label);
    Row { losses, ok: row.ok && ok, ..row }
}

/// A waiter is killed before it sleeps, asleep, and after it was woken; another one sleeps beside it.
pub(crate) fn asleep(args: &Args) -> Row {
    let arena = Arena::new();
    let lock = new_in(&arena);
    let other = RefCell::new(None);
    let (mut losses, mut n_woken) = (0, 0);
    let swept = sweep_blocking(
        args.scale(301, 3),
        || Cell::new(Some(lock.lock().expect("nobody has it"))),
        |_| assert_ne!(work(&lock), Found::Busy),
        |guard| {
            // The kernel wakes in the order in which they fell asleep: the one that is to be killed comes first.
            *other.borrow_mut() = Some(fork_child(|| assert_ne!(work(&lock), Found::Busy)));
            sleep(Duration::from_millis(2));
            drop(guard.take());
        },
        |guard, point, phase| {
            drop(guard);
            n_woken += u64::from(phase == Phase::Woken);
            if let Some(other) = other.borrow_mut().take() {
                join(&other);
            }
            losses += u64::from(survive(&lock, &("mutex_asleep", point, phase)).is_none());
        },
    );
    eprintln!("mutex_asleep: {n_woken} were woken");
    let row = row_of(&swept, "mutex_asleep");
    Row { losses, ok: row.ok && n_woken > 0, ..row }
}

pub(crate) fn pairs(args: &Args) -> Row {
    sweep_two(args.scale(401, 3), args.scale(1601, 3), "mutex_pairs", new_in, 0)
}

/// Two who take over from the same dead owner.
pub(crate) fn heirs(args: &Args) -> Row {
    sweep_two(args.scale(1999, 11), args.scale(2203, 7), "mutex_heirs", left_by_the_dead, 1)
}

/// Two who take and leave the same lock, on which so many have died before.
fn sweep_two(
    stride_a: u64,
    stride_b: u64,
    label: &str,
    make: fn(&Arena) -> Mutex<Inside>,
    n_dead: u64,
) -> Row {
    let arena = Arena::new();
    let mut losses = 0;
    let call = |lock: &Mutex<Inside>| assert_ne!(work(lock), Found::Busy);
    let swept = sweep_pairs(
        stride_a,
        stride_b,
        || make(&arena),
        call,
        call,
        |lock, pair| {
            let found = survive(&lock, &(label, pair));
            let told = lock.try_lock().map_or(u64::MAX, |guard| guard[TOLD]);
            losses += u64::from(found.is_none() || told > n_dead + 1);
        },
    );
    let row = row_of(&swept, label);
    Row { losses, ok: row.ok && arena.in_use() == 0, ..row }
}

/// Those who take over die, one after the other.
pub(crate) fn recovery(args: &Args) -> Row {
    let arena = Arena::new();
    let mut losses = 0;
    let make = || {
        let bare = Bare::new(new_in(&arena));
        die_with(&bare.lock);
        bare
    };
    let call = |bare: &Bare| assert_ne!(work(&bare.lock), Found::Busy);
    let swept = sweep_recovery(3, args.scale(997, 3), make, call, call, Bare::state, |bare, points| {
        losses += u64::from(survive(&bare.lock, &("mutex_recovery", points)).is_none());
    });
    eprintln!("mutex_recovery: {} states", swept.states);
    let row = row_of(&swept, "mutex_recovery");
    Row { losses, ok: row.ok && swept.states > 2 && arena.in_use() == 0, ..row }
}

/// One who was stopped keeps what it has, and others that can wait no longer go on.
pub(crate) fn stops(args: &Args) -> Row {
    const PAUSE: Duration = Duration::from_millis(5);
    let arena = Arena::new();
    let (mut losses, mut n_busy) = (0, 0_u64);
    let late = Cell::new(0);
    let swept = sweep_stops(
        args.scale(37, 2),
        || new_in(&arena),
        |lock| assert_ne!(work(lock), Found::Busy),
        |lock, point| {
            let start = Instant::now();
            let tried = try_work(lock);
            let waited = enter(lock.lock_timeout(PAUSE));
            if start.elapsed() > PAUSE + Duration::from_secs(1) {
                late.set(late.get() + 1);
            }
            n_busy += u64::from(waited == Found::Busy);
            let is_fair = tried == waited && matches!(tried, Found::Well | Found::Busy);
            if !is_fair {
                eprintln!("mutex_stops: {tried:?}, then {waited:?}, while another stands at {point}");
                losses += 1;
            }
        },
        |lock, point, ending| {
            let is_clean = survive(&lock, &("mutex_stops", point)) == Some(Found::Well);
            late.set(late.get() + u64::from(!is_clean || ending != Ending::Returned));
        },
    );
    eprintln!("mutex_stops: {n_busy} with the lock");
    let row = row_of(&swept, "mutex_stops");
    Row { losses: losses + late.get(), ok: row.ok && n_busy > 0, ..row }
}

/// One who was stopped while it takes over from the dead comes too late: the death is told once.
pub(crate) fn slow_heir(args: &Args) -> Row {
    let arena = Arena::new();
    let (mut losses, mut n_busy) = (0, 0_u64);
    let swept = sweep_stops(
        args.scale(97, 1),
        || left_by_the_dead(&arena),
        |lock| assert_ne!(work(lock), Found::Busy),
        |lock, _point| n_busy += u64::from(try_work(lock) == Found::Busy),
        |lock, point, ending| {
            let found = survive(&lock, &("mutex_slow_heir", point));
            let told = lock.try_lock().map_or(u64::MAX, |guard| guard[TOLD]);
            if (found, told, ending) != (Some(Found::Well), 1, Ending::Returned) {
                eprintln!(
                    "mutex_slow_heir: {found:?}, told {told} times, {ending:?}, after a stop at {point}"
                );
                losses += 1;
            }
        },
    );
    let row = row_of(&swept, "mutex_slow_heir");
    Row { losses, ok: row.ok && n_busy > 0 && arena.in_use() == 0, ..row }
}

/// A forked child has a copy of the guard: neither dropping it nor dying with it gives the lock back.
pub(crate) fn copies(_args: &Args) -> Row {
    let arena = Arena::new();
    let lock = new_in(&arena);
    let guard = Cell::new(Some(lock.lock().expect("nobody has it")));
    let mut losses = 0;
    for drops in [true, false] {
        let child = fork_child(|| {
            if drops {
                drop(guard.take());
            }
            sleep(Duration::from_secs(1000));
        });
        crate::wake_race::await_sleep(&child);
        losses += u64::from(try_work(&lock) != Found::Busy);
        child.signal(Signal::Kill).expect("it lives");
        child.wait(Deadline::NEVER).expect("a child can be waited for");
        losses += u64::from(try_work(&lock) != Found::Busy);
    }
    drop(guard);
    losses += u64::from(survive(&lock, &"mutex_copies") != Some(Found::Well));
    Row { points: 2, kills: 2, losses, ..Row::new("mutex_copies") }
}

/// The names of the dead are given to nobody: however many come after the owner of a lock, its death is told.
pub(crate) fn namesakes(args: &Args) -> Row {
    let arena = Arena::new();
    let mut row = Row::new("mutex_namesakes");
    for n_before in 0..args.scale(8, 100) {
        let lock = left_by_the_dead(&arena);
        (0..n_before).for_each(|_| join(&fork_child(|| ())));
        let living = fork_child(|| sleep(Duration::from_secs(1000)));
        row.losses += u64::from(survive(&lock, &("mutex_namesakes", n_before)) != Some(Found::Died));
        living.signal(Signal::Kill).expect("it lives");
        living.wait(Deadline::NEVER).expect("a child can be waited for");
        (row.points, row.kills) = (row.points + 1, row.kills + 1);
    }
    row
}

/// One who was stopped keeps its lock for long: nothing breaks it by the time.
pub(crate) fn long_stop(args: &Args) -> Row {
    let arena = Arena::new();
    let (lock, mut losses) = (new_in(&arena), 0);
    let owner = fork_child(|| {
        let _guard = lock.lock().expect("nobody has it");
        sleep(Duration::from_secs(1000));
    });
    while lock.try_lock().is_ok() {
        sleep(Duration::from_millis(1));
    }
    let pid = rustix::process::Pid::from_raw(owner.pid() as i32).expect("it has a number");
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).expect("it lives");
    let pause = Duration::from_millis(args.scale(700, 5000));
    let start = Instant::now();
    losses += u64::from(enter(lock.lock_timeout(pause)) != Found::Busy);
    losses += u64::from(start.elapsed() < pause || start.elapsed() > pause + LIMIT);
    owner.signal(Signal::Kill).expect("it lives");
    let ended = owner.wait(Deadline::after(LIMIT)).expect("a child can be waited for");
    losses += u64::from(ended.is_none());
    losses += u64::from(survive(&lock, &"mutex_long_stop") != Some(Found::Died));
    Row { points: 1, kills: 1, losses, ..Row::new("mutex_long_stop") }
}

/// Eight who work on one lock, of which one is killed every millisecond.
pub(crate) fn many(args: &Args) -> Row {
    let arena = Arena::new();
    let (mut losses, mut n_killed, mut n_told, mut n_entered) = (0, 0, 0, 0);
    let swept = storm(
        args.scale(200, 20_000),
        8,
        || new_in(&arena),
        |lock, _| assert_ne!(work(lock), Found::Busy),
        |lock| assert_ne!(work(lock), Found::Busy),
        |lock, moment| match moment {
            Moment::Killed(_) => n_killed += 1,
            Moment::Over => {
                let found = survive(lock, &"mutex_storm");
                let data = lock.try_lock().map_or([u64::MAX; 5], |guard| *guard);
                losses += data[WRONG] + u64::from(found.is_none() || data[TOLD] > n_killed);
                (n_told, n_entered) = (n_told + data[TOLD], n_entered + data[0]);
                n_killed = 0;
            }
        },
    );
    eprintln!("mutex_storm: {} kills, {n_told} told, {n_entered} entries", swept.kills);
    let row = row_of(&swept, "mutex_storm");
    Row { losses, ok: row.ok && n_told > 0 && arena.in_use() == 0, ..row }
}
