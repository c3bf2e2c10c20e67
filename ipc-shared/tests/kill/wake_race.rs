//! Two processes sleep, one is woken and killed a moment later: the other one has to wake up.
//!
//! What was swallowed by the dead is noticed by who sleeps, some milliseconds later; so many such races run side by side.

use crate::inside::LIMIT;
use crate::support::fork_child;
use ipc_shared::Arena;
use ipc_sys::clock::Deadline;
use ipc_sys::process::{Child, Signal};
use ipc_testkit::Rng;
use ipc_testkit::kill::{Args, Row};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How many run at the same time.
const AT_ONCE: u64 = 20;
/// The longest time between waking and killing, in microseconds.
const LONGEST: u64 = 50;

/// What two wait for, how one of them is woken, and what is done for the other one when the first is dead.
pub(crate) struct Race<T> {
    pub(crate) label: &'static str,
    pub(crate) make: fn(&Arena) -> T,
    pub(crate) wait: fn(&T),
    pub(crate) wake: fn(&T),
    pub(crate) relieve: fn(&T),
}

pub(crate) fn run<T>(args: &Args, race: &Race<T>) -> Row {
    let arena = Arena::new();
    let mut rng = Rng::from_env();
    let mut row = Row::new(race.label);
    let mut n_swallowed = 0;
    while row.points < args.scale(100, 20_000) && row.hangs < 3 {
        let things: Vec<T> = (0..AT_ONCE).map(|_| (race.make)(&arena)).collect();
        let start = |thing| fork_child(|| (race.wait)(thing));
        let pairs: Vec<[Child; 2]> = things.iter().map(|thing| [start(thing), start(thing)]).collect();
        pairs.iter().flatten().for_each(await_sleep);
        for (thing, [first, _]) in things.iter().zip(&pairs) {
            (race.wake)(thing);
            let moment = Instant::now();
            let delay = Duration::from_micros(rng.below(LONGEST));
            while moment.elapsed() < delay {}
            first.signal(Signal::Kill).expect("a child that has ended is one until it is waited for");
        }
        for (thing, [first, second]) in things.iter().zip(&pairs) {
            let ending = first.wait(Deadline::NEVER).expect("it can be waited for");
            n_swallowed += u64::from(ending.is_some_and(|ending| !ending.success()));
            (race.relieve)(thing);
            row.hangs += u64::from(!second.has_ended(Deadline::after(LIMIT)).expect("it can be asked"));
            second.signal(Signal::Kill).expect("it was not waited for");
            second.wait(Deadline::NEVER).expect("it can be waited for");
            row.points += 1;
        }
    }
    row.kills = row.points;
    eprintln!("{}: {} races, {n_swallowed} were killed before their end", race.label, row.points);
    row.ok = n_swallowed > 0;
    row
}

/// Waits until a process sleeps in a system call, for a second at most.
pub(crate) fn await_sleep(child: &Child) {
    for _ in 0..1000 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.pid())).unwrap_or_default();
        if stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S')) {
            return;
        }
        sleep(Duration::from_millis(1));
    }
}
