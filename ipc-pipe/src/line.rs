//! A pipe through sockets alone: what a process is started by, and answers with.
//!
//! A pipe of this crate is memory, locks and sockets, which takes longer to make than a process takes to start. Who passes a
//! message or two, and wants one handle for it that a program inherits, is better off with the sockets alone: each message is one
//! datagram, and a large one travels as sealed memory. For the family alone; it changes in any version.

pub use crate::transport::{INLINE_MAX, prepare_thread};

use crate::error::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};
use crate::transport;
use ipc_codec::Limits;
use ipc_sys::clock::Deadline;
use ipc_sys::family::FamilyHandle;
use ipc_sys::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use ipc_sys::socket::MessageSocket;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::marker::PhantomData;
use std::time::Duration;
use std::{fmt, io};

/// One end of a line, which sends `S` and receives `R`.
pub struct Line<S, R> {
    socket: MessageSocket,
    limits: Limits,
    messages: PhantomData<fn(S) -> R>,
}

/// A short message as it goes out, without its handle if it has one.
#[derive(Debug)]
pub struct Prepared(Vec<u8>);

impl Prepared {
    /// Encodes a value, for any line that sends such values; nothing if it cannot be such a message.
    pub fn new<S: Serialize>(value: &S) -> Option<Prepared> {
        let limits = Limits { max_frame: INLINE_MAX, max_handles: 1, ..Limits::default() };
        let (frame, _) = ipc_codec::encode(value, &limits).ok()?.into_frame(&limits).ok()?;
        Some(Prepared(frame))
    }
}

/// Makes a line and returns its two ends.
pub fn line<S, R>() -> io::Result<(Line<S, R>, Line<R, S>)> {
    let (a, b) = MessageSocket::pair()?;
    Ok((Line::new(a), Line::new(b)))
}

impl<S, R> Line<S, R> {
    fn new(socket: MessageSocket) -> Self {
        Line { socket, limits: Limits::default(), messages: PhantomData }
    }

    /// Takes an end that came as a bare handle; `InvalidData` when it is none.
    pub fn from_handle(handle: OwnedHandle) -> io::Result<Self> {
        MessageSocket::from_handle(handle).map(Line::new)
    }

    /// Takes an end that is a member of the family already, and an end of this kind for sure.
    #[inline]
    pub fn from_member(member: FamilyHandle) -> Self {
        Line::new(MessageSocket::from_member(member))
    }

    /// The end as a bare handle, which a child that the family forks keeps.
    pub fn into_handle(self) -> OwnedHandle {
        self.socket.into_handle()
    }

    /// Sets the limits for the messages of this end.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

impl<S: Serialize, R> Line<S, R> {
    /// Sends a value, and waits for room.
    pub fn send(&self, value: S) -> Result<(), SendError<S>> {
        let sent = transport::send(&self.socket, &value, &self.limits, Deadline::NEVER);
        sent.map_err(|failure| failure.with(value))
    }

    /// Sends what was prepared before, if there is room now; whether it was sent.
    #[inline]
    pub fn say(&self, prepared: &Prepared) -> bool {
        self.socket.say([&prepared.0, &[]], None)
    }

    /// The same with another handle, and other bytes in the place of the last ones.
    #[inline]
    pub fn say_of(&self, prepared: &Prepared, last: &[u8], handle: BorrowedHandle<'_>) -> bool {
        let n_first = prepared.0.len().saturating_sub(last.len());
        self.socket.say([&prepared.0[..n_first], last], Some(handle))
    }

    /// Sends a value if there is room now.
    pub fn try_send(&self, value: S) -> Result<(), TrySendError<S>> {
        match transport::send(&self.socket, &value, &self.limits, Deadline::NOW) {
            Ok(()) => Ok(()),
            Err(failure) if failure.is_timeout() => Err(TrySendError::Full(value)),
            Err(failure) => Err(TrySendError::Send(failure.with(value))),
        }
    }
}

impl<S, R: DeserializeOwned> Line<S, R> {
    /// Receives the next value.
    pub fn recv(&self) -> Result<R, RecvError> {
        loop {
            if let Some(value) = self.recv_until(Deadline::NEVER)? {
                return Ok(value);
            }
        }
    }

    /// Receives the next value if it is there now.
    pub fn try_recv(&self) -> Result<R, TryRecvError> {
        self.recv_until(Deadline::NOW)?.ok_or(TryRecvError::Empty)
    }

    /// Receives the next value, waiting for at most `timeout`.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<R, RecvTimeoutError> {
        self.recv_until(Deadline::after(timeout))?.ok_or(RecvTimeoutError::TimedOut)
    }

    fn recv_until(&self, deadline: Deadline) -> Result<Option<R>, RecvError> {
        transport::recv(&self.socket, &self.limits, deadline)
    }
}

/// Readable when a message or the end is there.
impl<S, R> AsHandle for Line<S, R> {
    fn as_fd(&self) -> BorrowedHandle<'_> {
        self.socket.handle()
    }
}

impl<S, R> Serialize for Line<S, R> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        ipc_codec::handle::serialize(self, serializer)
    }
}

impl<'de, S, R> Deserialize<'de> for Line<S, R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let handle: OwnedHandle = ipc_codec::handle::deserialize(deserializer)?;
        Line::from_handle(handle).map_err(D::Error::custom)
    }
}

impl<S, R> fmt::Debug for Line<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").finish_non_exhaustive()
    }
}
