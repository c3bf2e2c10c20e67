//! The end that sends: a message as one item, or as many.

use super::turn::Turn;
use super::{WITHDRAWN, part_size};
use crate::error::Ending;
use crate::raw::Kind;
use crate::raw_queue::{RawQueue, Stop};
use ipc_shared::internals::{Id, Peers};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// The end of a [channel](super::channel) that sends.
#[derive(Debug)]
pub struct MessageSender {
    raw: RawQueue,
    part_size: usize,
    turn: Turn,
    /// The number of a message that is to be withdrawn, or zero.
    owed: AtomicU64,
}

/// What came of sending a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It was sent.
    Done,
    /// There was no room until the deadline, and nothing of it will arrive.
    Full,
    /// There was no time to wait, and it is longer than this, which is all that has room at once.
    TooLong(usize),
}

/// The number that the next message gets which goes in parts; no other of this process has it.
static NEXT: AtomicU64 = AtomicU64::new(1);

impl MessageSender {
    pub(crate) fn new(raw: RawQueue) -> MessageSender {
        let part_size = part_size(raw.max_inline());
        MessageSender { raw, part_size, turn: Turn::default(), owed: AtomicU64::new(0) }
    }

    pub(crate) fn raw(&self) -> &RawQueue {
        &self.raw
    }

    /// Sends a message.
    #[inline]
    pub fn send(&self, bytes: &[u8], handles: &[OwnedHandle], deadline: Deadline) -> Result<Sent, Ending> {
        if bytes.len() > self.part_size || self.owed.load(Relaxed) != 0 {
            return Ok(self.send_slowly(bytes, handles, deadline)?);
        }
        Ok(sent(self.raw.put(bytes, handles, deadline)?))
    }

    /// The handle of the socket beside the ring, which is readable when nobody is left who could receive.
    pub fn handle(&self) -> BorrowedHandle<'_> {
        self.raw.freight().outer.as_ref().expect("whoever sends has the outer end").handle()
    }

    #[cold]
    fn send_slowly(&self, bytes: &[u8], handles: &[OwnedHandle], deadline: Deadline) -> Result<Sent, Stop> {
        let has_time = !deadline.is_over();
        if !has_time && bytes.len() > self.raw.max_inline() {
            return Ok(Sent::TooLong(self.raw.max_inline()));
        }
        let me = self.raw.peers().me().ok_or(Stop::Forked)?;
        if !self.pay(me, deadline)? {
            return Ok(Sent::Full);
        }
        if !has_time || bytes.len() <= self.part_size {
            return self.raw.put(bytes, handles, deadline).map(sent);
        }
        let Some(_turn) = self.turn.wait(me, deadline) else { return Ok(Sent::Full) };
        self.send_parts(me, bytes, handles, deadline)
    }

    /// For whose turn it is.
    fn send_parts(
        &self,
        me: Id,
        bytes: &[u8],
        handles: &[OwnedHandle],
        deadline: Deadline,
    ) -> Result<Sent, Stop> {
        let number = NEXT.fetch_add(1, Relaxed);
        let handles: Vec<BorrowedHandle<'_>> = handles.iter().map(AsHandle::as_fd).collect();
        let mut at = 0;
        for part in bytes.chunks(self.part_size) {
            let is_last = at + part.len() == bytes.len();
            let mut words = [0, me.get(), number, at as u64, bytes.len() as u64];
            let handles = if is_last { &handles[..] } else { &[] };
            match self.raw.put_ticketed(Kind::Part, &mut words, part, handles, deadline) {
                Ok(true) => at += part.len(),
                unput => {
                    if at > 0 {
                        self.withdraw(me, number)?;
                    }
                    return unput.map(sent);
                }
            }
        }
        Ok(Sent::Done)
    }

    /// Withdraws a message of which parts were sent, now or before the next message.
    fn withdraw(&self, me: Id, number: u64) -> Result<(), Stop> {
        self.owed.store(number, Relaxed);
        match self.pay_in_turn(me, Deadline::NOW) {
            // The sender gets the reason why its message was not sent, and not this one.
            Err(Stop::Corrupt(corruption)) => Err(Stop::Corrupt(corruption)),
            _ => Ok(()),
        }
    }

    /// Withdraws what is to be withdrawn; false when there was no room for that until the deadline.
    fn pay(&self, me: Id, deadline: Deadline) -> Result<bool, Stop> {
        if self.owed.load(Relaxed) == 0 {
            return Ok(true);
        }
        let Some(_turn) = self.turn.wait(me, deadline) else { return Ok(false) };
        self.pay_in_turn(me, deadline)
    }

    /// For whose turn it is.
    fn pay_in_turn(&self, me: Id, deadline: Deadline) -> Result<bool, Stop> {
        let number = self.owed.load(Relaxed);
        let mut words = [0, me.get(), number, WITHDRAWN, 0];
        let is_paid = number == 0 || self.raw.put_ticketed(Kind::Part, &mut words, &[], &[], deadline)?;
        if is_paid {
            self.owed.store(0, Relaxed);
        }
        Ok(is_paid)
    }
}

/// What was withdrawn and could not be told so far is told if there is room by now. If there is none, the receiver takes the
/// message for truncated.
impl Drop for MessageSender {
    fn drop(&mut self) {
        if let (Some(me), true) = (self.raw.peers().me(), self.owed.load(Relaxed) != 0) {
            let _ = self.pay(me, Deadline::NOW);
        }
    }
}

fn sent(is_sent: bool) -> Sent {
    if is_sent { Sent::Done } else { Sent::Full }
}
