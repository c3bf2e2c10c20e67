//! What cannot lie in shared memory: handles, and word for those who wait with `poll`. Both go by a pair of sockets.
//!
//! Whoever can put has the *outer* end, whoever can get the *inner* one. From the outer to the inner end go
//!
//! - the handles of an item: a message with the item's ticket, sent before the item is put, under the lock of the puts;
//! - a token of one byte, which makes the inner end readable for those who poll.
//!
//! Tickets count up. Messages are received under the lock of the gets, after the item was taken, so they are in the order of the
//! items. One that is in front of the one that is looked for belongs to nobody: whoever sent it ended before it put the
//! item, or whoever took the item ended before it received its handles. It is received and closed.
//!
//! When the last process that can put has ended or has let go of its end, the kernel knows, and tells those at the other end;
//! and the other way round.

use ipc_sys::clock::Deadline;
use ipc_sys::handle::{BorrowedHandle, OwnedHandle};
use ipc_sys::socket::{MessageSocket, RecvError, SendError};
use std::io;

/// The ends that this process has: both, for a queue, and one, for each side of a channel.
#[derive(Debug)]
pub(crate) struct Freight {
    pub(crate) outer: Option<MessageSocket>,
    pub(crate) inner: Option<MessageSocket>,
}

/// The handles of an item are not there: this process had no room for them, or somebody has played with the socket.
#[derive(Debug)]
pub(crate) struct HandlesLost;

/// What came of sending handles.
#[derive(Debug)]
pub(crate) enum Sent {
    Done,
    /// As many are on their way as the system allows; some have to be taken first.
    Full,
    /// Nobody can get them any more.
    Abandoned,
}

/// A token. Messages with handles are longer.
const TOKEN: &[u8] = &[0];
/// More messages than a socket holds.
const MANY: usize = 10_000;

impl Freight {
    /// Both ends of a new pair.
    pub(crate) fn new() -> io::Result<Freight> {
        let (outer, inner) = MessageSocket::pair()?;
        Ok(Freight { outer: Some(outer), inner: Some(inner) })
    }

    /// Sends the handles of an item, without waiting. For who has the lock of the puts.
    pub(crate) fn send(&self, ticket: u64, handles: &[BorrowedHandle<'_>]) -> io::Result<Sent> {
        let Some(outer) = &self.outer else { return Ok(Sent::Abandoned) };
        match outer.send(&[&ticket.to_le_bytes()], handles, Deadline::NOW) {
            Ok(()) => Ok(Sent::Done),
            Err(SendError::TimedOut) => Ok(Sent::Full),
            Err(SendError::Closed) => Ok(Sent::Abandoned),
            Err(SendError::Os(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    /// Receives the handles of the item that was taken. For who has the lock of the gets.
    pub(crate) fn receive(&self, ticket: u64) -> Result<Vec<OwnedHandle>, HandlesLost> {
        let inner = self.inner.as_ref().ok_or(HandlesLost)?;
        for _ in 0..MANY {
            let mut found = [0; 8];
            let handles = match inner.recv(&mut found, Deadline::NOW) {
                Ok(received) if received.size == found.len() => Some(received.handles),
                Ok(_) => continue,
                Err(RecvError::HandlesLost) => None,
                Err(_) => return Err(HandlesLost),
            };
            match u64::from_le_bytes(found) {
                found if found == ticket => return handles.ok_or(HandlesLost),
                found if found > ticket => return Err(HandlesLost),
                _ => {}
            }
        }
        Err(HandlesLost)
    }

    /// Receives and closes what belongs to tickets up to this one, and the tokens between; whether nothing is left. For who has the
    /// lock of the gets.
    pub(crate) fn discard(&self, ticket: u64) -> bool {
        let Some(inner) = &self.inner else { return true };
        for _ in 0..MANY {
            let mut found = [0; 8];
            match inner.peek(&mut found) {
                Ok(Some(8)) if u64::from_le_bytes(found) > ticket => return false,
                Ok(Some(_)) => drop(inner.recv(&mut found, Deadline::NOW)),
                Ok(None) | Err(_) => return true,
            }
        }
        true
    }

    /// Whether the first message has handles.
    pub(crate) fn has_handles(&self) -> bool {
        let peek = |inner: &MessageSocket| matches!(inner.peek(&mut [0; 8]), Ok(Some(8)));
        self.inner.as_ref().is_some_and(peek)
    }

    /// Makes the inner end readable. If that fails it is readable: there is no room for one more message.
    pub(crate) fn send_token(&self) {
        if let Some(outer) = &self.outer {
            let _ = outer.send(&[TOKEN], &[], Deadline::NOW);
        }
    }

    /// Whether nobody is left who could put: only those know who cannot put themselves.
    pub(crate) fn has_no_putter(&self) -> bool {
        match (&self.outer, &self.inner) {
            // What cannot be asked is taken for alive: it is asked again.
            (None, Some(inner)) => inner.is_abandoned().unwrap_or(false),
            _ => false,
        }
    }

    /// Whether nobody is left who could get: only those know who cannot get themselves.
    pub(crate) fn has_no_getter(&self) -> bool {
        match (&self.outer, &self.inner) {
            (Some(outer), None) => outer.is_abandoned().unwrap_or(false),
            _ => false,
        }
    }
}
