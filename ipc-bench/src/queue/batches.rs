//! The queue of the family, where numbers go many at a time.

use super::crew::{Kind, Outcome};
use super::way::{Get, Put, Way};
use ipc_queue::Queue;
use std::vec::IntoIter;

/// How many go at a time. Whoever puts some puts a multiple of it.
pub(super) const BATCH: usize = 100;

/// A queue of numbers.
pub(super) struct Batches(Queue<u64>);

/// Gathers numbers, and puts them when there are enough.
pub(super) struct Gathering(Queue<u64>, Vec<u64>);

/// Takes what is there, up to a batch, and hands it out.
pub(super) struct HandingOut(Queue<u64>, IntoIter<u64>);

impl Batches {
    pub(super) fn new(capacity: usize) -> Outcome<Batches> {
        Ok(Batches(Queue::bounded(capacity)?))
    }
}

impl Way for Batches {
    type Putter = Gathering;
    type Getter = HandingOut;

    const NAME: &'static str = "ipc_queue";
    const KIND: Kind = Kind::Processes;

    fn putter(&self) -> Outcome<Gathering> {
        Ok(Gathering(self.0.clone(), Vec::with_capacity(BATCH)))
    }

    fn getter(&self) -> Outcome<HandingOut> {
        Ok(HandingOut(self.0.clone(), Vec::new().into_iter()))
    }
}

impl Put for Gathering {
    #[inline]
    fn put(&mut self, number: u64) -> Outcome {
        self.1.push(number);
        if self.1.len() == BATCH {
            self.0.put_many(std::mem::replace(&mut self.1, Vec::with_capacity(BATCH)))?;
        }
        Ok(())
    }
}

impl Get for HandingOut {
    #[inline]
    fn get(&mut self) -> Outcome<u64> {
        loop {
            if let Some(number) = self.1.next() {
                return Ok(number);
            }
            self.1 = self.0.get_many(BATCH)?.into_iter();
        }
    }
}
