//! One value as one message on a socket: frame, payload inline or in sealed memory, handles beside it.

use crate::error::RecvError;
use crate::half::SendFailure;
use ipc_codec::frame::{HEADER_SIZE, Header, SPILLED};
use ipc_codec::{EncodeError, FrameError, Limits, MAX_HANDLES};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use ipc_sys::memory::FrozenBytes;
use ipc_sys::socket::{self, MessageSocket};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::Cell;
use std::io;
use std::thread::LocalKey;

/// The largest payload, in bytes, that travels inside the message itself. Larger ones travel as sealed memory.
pub const INLINE_MAX: usize = 32 * 1024;

pub(crate) fn send<T: Serialize>(
    socket: &MessageSocket,
    value: &T,
    limits: &Limits,
    deadline: Deadline,
) -> Result<(), SendFailure> {
    with_buffer(&OUTGOING, |payload| {
        payload.clear();
        let mut handles = Vec::new();
        ipc_codec::encode_into(value, payload, &mut handles, limits).map_err(SendFailure::Encode)?;
        let spilled = payload.len() > INLINE_MAX;
        // The memory takes the place of one.
        if spilled && handles.len() == MAX_HANDLES {
            let (count, limit) = (MAX_HANDLES, MAX_HANDLES - 1);
            return Err(SendFailure::Encode(EncodeError::TooManyHandles { count, limit }));
        }
        let inline: &[u8] = if spilled {
            handles.push(FrozenBytes::freeze(&[payload]).map_err(SendFailure::Os)?);
            &[]
        } else {
            payload
        };
        // The limits of the encoder keep the number of handles far below what the field holds.
        let mut header = Header::new(payload.len() as u64, handles.len() as u16);
        if spilled {
            header.flags |= SPILLED;
        }
        let header = header.to_bytes();
        let handles: Vec<BorrowedHandle<'_>> = handles.iter().map(OwnedHandle::as_fd).collect();
        socket.send(&[&header, inline], &handles, deadline).map_err(|error| match error {
            socket::SendError::Closed => SendFailure::Closed,
            socket::SendError::TimedOut => SendFailure::TimedOut,
            socket::SendError::Os(source) => SendFailure::Os(source),
            other => SendFailure::Os(io::Error::other(other)),
        })
    })
}

/// The next value, or `None` when the deadline passed.
pub(crate) fn recv<T: DeserializeOwned>(
    socket: &MessageSocket,
    limits: &Limits,
    deadline: Deadline,
) -> Result<Option<T>, RecvError> {
    with_buffer(&INCOMING, |buffer| {
        buffer.resize(HEADER_SIZE + INLINE_MAX, 0);
        let received = match socket.recv(buffer, deadline) {
            Ok(received) => received,
            Err(socket::RecvError::TimedOut) => return Ok(None),
            Err(socket::RecvError::Closed) => return Err(RecvError::Eof),
            Err(socket::RecvError::HandlesLost) => return Err(RecvError::HandlesLost),
            Err(socket::RecvError::TooLong) => return Err(RecvError::TooLong),
            Err(socket::RecvError::Os(source)) => return Err(RecvError::Os(source)),
            Err(other) => return Err(RecvError::Os(io::Error::other(other))),
        };
        decode(&buffer[..received.size], received.handles, limits).map(Some)
    })
}

fn decode<T: DeserializeOwned>(
    frame: &[u8],
    mut handles: Vec<OwnedHandle>,
    limits: &Limits,
) -> Result<T, RecvError> {
    let header = Header::parse(frame, limits)?;
    let inline = &frame[HEADER_SIZE..];
    header.check_handles(handles.len())?;
    if !header.is_spilled() {
        check_length(header.len, inline)?;
        return Ok(ipc_codec::decode(inline, handles, limits)?);
    }
    check_length(0, inline)?;
    let memory = handles.pop().map_or_else(
        || Err(io::Error::new(io::ErrorKind::InvalidData, "the message came without its memory")),
        FrozenBytes::from_handle,
    );
    let memory = memory.map_err(RecvError::Spilled)?;
    check_length(header.len, &memory)?;
    Ok(ipc_codec::decode(&memory, handles, limits)?)
}

/// Whether the payload is as long as announced.
fn check_length(announced: u64, payload: &[u8]) -> Result<(), FrameError> {
    let got = payload.len() as u64;
    if got < announced {
        let expected = usize::try_from(announced).unwrap_or(usize::MAX);
        return Err(FrameError::TooShort { got: payload.len(), expected });
    }
    if got > announced {
        return Err(FrameError::TrailingBytes { count: (got - announced) as usize });
    }
    Ok(())
}

thread_local! {
    /// For encoding; empty between messages.
    static OUTGOING: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    /// For receiving; as long as the longest message, so that it is cleared once and not for each.
    static INCOMING: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Does what the first message of a thread does besides, so that a copy of this process, which is about to be made, need not.
pub fn prepare_thread() {
    // Room for a short message.
    with_buffer(&OUTGOING, |payload| payload.reserve(256));
}

/// Runs `work` with a buffer of this thread, which keeps its allocation between messages.
fn with_buffer<R>(slot: &'static LocalKey<Cell<Vec<u8>>>, work: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    // Taken out while it is in use: encoding and decoding run code of the user, which may send and receive, too.
    let mut buffer = slot.try_with(Cell::take).unwrap_or_default();
    let result = work(&mut buffer);
    // One large message should not keep its memory for ever.
    if buffer.capacity() <= 4 * INLINE_MAX {
        let _ = slot.try_with(|slot| slot.set(buffer));
    }
    result
}
