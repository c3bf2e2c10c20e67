//! The pipe of the family: numbers, and byte strings of one size.

use crate::queue::crew::{Kind, Outcome};
use crate::queue::way::{Get, Message, Put, Way};
use ipc_pipe::{Builder, Receiver, Sender};
use std::sync::Mutex;

/// The two ends of a pipe, which go to the processes that ask first.
pub(super) struct Ends<T> {
    sender: Mutex<Option<Sender<T>>>,
    receiver: Mutex<Option<Receiver<T>>>,
}

/// A pipe of numbers.
pub(super) struct Numbers(Ends<u64>);

/// A pipe of byte strings.
pub(super) struct Strings {
    ends: Ends<()>,
    size: usize,
}

/// An end of the latter.
pub(super) struct End<E>(E, Message);

impl<T> Ends<T> {
    fn new(builder: Builder) -> Outcome<Ends<T>> {
        let (sender, receiver) = builder.simplex()?;
        Ok(Ends { sender: Mutex::new(Some(sender)), receiver: Mutex::new(Some(receiver)) })
    }

    fn sender(&self) -> Outcome<Sender<T>> {
        take(&self.sender)
    }

    fn receiver(&self) -> Outcome<Receiver<T>> {
        take(&self.receiver)
    }
}

impl Numbers {
    pub(super) fn new() -> Outcome<Numbers> {
        Ok(Numbers(Ends::new(Builder::new())?))
    }
}

impl Strings {
    /// For messages of `size` bytes, as a pipe is unless it is told otherwise.
    pub(super) fn new(size: usize) -> Outcome<Strings> {
        Ok(Strings { ends: Ends::new(Builder::new())?, size })
    }

    /// With room for `bytes` of them together, but no more than the capacity.
    pub(super) fn with_room(size: usize, bytes: usize) -> Outcome<Strings> {
        let builder = Builder::new().ring_size(bytes.min(size * super::CAPACITY));
        Ok(Strings { ends: Ends::new(builder)?, size })
    }
}

impl Way for Numbers {
    type Putter = Sender<u64>;
    type Getter = Receiver<u64>;

    const NAME: &'static str = "ipc_pipe";
    const KIND: Kind = Kind::Processes;

    fn putter(&self) -> Outcome<Sender<u64>> {
        self.0.sender()
    }

    fn getter(&self) -> Outcome<Receiver<u64>> {
        self.0.receiver()
    }
}

impl Way for Strings {
    type Putter = End<Sender<()>>;
    type Getter = End<Receiver<()>>;

    const NAME: &'static str = "ipc_pipe";
    const KIND: Kind = Kind::Processes;

    fn putter(&self) -> Outcome<End<Sender<()>>> {
        Ok(End(self.ends.sender()?, Message::new(self.size)))
    }

    fn getter(&self) -> Outcome<End<Receiver<()>>> {
        Ok(End(self.ends.receiver()?, Message::new(self.size)))
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

impl Put for End<Sender<()>> {
    fn put(&mut self, number: u64) -> Outcome {
        self.1.set(number);
        Ok(self.0.send_bytes(self.1.bytes())?)
    }
}

impl Get for End<Receiver<()>> {
    fn get(&mut self) -> Outcome<u64> {
        self.0.recv_bytes_into(self.1.bytes_mut())?;
        self.1.number()
    }
}

fn take<E>(end: &Mutex<Option<E>>) -> Outcome<E> {
    end.lock().map_err(|_| "an end is lost")?.take().ok_or_else(|| "there is one end only".into())
}
