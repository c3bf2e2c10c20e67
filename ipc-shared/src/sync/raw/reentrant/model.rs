//! Models of the reentrant mutex.

use super::*;
use crate::sync::raw::State;
use crate::sync::raw::model::{Process, explore, processes};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

/// A lock and what it guards.
struct Guarded {
    lock: RawReentrant,
    data: UnsafeCell<u32>,
}

impl Guarded {
    fn new() -> Arc<Guarded> {
        Arc::new(Guarded { lock: RawReentrant::new(), data: UnsafeCell::new(0) })
    }

    /// Locks twice, touches the data, unlocks twice.
    fn visit(&self, process: &Process) -> State {
        let outer = self.lock.lock(process, Deadline::NEVER).unwrap();
        let inner = self.lock.lock(process, Deadline::NOW).unwrap();
        self.data.with_mut(|_| ());
        self.lock.unlock(inner.me);
        self.data.with_mut(|_| ());
        self.lock.unlock(outer.me);
        outer.state
    }
}

#[test]
fn one_thread_at_a_time_of_one_process() {
    explore(|| {
        let guarded = Guarded::new();
        let [process] = processes();
        let other = {
            let (guarded, process) = (guarded.clone(), process.clone());
            thread::spawn(move || guarded.visit(&process))
        };
        assert_eq!(guarded.visit(&process), State::Clean);
        assert_eq!(other.join().unwrap(), State::Clean);
    });
}

#[test]
fn one_thread_is_told_of_a_death() {
    explore(|| {
        let guarded = Guarded::new();
        let [dead, process] = processes();
        guarded.lock.lock(&dead, Deadline::NOW).unwrap();
        dead.die();
        let other = {
            let (guarded, process) = (guarded.clone(), process.clone());
            thread::spawn(move || guarded.visit(&process))
        };
        let states = [guarded.visit(&process), other.join().unwrap()];
        assert_eq!(states.iter().filter(|state| **state == State::OwnerDied).count(), 1);
    });
}
