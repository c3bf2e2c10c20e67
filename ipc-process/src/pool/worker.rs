//! The worker's side: claim a task, run it, send what came of it, until the pool lets go.

use super::board::Board;
use crate::entry::{self, Callee, Entry, Outcome};
use crate::wire::{WireLimits, channel_limits};
use ipc_codec::{Limits, Message};
use ipc_pipe::internals::Line;
use ipc_pipe::{RecvError, SendError};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// What a worker is started with.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WorkerStart {
    pub(super) tasks: Line<Reply, Task>,
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
    /// It has begun a task whose arguments hold handles, which are its own now.
    Begun,
    /// It has passed by a task that was taken back.
    Skipped,
    /// What came of a task that it had begun.
    Done { number: u64, outcome: Outcome },
}

/// The function that a worker process runs.
pub(super) fn work(start: WorkerStart) {
    let WorkerStart { tasks, board, index, limits } = start;
    let tasks = tasks.with_limits(channel_limits());
    let pid = std::process::id();
    let mut worker = Worker { tasks, board, index, pid, limits: limits.into(), callees: HashMap::new() };
    let mut alive = worker.send(Reply::Hello);
    while alive {
        alive = match worker.tasks.recv() {
            Ok(task) => {
                let reply = worker.run(task);
                worker.send(reply)
            }
            // The pool let go.
            Err(RecvError::Eof) => false,
            // A task that cannot be received was never begun. It is not lost: the pool finds this worker gone.
            Err(error) => panic!("a task could not be received: {}", entry::chain(&error)),
        };
    }
}

struct Worker {
    tasks: Line<Reply, Task>,
    board: Arc<Board>,
    index: usize,
    pid: u32,
    limits: Limits,
    /// Functions that were found before; most pools call few.
    callees: HashMap<Entry, Callee>,
}

impl Worker {
    /// Runs a task, unless its offer was taken back.
    fn run(&mut self, task: Task) -> Reply {
        let Task { number, entry, args } = task;
        if !self.board.begin(self.index, number) {
            return Reply::Skipped;
        }
        if !args.handles().is_empty() {
            // A pool that is gone is noticed at the end of the task.
            self.send(Reply::Begun);
        }
        let outcome = match self.find(entry) {
            // Just received, so nobody shares it.
            Ok(callee) => callee.call(Arc::into_inner(args).unwrap_or_default(), &self.limits, &mut || {}),
            Err(outcome) => outcome,
        };
        if std::process::id() != self.pid {
            // The task forked, and this is the copy. It is nobody's worker, and the task is not its to answer.
            ipc_sys::process::exit_now(0);
        }
        Reply::Done { number, outcome }
    }

    /// Sends a reply; whether the pool is still there.
    fn send(&self, reply: Reply) -> bool {
        match self.tasks.send(reply) {
            Ok(()) => true,
            Err(SendError::Closed(_)) => false,
            // No memory for a large result, say. The task ran, and its result is lost; the pool has to know that.
            Err(error) => {
                let reason = entry::chain(&error);
                let Reply::Done { number, .. } = error.into_inner() else { return false };
                self.tasks.send(Reply::Done { number, outcome: Outcome::ResultRefused(reason) }).is_ok()
            }
        }
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
