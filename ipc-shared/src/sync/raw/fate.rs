//! For tests: threads that stop for ever where the test says, as killed processes do.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

thread_local! {
    /// How many more changes this thread makes before it dies.
    static STEPS_LEFT: Cell<Option<u32>> = const { Cell::new(None) };
}

/// What unwinds through a process that dies.
struct Died;

/// Before each change of a word.
pub(super) fn step() {
    match STEPS_LEFT.take() {
        None => {}
        Some(0) => resume_unwind(Box::new(Died)),
        Some(left) => STEPS_LEFT.set(Some(left - 1)),
    }
}

/// Runs the body and has it die before its change number `n`; nothing if it did.
pub(super) fn dies_before<R>(n: u32, body: impl FnOnce() -> R) -> Option<R> {
    STEPS_LEFT.set(Some(n));
    let result = catch_unwind(AssertUnwindSafe(body));
    STEPS_LEFT.set(None);
    match result {
        Ok(value) => Some(value),
        Err(payload) if payload.is::<Died>() => None,
        Err(payload) => resume_unwind(payload),
    }
}

/// Calls the round with 0, 1, 2, .. until its process lives through it, and says how many died.
pub(super) fn at_every_step(mut round: impl FnMut(u32) -> bool) -> u32 {
    let deaths = (0..1000).take_while(|&n| !round(n)).count();
    assert!(deaths < 1000, "the operation never ended");
    deaths as u32
}
