//! Threads that stop for ever where the test says, as killed processes do.

#[cfg(loom)]
use loom::thread_local;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
#[cfg(not(loom))]
use std::thread_local;

thread_local! {
    /// How many more steps this thread makes before it dies. Loom's macro knows no `const`.
    #[allow(clippy::missing_const_for_thread_local)]
    static STEPS_LEFT: Cell<Option<u32>> = Cell::new(None);
}

/// What unwinds through a process that dies. Nothing that the algorithms have is dropped with an effect.
struct Died;

/// Before each change of a word and each call of the kernel.
pub fn step() {
    match STEPS_LEFT.with(Cell::take) {
        None => {}
        Some(0) => resume_unwind(Box::new(Died)),
        Some(left) => STEPS_LEFT.with(|steps| steps.set(Some(left - 1))),
    }
}

/// Runs the body and has it die before its step number `n`, counted from 0; nothing if it did.
pub fn dies_before<R>(n: u32, body: impl FnOnce() -> R) -> Option<R> {
    STEPS_LEFT.with(|steps| steps.set(Some(n)));
    let result = catch_unwind(AssertUnwindSafe(body));
    STEPS_LEFT.with(|steps| steps.set(None));
    match result {
        Ok(value) => Some(value),
        Err(payload) if payload.is::<Died>() => None,
        Err(payload) => resume_unwind(payload),
    }
}

/// Calls the round with 0, 1, 2, .. until its process lives through it, and says how many died.
///
/// # Panics
///
/// If a thousand died.
pub fn at_every_step(mut round: impl FnMut(u32) -> bool) -> u32 {
    let deaths = (0..1000).take_while(|&n| !round(n)).count();
    assert!(deaths < 1000, "the operation never ended");
    deaths as u32
}
