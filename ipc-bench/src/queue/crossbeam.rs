//! The channel that many programs use between threads.

use super::crew::{Kind, Outcome};
use super::way::{Get, Put, Way};
use crossbeam_channel::{Receiver, Sender};

/// A bounded channel.
pub(crate) struct Crossbeam(Sender<u64>, Receiver<u64>);

impl Crossbeam {
    pub(crate) fn new(capacity: usize) -> Crossbeam {
        let (sender, receiver) = crossbeam_channel::bounded(capacity);
        Crossbeam(sender, receiver)
    }
}

impl Way for Crossbeam {
    type Putter = Sender<u64>;
    type Getter = Receiver<u64>;

    const NAME: &'static str = "crossbeam-channel";
    const KIND: Kind = Kind::Threads;

    fn putter(&self) -> Outcome<Sender<u64>> {
        Ok(self.0.clone())
    }

    fn getter(&self) -> Outcome<Receiver<u64>> {
        Ok(self.1.clone())
    }
}

impl Put for Sender<u64> {
    fn put(&mut self, number: u64) -> Outcome {
        Ok(self.send(number)?)
    }
}

impl Get for Receiver<u64> {
    fn get(&mut self) -> Outcome<u64> {
        Ok(self.recv()?)
    }
}
