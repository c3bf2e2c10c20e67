//! What drives a pool: whoever waits for results does, and the keeper while nobody does.
//!
//! One of the threads that wait, the *leader*, waits for the workers; the others, the *followers*, wait for it. The leader takes the
//! results of all and hands out what waits, until its own results are there; then one of the followers leads.

use super::board::Board;
use super::callbacks::Callbacks;
use super::chunk::Chunk;
use super::job::Failure;
use super::pause::Eagerness;
use super::pending::IS_COPY;
use super::run::{VALUE, head};
use super::state::{Mode, State};
use crate::entry::ManyEntry;
use crate::wire::channel_limits;
use ipc_sys::clock::Deadline;
use ipc_sys::doorbell::Doorbell;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What the threads of the owner share.
#[derive(Debug)]
pub(super) struct Engine {
    state: Mutex<State>,
    /// Followers wait here.
    turn: Condvar,
    pub(super) board: Arc<Board>,
    /// Wakes the keeper.
    pub(super) doorbell: Doorbell,
    eagerness: Eagerness,
    /// How large the last arguments were, if they were large.
    pub(super) large_args: AtomicUsize,
    /// Where somebody is called when tasks have ended.
    pub(super) callbacks: Callbacks,
    /// The names of the functions that were called so far.
    names: Mutex<Names>,
    /// The process that made the pool.
    owner: u32,
}

/// The records that name functions, by what they are in this process.
type Names = HashMap<(usize, usize), Arc<[u8]>>;

/// The state while it is locked; wakes whom it concerns once it is not.
pub(super) struct Locked<'a> {
    engine: &'a Engine,
    /// Always there but in `drop`, and where it is given to the condition.
    guard: Option<MutexGuard<'a, State>>,
}

impl Engine {
    pub(super) fn new(state: State, board: Arc<Board>, doorbell: Doorbell) -> Self {
        let (state, turn) = (Mutex::new(state), Condvar::new());
        let owner = std::process::id();
        Engine {
            state,
            turn,
            board,
            doorbell,
            eagerness: Eagerness::default(),
            large_args: AtomicUsize::new(0),
            callbacks: Callbacks::default(),
            names: Mutex::default(),
            owner,
        }
    }

    pub(super) fn lock(&self) -> Locked<'_> {
        // No code of the user runs under it, so nothing is half changed.
        Locked::new(self, self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether this process was forked from the owner: then the pool is not here, only a copy of the memory.
    pub(super) fn is_copy(&self) -> bool {
        std::process::id() != self.owner
    }

    /// Hands in chunks; those that the pool does not take end at once. Whoever does not wait for them next says so by
    /// [`Engine::leave`]. How many chunks wait for room on a desk.
    pub(super) fn submit(&self, chunks: impl IntoIterator<Item = Chunk>) -> usize {
        if self.is_copy() {
            let failure = Failure::Broken(IS_COPY.into());
            chunks.into_iter().for_each(|chunk| drop(chunk.fail(failure.clone())));
            return 0;
        }
        let mut state = self.lock();
        match &state.mode {
            Mode::Open => {
                state.queue.extend(chunks);
                state.turn_over();
                if state.keeper_sleeps && (!state.queue.is_empty() || state.is_timed) {
                    // There may be nobody to give them to, or somebody to watch.
                    state.keeper_sleeps = false;
                    self.doorbell.ring();
                }
            }
            mode => {
                let failure = if let Mode::Broken(_) = mode { mode.failure() } else { Failure::Closed };
                chunks.into_iter().for_each(|chunk| state.fail(chunk, failure.clone()));
            }
        }
        state.queue.len()
    }

    /// Sees to it that the tasks that are under way are looked after, though this thread does not wait for them now.
    pub(super) fn leave(&self) {
        self.see_to_rest(&mut self.lock());
    }

    /// The record that names a function for the workers; none if it has no name.
    pub(super) fn name_of<A: DeserializeOwned, R: Serialize>(
        &self,
        function: fn(A) -> R,
    ) -> Option<Arc<[u8]>> {
        let key = ManyEntry::key(function);
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = names.get(&key) {
            return Some(Arc::clone(name));
        }
        let entry = ipc_codec::encode(&ManyEntry::of(function)?, &channel_limits()).ok()?;
        let name: Arc<[u8]> = [&head(VALUE, entry.bytes().len()), entry.bytes()].concat().into();
        names.insert(key, Arc::clone(&name));
        Some(name)
    }

    /// Results are to be told from now on to somebody who does not wait for them.
    pub(super) fn attend(&self) {
        let mut state = self.lock();
        state.has_wakers = true;
        self.see_to_rest(&mut state);
    }

    /// Waits until `is_there`, or the deadline; whether it is. Who is patient has enough to wait for half of what is under way.
    pub(super) fn wait(&self, deadline: Deadline, is_patient: bool, is_there: &dyn Fn() -> bool) -> bool {
        if is_there() {
            return true;
        }
        let mut state = self.lock();
        let found = loop {
            state.turn_over();
            if is_there() {
                break true;
            }
            // At the end of the pool, each task was answered.
            if state.has_ended || deadline.is_over() {
                break false;
            }
            if state.has_leader {
                state = self.follow(state, deadline);
                continue;
            }
            state.has_leader = true;
            let is_busy = state.prepare_to_wait(is_patient);
            drop(state);
            self.lead(deadline, is_patient && is_busy, is_there);
            state = self.lock();
            state.has_leader = false;
        };
        self.see_to_rest(&mut state);
        if state.n_followers > 0 {
            self.turn.notify_all();
        }
        drop(state);
        found || is_there()
    }

    /// Waits for the leader.
    fn follow<'a>(&'a self, mut state: Locked<'a>, deadline: Deadline) -> Locked<'a> {
        if state.has_delivered {
            // First those are woken whom that concerns.
            drop(state);
            return self.lock();
        }
        state.n_followers += 1;
        let Some(guard) = state.guard.take() else { return state };
        let timeout = deadline.remaining_at_most(Duration::from_secs(1));
        let (mut guard, _) = self.turn.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner);
        guard.n_followers -= 1;
        Locked::new(self, guard)
    }

    /// Waits for the workers.
    fn lead(&self, deadline: Deadline, is_hopeless: bool, is_there: &dyn Fn() -> bool) {
        let has_news = || self.lock().has_news() || is_there();
        if !is_hopeless && self.eagerness.look_until(has_news) {
            return;
        }
        let bell = self.board.begin_sleep();
        if !has_news() {
            let since = Instant::now();
            self.board.sleep(bell, deadline);
            if !is_hopeless {
                self.eagerness.learn(since.elapsed());
            }
        }
        self.board.stay_awake();
    }

    /// Before the lock is given back, and no thread leads.
    fn see_to_rest(&self, state: &mut Locked<'_>) {
        if state.has_leader || state.n_followers > 0 || !state.needs_care() {
            return;
        }
        let is_patient = !state.has_wakers;
        state.prepare_to_wait(is_patient);
        self.board.listen();
        // A worker with news may have looked before; and the keeper looks again after a while only if it knows that there is
        // something to do.
        if std::mem::take(&mut state.keeper_sleeps) || state.has_news() {
            self.doorbell.ring();
        }
    }
}

impl State {
    /// Tells the workers when to wake who waits; whether each of them has enough for a while.
    fn prepare_to_wait(&mut self, is_patient: bool) -> bool {
        let mut is_busy = true;
        for worker in self.workers.iter().flatten() {
            worker.wake_at(is_patient);
            is_busy &= worker.n_chunks() > 1;
        }
        is_busy
    }
}

impl<'a> Locked<'a> {
    fn new(engine: &'a Engine, guard: MutexGuard<'a, State>) -> Self {
        Locked { engine, guard: Some(guard) }
    }
}

impl Deref for Locked<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        self.guard.as_ref().expect("taken where the value ends")
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut State {
        self.guard.as_mut().expect("taken where the value ends")
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let Some(mut state) = self.guard.take() else { return };
        if !std::mem::take(&mut state.has_delivered) {
            return;
        }
        let wakers = std::mem::take(&mut state.wakers);
        let (has_leader, has_followers) = (state.has_leader, state.n_followers > 0);
        drop(state);
        if has_followers {
            self.engine.turn.notify_all();
        }
        if has_leader {
            self.engine.board.ring();
        }
        for waker in wakers {
            // Code of the user, whose panic was printed; the others are woken all the same.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }
}
