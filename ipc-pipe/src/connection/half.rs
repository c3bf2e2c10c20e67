//! One direction of a connection, alone or beside the other one.

use super::incoming::Incoming;
use super::outgoing::Outgoing;
use super::{LINGER, frame, wait};
use crate::error::RecvError;
use crate::half::SendFailure;
use ipc_codec::Limits;
use ipc_sys::clock::Deadline;
use ipc_sys::handle::BorrowedHandle;
use ipc_sys::stream::StreamSocket;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the halves share.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) socket: StreamSocket,
    /// Whether another process may hold the socket, for which closing a direction here would close it there.
    passed_on: AtomicBool,
}

#[derive(Debug)]
pub(super) struct SendingHalf {
    pub(super) link: Arc<Link>,
    outgoing: Outgoing,
    pub(super) limits: Limits,
    /// Whether the end of this half is the end of its direction.
    pub(super) is_divided: bool,
}

#[derive(Debug)]
pub(super) struct ReceivingHalf {
    pub(super) link: Arc<Link>,
    incoming: Incoming,
    pub(super) limits: Limits,
    pub(super) is_divided: bool,
}

impl Link {
    pub(super) fn new(socket: StreamSocket) -> Arc<Self> {
        Arc::new(Link { socket, passed_on: AtomicBool::new(false) })
    }

    pub(super) fn handle(&self) -> BorrowedHandle<'_> {
        self.socket.handle()
    }

    pub(super) fn mark_passed_on(&self) {
        self.passed_on.store(true, Ordering::Relaxed);
    }

    fn ends_with_half(self: &Arc<Self>) -> bool {
        // The last half closes the socket, which says more than a shutdown.
        Arc::strong_count(self) > 1 && !self.passed_on.load(Ordering::Relaxed)
    }
}

impl SendingHalf {
    pub(super) fn new(link: Arc<Link>, limits: Limits) -> Self {
        SendingHalf { link, outgoing: Outgoing::default(), limits, is_divided: false }
    }

    pub(super) fn send<T: Serialize>(&mut self, value: &T, deadline: Deadline) -> Result<(), SendFailure> {
        let socket = &self.link.socket;
        let make = |bytes: &mut Vec<u8>| frame::encode(bytes, value, &self.limits, socket.is_local());
        self.outgoing.send(socket, deadline, make)
    }

    pub(super) fn flush(&mut self, deadline: Deadline) -> Result<bool, SendFailure> {
        self.outgoing.flush(&self.link.socket, deadline)
    }

    pub(super) fn is_pending(&self) -> bool {
        self.outgoing.is_pending()
    }
}

impl ReceivingHalf {
    pub(super) fn new(link: Arc<Link>, limits: Limits) -> Self {
        ReceivingHalf { link, incoming: Incoming::default(), limits, is_divided: false }
    }

    /// The next value, or `None` when the deadline passed.
    pub(super) fn recv<T: DeserializeOwned>(
        &mut self,
        sender: Option<&mut SendingHalf>,
        deadline: Deadline,
    ) -> Result<Option<T>, RecvError> {
        let result = match self.fill(sender, deadline) {
            Ok(false) => return Ok(None),
            Ok(true) => self.incoming.take(|bytes, handles| frame::decode(bytes, handles, &self.limits)),
            Err(error) => Err(error),
        };
        if let Err(error) = &result {
            self.end_after(error);
        }
        result.map(Some)
    }

    /// Waits for a whole message, or for what `recv` has to tell instead of one; whether there is one.
    pub(super) fn poll(&mut self, sender: Option<&mut SendingHalf>, deadline: Deadline) -> io::Result<bool> {
        match self.fill(sender, deadline) {
            Err(RecvError::Os(source)) => Err(source),
            Err(_) => Ok(true),
            Ok(whole) => Ok(whole),
        }
    }

    /// As [`Incoming::is_due`].
    pub(super) fn is_due(&self) -> bool {
        self.incoming.is_due(|beginning| frame::size_of(beginning, &self.limits))
    }

    pub(super) fn is_begun(&self) -> bool {
        self.incoming.is_begun()
    }

    /// Whether a message is whole by the deadline. What waits to leave meanwhile does.
    fn fill(&mut self, mut sender: Option<&mut SendingHalf>, deadline: Deadline) -> Result<bool, RecvError> {
        let size_of = |beginning: &[u8]| frame::size_of(beginning, &self.limits);
        while !self.incoming.fill(&self.link.socket, size_of)? {
            let is_pending = match &mut sender {
                // That the other side is gone is found by receiving.
                Some(sender) => sender.is_pending() && matches!(sender.flush(Deadline::NOW), Ok(false)),
                None => false,
            };
            if !wait(&self.link.socket, is_pending, deadline).map_err(RecvError::Os)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What comes after bytes that are no frame means nothing.
    fn end_after(&mut self, error: &RecvError) {
        match error {
            RecvError::Frame(_) => {
                self.incoming.give_up();
                // The other side may be gone, and is told otherwise then.
                let _ = self.link.socket.shutdown_recv();
                let _ = self.link.socket.shutdown_send();
            }
            RecvError::Truncated => self.incoming.give_up(),
            _ => {}
        }
    }
}

impl Drop for SendingHalf {
    fn drop(&mut self) {
        if self.outgoing.is_pending() {
            // Nobody is left to tell that it did not work.
            let _ = self.flush(Deadline::after(LINGER));
        }
        if self.is_divided && self.link.ends_with_half() {
            let _ = self.link.socket.shutdown_send();
        }
    }
}

impl Drop for ReceivingHalf {
    fn drop(&mut self) {
        if self.is_divided && self.link.ends_with_half() {
            let _ = self.link.socket.shutdown_recv();
        }
    }
}
