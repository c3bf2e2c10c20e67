//! One connection of a gate: who is at its other end, and what is under way on it.

use super::frames::{ClientId, FromClient, FromGate};
use crate::client::Ends;
use ipc_pipe::{Connection, TryRecvError, TrySendError};
use ipc_sys::handle::{AsHandle, BorrowedHandle, duplicate};
use ipc_sys::readiness::Interest;
use ipc_sys::stream::StreamSocket;
use std::time::{Duration, Instant};

/// The gate's end.
pub(super) type Inside = Connection<FromGate, FromClient>;

/// The connection is of no use any more.
#[derive(Debug)]
pub(super) struct Gone;

/// A connection.
pub(super) struct Link {
    connection: Inside,
    pub(super) role: Role,
    /// What has no room yet.
    unsent: Option<FromGate>,
    /// Whether some of what was sent has not left.
    is_leaving: bool,
}

/// Who is there.
pub(super) enum Role {
    /// Somebody who has the key and has not said anything until now.
    Stranger(Instant),
    /// A client, for what has no reply.
    Main(ClientId),
    /// A client, for its calls.
    Line(ClientId, Exchange),
}

/// How it stands with the calls of a line.
pub(super) enum Exchange {
    /// The next request is awaited.
    Idle(Box<Ends>),
    /// A thread has the line: the request is a long one.
    Sending,
    /// The reply is awaited.
    Asked(Box<Ends>),
}

impl Link {
    pub(super) fn new(connection: Inside) -> Link {
        Link { connection, role: Role::Stranger(Instant::now()), unsent: None, is_leaving: false }
    }

    pub(super) fn handle(&self) -> BorrowedHandle<'_> {
        self.connection.as_fd()
    }

    /// What the gate waits for: nothing is read while a call is under way or a reply has not left.
    pub(super) fn interest(&self) -> Interest {
        match &self.role {
            _ if self.is_leaving => Interest::Write,
            Role::Line(_, Exchange::Sending | Exchange::Asked(_)) => Interest::End,
            _ => Interest::Read,
        }
    }

    /// Says something, which leaves when the client makes room for it.
    pub(super) fn say(&mut self, word: FromGate) -> Result<(), Gone> {
        match self.connection.try_send(word) {
            Ok(()) => {}
            Err(TrySendError::Full(word)) => self.unsent = Some(word),
            Err(_) => return Err(Gone),
        }
        self.is_leaving = true;
        self.flush().map(drop)
    }

    /// Whether all that was said has left.
    pub(super) fn flush(&mut self) -> Result<bool, Gone> {
        if let Some(word) = self.unsent.take() {
            return self.say(word).map(|()| !self.is_leaving);
        }
        self.is_leaving = !self.connection.flush(Duration::ZERO).map_err(|_| Gone)?;
        Ok(!self.is_leaving)
    }

    /// The next thing that the client says, if it is here.
    pub(super) fn hear(&mut self) -> Result<Option<FromClient>, Gone> {
        match self.connection.try_recv() {
            Ok(word) => Ok(Some(word)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(_) => Err(Gone),
        }
    }

    /// Whose connection it is.
    pub(super) fn client(&self) -> Option<ClientId> {
        match self.role {
            Role::Stranger(_) => None,
            Role::Main(client) | Role::Line(client, _) => Some(client),
        }
    }

    /// The line whose reply is awaited.
    pub(super) fn asked(&self) -> Option<&Ends> {
        match &self.role {
            Role::Line(_, Exchange::Asked(ends)) => Some(ends),
            _ => None,
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // A connection waits for what has not left, and nobody waits for a client here.
        if self.is_leaving {
            let copy = duplicate(self.connection.as_fd()).and_then(StreamSocket::from_handle);
            let _ = copy.and_then(|socket| socket.shutdown_send());
        }
    }
}
