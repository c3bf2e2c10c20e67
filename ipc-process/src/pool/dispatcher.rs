//! The thread of a pool: hands out tasks, takes results, replaces the dead.

use super::crew::{NextReply, Recipe, Remains, Worker};
use super::inbox::{Inbox, Item, Mode};
use super::result::{TaskError, TaskResult};
use ipc_sys::clock::Deadline;
use ipc_sys::process::ExitStatus;
use ipc_sys::readiness::{Interest, Watch, wait};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often in a row workers may fail to start until the pool gives up, unless another worker is at work: then the system may
/// have room again later.
const MAX_FAILED_STARTS: u32 = 5;

/// How long to wait after a worker failed to start until the next one is; twice as long after each further failure.
const RETRY_START: Duration = Duration::from_millis(50);

/// How many workers may end by themselves instead of beginning a task, until the task fails.
const MAX_REFUSALS: u32 = 3;

/// How long the workers of a pool that was joined may take to leave.
const LEAVE: Duration = Duration::from_secs(5);

/// The state of the thread.
#[derive(Debug)]
pub(super) struct Dispatcher {
    inbox: Arc<Inbox>,
    recipe: Recipe,
    /// A place per worker; empty while one could not be started.
    workers: Vec<Option<Worker>>,
    /// Tasks that came back from workers, ahead of those in the inbox.
    returned: VecDeque<Item>,
    /// In a row.
    failed_starts: u32,
    /// When the next worker may be started, if one failed to.
    retry_at: Option<Instant>,
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
            retry_at: None,
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
            watches.extend(worker.replies_handle().map(|replies| Watch::new(replies, Interest::Read)));
            watches.push(Watch::new(worker.sentinel(), Interest::Read));
        }
        let deadline = self.next_look().map_or(Deadline::NEVER, Deadline::at);
        if wait(&mut watches, deadline).is_err() {
            // Memory is short, or the handles are more than the process may open by now. The loop looks at everything anyway.
            std::thread::sleep(RETRY_START);
        }
    }

    /// When something may have to be done though nobody has said anything.
    fn next_look(&self) -> Option<Instant> {
        let workers = || self.workers.iter().flatten();
        let start = self.retry_at.filter(|_| self.workers.iter().any(Option::is_none));
        let somebody_is_idle = workers().any(|worker| worker.n_assigned() == 0 && worker.has_room());
        // A task that nobody begins, and one that an idle worker did not take: its pipe was full.
        let overdue = workers().filter_map(|worker| worker.overdue_at(&self.recipe.board)).min();
        let refused = (!self.returned.is_empty()).then(|| Instant::now() + RETRY_START);
        let help = overdue.into_iter().chain(refused).min().filter(|_| somebody_is_idle);
        let late = workers().filter_map(Worker::start_by).min();
        start.into_iter().chain(help).chain(late).min()
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
                NextReply::Started => {
                    self.failed_starts = 0;
                    self.retry_at = None;
                }
                NextReply::Noted => {}
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
            let may_start = self.retry_at.is_none_or(|retry_at| retry_at <= Instant::now());
            if self.workers[index].is_none() && may_start && self.inbox.lock().mode.runs_tasks() {
                self.start(index);
            }
        }
    }

    fn bury_if_dead(&mut self, mut worker: Worker) -> Option<Worker> {
        // First whether it is dead, then its last words: so none can come after them.
        let Some(status) = worker.exit_status() else {
            if worker.kill_if_late() {
                self.count_failed_start("a worker did not start in time".into());
            }
            return Some(worker);
        };
        self.take_replies_of(&mut worker);
        let Remains { had_started, begun, mut untouched } = worker.into_remains(&self.recipe.board);
        self.inbox.count_death();
        if had_started && begun.is_empty() && !was_killed(status) {
            // It may be the task that no worker can so much as receive. It is not given to one after the other for ever.
            if untouched.first_mut().is_some_and(|item| item.count_refusal() >= MAX_REFUSALS) {
                untouched.remove(0).end(Err(TaskError::WorkerDied { status }));
            }
        }
        begun.into_iter().for_each(|item| item.end(Err(TaskError::WorkerDied { status })));
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
            Err(error) => self.count_failed_start(crate::entry::chain(&error)),
        }
    }

    fn publish(&self, index: usize, worker: &Worker) {
        // A worker that cannot be shown works all the same.
        if let Ok(public) = worker.to_public() {
            self.inbox.lock().workers[index] = public;
        }
    }

    fn count_failed_start(&mut self, reason: String) {
        self.retry_at = Some(Instant::now() + RETRY_START * (1 << self.failed_starts.min(4)));
        self.failed_starts += 1;
        let somebody_works = self.workers.iter().flatten().any(Worker::has_started);
        if self.failed_starts >= MAX_FAILED_STARTS && !somebody_works {
            self.inbox.set_mode(Mode::Broken(reason));
        }
    }

    /// Gives each worker a task to run, those that still start last, and then each one more to have at hand, as long as there are
    /// tasks.
    fn hand_out(&mut self) {
        for (n_at_most, all) in [(0, false), (0, true), (1, true)] {
            for index in 0..self.workers.len() {
                let Some(worker) = &mut self.workers[index] else { continue };
                if worker.n_assigned() > n_at_most || !worker.has_room() || !(all || worker.has_started()) {
                    continue;
                }
                let item = self.next_item(n_at_most > 0);
                // Nothing waits, and this one is idle: it helps another that has a task at hand, or does not begin its only one.
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

    /// The next task that waits. A task with handles never lies at hand with a worker that is busy: if it had to be taken back,
    /// the handles would stay open in that worker's pipe, and whoever waits for their end would wait for that worker, too.
    fn next_item(&mut self, lies_at_hand: bool) -> Option<Item> {
        let take = |items: &mut VecDeque<Item>| {
            let may_go = !lies_at_hand || items.front()?.args.handles().is_empty();
            if may_go { items.pop_front() } else { None }
        };
        if self.returned.is_empty() { take(&mut self.inbox.lock().items) } else { take(&mut self.returned) }
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
        let mut workers: Vec<Worker> = self.workers.drain(..).flatten().collect();
        workers.iter_mut().for_each(Worker::let_go);
        if mode != Mode::Closing {
            workers.iter().for_each(Worker::kill);
        }
        let deadline = Instant::now() + LEAVE;
        let unfinished = workers.into_iter().flat_map(|worker| worker.finish(deadline));
        for item in unfinished.chain(self.returned).chain(items) {
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
