//! Queues of the standard library, used by threads that really run at a time, pass.

use ipc_testkit::history::{Fifo, Log, Op, Outcome, Passed};
use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Barrier, Mutex, PoisonError};

const N_THREADS: usize = 4;
const N_CALLS: u64 = 24;
const N_HISTORIES: usize = 400;
const CAPACITY: usize = 3;

/// What a thread can do with a queue.
trait Shared: Sync {
    fn put(&self, value: u64) -> Outcome;
    fn get(&self) -> Outcome;
    fn put_many(&self, values: &[u64]) -> Outcome;
    fn get_many(&self, max: usize) -> Outcome;
}

impl Shared for Mutex<VecDeque<u64>> {
    fn put(&self, value: u64) -> Outcome {
        let mut queue = self.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() == CAPACITY {
            return Outcome::Full;
        }
        queue.push_back(value);
        Outcome::Done
    }

    fn get(&self) -> Outcome {
        let mut queue = self.lock().unwrap_or_else(PoisonError::into_inner);
        queue.pop_front().map_or(Outcome::Empty, Outcome::Got)
    }

    fn put_many(&self, values: &[u64]) -> Outcome {
        match values.iter().take_while(|&&value| self.put(value) == Outcome::Done).count() {
            0 => Outcome::Full,
            n_put if n_put == values.len() => Outcome::Done,
            n_put => Outcome::DonePartly(n_put),
        }
    }

    fn get_many(&self, max: usize) -> Outcome {
        let mut queue = self.lock().unwrap_or_else(PoisonError::into_inner);
        let n_values = queue.len().min(max);
        let values: Vec<u64> = queue.drain(..n_values).collect();
        if values.is_empty() { Outcome::Empty } else { Outcome::GotMany(values) }
    }
}

/// A channel of the standard library, one value at a time. Its receiver is for one thread.
struct Channel {
    sender: SyncSender<u64>,
    receiver: Mutex<Receiver<u64>>,
}

impl Shared for Channel {
    fn put(&self, value: u64) -> Outcome {
        self.sender.try_send(value).map_or(Outcome::Full, |()| Outcome::Done)
    }

    fn get(&self) -> Outcome {
        let receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
        receiver.try_recv().map_or(Outcome::Empty, Outcome::Got)
    }

    fn put_many(&self, values: &[u64]) -> Outcome {
        match self.put(values[0]) {
            Outcome::Done => Outcome::DonePartly(1),
            other => other,
        }
    }

    fn get_many(&self, _max: usize) -> Outcome {
        self.get()
    }
}

/// What one thread does: a pattern of calls that differs by thread and round.
fn work(queue: &dyn Shared, log: &Log, thread: usize, round: usize) {
    let mut writer = log.writer(thread);
    for number in 0..N_CALLS {
        let value = (thread as u64) << 32 | number << 8;
        match (number * 7 + (thread * 5 + round) as u64) % 6 {
            0 | 1 => {
                let call = writer.call(Op::Put(value));
                call.ret(queue.put(value));
            }
            2 => {
                let values = [value, value + 1];
                let call = writer.call(Op::PutMany(values.to_vec()));
                call.ret(queue.put_many(&values));
            }
            3 => {
                let call = writer.call(Op::GetMany(2));
                call.ret(queue.get_many(2));
            }
            _ => {
                let call = writer.call(Op::Get);
                call.ret(queue.get());
            }
        }
    }
}

/// Runs the threads once, and judges.
fn round(queue: &dyn Shared, fifo: Fifo, round: usize) -> Passed {
    let log = Log::create(N_THREADS, 2 * N_CALLS as usize);
    let start = Barrier::new(N_THREADS);
    std::thread::scope(|scope| {
        for thread in 0..N_THREADS {
            let (log, start) = (&log, &start);
            scope.spawn(move || {
                start.wait();
                work(queue, log, thread, round);
            });
        }
    });
    let history = log.history();
    assert_eq!(history.operations().len(), N_THREADS * N_CALLS as usize);
    fifo.check(&history).unwrap_or_else(|violation| panic!("{violation}\n{history}"))
}

fn rounds(fifo: Fifo, make: impl Fn() -> Box<dyn Shared>) {
    let passed: Vec<Passed> = (0..N_HISTORIES).map(|number| round(&*make(), fifo, number)).collect();
    let got: usize = passed.iter().map(|passed| passed.got).sum();
    assert!(got > N_HISTORIES, "something has gone through");
    assert!(passed.iter().all(|passed| passed.lost == 0 && passed.got + passed.left == passed.put));
}

#[test]
fn a_queue_under_a_mutex_passes() {
    rounds(Fifo::bounded(CAPACITY), || Box::new(Mutex::new(VecDeque::new())));
}

#[test]
fn a_bounded_channel_passes() {
    rounds(Fifo::bounded(CAPACITY), || {
        let (sender, receiver) = mpsc::sync_channel(CAPACITY);
        Box::new(Channel { sender, receiver: Mutex::new(receiver) })
    });
}

#[test]
fn a_large_channel_passes() {
    rounds(Fifo::unbounded(), || {
        let (sender, receiver) = mpsc::sync_channel(10_000);
        Box::new(Channel { sender, receiver: Mutex::new(receiver) })
    });
}
