//! The receiving side of a stream: frames out of bytes that come in pieces.

use crate::error::RecvError;
use ipc_codec::frame::{HEADER_SIZE, Header};
use ipc_codec::{FrameError, Limits, MAX_HANDLES};
use ipc_sys::handle::OwnedHandle;
use ipc_sys::memory::FrozenBytes;
use ipc_sys::socket;
use ipc_sys::stream::StreamSocket;
use serde::de::DeserializeOwned;
use std::io;

/// Room for a payload grows by what has arrived, at least by so much: what a header announces is no reason to take memory.
const GROWTH: usize = 64 * 1024;

/// One large message should not keep its memory for ever.
const KEPT: usize = 256 * 1024;

/// What has arrived of the frame that comes next. Nothing behind it is read.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    buffer: Vec<u8>,
    filled: usize,
    handles: Vec<OwnedHandle>,
    handles_lost: bool,
    /// The other side has sent what is no frame, and what comes after it cannot be told apart.
    broken: bool,
}

impl Incoming {
    /// Takes what is there; whether the frame is whole.
    pub(super) fn fill(&mut self, socket: &StreamSocket, limits: &Limits) -> Result<bool, RecvError> {
        if self.broken {
            return Err(RecvError::Eof);
        }
        loop {
            let size = self.size(limits)?;
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

    /// Makes a value of the whole frame, and begins the next one.
    pub(super) fn take<T: DeserializeOwned>(&mut self, limits: &Limits) -> Result<T, RecvError> {
        let handles = std::mem::take(&mut self.handles);
        let handles_lost = std::mem::take(&mut self.handles_lost);
        let result = if handles_lost {
            Err(RecvError::HandlesLost)
        } else {
            decode(&self.buffer[..self.filled], handles, limits)
        };
        self.filled = 0;
        if self.buffer.len() > KEPT {
            self.buffer = Vec::new();
        }
        result
    }

    /// Whether a frame has begun to arrive.
    pub(super) fn is_begun(&self) -> bool {
        self.filled > 0
    }

    /// From here on there is nothing to receive any more.
    pub(super) fn give_up(&mut self) {
        *self = Incoming { broken: true, ..Incoming::default() };
    }

    /// How many bytes the frame has in the stream, as far as is known.
    fn size(&self, limits: &Limits) -> Result<usize, RecvError> {
        if self.filled < HEADER_SIZE {
            return Ok(HEADER_SIZE);
        }
        let header = Header::parse(&self.buffer[..HEADER_SIZE], limits)?;
        // The limits keep the length far below what an address can count.
        Ok(HEADER_SIZE + if header.is_spilled() { 0 } else { header.len as usize })
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

fn decode<T: DeserializeOwned>(
    frame: &[u8],
    mut handles: Vec<OwnedHandle>,
    limits: &Limits,
) -> Result<T, RecvError> {
    let header = Header::parse(frame, limits)?;
    header.check_handles(handles.len())?;
    if !header.is_spilled() {
        return Ok(ipc_codec::decode(&frame[HEADER_SIZE..], handles, limits)?);
    }
    let missing = || io::Error::new(io::ErrorKind::InvalidData, "the message came without its memory");
    let memory = handles.pop().ok_or_else(missing).and_then(FrozenBytes::from_handle);
    let memory = memory.map_err(RecvError::Spilled)?;
    let got = memory.len() as u64;
    if got != header.len {
        let text = format!("the frame announces {} bytes, the memory has {got}", header.len);
        return Err(RecvError::Spilled(io::Error::new(io::ErrorKind::InvalidData, text)));
    }
    Ok(ipc_codec::decode(&memory, handles, limits)?)
}
