//! The thread of a pool: replaces the dead, keeps the limits, and drives the pool while nobody waits for results.

use super::crew::{Link, Remains, Worker};
use super::engine::Engine;
use super::job::Failure;
use super::recipe::Recipe;
use super::state::{Mode, State};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::AsHandle;
use ipc_sys::process::ExitStatus;
use ipc_sys::readiness::{Interest, Watch, wait};
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

/// How often the keeper looks at tasks that are under way: a worker that was stopped before it said its word does not say it.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How often it looks for tasks that take too long, as a part of the limit.
const LOOKS_PER_LIMIT: u32 = 8;

/// What a pool sees to for each of its workers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Care {
    pub(super) soft_limit: Option<Duration>,
    pub(super) hard_limit: Option<Duration>,
    pub(super) idle_timeout: Option<Duration>,
}

/// The state of the thread.
#[derive(Debug)]
pub(super) struct Keeper {
    engine: Arc<Engine>,
    recipe: Recipe,
    care: Care,
    /// In a row.
    failed_starts: u32,
    /// When the next worker may be started, if one failed to.
    retry_at: Option<Instant>,
}

impl Keeper {
    pub(super) fn new(engine: Arc<Engine>, recipe: Recipe, care: Care) -> Self {
        Keeper { engine, recipe, care, failed_starts: 0, retry_at: None }
    }

    /// Runs until the pool is closed and empty, terminated, or broken.
    pub(super) fn run(mut self) {
        while self.turn() {}
        self.end();
    }

    /// Does what there is to do, and waits until there may be more; whether the pool goes on.
    fn turn(&mut self) -> bool {
        let engine = Arc::clone(&self.engine);
        engine.doorbell.silence();
        let mut state = engine.lock();
        self.listen(&mut state);
        self.bury_dead(&mut state);
        self.dismiss(&mut state);
        state.turn_over();
        match state.mode {
            Mode::Terminating | Mode::Broken(_) => return false,
            Mode::Closing if state.is_idle() => return false,
            Mode::Open | Mode::Closing => {}
        }
        if let Some(index) = self.place_to_fill(&state) {
            drop(state);
            self.start(index);
            return true;
        }
        let deadline = self.next_look(&state);
        let links: Vec<Arc<Link>> =
            state.workers.iter().flatten().map(|worker| Arc::clone(&worker.link)).collect();
        let linked: Vec<bool> = state.workers.iter().flatten().map(|worker| worker.is_linked).collect();
        if !state.has_leader && state.needs_care() {
            engine.board.listen();
            if state.has_news() {
                return true;
            }
        }
        state.keeper_sleeps = deadline.is_none();
        drop(state);
        self.sleep(&links, &linked, deadline);
        true
    }

    /// Waits until somebody has something to say.
    fn sleep(&self, links: &[Arc<Link>], linked: &[bool], deadline: Option<Instant>) {
        let mut watches = vec![Watch::new(self.engine.doorbell.handle(), Interest::Read)];
        for (link, is_linked) in links.iter().zip(linked) {
            if *is_linked {
                watches.push(Watch::new(link.line.as_fd(), Interest::Read));
            }
            watches.push(Watch::new(link.process.sentinel(), Interest::Read));
        }
        if wait(&mut watches, deadline.map_or(Deadline::NEVER, Deadline::at)).is_err() {
            // Memory is short, or the handles are more than the process may open by now. The loop looks at everything anyway.
            std::thread::sleep(RETRY_START);
        }
    }

    /// When something may have to be done though nobody has said anything.
    fn next_look(&self, state: &State) -> Option<Instant> {
        let now = Instant::now();
        let workers = || state.workers.iter().flatten();
        let limit = self.care.soft_limit.into_iter().chain(self.care.hard_limit).min();
        let often = limit.map_or(LOOK_AGAIN, |limit| {
            (limit / LOOKS_PER_LIMIT).clamp(Duration::from_millis(1), LOOK_AGAIN)
        });
        let busy = (!state.is_idle()).then(|| now + often);
        let late = workers().filter_map(Worker::start_by).min();
        let has_room = state.workers.iter().take(state.n_wanted).any(Option::is_none);
        let retry = self.retry_at.filter(|_| has_room);
        let idle_timeout = self.care.idle_timeout.filter(|_| state.queue.is_empty());
        let is_idle = |worker: &&Worker| worker.is_usable() && worker.is_idle();
        let idle = idle_timeout
            .and_then(|limit| workers().filter(is_idle).map(|worker| worker.idle_since + limit).min());
        [busy, late, retry, idle].into_iter().flatten().min()
    }

    /// Takes what the workers said on their lines.
    fn listen(&mut self, state: &mut State) {
        for worker in state.workers.iter_mut().flatten() {
            let had_started = worker.has_started;
            if worker.listen().is_err() {
                // Its death tells which task was lost with it.
                worker.kill();
            }
            if worker.has_started && !had_started {
                self.failed_starts = 0;
                self.retry_at = None;
            }
        }
    }

    /// Lets workers go that are too many, have nothing to do for too long, or have lost their line.
    fn dismiss(&mut self, state: &mut State) {
        let Care { soft_limit, hard_limit, idle_timeout } = self.care;
        let is_idle_pool = state.queue.is_empty();
        for index in 0..state.workers.len() {
            let is_wanted = index < state.n_wanted;
            let Some(worker) = &mut state.workers[index] else { continue };
            if soft_limit.is_some() || hard_limit.is_some() {
                worker.check_time(soft_limit, hard_limit);
            }
            let is_bored = idle_timeout.is_some_and(|limit| {
                is_idle_pool && worker.has_started && worker.is_idle() && worker.idle_since.elapsed() >= limit
            });
            let is_over = worker.has_started && (!is_wanted || is_bored || !worker.is_linked);
            if is_over && !worker.is_leaving {
                // What it comes to next may be what it ends over, if it does: then that is counted.
                let rest = worker.steal(worker.n_behind());
                if worker.is_linked {
                    worker.retire();
                } else {
                    worker.let_go();
                }
                rest.into_iter().for_each(|chunk| state.queue.push_front(chunk));
            }
        }
    }

    /// Buries the dead, and settles what they had.
    fn bury_dead(&mut self, state: &mut State) {
        for index in 0..state.workers.len() {
            let Some(mut worker) = state.workers[index].take() else { continue };
            let Some(status) = worker.exit_status() else {
                if worker.kill_if_late() {
                    self.count_failed_start(state, "a worker did not start in time".into());
                }
                state.workers[index] = Some(worker);
                continue;
            };
            if worker.is_retired {
                // It may have no successor; one that died is shown until it has.
                state.public[index] = None;
            }
            self.bury(state, worker, status);
        }
    }

    fn bury(&mut self, state: &mut State, worker: Worker, status: ExitStatus) {
        let is_retired = worker.is_retired;
        let Remains { begun, mut untouched, unfit, had_started } =
            worker.bury(|chunk, batch| state.deliver(chunk, batch));
        // One that was retired, and left, has not died.
        state.n_deaths += u64::from(!(is_retired && begun.is_none() && status.success()));
        if had_started && begun.is_none() && !is_retired && !was_killed(status) {
            // It may be the task that no worker can so much as receive. It is not given to one after the other for ever.
            if let Some(first) = untouched.first_mut() {
                first.n_refusals += 1;
                if first.n_refusals >= MAX_REFUSALS {
                    let mut first = untouched.remove(0);
                    if first.n_tasks > 1 {
                        untouched.insert(0, first.split_off(1));
                    }
                    state.fail(first, Failure::Died(status));
                }
            }
        }
        if let Some((chunk, timed_out)) = begun {
            state.fail(chunk, timed_out.map_or(Failure::Died(status), Failure::TimedOut));
        }
        untouched.into_iter().rev().for_each(|chunk| state.queue.push_front(chunk));
        if let Some(reason) = unfit {
            state.set_mode(Mode::Broken(format!("the initializer failed: {reason}")));
        } else if !had_started && !was_killed(status) {
            self.count_failed_start(state, format!("a worker ended before it had started: {status}"));
        }
    }

    /// A place that has no worker and should have one, if one may be started now.
    fn place_to_fill(&self, state: &State) -> Option<usize> {
        let may_start = self.retry_at.is_none_or(|retry_at| retry_at <= Instant::now());
        if !may_start || !state.mode.runs_tasks() {
            return None;
        }
        let index = state.workers.iter().take(state.n_wanted).position(Option::is_none)?;
        // A pool whose workers leave when they are bored has new ones when there is something to do.
        let is_needed = self.care.idle_timeout.is_none() || !state.queue.is_empty() || state.is_behind();
        is_needed.then_some(index)
    }

    fn start(&mut self, index: usize) {
        let started = self.recipe.start();
        let engine = Arc::clone(&self.engine);
        let mut state = engine.lock();
        match started {
            Ok(worker) => {
                // A worker that cannot be shown works all the same.
                state.public[index] = worker.to_public().ok();
                state.workers[index] = Some(worker);
            }
            Err(error) => self.count_failed_start(&mut state, crate::entry::chain(&error)),
        }
    }

    fn count_failed_start(&mut self, state: &mut State, reason: String) {
        self.retry_at = Some(Instant::now() + RETRY_START * (1 << self.failed_starts.min(4)));
        self.failed_starts += 1;
        let somebody_works = state.workers.iter().flatten().any(|worker| worker.has_started);
        if self.failed_starts >= MAX_FAILED_STARTS && !somebody_works {
            state.set_mode(Mode::Broken(reason));
        }
    }

    /// Ends the workers and every task that has not ended.
    fn end(self) {
        let (mode, mut workers) = {
            let mut state = self.engine.lock();
            state.public.clear();
            let workers: Vec<Worker> = state.workers.drain(..).flatten().collect();
            (state.mode.clone(), workers)
        };
        workers.iter_mut().for_each(Worker::let_go);
        if mode != Mode::Closing {
            workers.iter().for_each(Worker::kill);
        }
        let deadline = Instant::now() + LEAVE;
        let unfinished: Vec<_> = workers.into_iter().flat_map(|worker| worker.finish(deadline)).collect();
        let mut state = self.engine.lock();
        let waiting = std::mem::take(&mut state.queue);
        for chunk in unfinished.into_iter().chain(waiting) {
            let failure = if mode == Mode::Closing { Failure::Cancelled } else { mode.failure() };
            state.fail(chunk, failure);
        }
        state.has_ended = true;
        // Whoever waits looks again.
        state.has_delivered = true;
    }
}

/// Whether somebody ended it from outside: then it says nothing about the program.
fn was_killed(status: ExitStatus) -> bool {
    const SIGKILL: i32 = 9;
    const SIGTERM: i32 = 15;
    matches!(status.signal(), Some(SIGKILL | SIGTERM))
}
