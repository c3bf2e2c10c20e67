//! The way of a client through a gate: a connection that is there as long as the session, and one for each call at a time.

use super::connector::RemoteBuilder;
use super::error::RemoteError;
use super::frames::{ClientId, FromClient, FromGate, Outside, raw};
use crate::client::Cut;
use crate::error::CallError;
use crate::wire::{ObjectId, ServerId};
use ipc_pipe::{Address, ConnectError, RecvError, RecvTimeoutError, SendError};
use ipc_sys::handle::OwnedHandle;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How a session reaches its server.
#[derive(Debug)]
pub(crate) struct Far {
    settings: RemoteBuilder,
    address: Address,
    client: ClientId,
    /// Its end tells the gate that this process is gone, and this process that the gate is.
    main: Mutex<Outside>,
}

/// A line through a gate.
#[derive(Debug)]
pub(crate) struct FarLine(Outside);

impl Far {
    /// Comes in; which server it is, and its namespace of published objects.
    pub(super) fn enter(
        settings: RemoteBuilder,
        address: Address,
    ) -> Result<(Far, ServerId, ObjectId), RemoteError> {
        let mut main = settings.reach(&address)?;
        let begin = FromClient::Begin(std::process::id(), ipc_process::current().name().to_owned());
        main.send(begin).map_err(|_| CallError::ServerGone)?;
        match main.recv_timeout(settings.timeout) {
            Ok(FromGate::Welcome(server, client, names)) => {
                Ok((Far { settings, address, client, main: Mutex::new(main) }, server, names))
            }
            Ok(FromGate::Full(reason)) => Err(RemoteError::Full { reason }),
            Ok(_) => Err(CallError::Protocol.into()),
            Err(RecvTimeoutError::TimedOut) => Err(ConnectError::TimedOut.into()),
            Err(_) => Err(CallError::ServerGone.into()),
        }
    }

    /// Makes a line.
    pub(crate) fn line(&self) -> Result<FarLine, CallError> {
        let mut line = self.settings.reach(&self.address).map_err(|error| match error {
            ConnectError::Nobody(_) | ConnectError::Closed => CallError::ServerGone,
            other => CallError::Os(io::Error::other(other)),
        })?;
        line.send(FromClient::Join(self.client)).map_err(|_| CallError::ServerGone)?;
        match line.recv_timeout(self.settings.timeout) {
            Ok(FromGate::Joined) => Ok(FarLine(line)),
            Ok(FromGate::Full(what)) => Err(CallError::Limit { what }),
            Ok(_) => Err(CallError::Protocol),
            Err(RecvTimeoutError::TimedOut) => Err(CallError::Os(io::ErrorKind::TimedOut.into())),
            Err(_) => Err(CallError::ServerGone),
        }
    }

    /// Tells the server something that has no reply; whether it left.
    pub(crate) fn say(&self, message: Vec<u8>) -> bool {
        self.main().try_send(FromClient::Say(raw(message))).is_ok()
    }

    /// Whether the gate has let go of this client, or does so within this time.
    pub(crate) fn is_gone(&self, patience: Duration) -> bool {
        // After the welcome there is nothing to hear but the end.
        self.main().poll(patience).unwrap_or(true)
    }

    fn main(&self) -> MutexGuard<'_, Outside> {
        self.main.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FarLine {
    /// Sends a request and waits for what comes next, which should be the reply.
    pub(crate) fn exchange(&mut self, request: Vec<u8>, handles: &[OwnedHandle]) -> Result<Vec<u8>, Cut> {
        if !handles.is_empty() {
            return Err(Cut::Unsent(CallError::ForeignHandle));
        }
        match self.0.send(FromClient::Request(raw(request))) {
            Ok(()) => {}
            Err(SendError::Encode(_, error)) => return Err(Cut::Unsent(error.into())),
            Err(_) => return Err(Cut::Ended),
        }
        match self.0.recv() {
            Ok(FromGate::Reply(reply)) => Ok(reply.into_parts().0),
            Ok(_) => Err(Cut::Nonsense),
            Err(RecvError::Frame(_) | RecvError::Decode(_)) => Err(Cut::Nonsense),
            Err(_) => Err(Cut::Ended),
        }
    }
}
