//! Models: loom runs two or three threads in every order, and one of them is killed before each of its steps.
//!
//! Only compiled with `--cfg loom`. `cargo xtask model` runs the models of all crates. What they show holds for so few
//! threads and steps, and up to three switches to another thread where it could have gone on; within that it holds for
//! every order and every point of death.
//!
//! An algorithm takes its words and its sleep from a file `shim`, which in a model gets them here: words and processes from
//! [`mortal`](crate::mortal), sleep and wake-up from `futex`.

mod futex;

pub use futex::{
    Until, expire, is_over, look_again, pause, sleepers, thread_number, wait, wait_low, wake, wake_all,
    wake_low_one, wake_one,
};

use loom::model::Builder;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Tries all orders of the steps of `f`.
pub fn explore(f: impl Fn() + Sync + Send + 'static) {
    explore_within(3, f);
}

/// As [`explore`], with two switches instead of three: for models whose three threads make more steps than usual.
pub fn explore_less(f: impl Fn() + Sync + Send + 'static) {
    explore_within(2, f);
}

/// Runs `explore` or one of its kin with loads that depend on each other, for threads that look at a word and then store it
/// without an exchange: loom would leave out orders otherwise. It takes several times as long.
pub fn noting_looks(explore: impl FnOnce()) {
    NOTES_LOOKS.with(|notes| notes.set(true));
    explore();
    NOTES_LOOKS.with(|notes| notes.set(false));
}

/// Whether loads depend on each other. All threads of a model are one thread of the system.
pub(crate) fn notes_looks() -> bool {
    NOTES_LOOKS.with(Cell::get)
}

std::thread_local! {
    static NOTES_LOOKS: Cell<bool> = const { Cell::new(false) };
}

fn explore_within(n_switches: usize, f: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound.get_or_insert(n_switches);
    builder.check(f);
}

/// Tries all orders for every point of death. `f` gets the number of the step and tells whether somebody was killed by it.
pub fn explore_deaths(f: impl Fn(u32) -> bool + Sync + Send + Copy + 'static) {
    for steps in 0.. {
        let killed = Arc::new(AtomicBool::new(false));
        let seen = killed.clone();
        explore(move || {
            if f(steps) {
                seen.store(true, Relaxed);
            }
        });
        if !killed.load(Relaxed) {
            assert!(steps > 0, "nobody was ever killed");
            println!("{steps} points of death");
            return;
        }
    }
}
