//! What is behind the ends of a pipe: a message socket, shared by two halves where the pipe was divided.

use crate::error::RecvError;
use crate::transport::{self, SendFailure};
use ipc_codec::Limits;
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{BorrowedHandle, OwnedHandle};
use ipc_sys::readiness::{Interest, wait_one};
use ipc_sys::socket::MessageSocket;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserializer, Serialize};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A socket that belongs to nobody yet.
#[derive(Debug)]
pub(crate) struct End(MessageSocket);

impl End {
    pub(crate) fn pair() -> io::Result<(End, End)> {
        let (a, b) = MessageSocket::pair()?;
        Ok((End(a), End(b)))
    }

    /// The halves of a duplex end: the one that sends, the one that receives.
    pub(crate) fn split(self) -> (Half, Half) {
        let socket = Arc::new(self.0);
        (Half::new(Arc::clone(&socket), Direction::Send), Half::new(socket, Direction::Receive))
    }

    pub(crate) fn from_handle(handle: OwnedHandle) -> io::Result<Self> {
        MessageSocket::from_handle(handle).map(End)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let handle: OwnedHandle = ipc_codec::handle::deserialize(deserializer)?;
        End::from_handle(handle).map_err(D::Error::custom)
    }
}

/// One direction of an end, alone or beside the other one.
#[derive(Debug)]
pub(crate) struct Half {
    socket: Arc<MessageSocket>,
    direction: Direction,
    limits: Limits,
    /// Whether the end of this half is the end of its direction: once the pipe was divided, and as long as no other
    /// process may hold the socket, for which closing the direction here would close it there.
    ends_direction: AtomicBool,
}

#[derive(Clone, Copy, Debug)]
enum Direction {
    Send,
    Receive,
}

impl Half {
    pub(crate) fn sending(end: End) -> Self {
        Half::new(Arc::new(end.0), Direction::Send)
    }

    pub(crate) fn receiving(end: End) -> Self {
        Half::new(Arc::new(end.0), Direction::Receive)
    }

    pub(crate) fn send<T: Serialize>(&self, value: &T, deadline: Deadline) -> Result<(), SendFailure> {
        transport::send(&self.socket, value, &self.limits, deadline)
    }

    /// The next value, or `None` when the deadline passed.
    pub(crate) fn recv<T: DeserializeOwned>(&self, deadline: Deadline) -> Result<Option<T>, RecvError> {
        transport::recv(&self.socket, &self.limits, deadline)
    }

    pub(crate) fn poll(&self, deadline: Deadline) -> io::Result<bool> {
        wait_one(self.handle(), Interest::Read, deadline)
    }

    pub(crate) fn handle(&self) -> BorrowedHandle<'_> {
        self.socket.handle()
    }

    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    pub(crate) fn mark_divided(&self) {
        self.ends_direction.store(true, Ordering::Relaxed);
    }

    pub(crate) fn mark_passed_on(&self) {
        self.ends_direction.store(false, Ordering::Relaxed);
    }

    fn new(socket: Arc<MessageSocket>, direction: Direction) -> Self {
        Half { socket, direction, limits: Limits::default(), ends_direction: AtomicBool::new(false) }
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        // The last half closes the socket, which says more than a shutdown.
        let other_half_lives = Arc::strong_count(&self.socket) > 1;
        if other_half_lives && self.ends_direction.load(Ordering::Relaxed) {
            // It fails only for a socket that is not connected, and then there is nobody to tell.
            let _ = match self.direction {
                Direction::Send => self.socket.shutdown_send(),
                Direction::Receive => self.socket.shutdown_recv(),
            };
        }
    }
}
