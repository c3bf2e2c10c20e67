//! A process that is killed at every instruction while it sets, clears and awaits an event.

use crate::inside::{LIMIT, row_of};
use crate::support::fork_child;
use crate::wake_race::await_sleep;
use ipc_shared::Arena;
use ipc_shared::sync::Event;
use ipc_sys::clock::Deadline;
use ipc_testkit::kill::{Args, Row, sweep, sweep_blocking};

fn new_in(arena: &Arena) -> Event {
    Event::new_in(arena).expect("memory is left")
}

/// Somebody sleeps: it leaves once the event is set, whether the one who has set it lives or not.
pub(crate) fn set(args: &Args) -> Row {
    let arena = Arena::new();
    let (mut hangs, mut n_set, mut n_unset) = (0, 0, 0);
    let make = || {
        let event = new_in(&arena);
        let waiter = fork_child(|| assert!(event.wait()));
        await_sleep(&waiter);
        (event, waiter)
    };
    let swept = sweep(
        args.scale(29, 1),
        make,
        |(event, _)| event.set(),
        |(event, waiter), _point| {
            if event.is_set() {
                n_set += 1;
            } else {
                n_unset += 1;
                event.set();
            }
            let ending = waiter.wait(Deadline::after(LIMIT)).expect("a child can be waited for");
            hangs += u64::from(!ending.is_some_and(|ending| ending.success()));
        },
    );
    eprintln!("event_set: {} instructions, {n_unset} not set, {n_set} set", swept.steps);
    let row = row_of(&swept, "event_set");
    Row { hangs: row.hangs + hangs, ok: row.ok && n_set > 0 && n_unset > 0 && arena.in_use() == 0, ..row }
}

pub(crate) fn clear(args: &Args) -> Row {
    let arena = Arena::new();
    let (mut losses, mut seen) = (0, [0_u64; 2]);
    let make = || {
        let event = new_in(&arena);
        event.set();
        event
    };
    let swept = sweep(args.scale(11, 1), make, Event::clear, |event, _point| {
        seen[usize::from(event.is_set())] += 1;
        event.set();
        losses += u64::from(!event.wait_timeout(LIMIT));
    });
    let row = row_of(&swept, "event_clear");
    Row { losses, ok: row.ok && seen[0] > 0 && seen[1] > 0 && arena.in_use() == 0, ..row }
}

/// One who waits is killed, also after it was woken: all others have left.
pub(crate) fn asleep(args: &Args) -> Row {
    let arena = Arena::new();
    let event = new_in(&arena);
    let mut losses = 0;
    let swept = sweep_blocking(
        args.scale(499, 7),
        || event.clear(),
        |()| assert!(event.wait()),
        |()| event.set(),
        |(), _point, _phase| {
            event.set();
            losses += u64::from(!event.wait_timeout(LIMIT));
        },
    );
    Row { losses, ..row_of(&swept, "event_asleep") }
}
