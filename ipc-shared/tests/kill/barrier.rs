//! A party of a barrier that is killed at every instruction of its wait.
//!
//! After each those who wait leave, together or because it is broken; reset, it is as new.

use crate::inside::{LIMIT, row_of};
use crate::support::fork_child;
use ipc_shared::Arena;
use ipc_shared::sync::{Barrier, BarrierError};
use ipc_sys::clock::Deadline;
use ipc_sys::process::{Child, Signal};
use ipc_testkit::kill::{Args, Row, sweep};
use std::thread::yield_now;

/// One who waits, in any case with an answer that it may get.
fn wait(barrier: &Barrier) {
    let result = barrier.wait();
    assert!(matches!(result, Ok(_) | Err(BarrierError::Broken)), "{result:?}");
}

/// Whether a waiter leaves in time.
fn leaves(waiter: &Child) -> bool {
    let ending = waiter.wait(Deadline::after(LIMIT)).expect("a child can be waited for");
    if ending.is_none() {
        waiter.signal(Signal::Kill).expect("it lives");
        waiter.wait(Deadline::NEVER).expect("a child can be waited for");
    }
    ending.is_some_and(|ending| ending.success())
}

/// A barrier for two, and one who waits already.
fn half_full(arena: &Arena) -> (Barrier, Child) {
    let barrier = Barrier::new_in(arena, 2).expect("memory is left");
    let waiter = fork_child(|| wait(&barrier));
    while barrier.n_waiting() == 0 {
        yield_now();
    }
    (barrier, waiter)
}

/// What the dead leave: nobody waits for longer than the limit, and after a reset two can meet.
fn is_whole(barrier: &Barrier, waiter: &Child, place: &dyn std::fmt::Debug) -> bool {
    // If the dead had not become a member yet, this one comes in its place.
    let late = barrier.wait_timeout(LIMIT);
    let left = leaves(waiter);
    let reset = barrier.reset();
    let other = fork_child(|| wait(barrier));
    let met = barrier.wait_timeout(LIMIT);
    let is_whole =
        left && reset.is_ok() && met.is_ok() && leaves(&other) && late != Err(BarrierError::TimedOut);
    if !is_whole {
        eprintln!("{place:?}: {late:?}, the other left: {left}; {reset:?}, then {met:?}");
    }
    is_whole
}

/// The last one to come.
pub(crate) fn last(args: &Args) -> Row {
    let arena = Arena::new();
    let mut losses = 0;
    let swept = sweep(
        args.scale(997, 1),
        || half_full(&arena),
        |(barrier, _)| wait(barrier),
        |(barrier, waiter), point| {
            losses += u64::from(!is_whole(&barrier, &waiter, &("barrier_last", point)));
        },
    );
    let row = row_of(&swept, "barrier_last");
    Row { losses, ok: row.ok && arena.in_use() == 0, ..row }
}
