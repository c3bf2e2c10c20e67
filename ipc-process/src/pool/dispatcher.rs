//! The thread of a pool: hands out tasks, takes results, replaces the dead.

use super::crew::{NextReply, Recipe, Remains, Worker};
use super::inbox::{Inbox, Item, Mode};
use super::result::{TaskError, TaskResult};
use ipc_sys::clock::Deadline;
use ipc_sys::process::ExitStatus;
use ipc_sys::readiness::{Interest, Watch, wait};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// How often in a row workers may fail before they have started, by themselves, until the pool gives up.
const MAX_FAILED_STARTS: u32 = 3;

/// How long to wait before a worker is started again after the system refused.
const RETRY_START: Duration = Duration::from_millis(50);

/// The state of the thread.
#[derive(Debug)]
pub(super) struct Dispatcher {
    inbox: Arc<Inbox>,
    recipe: Recipe,
    /// A place per worker; empty while one could not be started.
    workers: Vec<Option<Worker>>,
    /// Tasks that came back from workers, ahead of those in the inbox.
    returned: VecDeque<Item>,
    failed_starts: u32,
}

/// What the next turn of the loop is.
enum Turn {
    Again,
    End,
}

impl Dispatcher {
    pub(super) fn new(inbox: Arc<Inbox>, recipe: Recipe, workers: Vec<Worker>) -> Self {
        Dispatcher {
            inbox,
            recipe,
            workers: workers.into_iter().map(Some).collect(),
            returned: VecDeque::new(),
            failed_starts: 0,
        }
    }

    /// Runs until the pool is closed and empty, terminated, or broken.
    pub(super) fn run(mut self) {
        while let Turn::Again = self.turn() {}
        self.end();
    }

    fn turn(&mut self) -> Turn {
        self.inbox.doorbell.silence();
        self.take_replies();
        self.replace_dead();
        self.hand_out();
        let (mode, is_empty) = {
            let state = self.inbox.lock();
            (state.mode.clone(), state.items.is_empty())
        };
        match mode {
            Mode::Terminating | Mode::Broken(_) => return Turn::End,
            Mode::Closing if is_empty && self.is_idle() => return Turn::End,
            Mode::Open | Mode::Closing => {}
        }
        self.sleep();
        Turn::Again
    }

    /// Waits until somebody has something to say.
    fn sleep(&self) {
        let mut watches = vec![Watch::new(self.inbox.doorbell.handle(), Interest::Read)];
        for worker in self.workers.iter().flatten() {
            watches.push(Watch::new(worker.replies_handle(), Interest::Read));
            watches.push(Watch::new(worker.sentinel(), Interest::Read));
        }
        let is_complete = self.workers.iter().all(Option::is_some);
        let deadline = if is_complete { Deadline::NEVER } else { Deadline::after(RETRY_START) };
        if wait(&mut watches, deadline).is_err() {
            // Memory is short; the loop looks at everything anyway.
            std::thread::sleep(RETRY_START);
        }
    }

    fn take_replies(&mut self) {
        for index in 0..self.workers.len() {
            if let Some(mut worker) = self.workers[index].take() {
                self.take_replies_of(&mut worker);
                self.workers[index] = Some(worker);
            }
        }
    }

    fn take_replies_of(&mut self, worker: &mut Worker) {
        loop {
            match worker.next_reply() {
                NextReply::Nothing => break,
                NextReply::Started => self.failed_starts = 0,
                NextReply::Done(item, outcome) => item.end(TaskResult::from(outcome)),
                NextReply::Lost => {
                    // Its death tells which task was lost with it.
                    worker.kill();
                    break;
                }
            }
        }
    }

    /// Buries the dead, settles what they had, and starts others in their places.
    fn replace_dead(&mut self) {
        for index in 0..self.workers.len() {
            if let Some(worker) = self.workers[index].take() {
                self.workers[index] = self.bury_if_dead(worker);
            }
            if self.workers[index].is_none() && !matches!(self.inbox.lock().mode, Mode::Broken(_)) {
                self.start(index);
            }
        }
    }

    fn bury_if_dead(&mut self, mut worker: Worker) -> Option<Worker> {
        // First whether it is dead, then its last words: so none can come after them.
        let Some(status) = worker.exit_status() else { return Some(worker) };
        self.take_replies_of(&mut worker);
        let Remains { had_started, begun, untouched } = worker.into_remains(&self.recipe.board);
        self.inbox.count_death();
        if let Some(item) = begun {
            item.end(Err(TaskError::WorkerDied { status }));
        }
        for item in untouched.into_iter().rev() {
            self.returned.push_front(item);
        }
        if !had_started && !was_killed(status) {
            self.count_failed_start(format!("a worker ended before it had started: {status}"));
        }
        None
    }

    fn start(&mut self, index: usize) {
        match self.recipe.start(index) {
            Ok(worker) => {
                self.publish(index, &worker);
                self.workers[index] = Some(worker);
            }
            Err(error) => {
                // As long as others work, the system may have room again later.
                if self.workers.iter().all(Option::is_none) {
                    self.count_failed_start(crate::entry::chain(&error));
                }
            }
        }
    }

    fn publish(&self, index: usize, worker: &Worker) {
        // A worker that cannot be shown works all the same.
        if let Ok(public) = worker.to_public() {
            self.inbox.lock().workers[index] = public;
        }
    }

    fn count_failed_start(&mut self, reason: String) {
        self.failed_starts += 1;
        if self.failed_starts >= MAX_FAILED_STARTS {
            self.inbox.set_mode(Mode::Broken(reason));
        }
    }

    /// Gives each worker a task to run, and then each one more to have at hand, as long as there are tasks.
    fn hand_out(&mut self) {
        for n_at_most in 0..super::board::DEPTH as usize {
            for index in 0..self.workers.len() {
                let Some(worker) = &mut self.workers[index] else { continue };
                if worker.n_assigned() > n_at_most {
                    continue;
                }
                let item = match self.returned.pop_front() {
                    Some(item) => Some(item),
                    None => self.inbox.lock().items.pop_front(),
                };
                // Nothing waits, and this one is idle: it helps another that has a task at hand.
                let item = match item {
                    None if n_at_most == 0 => self.take_back_for(index),
                    item => item,
                };
                let (Some(item), Some(worker)) = (item, &mut self.workers[index]) else { continue };
                if let Err(item) = worker.offer(item, &self.recipe.board) {
                    self.returned.push_front(item);
                }
            }
        }
    }

    fn take_back_for(&mut self, index: usize) -> Option<Item> {
        let board = &self.recipe.board;
        let mut others = self.workers.iter_mut().flatten().filter(|worker| worker.index() != index);
        others.find_map(|worker| worker.take_back(board))
    }

    fn is_idle(&self) -> bool {
        self.returned.is_empty() && self.workers.iter().flatten().all(|worker| worker.n_assigned() == 0)
    }

    /// Ends the workers and every task that has not ended.
    fn end(mut self) {
        let error = |mode: &Mode| match mode {
            Mode::Broken(reason) => TaskError::Broken { reason: reason.clone() },
            _ => TaskError::Cancelled,
        };
        let (mode, items) = {
            let mut state = self.inbox.lock();
            state.workers.clear();
            (state.mode.clone(), std::mem::take(&mut state.items))
        };
        let workers: Vec<Worker> = self.workers.drain(..).flatten().collect();
        if mode != Mode::Closing {
            workers.iter().for_each(Worker::kill);
        }
        for item in workers.into_iter().flat_map(Worker::finish).chain(self.returned).chain(items) {
            item.end(Err(error(&mode)));
        }
    }
}

/// Whether somebody ended it from outside: then it says nothing about the program.
fn was_killed(status: ExitStatus) -> bool {
    const SIGKILL: i32 = 9;
    const SIGTERM: i32 = 15;
    matches!(status.signal(), Some(SIGKILL | SIGTERM))
}
