//! Models of the algorithms: loom runs two or three threads in every order, and a thread is killed before each of its steps.
//!
//! `cargo xtask model` runs them. What they show holds for so few threads and steps, and up to three switches to another
//! thread where it could have gone on; within that it holds for every order and every point of death.

mod condvar;
mod event;
mod mutex;
mod reentrant;

use super::shim::{look_again, mortal};
use super::{Id, Peers};
use loom::model::Builder;
use loom::sync::Arc;
use loom::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

/// The processes of a model.
struct World {
    dead: [AtomicBool; 3],
}

/// One process of a model.
#[derive(Clone)]
struct Process {
    world: Arc<World>,
    idx: usize,
}

/// Three processes, all alive.
fn processes() -> [Process; 3] {
    let world = Arc::new(World { dead: std::array::from_fn(|_| AtomicBool::new(false)) });
    std::array::from_fn(|idx| Process { world: world.clone(), idx })
}

impl Process {
    fn id(&self) -> Id {
        Id::new(self.idx as u64 + 1).expect("small and not zero")
    }

    /// Ends the process: the kernel knows it at once, and those who sleep look again some time after.
    fn die(&self) {
        self.world.dead[self.idx].store(true, Ordering::Release);
        look_again();
    }

    /// Runs `f`, but is killed before the step of this number; `None` if it was.
    fn mortal<R>(&self, steps: u32, f: impl FnOnce() -> R) -> Option<R> {
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
fn explore(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound.get_or_insert(3);
    builder.check(f);
}

/// Tries all orders for every point of death. `f` gets the number of the step and tells whether somebody was killed by it.
fn explore_deaths(f: impl Fn(u32) -> bool + Sync + Send + Copy + 'static) {
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
