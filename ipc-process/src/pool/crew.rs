//! One worker, as the dispatcher sees it: its process, its pipe, the tasks it was offered.
//!
//! # Safety
//!
//! Starts processes by the function that may fork; it never asks it to.
#![allow(unsafe_code)]

use super::board::{Board, DEPTH};
use super::handle::PoolWorker;
use super::inbox::Item;
use super::result::TaskError;
use super::worker::{Reply, Task, WorkerStart, work};
use crate::builder::Builder;
use crate::entry::{self, Outcome};
use crate::error::SpawnError;
use crate::fork_server::ForkServer;
use crate::process::Process;
use crate::wire::channel_limits;
use ipc_codec::Limits;
use ipc_pipe::{Pipe, RecvError, SendError, TryRecvError, TrySendError};
use ipc_sys::handle::{AsHandle, BorrowedHandle, duplicate};
use ipc_sys::process::ExitStatus;
use std::collections::VecDeque;
use std::sync::Arc;

/// How the workers of a pool are made.
#[derive(Debug)]
pub(super) struct Recipe {
    pub(super) board: Arc<Board>,
    pub(super) limits: Limits,
    /// Forks the workers; without one they are spawned.
    pub(super) fork_server: Option<ForkServer>,
}

impl Recipe {
    /// Starts worker number `index`, without waiting for its first word.
    pub(super) fn start(&self, index: usize) -> Result<Worker, SpawnError> {
        let (tasks, workers_end) = ipc_pipe::pipe().map_err(SpawnError::os("making a worker's pipe"))?;
        let start = WorkerStart {
            tasks: workers_end,
            board: Arc::clone(&self.board),
            index,
            limits: self.limits.into(),
        };
        let builder = Builder::new().name_prefix("PoolWorker").daemon(true);
        let process = match &self.fork_server {
            Some(server) => builder.launch_served(server, work, start)?,
            // SAFETY: spawned, not forked.
            None => unsafe { builder.launch(work, start) }?,
        };
        let tasks = tasks.with_limits(channel_limits());
        Ok(Worker { index, process, tasks, assigned: VecDeque::new(), next_number: 1, has_started: false })
    }
}

/// A worker process and what it was offered.
#[derive(Debug)]
pub(super) struct Worker {
    index: usize,
    process: Process<()>,
    tasks: Pipe<Task, Reply>,
    /// In the order in which they were offered; the worker takes them in this order.
    assigned: VecDeque<Assigned>,
    next_number: u64,
    has_started: bool,
}

#[derive(Debug)]
struct Assigned {
    number: u64,
    item: Item,
}

/// What became of a worker that died.
#[derive(Debug)]
pub(super) struct Remains {
    /// Whether it had ever said that it had started.
    pub(super) had_started: bool,
    /// The task that it was in, which fails.
    pub(super) begun: Option<Item>,
    /// Tasks that it had not begun, the first first.
    pub(super) untouched: Vec<Item>,
}

impl Worker {
    /// Waits until the worker has started.
    pub(super) fn wait_until_started(&self) -> Result<(), SpawnError> {
        self.process.running().wait_until_started()
    }

    /// The worker for users to see.
    pub(super) fn to_public(&self) -> Result<PoolWorker, SpawnError> {
        let handle =
            duplicate(self.process.sentinel()).map_err(SpawnError::os("duplicating a worker's handle"))?;
        Ok(PoolWorker::new(self.process.name().to_owned(), self.process.pid(), handle))
    }

    pub(super) fn index(&self) -> usize {
        self.index
    }

    /// Readable when the worker said something.
    pub(super) fn replies_handle(&self) -> BorrowedHandle<'_> {
        self.tasks.as_fd()
    }

    /// Readable when the worker is dead.
    pub(super) fn sentinel(&self) -> BorrowedHandle<'_> {
        self.process.sentinel()
    }

    pub(super) fn n_assigned(&self) -> usize {
        self.assigned.len()
    }

    /// Offers a task; gives it back when the worker cannot take one now.
    pub(super) fn offer(&mut self, item: Item, board: &Board) -> Result<(), Item> {
        if self.assigned.len() as u64 >= DEPTH {
            return Err(item);
        }
        let number = self.next_number;
        board.offer(self.index, number);
        // The arguments are kept: should the worker die before it begins, another one gets them.
        let task = Task { number, entry: item.entry, args: Arc::clone(&item.args) };
        if let Err(error) = self.tasks.try_send(task) {
            return match error {
                // A full pipe, or a worker that died just now: somebody else will take it.
                TrySendError::Full(_) | TrySendError::Send(SendError::Closed(_)) => Err(item),
                // Too many handles on their way, or no memory for a large task. That passes or it does not; to try for
                // ever would be a hang.
                error => {
                    item.end(Err(TaskError::Arguments { reason: entry::chain(&error) }));
                    Ok(())
                }
            };
        }
        self.next_number += 1;
        self.assigned.push_back(Assigned { number, item });
        Ok(())
    }

    /// Takes back the last task, if the worker has more than one and has not begun it.
    pub(super) fn take_back(&mut self, board: &Board) -> Option<Item> {
        if self.assigned.len() < 2 {
            return None;
        }
        let last = self.assigned.pop_back()?;
        if board.revoke(self.index, last.number) {
            return Some(last.item);
        }
        self.assigned.push_back(last);
        None
    }

    /// Takes the next thing that the worker said, and what it was about.
    pub(super) fn next_reply(&mut self) -> NextReply {
        match self.tasks.try_recv() {
            Ok(Reply::Hello) => {
                self.has_started = true;
                NextReply::Started
            }
            Ok(Reply::Done { number, outcome }) => {
                // Offers that were taken back are no longer in the list, and a worker answers in order.
                match self.assigned.front() {
                    Some(front) if front.number == number => {
                        let assigned = self.assigned.pop_front().expect("looked at above");
                        NextReply::Done(assigned.item, outcome)
                    }
                    _ => NextReply::Lost,
                }
            }
            Err(TryRecvError::Empty) => NextReply::Nothing,
            // The end of the process says the rest.
            Err(TryRecvError::Recv(RecvError::Eof)) => NextReply::Nothing,
            Err(_) => NextReply::Lost,
        }
    }

    /// Ends the worker at once.
    pub(super) fn kill(&self) {
        // It is this process's own child, so there is nothing that could refuse.
        let _ = self.process.kill();
    }

    /// How the worker ended; `None` while it lives.
    pub(super) fn exit_status(&self) -> Option<ExitStatus> {
        self.process.exit_status()
    }

    /// What is left of a dead worker, once its last reply was taken.
    pub(super) fn into_remains(mut self, board: &Board) -> Remains {
        let front_was_begun =
            self.assigned.front().is_some_and(|front| board.was_begun(self.index, front.number));
        let begun = if front_was_begun { self.assigned.pop_front() } else { None };
        Remains {
            had_started: self.has_started,
            begun: begun.map(|assigned| assigned.item),
            untouched: self.assigned.drain(..).map(|assigned| assigned.item).collect(),
        }
    }

    /// Lets the worker go, waits for its end, and gives back the tasks that it still had.
    pub(super) fn finish(self) -> Vec<Item> {
        let Worker { process, tasks, assigned, .. } = self;
        // The end of the pipe is the end of the worker's loop; a worker that was killed needs none.
        drop(tasks);
        // How it ended concerns nobody any more.
        let _ = process.wait();
        assigned.into_iter().map(|assigned| assigned.item).collect()
    }
}

/// What [`Worker::next_reply`] found.
#[derive(Debug)]
pub(super) enum NextReply {
    Nothing,
    Started,
    Done(Item, Outcome),
    /// A reply that cannot be read, or that nobody asked for: the worker is not to be trusted any more.
    Lost,
}
