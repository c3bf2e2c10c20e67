//! Two processes sleep, one is woken and killed a moment later: the other one has to wake up.
//!
//! A naive design loses the wake-up in several of a hundred kills. Who sleeps looks again after some time, so many such races
//! run side by side.

use crate::items::bytes_of;
use crate::places::{EMPTY, FULL_OF_ONE, LEN, Place};
use crate::support::fork_child;
use crate::survive::{LIMIT, Numbered, await_sleep};
use ipc_queue::Queue;
use ipc_sys::clock::Deadline;
use ipc_sys::process::{Child, Signal};
use ipc_testkit::Rng;
use ipc_testkit::kill::{Args, Row};
use std::time::{Duration, Instant};

type Bytes = Queue<[u8]>;

/// How many run at the same time.
const AT_ONCE: u64 = 20;
/// The longest time between waking and killing, in microseconds.
const LONGEST: u64 = 50;

/// What two wait for, how one of them is woken, and whether the woken one has had it, so that another one is due.
struct Race {
    label: &'static str,
    place: Place,
    wait: fn(&Bytes),
    wake: fn(&Bytes),
    was_had: fn(&Bytes) -> bool,
}

/// Of two who wait for an item the one that is woken is killed: the other one has it.
pub(crate) fn getter(args: &Args) -> Row {
    race(
        args,
        &Race {
            label: "woken_getter",
            place: EMPTY,
            wait: |queue| drop(queue.get_bytes().expect("one comes")),
            wake: |queue| assert_eq!(queue.offer(0), Ok(true)),
            was_had: |queue| queue.is_empty(),
        },
    )
}

/// Of two who wait for room the one that is woken is killed: the other one has it.
pub(crate) fn putter(args: &Args) -> Row {
    race(
        args,
        &Race {
            label: "woken_putter",
            place: FULL_OF_ONE,
            wait: |queue| queue.put_bytes(&bytes_of(1, LEN)).expect("it is open"),
            wake: |queue| assert!(queue.accept().is_ok()),
            was_had: |queue| queue.is_full(),
        },
    )
}

fn race(args: &Args, race: &Race) -> Row {
    let mut rng = Rng::from_env();
    let mut row = Row::new(race.label);
    let (mut n_swallowed, mut longest) = (0, Duration::ZERO);
    while row.points < args.scale(100, 10_000) && row.hangs < 3 {
        let queues: Vec<Bytes> = (0..AT_ONCE).map(|_| race.place.make()).collect();
        let start = |queue| fork_child(|| (race.wait)(queue));
        let pairs: Vec<[Child; 2]> = queues.iter().map(|queue| [start(queue), start(queue)]).collect();
        pairs.iter().flatten().for_each(await_sleep);
        for (queue, [first, _]) in queues.iter().zip(&pairs) {
            (race.wake)(queue);
            let moment = Instant::now();
            let delay = Duration::from_micros(rng.below(LONGEST));
            while moment.elapsed() < delay {}
            first.signal(Signal::Kill).expect("a child that has ended is one until it is waited for");
        }
        let woken_at = Instant::now();
        for (queue, [first, second]) in queues.iter().zip(&pairs) {
            let ending = first.wait(Deadline::NEVER).expect("it can be waited for");
            n_swallowed += u64::from(ending.is_some_and(|ending| !ending.success()));
            if (race.was_had)(queue) {
                // By the dead one, or by the other one, which is on its way out then.
                (race.wake)(queue);
            }
            row.hangs += u64::from(!second.has_ended(Deadline::after(LIMIT)).expect("it can be asked"));
            longest = longest.max(woken_at.elapsed());
            second.signal(Signal::Kill).expect("it was not waited for");
            second.wait(Deadline::NEVER).expect("it can be waited for");
            row.points += 1;
        }
    }
    row.kills = row.points;
    eprintln!(
        "{}: {} races, {n_swallowed} were killed before their end, {longest:?}",
        race.label, row.points
    );
    row.ok = n_swallowed > 0;
    row
}
