//! Histories of queues that exist only in the imagination: workers whose steps are mixed by chance, on a clock that is counted.

use ipc_testkit::Rng;
use ipc_testkit::history::{History, Op, Outcome};

/// A queue as its workers see it: each step happens at one instant.
pub(crate) trait Queue {
    /// Whether the value is in now.
    fn put(&mut self, producer: usize, value: u64) -> bool;
    fn get(&mut self) -> Option<u64>;
    /// A worker was killed in this call, after it had put or got so many values.
    fn died(&mut self, _call: &Op, _n_done: usize) {}
}

/// What is played.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Play {
    pub(crate) n_workers: usize,
    pub(crate) n_calls: usize,
    /// A worker is killed once in so many of its steps; never if 0.
    pub(crate) kill_odds: u64,
    /// At most so many values a call.
    pub(crate) most_values: u64,
    /// Whether the queue is drained in the end by somebody who finds it empty.
    pub(crate) is_drained: bool,
}

struct Worker {
    name: usize,
    last_end: u64,
    task: Option<Task>,
}

struct Task {
    op: Op,
    call: u64,
    values: Vec<u64>,
    is_over: bool,
}

pub(crate) struct Stage<'a> {
    play: Play,
    rng: &'a mut Rng,
    queue: &'a mut dyn Queue,
    history: History,
    time: u64,
    next_value: u64,
    next_worker: usize,
}

/// Plays, and returns what was seen.
pub(crate) fn play(play: Play, rng: &mut Rng, queue: &mut dyn Queue) -> History {
    let n_workers = play.n_workers;
    let history = History::new();
    let mut stage = Stage { play, rng, queue, history, time: 10, next_value: 1, next_worker: n_workers };
    let mut workers: Vec<Worker> = (0..n_workers).map(new_worker).collect();
    let mut n_calls = 0;
    while n_calls < play.n_calls || workers.iter().any(|worker| worker.task.is_some()) {
        let idx = stage.rng.below(n_workers as u64) as usize;
        stage.time += stage.rng.below(3);
        if workers[idx].task.is_some() {
            stage.step(&mut workers[idx]);
        } else if n_calls < play.n_calls {
            n_calls += 1;
            stage.call(&mut workers[idx]);
        }
    }
    if play.is_drained {
        stage.drain();
    }
    stage.history
}

fn new_worker(name: usize) -> Worker {
    Worker { name, last_end: 0, task: None }
}

impl Stage<'_> {
    fn call(&mut self, worker: &mut Worker) {
        self.time = self.time.max(worker.last_end + 1);
        let n_values = 1 + self.rng.below(self.play.most_values);
        let first = self.next_value;
        let op = match (self.rng.one_in(2), n_values) {
            (true, 1) => Op::Put(first),
            (true, _) => Op::PutMany((first..first + n_values).collect()),
            (false, 1) => Op::Get,
            (false, _) => Op::GetMany(n_values as usize),
        };
        self.next_value += n_values;
        worker.task = Some(Task { op, call: self.time, values: Vec::new(), is_over: false });
    }

    /// One value goes in or out, or the worker is told, or it is killed.
    fn step(&mut self, worker: &mut Worker) {
        let Some(mut task) = worker.task.take() else { return };
        if self.play.kill_odds > 0 && self.rng.one_in(self.play.kill_odds) {
            self.queue.died(&task.op, task.values.len());
            let end = if self.rng.one_in(4) { u64::MAX } else { self.time + self.rng.below(3) };
            self.history.push_pending(worker.name, task.op, task.call, end);
            *worker = new_worker(self.next_worker);
            self.next_worker += 1;
        } else if task.is_over {
            let outcome = outcome(&task);
            self.history.push(worker.name, task.op, task.call, self.time, outcome);
            worker.last_end = self.time;
        } else {
            self.act(worker.name, &mut task);
            worker.task = Some(task);
        }
    }

    fn act(&mut self, name: usize, task: &mut Task) {
        let n_done = task.values.len();
        let (value, n_wanted) = match &task.op {
            Op::Put(value) => (self.queue.put(name, *value).then_some(*value), 1),
            Op::PutMany(values) => {
                (self.queue.put(name, values[n_done]).then_some(values[n_done]), values.len())
            }
            Op::Get => (self.queue.get(), 1),
            Op::GetMany(max) => (self.queue.get(), *max),
        };
        task.values.extend(value);
        task.is_over = value.is_none() || task.values.len() == n_wanted;
    }

    fn drain(&mut self) {
        let mut worker = new_worker(self.next_worker);
        loop {
            self.time += 1;
            let mut task = Task { op: Op::Get, call: self.time, values: Vec::new(), is_over: false };
            self.act(worker.name, &mut task);
            self.time += 1;
            worker.last_end = self.time;
            self.history.push(worker.name, Op::Get, task.call, self.time, outcome(&task));
            if task.values.is_empty() {
                return;
            }
        }
    }
}

fn outcome(task: &Task) -> Outcome {
    match (&task.op, &task.values[..]) {
        (Op::Put(_) | Op::PutMany(_), []) => Outcome::Full,
        (Op::Put(_), _) => Outcome::Done,
        (Op::PutMany(values), done) if values.len() == done.len() => Outcome::Done,
        (Op::PutMany(_), done) => Outcome::DonePartly(done.len()),
        (Op::Get | Op::GetMany(_), []) => Outcome::Empty,
        (Op::Get, values) => Outcome::Got(values[0]),
        (Op::GetMany(_), values) => Outcome::GotMany(values.to_vec()),
    }
}
