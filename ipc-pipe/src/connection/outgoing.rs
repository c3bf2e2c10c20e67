//! The sending side of a stream: values into frames, and what of them has not left yet.

use crate::transport::{INLINE_MAX, SendFailure};
use ipc_codec::frame::{HEADER_SIZE, Header, SPILLED};
use ipc_codec::{EncodeError, Limits, MAX_HANDLES};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use ipc_sys::memory::FrozenBytes;
use ipc_sys::readiness::{Interest, wait_one};
use ipc_sys::socket;
use ipc_sys::stream::StreamSocket;
use serde::Serialize;
use std::io;

/// One large message should not keep its memory for ever.
const KEPT: usize = 256 * 1024;

/// The frame that is leaving.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    frame: Vec<u8>,
    n_sent: usize,
}

impl Outgoing {
    /// Sends a value: all of it, or as much as has room until the deadline and the rest with a later call, or nothing.
    pub(super) fn send<T: Serialize>(
        &mut self,
        socket: &StreamSocket,
        value: &T,
        limits: &Limits,
        deadline: Deadline,
    ) -> Result<(), SendFailure> {
        // The value may be encoded by code of the user, so first of all: is there room?
        if !self.flush(socket, deadline)? {
            return Err(SendFailure::TimedOut);
        }
        let handles = self.encode(socket, value, limits).inspect_err(|_| self.clear())?;
        let borrowed: Vec<BorrowedHandle<'_>> = handles.iter().map(OwnedHandle::as_fd).collect();
        loop {
            match socket.send(&[&self.frame], &borrowed) {
                Ok(size) => {
                    self.n_sent = size;
                    break;
                }
                Err(socket::SendError::TimedOut) => {}
                Err(error) => {
                    self.clear();
                    return Err(failure_of(error));
                }
            }
            match wait_one(socket.handle(), Interest::Write, deadline) {
                Ok(true) => {}
                Ok(false) => {
                    self.clear();
                    return Err(SendFailure::TimedOut);
                }
                Err(source) => {
                    self.clear();
                    return Err(SendFailure::Os(source));
                }
            }
        }
        // The value is on its way now, and cannot be had back. If the other side goes, the next call tells.
        let _ = self.flush(socket, deadline);
        Ok(())
    }

    /// Sends the rest of what has begun to leave; whether all of it has.
    pub(super) fn flush(&mut self, socket: &StreamSocket, deadline: Deadline) -> Result<bool, SendFailure> {
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
    pub(super) fn is_pending(&self) -> bool {
        self.n_sent < self.frame.len()
    }

    /// Makes the frame of a value; the handles that go with it.
    fn encode<T: Serialize>(
        &mut self,
        socket: &StreamSocket,
        value: &T,
        limits: &Limits,
    ) -> Result<Vec<OwnedHandle>, SendFailure> {
        self.frame.resize(HEADER_SIZE, 0);
        let mut handles = Vec::new();
        ipc_codec::encode_into(value, &mut self.frame, &mut handles, limits).map_err(SendFailure::Encode)?;
        if !socket.is_local() && !handles.is_empty() {
            let message = "a handle cannot travel over TCP".to_owned();
            return Err(SendFailure::Encode(EncodeError::Refused { message }));
        }
        let size = self.frame.len() - HEADER_SIZE;
        let spilled = socket.is_local() && size > INLINE_MAX;
        if spilled {
            // The memory takes the place of one.
            if handles.len() == MAX_HANDLES {
                let (count, limit) = (MAX_HANDLES, MAX_HANDLES - 1);
                return Err(SendFailure::Encode(EncodeError::TooManyHandles { count, limit }));
            }
            handles.push(FrozenBytes::freeze(&[&self.frame[HEADER_SIZE..]]).map_err(SendFailure::Os)?);
            self.frame.truncate(HEADER_SIZE);
        }
        // The limits of the encoder keep the number of handles far below what the field holds.
        let mut header = Header::new(size as u64, handles.len() as u16);
        if spilled {
            header.flags |= SPILLED;
        }
        self.frame[..HEADER_SIZE].copy_from_slice(&header.to_bytes());
        Ok(handles)
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
