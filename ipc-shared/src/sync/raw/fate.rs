//! For tests: processes that are threads, and die where the test says.

use super::{Id, Peers};
use std::cell::Cell;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;

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

/// The processes that there are.
#[derive(Default)]
pub(super) struct World {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    alive: HashSet<u64>,
    last: u64,
}

/// One of them. It lives until it is killed, not only as long as this value.
#[derive(Clone, Copy)]
pub(super) struct Process<'a> {
    world: &'a World,
    id: Option<Id>,
}

impl World {
    pub(super) fn start(&self) -> Process<'_> {
        let mut inner = self.inner.lock().unwrap();
        inner.last += 1;
        let last = inner.last;
        inner.alive.insert(last);
        Process { world: self, id: Id::new(last) }
    }

    /// A forked child that got no name.
    pub(super) fn nameless(&self) -> Process<'_> {
        Process { world: self, id: None }
    }
}

impl Process<'_> {
    pub(super) fn id(&self) -> Id {
        self.id.expect("has a name")
    }

    pub(super) fn kill(&self) {
        self.world.inner.lock().unwrap().alive.remove(&self.id().get());
    }

    /// Does something, dies before its change number `n` if it gets there, and then in any case.
    pub(super) fn dies_at<R>(&self, n: u32, body: impl FnOnce() -> R) -> Option<R> {
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
        !self.world.inner.lock().unwrap().alive.contains(&id.get())
    }
}
