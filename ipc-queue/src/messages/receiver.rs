//! The end that receives: messages that are one item, and those that are many.

use super::partial::Partials;
use super::take::{Outcome, Taker};
use crate::error::{Ending, QueueError};
use crate::raw::Short;
use crate::raw_queue::{Arrival, Bytes, RawQueue, Stop};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{BorrowedHandle, OwnedHandle};
use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// The end of a [channel](super::channel) that receives.
#[derive(Debug)]
pub struct MessageReceiver {
    pub(super) raw: RawQueue,
    pub(super) partials: Partials,
}

/// A message that was received, or room for one.
#[derive(Debug)]
pub struct Message {
    pub(super) arrival: Arrival,
    /// The bytes, if it came in parts.
    pub(super) joined: Option<Vec<u8>>,
    /// How many there are, if they are in a buffer already.
    pub(super) copied: Option<usize>,
    pub(super) handles: Vec<OwnedHandle>,
}

/// How long a message may be, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// A longer one is lost.
    pub limit: usize,
    /// A longer one stays where it is.
    pub room: usize,
}

/// What came of receiving a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received<M> {
    /// It is here.
    Message(M),
    /// None was whole until the deadline.
    Nothing,
    /// It is of this size, beyond the limit, and lost.
    TooLarge(usize),
    /// It is of this size, has no room, and can still be received.
    NoRoom(usize),
    /// The sender ended in the middle of it.
    Truncated,
}

/// How often who has begun a message and waits for the rest looks whether its sender lives.
const LOOK: Duration = Duration::from_millis(40);
/// How long who finds a message that another thread receives leaves it alone.
const PAUSE: Duration = Duration::from_micros(100);

/// The number of the next call that has a buffer.
static NEXT_CALL: AtomicU64 = AtomicU64::new(1);

impl<M> Received<M> {
    fn map<N>(self, change: impl FnOnce(M) -> N) -> Received<N> {
        match self {
            Received::Message(message) => Received::Message(change(message)),
            Received::Nothing => Received::Nothing,
            Received::TooLarge(size) => Received::TooLarge(size),
            Received::NoRoom(size) => Received::NoRoom(size),
            Received::Truncated => Received::Truncated,
        }
    }
}

impl Message {
    /// An empty one.
    #[expect(clippy::new_without_default, reason = "room that is made on purpose, once for each call")]
    pub fn new() -> Message {
        Message { arrival: Arrival::new(), joined: None, copied: None, handles: Vec::new() }
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        self.joined.as_deref().unwrap_or_else(|| self.arrival.bytes())
    }

    /// Its handles, which are left out then.
    pub fn take_handles(&mut self) -> Vec<OwnedHandle> {
        match self.joined {
            Some(_) => std::mem::take(&mut self.handles),
            None => self.arrival.take_handles(),
        }
    }

    /// Its bytes, without another copy if they are many.
    pub fn into_bytes(self) -> Vec<u8> {
        self.joined.unwrap_or_else(|| self.arrival.into_bytes())
    }
}

impl MessageReceiver {
    pub(crate) fn new(raw: RawQueue) -> MessageReceiver {
        MessageReceiver { raw, partials: Partials::default() }
    }

    pub(crate) fn raw(&self) -> &RawQueue {
        &self.raw
    }

    /// Receives the next message and reads its bytes and handles.
    #[inline]
    pub fn read<R>(
        &self,
        limit: usize,
        deadline: Deadline,
        read: impl FnOnce(&[u8], Vec<OwnedHandle>) -> R,
    ) -> Result<Received<R>, Ending> {
        let may_be_short = self.partials.is_empty();
        if may_be_short {
            let mut bytes = Bytes::new();
            if let Short::Taken(len) = self.raw.await_short(&mut bytes, deadline)? {
                if len > limit {
                    return Ok(Received::TooLarge(len));
                }
                return Ok(Received::Message(read(&bytes.0[..len], Vec::new())));
            }
        }
        self.read_any(limit, deadline, may_be_short, read)
    }

    #[cold]
    fn read_any<R>(
        &self,
        limit: usize,
        deadline: Deadline,
        has_looked: bool,
        read: impl FnOnce(&[u8], Vec<OwnedHandle>) -> R,
    ) -> Result<Received<R>, Ending> {
        let mut message = Message::new();
        let wanted = Wanted { limit, room: usize::MAX };
        let received = self.receive_by(&mut message, None, wanted, deadline, has_looked)?;
        Ok(received.map(|()| {
            let handles = message.take_handles();
            read(message.bytes(), handles)
        }))
    }

    /// Receives the next message.
    pub fn receive(
        &self,
        message: &mut Message,
        wanted: Wanted,
        deadline: Deadline,
    ) -> Result<Received<()>, Ending> {
        self.receive_by(message, None, wanted, deadline, false)
    }

    /// Receives the bytes of the next message into a buffer, and tells how many they are. If it has no room for them the message
    /// stays. Handles in it are closed.
    pub fn receive_into(
        &self,
        buffer: &mut [u8],
        limit: usize,
        deadline: Deadline,
    ) -> Result<Received<usize>, Ending> {
        let mut message = Message::new();
        let wanted = Wanted { limit, room: buffer.len() };
        let call = NEXT_CALL.fetch_add(1, Relaxed);
        let received = self.receive_by(&mut message, Some((buffer, call)), wanted, deadline, false);
        if !matches!(received, Ok(Received::Message(()))) {
            self.partials.take_over(call, buffer);
        }
        Ok(received?.map(|()| {
            message.copied.unwrap_or_else(|| {
                let bytes = message.bytes();
                buffer[..bytes.len()].copy_from_slice(bytes);
                bytes.len()
            })
        }))
    }

    fn receive_by(
        &self,
        message: &mut Message,
        mut buffer: Option<(&mut [u8], u64)>,
        wanted: Wanted,
        deadline: Deadline,
        mut has_looked: bool,
    ) -> Result<Received<()>, Ending> {
        loop {
            let until = self.next_look(deadline);
            let mut taker = Taker::new(
                self,
                message,
                buffer.as_mut().map(|(buffer, call)| (&mut **buffer, *call)),
                wanted,
            );
            match self.raw.get_by(&mut taker, until, std::mem::take(&mut has_looked)) {
                Ok(true) => match taker.outcome() {
                    Outcome::Whole => return Ok(Received::Message(())),
                    Outcome::Part => {}
                    Outcome::Lost(size) => return Ok(Received::TooLarge(size)),
                    Outcome::Stays(size) => return Ok(Received::NoRoom(size)),
                    Outcome::Truncated => return Ok(Received::Truncated),
                    Outcome::Elsewhere if deadline.is_over() => return Ok(Received::Nothing),
                    Outcome::Elsewhere => std::thread::sleep(PAUSE),
                },
                Ok(false) if self.settle() => return Ok(Received::Truncated),
                Ok(false) if deadline.is_over() => return Ok(Received::Nothing),
                Ok(false) => {}
                Err(Stop::Abandoned) if self.partials.drop_oldest() => return Ok(Received::Truncated),
                Err(stop) => return Err(stop.into()),
            }
        }
    }

    /// Waits until there is something to receive, or the end, or a message was cut short; whether there is. It can be a part.
    pub fn wait(&self, deadline: Deadline) -> Result<bool, QueueError> {
        while !self.is_ready() {
            match self.raw.wait_for_item(self.next_look(deadline)).map_err(Ending::from) {
                Ok(_) if deadline.is_over() => return Ok(self.is_ready()),
                Ok(_) => {}
                Err(Ending::Ended) => return Ok(true),
                Err(Ending::Failed(error)) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Until when to wait before it is asked again whether the senders of messages that were begun are alive.
    fn next_look(&self, deadline: Deadline) -> Deadline {
        if self.partials.is_empty() { deadline } else { Deadline::after(deadline.remaining_at_most(LOOK)) }
    }

    /// Whether there is something to receive, or a part of it, or the end, or something is wrong.
    pub fn is_ready(&self) -> bool {
        self.raw.is_ready() || self.partials.has_truncated(self.raw.ring(), self.raw.peers())
    }

    /// Whether something lies in the ring. A look at memory: the end is not seen, and nothing is armed.
    #[inline]
    pub fn has_item(&self) -> bool {
        !matches!(self.raw.ring().is_empty(), Ok(true))
    }

    /// A descriptor that is readable when there may be something to receive, or the end; armed by this.
    pub fn pollable(&self) -> io::Result<BorrowedHandle<'_>> {
        self.raw.pollable()
    }

    /// Has whoever sends next make the [handle](MessageReceiver::handle) readable; whether there is something already. A
    /// sender that is killed between the two leaves it unreadable, which shows at its end.
    pub fn arm(&self) -> Result<bool, Ending> {
        Ok(self.raw.arm_inner()?)
    }

    /// The handle of the socket beside the ring.
    pub fn handle(&self) -> BorrowedHandle<'_> {
        self.raw.freight().inner.as_ref().expect("whoever receives has the inner end").handle()
    }

    /// As [`Partials::settle`].
    pub(super) fn settle(&self) -> bool {
        self.partials.settle(self.raw.ring(), self.raw.peers())
    }
}
