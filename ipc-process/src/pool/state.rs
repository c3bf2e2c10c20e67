//! What stands under the lock of a pool: the chunks that wait, the workers, and what the pool is to do.
//!
//! No code of the user runs here, and nothing here waits.

use super::chunk::Chunk;
use super::crew::{Handed, Worker};
use super::handle::PoolWorker;
use super::job::{Batch, Content, Failure};
use std::collections::VecDeque;
use std::task::Waker;

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

    /// How a task ends that the pool does not take, or drops.
    pub(super) fn failure(&self) -> Failure {
        match self {
            Mode::Broken(reason) => Failure::Broken(reason.clone()),
            Mode::Terminating => Failure::Cancelled,
            Mode::Open | Mode::Closing => Failure::Closed,
        }
    }
}

/// The largest size of results that the next ones are expected to have.
const MOST_EXPECTED: usize = 8 << 10;

/// Everything that the threads of a pool share.
#[derive(Debug)]
pub(super) struct State {
    pub(super) mode: Mode,
    /// Whether nothing of the pool is left.
    pub(super) has_ended: bool,
    /// Chunks that wait; what came back from a worker is in front.
    pub(super) queue: VecDeque<Chunk>,
    /// A place per worker; empty while there is none.
    pub(super) workers: Vec<Option<Worker>>,
    pub(super) public: Vec<Option<PoolWorker>>,
    pub(super) n_deaths: u64,
    /// How many workers there are to be.
    pub(super) n_wanted: usize,
    /// How many tasks a worker has at most.
    pub(super) max_tasks: Option<u64>,
    /// Whether the keeper watches how long tasks take.
    pub(super) is_timed: bool,
    /// Whether a thread waits for the workers on behalf of all.
    pub(super) has_leader: bool,
    /// How many threads wait for that one.
    pub(super) n_followers: usize,
    /// Whether the keeper sleeps until somebody rings, however long.
    pub(super) keeper_sleeps: bool,
    /// Whether somebody wants to be told of results without waiting for them.
    pub(super) has_wakers: bool,
    /// Who is to be woken once the lock is given back.
    pub(super) wakers: Vec<Waker>,
    /// Whether something was delivered since the lock was taken.
    pub(super) has_delivered: bool,
    /// How many bytes results take, by the last ones.
    result_size: usize,
    /// The worker that had results last: it is awake.
    warm: usize,
}

impl State {
    pub(super) fn new(workers: Vec<Worker>, public: Vec<PoolWorker>, max_tasks: Option<u64>) -> Self {
        State {
            mode: Mode::Open,
            has_ended: false,
            queue: VecDeque::new(),
            n_wanted: workers.len(),
            workers: workers.into_iter().map(Some).collect(),
            public: public.into_iter().map(Some).collect(),
            n_deaths: 0,
            max_tasks,
            is_timed: false,
            has_leader: false,
            n_followers: 0,
            keeper_sleeps: false,
            has_wakers: false,
            wakers: Vec::new(),
            has_delivered: false,
            result_size: 256,
            warm: 0,
        }
    }

    /// Whether no task is under way or waits.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.workers.iter().flatten().all(Worker::is_idle)
    }

    /// Whether somebody has to look after the tasks even if no thread waits for them.
    pub(super) fn needs_care(&self) -> bool {
        !self.queue.is_empty()
            || self.mode != Mode::Open
            || self.is_behind()
            || self.has_wakers && !self.is_idle()
    }

    /// Whether tasks wait on a desk behind others.
    pub(super) fn is_behind(&self) -> bool {
        self.workers.iter().flatten().any(Worker::has_tasks_behind)
    }

    /// Changes what the pool is to do, if that goes on from what it does.
    pub(super) fn set_mode(&mut self, mode: Mode) {
        let goes_on = match (&self.mode, &mode) {
            (Mode::Open, _) => true,
            (Mode::Closing, mode) => *mode != Mode::Open,
            (Mode::Terminating | Mode::Broken(_), _) => false,
        };
        if goes_on {
            self.mode = mode;
        }
    }

    /// Has the pool be of another size.
    pub(super) fn resize(&mut self, n_workers: usize) {
        self.n_wanted = n_workers;
        // Places beyond that empty themselves, and stay.
        let n_places = self.workers.len().max(n_workers);
        self.workers.resize_with(n_places, || None);
        self.public.resize_with(n_places, || None);
    }

    /// Whether a worker has something that was not collected.
    #[inline]
    pub(super) fn has_news(&self) -> bool {
        self.workers.iter().flatten().any(Worker::has_news)
    }

    /// Collects what is there, and gives the workers what they have room for.
    pub(super) fn turn_over(&mut self) {
        if self.has_news() {
            self.collect();
        }
        self.hand_out();
    }

    /// Takes the results that are there.
    pub(super) fn collect(&mut self) {
        for index in 0..self.workers.len() {
            let Some(mut worker) = self.workers[index].take_if(|worker| worker.has_news()) else { continue };
            let collected = worker.collect(|chunk, batch| self.deliver(chunk, batch));
            if collected.is_err() {
                // Its death tells which task was lost with it.
                worker.kill();
            }
            if worker.is_full() && !worker.is_leaving {
                let rest = worker.steal(worker.n_behind());
                worker.retire();
                rest.into_iter().for_each(|chunk| self.queue.push_front(chunk));
            }
            self.warm = index;
            self.workers[index] = Some(worker);
        }
    }

    /// Puts what came of tasks in the inbox of their job.
    pub(super) fn deliver(&mut self, chunk: &Chunk, batch: Batch) {
        if let Content::Results { records, letters } = &batch.content {
            let size = records.len() / batch.n_tasks.max(1);
            let size = if letters.is_empty() { size } else { (2 * self.result_size).max(size) };
            self.result_size = size.max(self.result_size - self.result_size / 8).min(MOST_EXPECTED);
        }
        self.wakers.extend(chunk.job.put(batch));
        self.has_delivered = true;
    }

    /// Ends all tasks of a chunk in this way.
    pub(super) fn fail(&mut self, chunk: Chunk, failure: Failure) {
        self.wakers.extend(chunk.fail(failure));
        self.has_delivered = true;
    }

    /// Gives the workers what waits, and those that have nothing a part of what others have.
    pub(super) fn hand_out(&mut self) {
        while let Some(chunk) = self.queue.pop_front() {
            if let Some(chunk) = self.hand(chunk) {
                self.queue.push_front(chunk);
                break;
            }
        }
        if self.queue.is_empty() {
            self.help_idle();
        }
        self.workers.iter_mut().flatten().for_each(Worker::ring);
    }

    /// Gives a chunk to the worker that has the least, or a part of it, if that is as much as the worker may have; gives back what
    /// nobody has room for.
    fn hand(&mut self, mut chunk: Chunk) -> Option<Chunk> {
        let warm = self.warm;
        let load = |(index, worker): (usize, &Option<Worker>)| {
            let worker = worker.as_ref().filter(|worker| worker.is_usable())?;
            Some((worker.n_chunks(), index != warm, index))
        };
        let Some((.., index)) = self.workers.iter().enumerate().filter_map(load).min() else {
            return Some(chunk);
        };
        let Some(worker) = &mut self.workers[index] else { return Some(chunk) };
        let may_have = self.max_tasks.map_or(u64::MAX, |most| most.saturating_sub(worker.n_tasks_had));
        let rest = (u64::from(chunk.n_tasks) > may_have).then(|| chunk.split_off(may_have as u32));
        match worker.hand(chunk, self.result_size) {
            Handed::Yes if self.max_tasks.is_some_and(|most| worker.n_tasks_had >= most) => worker.retire(),
            Handed::Yes => {}
            Handed::Unsent(chunk, failure) => self.fail(chunk, failure),
            Handed::NoRoom(chunk) => {
                // As it was, in two parts.
                rest.into_iter().for_each(|rest| self.queue.push_front(rest));
                return Some(chunk);
            }
        }
        rest.and_then(|rest| self.hand(rest))
    }

    /// Gives each worker that has nothing half of what the one has that has the most.
    fn help_idle(&mut self) {
        for index in 0..self.workers.len() {
            let is_idle = |worker: &Worker| worker.is_usable() && worker.is_idle();
            if !self.workers[index].as_ref().is_some_and(is_idle) {
                continue;
            }
            let stealable = |(index, worker): (usize, &Option<Worker>)| {
                let n_tasks = worker.as_ref()?.n_stealable();
                (n_tasks > 0).then_some((n_tasks, index))
            };
            let Some((n_tasks, victim)) = self.workers.iter().enumerate().filter_map(stealable).max() else {
                return;
            };
            let stolen = self.workers[victim].as_mut().map(|worker| worker.steal(n_tasks.div_ceil(2)));
            for chunk in stolen.into_iter().flatten() {
                self.queue.push_front(chunk);
            }
            while let Some(chunk) = self.queue.pop_front() {
                if let Some(chunk) = self.hand(chunk) {
                    self.queue.push_front(chunk);
                    return;
                }
            }
        }
    }
}
