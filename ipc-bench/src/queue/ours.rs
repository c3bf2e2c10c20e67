//! The queue of the family.

use super::crew::{Kind, Outcome};
use super::way::{Get, Put, Way};
use ipc_queue::Queue;

/// A queue of numbers.
pub(crate) struct Ours(Queue<u64>);

impl Ours {
    pub(crate) fn new(capacity: usize) -> Outcome<Ours> {
        Ok(Ours(Queue::bounded(capacity)?))
    }
}

impl Way for Ours {
    type Putter = Queue<u64>;
    type Getter = Queue<u64>;

    const NAME: &'static str = "ipc_queue";
    const KIND: Kind = Kind::Processes;

    fn putter(&self) -> Outcome<Queue<u64>> {
        Ok(self.0.clone())
    }

    fn getter(&self) -> Outcome<Queue<u64>> {
        Ok(self.0.clone())
    }
}

impl Put for Queue<u64> {
    fn put(&mut self, number: u64) -> Outcome {
        Ok(Queue::put(self, number)?)
    }
}

impl Get for Queue<u64> {
    fn get(&mut self) -> Outcome<u64> {
        Ok(Queue::get(self)?)
    }
}
