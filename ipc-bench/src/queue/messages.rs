//! The queue of the family for byte strings of one size, which are copied in and out or lie where they are.

use super::crew::{Kind, Outcome};
use super::way::{Get, Message, Put, Way};
use ipc_queue::Queue;

/// How many buffers there are to be handed over. Two who take turns use two at a time at most.
const N_BUFFERS: usize = 4;

/// A queue of byte strings, copied.
pub(crate) struct Copied {
    queue: Queue<[u8]>,
    size: usize,
}

/// A queue of byte strings that are made in its memory and read there.
pub(crate) struct Loaned(Copied);

/// An end of the one and of the other.
pub(crate) struct Copying(Queue<[u8]>, Message);
pub(crate) struct Lending(Queue<[u8]>, usize);

impl Copied {
    /// For messages of `size` bytes, with room for `bytes` of them together, but no more than the capacity.
    pub(crate) fn new(size: usize, bytes: usize) -> Outcome<Copied> {
        let bytes = bytes.min(size * super::CAPACITY);
        let queue = Queue::builder().capacity(super::CAPACITY).byte_capacity(bytes).create()?;
        Ok(Copied { queue, size })
    }
}

impl Loaned {
    /// For messages of `size` bytes.
    pub(crate) fn new(size: usize) -> Outcome<Loaned> {
        let queue = Queue::builder().capacity(super::CAPACITY).buffers(N_BUFFERS, size).create()?;
        Ok(Loaned(Copied { queue, size }))
    }
}

impl Way for Copied {
    type Putter = Copying;
    type Getter = Copying;

    const NAME: &'static str = "ipc_queue";
    const KIND: Kind = Kind::Processes;

    fn putter(&self) -> Outcome<Copying> {
        Ok(Copying(self.queue.clone(), Message::new(self.size)))
    }

    fn getter(&self) -> Outcome<Copying> {
        self.putter()
    }
}

impl Way for Loaned {
    type Putter = Lending;
    type Getter = Lending;

    const NAME: &'static str = "ipc_queue";
    const KIND: Kind = Kind::Processes;

    fn putter(&self) -> Outcome<Lending> {
        Ok(Lending(self.0.queue.clone(), self.0.size))
    }

    fn getter(&self) -> Outcome<Lending> {
        self.putter()
    }
}

impl Put for Copying {
    fn put(&mut self, number: u64) -> Outcome {
        self.1.set(number);
        Ok(self.0.put_bytes(self.1.bytes())?)
    }
}

impl Get for Copying {
    fn get(&mut self) -> Outcome<u64> {
        self.0.get_bytes_into(self.1.vec())?;
        self.1.number()
    }
}

impl Put for Lending {
    fn put(&mut self, number: u64) -> Outcome {
        let mut loan = self.0.loan(self.1)?;
        Message::write(&mut loan, number);
        Ok(loan.put()?)
    }
}

impl Get for Lending {
    fn get(&mut self) -> Outcome<u64> {
        Message::number_of(&self.0.take()?, self.1)
    }
}
