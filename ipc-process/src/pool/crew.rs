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
use ipc_pipe::internals::{Line, line};
use ipc_pipe::{RecvError, SendError, TryRecvError, TrySendError};
use ipc_sys::handle::{AsHandle, BorrowedHandle, duplicate};
use ipc_sys::process::ExitStatus;
use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a task stays with a worker that does not begin it, when others have nothing to do.
const PATIENCE: Duration = Duration::from_millis(50);

/// How long a worker may take to start, as any process.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How the workers of a pool are made.
#[derive(Debug)]
pub(super) struct Recipe {
    pub(super) board: Arc<Board>,
    pub(super) limits: Limits,
    /// Forks the workers; without one they are spawned.
    pub(super) fork_server: Option<ForkServer>,
    n_started: Cell<u64>,
}

impl Recipe {
    pub(super) fn new(board: Arc<Board>, limits: Limits, fork_server: Option<ForkServer>) -> Self {
        Recipe { board, limits, fork_server, n_started: Cell::new(0) }
    }

    /// Starts worker number `index`, without waiting for its first word.
    pub(super) fn start(&self, index: usize) -> Result<Worker, SpawnError> {
        let (tasks, workers_end) = line().map_err(SpawnError::os("making a worker's line"))?;
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
        // No number is used twice in the same place of the board: what a copy of a dead worker may still do means nothing.
        let first_number = self.n_started.get() << 32;
        self.n_started.set(self.n_started.get() + 1);
        Ok(Worker {
            index,
            process,
            tasks: Some(tasks.with_limits(channel_limits())),
            assigned: VecDeque::new(),
            n_revoked: 0,
            next_number: first_number,
            has_started: false,
            start_by: Some(Instant::now() + START_TIMEOUT),
        })
    }
}

/// A worker process and what it was offered. Dropping it ends the process.
#[derive(Debug)]
pub(super) struct Worker {
    index: usize,
    process: Process<()>,
    /// None once the worker has closed its end, or the pool has let it go.
    tasks: Option<Line<Task, Reply>>,
    /// In the order in which they were offered; the worker takes them in this order.
    assigned: VecDeque<Assigned>,
    /// How many offers were taken back that the worker has not passed by yet.
    n_revoked: usize,
    next_number: u64,
    has_started: bool,
    /// None once it has started, or was late.
    start_by: Option<Instant>,
}

#[derive(Debug)]
struct Assigned {
    number: u64,
    item: Item,
    offered: Instant,
}

/// What became of a worker that died.
#[derive(Debug)]
pub(super) struct Remains {
    /// Whether it had ever said that it had started.
    pub(super) had_started: bool,
    /// The task that it was in, which fails. More than one only if an answer was lost on its way.
    pub(super) begun: Vec<Item>,
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

    /// Readable when the worker said something; none when it never will again.
    pub(super) fn replies_handle(&self) -> Option<BorrowedHandle<'_>> {
        self.tasks.as_ref().map(Line::as_fd)
    }

    /// Readable when the worker is dead.
    pub(super) fn sentinel(&self) -> BorrowedHandle<'_> {
        self.process.sentinel()
    }

    pub(super) fn n_assigned(&self) -> usize {
        self.assigned.len()
    }

    pub(super) fn has_started(&self) -> bool {
        self.has_started
    }

    /// Until when the worker has to start, if it has not.
    pub(super) fn start_by(&self) -> Option<Instant> {
        self.start_by
    }

    /// Ends the worker if it takes too long to start; whether it did so now.
    pub(super) fn kill_if_late(&mut self) -> bool {
        let is_late = self.start_by.is_some_and(|start_by| start_by <= Instant::now());
        if is_late {
            self.start_by = None;
            self.kill();
        }
        is_late
    }

    /// Whether the worker can be offered a task.
    ///
    /// Not as long as it has to pass by one that was taken back. So its pipe never holds more than [`DEPTH`] tasks, and the one
    /// task that it may still have was offered last, with the number before the next one: on another word of the board.
    pub(super) fn has_room(&self) -> bool {
        self.tasks.is_some() && self.n_revoked == 0 && (self.assigned.len() as u64) < DEPTH
    }

    /// Offers a task; gives it back when the worker cannot take one now.
    pub(super) fn offer(&mut self, item: Item, board: &Board) -> Result<(), Item> {
        let Some(tasks) = self.tasks.as_ref().filter(|_| self.has_room()) else { return Err(item) };
        let number = self.next_number;
        board.offer(self.index, number);
        // The arguments are kept: should the worker die before it begins, another one gets them.
        let task = Task { number, entry: item.entry, args: Arc::clone(&item.args) };
        if let Err(error) = tasks.try_send(task) {
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
        self.assigned.push_back(Assigned { number, item, offered: Instant::now() });
        Ok(())
    }

    /// Takes back the last task if the worker has not begun it, and is busy with another one or does nothing at all.
    pub(super) fn take_back(&mut self, board: &Board) -> Option<Item> {
        let last = self.assigned.back()?;
        let comes_to_it_soon = self.assigned.len() == 1 && last.offered.elapsed() < PATIENCE;
        if comes_to_it_soon || !board.revoke(self.index, last.number) {
            return None;
        }
        self.n_revoked += 1;
        self.assigned.pop_back().map(|assigned| assigned.item)
    }

    /// When the only task of the worker may be taken back, unless it begins it before.
    pub(super) fn overdue_at(&self, board: &Board) -> Option<Instant> {
        let last = self.assigned.back().filter(|_| self.assigned.len() == 1)?;
        (!board.was_begun(self.index, last.number)).then(|| last.offered + PATIENCE)
    }

    /// Takes the next thing that the worker said, and what it was about.
    pub(super) fn next_reply(&mut self) -> NextReply {
        let Some(tasks) = &self.tasks else { return NextReply::Nothing };
        match tasks.try_recv() {
            Ok(Reply::Hello) => {
                self.has_started = true;
                self.start_by = None;
                NextReply::Started
            }
            Ok(Reply::Begun) => match self.assigned.front_mut() {
                Some(front) => {
                    // Nobody else will get this task, and its handles are to be the worker's alone.
                    front.item.args = Arc::default();
                    NextReply::Noted
                }
                None => NextReply::Lost,
            },
            Ok(Reply::Skipped) if self.n_revoked > 0 => {
                self.n_revoked -= 1;
                NextReply::Noted
            }
            Ok(Reply::Skipped) => NextReply::Lost,
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
            // The end of the process says the rest, be it now or after a task that closed the worker's end.
            Err(TryRecvError::Recv(RecvError::Eof)) => {
                self.tasks = None;
                NextReply::Nothing
            }
            // This process has no room for the handles or the memory of a result; nothing else comes with any.
            Err(TryRecvError::Recv(error @ (RecvError::HandlesLost | RecvError::Spilled(_)))) => {
                match self.assigned.pop_front() {
                    Some(assigned) => {
                        NextReply::Done(assigned.item, Outcome::ResultRefused(entry::chain(&error)))
                    }
                    None => NextReply::Lost,
                }
            }
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
        let is_begun = |assigned: &Assigned| board.was_begun(self.index, assigned.number);
        let (begun, untouched): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.assigned).into_iter().partition(is_begun);
        let items = |assigned: Vec<Assigned>| assigned.into_iter().map(|assigned| assigned.item).collect();
        Remains { had_started: self.has_started, begun: items(begun), untouched: items(untouched) }
    }

    /// Lets the worker go: the end of the pipe is the end of its loop.
    pub(super) fn let_go(&mut self) {
        self.tasks = None;
    }

    /// Waits for the end of the worker, ends it if it takes longer, and gives back the tasks that it still had.
    pub(super) fn finish(mut self, deadline: Instant) -> Vec<Item> {
        // How it ended concerns nobody any more.
        let _ = self.process.wait_deadline(deadline);
        std::mem::take(&mut self.assigned).into_iter().map(|assigned| assigned.item).collect()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
        // It cannot escape the kill, so the wait ends.
        let _ = self.process.wait();
    }
}

/// What [`Worker::next_reply`] found.
#[derive(Debug)]
pub(super) enum NextReply {
    Nothing,
    Started,
    /// It concerned the worker alone.
    Noted,
    Done(Item, Outcome),
    /// A reply that cannot be read, or that nobody asked for: the worker is not to be trusted any more.
    Lost,
}
