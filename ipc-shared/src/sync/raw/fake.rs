//! For tests: processes that are threads of this one, and end when the test says so.

use super::{Id, Peers};
use std::sync::atomic::{AtomicBool, Ordering};

/// The processes of a test.
#[derive(Default)]
pub(super) struct World {
    dead: [AtomicBool; 16],
}

/// One of them.
#[derive(Clone, Copy)]
pub(super) struct Process<'a> {
    world: &'a World,
    idx: usize,
}

impl World {
    /// The process of this number.
    pub(super) fn process(&self, idx: usize) -> Process<'_> {
        assert!(idx < self.dead.len());
        Process { world: self, idx }
    }
}

impl Process<'_> {
    /// Its name, which fills all bits that a name has.
    pub(super) fn id(self) -> Id {
        Id::new((1 << 62) + (3 << 31) + self.idx as u64).expect("less than 2^63")
    }

    /// Ends the process.
    pub(super) fn die(self) {
        self.world.dead[self.idx].store(true, Ordering::Release);
    }
}

impl Peers for Process<'_> {
    fn me(&self) -> Option<Id> {
        Some(self.id())
    }

    fn is_dead(&self, id: Id) -> bool {
        let numbers = 0..self.world.dead.len();
        let known = numbers.map(|idx| self.world.process(idx)).find(|process| process.id() == id);
        known.is_none_or(|process| self.world.dead[process.idx].load(Ordering::Acquire))
    }
}

/// A forked child that could not get a name.
pub(super) struct Nameless;

impl Peers for Nameless {
    fn me(&self) -> Option<Id> {
        None
    }

    fn is_dead(&self, _: Id) -> bool {
        false
    }
}
