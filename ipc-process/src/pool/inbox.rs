//! What a pool's handle and its dispatcher share: tasks that wait, and what the pool is to do.

use super::handle::PoolWorker;
use super::result::{TaskError, TaskResult};
use crate::entry::Entry;
use ipc_codec::Message;
use ipc_sys::doorbell::Doorbell;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A task that no worker has begun.
pub(super) struct Item {
    pub(super) entry: Entry,
    pub(super) args: Arc<Message>,
    reply: Box<dyn FnOnce(TaskResult) + Send>,
    /// How many workers ended by themselves when this was the next task for them.
    n_refusals: u32,
}

impl Item {
    pub(super) fn new(entry: Entry, args: Message, reply: Box<dyn FnOnce(TaskResult) + Send>) -> Self {
        Item { entry, args: Arc::new(args), reply, n_refusals: 0 }
    }

    /// Notes that a worker ended by itself instead of beginning this task; how often that has happened.
    pub(super) fn count_refusal(&mut self) -> u32 {
        self.n_refusals += 1;
        self.n_refusals
    }

    /// Ends the task.
    pub(super) fn end(self, result: TaskResult) {
        (self.reply)(result);
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item").finish_non_exhaustive()
    }
}

/// What the pool is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Take tasks and run them.
    Open,
    /// Run the tasks that are there, then end.
    Closing,
    /// End now.
    Terminating,
    /// It ended by itself: no worker can be started.
    Broken(String),
}

impl Mode {
    /// Whether there may be more tasks to run.
    pub(super) fn runs_tasks(&self) -> bool {
        matches!(self, Mode::Open | Mode::Closing)
    }
}

/// The shared part of a pool.
#[derive(Debug)]
pub(super) struct Inbox {
    state: Mutex<State>,
    pub(super) doorbell: Doorbell,
    n_deaths: AtomicU64,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) mode: Mode,
    pub(super) items: VecDeque<Item>,
    pub(super) workers: Vec<PoolWorker>,
}

impl Inbox {
    pub(super) fn new(doorbell: Doorbell) -> Self {
        let state = State { mode: Mode::Open, items: VecDeque::new(), workers: Vec::new() };
        Inbox { state: Mutex::new(state), doorbell, n_deaths: AtomicU64::new(0) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // No code of the user runs under it, so nothing is half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands in a task; one that the pool does not take ends at once.
    pub(super) fn submit(&self, item: Item) {
        let mut state = self.lock();
        let error = match &state.mode {
            Mode::Open => {
                state.items.push_back(item);
                drop(state);
                self.doorbell.ring();
                return;
            }
            Mode::Closing | Mode::Terminating => TaskError::Closed,
            Mode::Broken(reason) => TaskError::Broken { reason: reason.clone() },
        };
        // The reply may be code of the user.
        drop(state);
        item.end(Err(error));
    }

    /// Changes what the pool is to do, if that goes on from what it does.
    pub(super) fn set_mode(&self, mode: Mode) {
        let mut state = self.lock();
        let goes_on = match (&state.mode, &mode) {
            (Mode::Open, _) => true,
            (Mode::Closing, mode) => *mode != Mode::Open,
            (Mode::Terminating | Mode::Broken(_), _) => false,
        };
        if goes_on {
            state.mode = mode;
        }
        drop(state);
        self.doorbell.ring();
    }

    pub(super) fn count_death(&self) {
        self.n_deaths.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn n_deaths(&self) -> u64 {
        self.n_deaths.load(Ordering::Relaxed)
    }
}
