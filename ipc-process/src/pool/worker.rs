//! The worker's side: claim a task, run it, send what came of it, until the pool lets go.

use super::board::Board;
use crate::entry::{self, Callee, Entry, Outcome};
use crate::wire::{WireLimits, channel_limits};
use ipc_codec::{Limits, Message};
use ipc_pipe::{Pipe, RecvError, SendError};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// What a worker is started with.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WorkerStart {
    pub(super) tasks: Pipe<Reply, Task>,
    /// Shared by all workers and the dispatcher.
    #[serde(with = "shared")]
    pub(super) board: Arc<Board>,
    /// The number of the worker on the board.
    pub(super) index: usize,
    pub(super) limits: WireLimits,
}

/// A task, offered to one worker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Task {
    /// Counts the tasks that this worker was offered.
    pub(super) number: u64,
    pub(super) entry: Entry,
    /// Shared with the dispatcher, which keeps them until the task has ended.
    #[serde(with = "shared")]
    pub(super) args: Arc<Message>,
}

/// What a worker says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    /// It has started, and takes tasks.
    Hello,
    /// What came of a task that it had begun.
    Done { number: u64, outcome: Outcome },
}

/// The function that a worker process runs.
pub(super) fn work(start: WorkerStart) {
    let WorkerStart { tasks, board, index, limits } = start;
    let tasks = tasks.with_limits(channel_limits());
    let mut worker = Worker { board, index, limits: limits.into(), callees: HashMap::new() };
    let mut alive = tasks.send(Reply::Hello).is_ok();
    while alive {
        alive = match tasks.recv() {
            Ok(task) => worker.run(task).is_none_or(|reply| send(&tasks, reply)),
            // The pool let go.
            Err(RecvError::Eof) => false,
            // A task that cannot be received was never begun. It is not lost: the pool finds this worker gone.
            Err(error) => panic!("a task could not be received: {}", entry::chain(&error)),
        };
    }
}

struct Worker {
    board: Arc<Board>,
    index: usize,
    limits: Limits,
    /// Functions that were found before; most pools call few.
    callees: HashMap<Entry, Callee>,
}

impl Worker {
    /// Runs a task, unless its offer was taken back.
    fn run(&mut self, task: Task) -> Option<Reply> {
        let Task { number, entry, args } = task;
        if !self.board.begin(self.index, number) {
            return None;
        }
        let outcome = match self.find(entry) {
            // Just received, so nobody shares it.
            Ok(callee) => callee.call(Arc::into_inner(args).unwrap_or_default(), &self.limits, &mut || {}),
            Err(outcome) => outcome,
        };
        Some(Reply::Done { number, outcome })
    }

    fn find(&mut self, entry: Entry) -> Result<Callee, Outcome> {
        if let Some(callee) = self.callees.get(&entry) {
            return Ok(*callee);
        }
        let callee = entry.resolve().map_err(|error| Outcome::ImageDiffers(error.to_string()))?;
        self.callees.insert(entry, callee);
        Ok(callee)
    }
}

/// Sends a reply; whether the pool is still there.
fn send(tasks: &Pipe<Reply, Task>, reply: Reply) -> bool {
    match tasks.send(reply) {
        Ok(()) => true,
        Err(SendError::Closed(_)) => false,
        // No memory for a large result, say. The task ran, and its result is lost; the pool has to know that.
        Err(error) => {
            let reason = entry::chain(&error);
            let Reply::Done { number, .. } = error.into_inner() else { return false };
            tasks.send(Reply::Done { number, outcome: Outcome::ResultRefused(reason) }).is_ok()
        }
    }
}

/// Serde for what is behind an `Arc`, which travels as the thing itself.
mod shared {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::sync::Arc;

    pub(super) fn serialize<T: Serialize, S: Serializer>(value: &Arc<T>, to: S) -> Result<S::Ok, S::Error> {
        T::serialize(value, to)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(from).map(Arc::new)
    }
}
