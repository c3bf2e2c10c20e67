//! The sending side of a stream: frames, and what of them has not left yet.

use crate::half::SendFailure;
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use ipc_sys::readiness::{Interest, wait_one};
use ipc_sys::socket;
use ipc_sys::stream::StreamSocket;
use std::io;

/// One large message should not keep its memory for ever.
const KEPT: usize = 256 * 1024;

/// The frame that is leaving.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    frame: Vec<u8>,
    n_sent: usize,
}

impl Outgoing {
    /// Sends a frame: all of it, or as much as has room until the deadline and the rest with a later call, or nothing.
    ///
    /// `make` appends its bytes, and gives the handles that go with them.
    pub(crate) fn send(
        &mut self,
        socket: &StreamSocket,
        deadline: Deadline,
        make: impl FnOnce(&mut Vec<u8>) -> Result<Vec<OwnedHandle>, SendFailure>,
    ) -> Result<(), SendFailure> {
        if !self.flush(socket, deadline)? {
            return Err(SendFailure::TimedOut);
        }
        let handles = make(&mut self.frame).inspect_err(|_| self.clear())?;
        let borrowed: Vec<BorrowedHandle<'_>> = handles.iter().map(OwnedHandle::as_fd).collect();
        self.n_sent = self.begin(socket, &borrowed, deadline).inspect_err(|_| self.clear())?;
        // The value is on its way now, and cannot be had back. If the other side goes, the next call tells.
        let _ = self.flush(socket, deadline);
        Ok(())
    }

    /// Sends the rest of what has begun to leave; whether all of it has.
    pub(crate) fn flush(&mut self, socket: &StreamSocket, deadline: Deadline) -> Result<bool, SendFailure> {
        while self.is_pending() {
            match socket.send(&[&self.frame[self.n_sent..]], &[]) {
                Ok(size) => self.n_sent += size,
                Err(socket::SendError::TimedOut) => {
                    if !wait_one(socket.handle(), Interest::Write, deadline).map_err(SendFailure::Os)? {
                        return Ok(false);
                    }
                }
                Err(error) => {
                    self.clear();
                    return Err(failure_of(error));
                }
            }
        }
        self.clear();
        Ok(true)
    }

    /// Whether a part of a frame has not left yet.
    pub(crate) fn is_pending(&self) -> bool {
        self.n_sent < self.frame.len()
    }

    /// Sends the beginning of the frame, with the handles; how much of it.
    fn begin(
        &self,
        socket: &StreamSocket,
        handles: &[BorrowedHandle<'_>],
        deadline: Deadline,
    ) -> Result<usize, SendFailure> {
        loop {
            match socket.send(&[&self.frame], handles) {
                Err(socket::SendError::TimedOut) => {}
                other => return other.map_err(failure_of),
            }
            if !wait_one(socket.handle(), Interest::Write, deadline).map_err(SendFailure::Os)? {
                return Err(SendFailure::TimedOut);
            }
        }
    }

    fn clear(&mut self) {
        self.frame.clear();
        self.n_sent = 0;
        if self.frame.capacity() > KEPT {
            self.frame = Vec::new();
        }
    }
}

fn failure_of(error: socket::SendError) -> SendFailure {
    match error {
        socket::SendError::Closed => SendFailure::Closed,
        socket::SendError::TimedOut => SendFailure::TimedOut,
        socket::SendError::Os(source) => SendFailure::Os(source),
        other => SendFailure::Os(io::Error::other(other)),
    }
}
