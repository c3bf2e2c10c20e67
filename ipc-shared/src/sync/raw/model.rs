//! What the models have in common: loom runs two or three threads in every order, and one is killed before each of its steps.
//!
//! `cargo xtask model` runs them. What they show holds for so few threads and steps, and up to three switches to another
//! thread where it could have gone on; within that it holds for every order and every point of death.

use super::shim::{look_again, mortal};
use super::{Id, Peers};
use loom::model::Builder;
use loom::sync::Arc;
use loom::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

/// The processes of a model.
struct World {
    dead: Vec<AtomicBool>,
}

/// One process of a model.
#[derive(Clone)]
pub(super) struct Process {
    world: Arc<World>,
    idx: usize,
}

/// Processes, all alive.
pub(super) fn processes<const N: usize>() -> [Process; N] {
    let world = Arc::new(World { dead: (0..N).map(|_| AtomicBool::new(false)).collect() });
    std::array::from_fn(|idx| Process { world: world.clone(), idx })
}

impl Process {
    pub(super) fn id(&self) -> Id {
        Id::new(self.idx as u64 + 1).expect("small and not zero")
    }

    /// Ends the process: the kernel knows it at once, and those who sleep look again some time after.
    pub(super) fn die(&self) {
        self.die_unseen();
        look_again();
    }

    /// Ends the process, and nobody who sleeps has looked since.
    pub(super) fn die_unseen(&self) {
        self.world.dead[self.idx].store(true, Ordering::Release);
    }

    /// Runs `f`, but is killed before the step of this number; `None` if it was.
    pub(super) fn mortal<R>(&self, steps: u32, f: impl FnOnce() -> R) -> Option<R> {
        let result = mortal(steps, f);
        if result.is_none() {
            self.die();
        }
        result
    }
}

impl Peers for Process {
    fn me(&self) -> Option<Id> {
        Some(self.id())
    }

    fn is_dead(&self, id: Id) -> bool {
        let dead = self.world.dead.get(id.get() as usize - 1);
        dead.is_none_or(|dead| dead.load(Ordering::Acquire))
    }
}

/// Tries all orders of the steps of `f`.
pub(super) fn explore(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound.get_or_insert(3);
    builder.check(f);
}

/// Tries all orders for every point of death. `f` gets the number of the step and tells whether somebody was killed by it.
pub(super) fn explore_deaths(f: impl Fn(u32) -> bool + Sync + Send + Copy + 'static) {
    for steps in 0.. {
        let killed = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let seen = killed.clone();
        explore(move || {
            if f(steps) {
                seen.store(true, Ordering::Relaxed);
            }
        });
        if !killed.load(Ordering::Relaxed) {
            assert!(steps > 0, "nobody was ever killed");
            println!("{steps} points of death");
            return;
        }
    }
}
