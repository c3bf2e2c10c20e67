//! The receiving side of a stream: frames out of bytes that come in pieces.

use crate::error::RecvError;
use ipc_codec::{FrameError, MAX_HANDLES};
use ipc_sys::handle::OwnedHandle;
use ipc_sys::socket;
use ipc_sys::stream::StreamSocket;
use std::io;

/// Room for a payload grows by what has arrived, at least by so much: what a header announces is no reason to take memory.
const GROWTH: usize = 64 * 1024;

/// One large message should not keep its memory for ever.
const KEPT: usize = 256 * 1024;

/// What has arrived of the frame that comes next. Nothing behind it is read.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    buffer: Vec<u8>,
    filled: usize,
    handles: Vec<OwnedHandle>,
    handles_lost: bool,
    /// The other side has sent what is no frame, and what comes after it cannot be told apart.
    broken: bool,
}

impl Incoming {
    /// Takes what is there; whether the frame is whole.
    ///
    /// `size_of` tells from the beginning of a frame how many bytes it has, as far as is known.
    pub(crate) fn fill(
        &mut self,
        socket: &StreamSocket,
        size_of: impl Fn(&[u8]) -> Result<usize, RecvError>,
    ) -> Result<bool, RecvError> {
        if self.broken {
            return Err(RecvError::Eof);
        }
        loop {
            let size = size_of(&self.buffer[..self.filled])?;
            if self.filled == size {
                return Ok(true);
            }
            let room = self.room(size);
            let n_handles = self.handles.len();
            match socket.recv(&mut self.buffer[self.filled..room], &mut self.handles) {
                Ok(chunk) => {
                    self.filled += chunk.size;
                    self.handles_lost |= chunk.handles_lost;
                }
                Err(socket::RecvError::TimedOut) => return Ok(false),
                Err(socket::RecvError::Closed) if self.filled == 0 => return Err(RecvError::Eof),
                Err(socket::RecvError::Closed) => return Err(RecvError::Truncated),
                Err(socket::RecvError::Os(source)) => return Err(RecvError::Os(source)),
                Err(other) => return Err(RecvError::Os(io::Error::other(other))),
            }
            let count = self.handles.len();
            if count > n_handles && count > MAX_HANDLES {
                return Err(FrameError::TooManyHandles { count, limit: MAX_HANDLES }.into());
            }
        }
    }

    /// Hands out the whole frame, and begins the next one.
    pub(crate) fn take<T>(
        &mut self,
        open: impl FnOnce(&[u8], Vec<OwnedHandle>) -> Result<T, RecvError>,
    ) -> Result<T, RecvError> {
        let handles = std::mem::take(&mut self.handles);
        let handles_lost = std::mem::take(&mut self.handles_lost);
        let result = if handles_lost {
            Err(RecvError::HandlesLost)
        } else {
            open(&self.buffer[..self.filled], handles)
        };
        self.filled = 0;
        if self.buffer.len() > KEPT {
            self.buffer = Vec::new();
        }
        result
    }

    /// Whether a frame has begun to arrive.
    pub(crate) fn is_begun(&self) -> bool {
        self.filled > 0
    }

    /// Whether there is something to tell without the socket: the frame is whole, or wrong, or there is none any more.
    pub(crate) fn is_due(&self, size_of: impl Fn(&[u8]) -> Result<usize, RecvError>) -> bool {
        self.broken || size_of(&self.buffer[..self.filled]).map_or(true, |size| size == self.filled)
    }

    /// From here on there is nothing to receive any more.
    pub(crate) fn give_up(&mut self) {
        *self = Incoming { broken: true, ..Incoming::default() };
    }

    /// Where to stop reading: not behind the frame, and not far behind what has come of it.
    fn room(&mut self, size: usize) -> usize {
        let room = size.min(self.filled.saturating_mul(2).max(GROWTH));
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        room
    }
}
