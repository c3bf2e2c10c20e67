//! For tests: processes that are threads of this one, and end when the test says so.

use super::{Id, Peers};
use ipc_testkit::mortal::dies_before;
use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The processes of a test.
#[derive(Default)]
pub(super) struct World {
    n_started: AtomicUsize,
    dead: Mutex<HashSet<Id>>,
}

/// One of them. It lives until it is killed, not only as long as this value.
#[derive(Clone, Copy)]
pub(super) struct Process<'a> {
    world: &'a World,
    id: Option<Id>,
}

/// The names that processes have: they fill all bits of a name, and a number that is made up is hardly one of them.
const NAMES: std::ops::Range<u64> = FIRST..FIRST + (1 << 20);
const FIRST: u64 = (1 << 59) + (3 << 31);

impl World {
    /// The process of this number.
    pub(super) fn process(&self, idx: usize) -> Process<'_> {
        Process { world: self, id: Id::new(FIRST + idx as u64) }
    }

    /// The process of the next number.
    pub(super) fn start(&self) -> Process<'_> {
        self.process(self.n_started.fetch_add(1, Relaxed))
    }

    /// A forked child that got no name.
    pub(super) fn nameless(&self) -> Process<'_> {
        Process { world: self, id: None }
    }
}

impl Process<'_> {
    pub(super) fn id(self) -> Id {
        self.id.expect("has a name")
    }

    /// Ends the process.
    pub(super) fn kill(self) {
        self.world.dead.lock().unwrap().insert(self.id());
    }

    /// Does something, dies before its change number `n` if it gets there, and then in any case.
    pub(super) fn dies_at<R>(self, n: u32, body: impl FnOnce() -> R) -> Option<R> {
        let result = dies_before(n, body);
        self.kill();
        result
    }
}

impl Peers for Process<'_> {
    fn me(&self) -> Option<Id> {
        self.id
    }

    fn is_dead(&self, id: Id) -> bool {
        !NAMES.contains(&id.get()) || self.world.dead.lock().unwrap().contains(&id)
    }
}
