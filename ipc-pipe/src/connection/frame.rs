//! One value as one frame of a stream: payload inline or in sealed memory, handles beside it.

use crate::error::RecvError;
use crate::half::SendFailure;
use crate::transport::INLINE_MAX;
use ipc_codec::frame::{HEADER_SIZE, Header, SPILLED};
use ipc_codec::{EncodeError, Limits, MAX_HANDLES};
use ipc_sys::handle::OwnedHandle;
use ipc_sys::memory::FrozenBytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;

/// Makes the frame of a value in `frame`, which is empty; the handles that go with it.
pub(super) fn encode<T: Serialize>(
    frame: &mut Vec<u8>,
    value: &T,
    limits: &Limits,
    is_local: bool,
) -> Result<Vec<OwnedHandle>, SendFailure> {
    frame.resize(HEADER_SIZE, 0);
    let mut handles = Vec::new();
    ipc_codec::encode_into(value, frame, &mut handles, limits).map_err(SendFailure::Encode)?;
    if !is_local && !handles.is_empty() {
        let message = "a handle cannot travel over TCP".to_owned();
        return Err(SendFailure::Encode(EncodeError::Refused { message }));
    }
    let size = frame.len() - HEADER_SIZE;
    let spilled = is_local && size > INLINE_MAX;
    if spilled {
        // The memory takes the place of one.
        if handles.len() == MAX_HANDLES {
            let (count, limit) = (MAX_HANDLES, MAX_HANDLES - 1);
            return Err(SendFailure::Encode(EncodeError::TooManyHandles { count, limit }));
        }
        handles.push(FrozenBytes::freeze(&[&frame[HEADER_SIZE..]]).map_err(SendFailure::Os)?);
        frame.truncate(HEADER_SIZE);
    }
    // The limits of the encoder keep the number of handles far below what the field holds.
    let mut header = Header::new(size as u64, handles.len() as u16);
    if spilled {
        header.flags |= SPILLED;
    }
    frame[..HEADER_SIZE].copy_from_slice(&header.to_bytes());
    Ok(handles)
}

/// How many bytes a frame has in the stream that begins so, as far as is known.
pub(super) fn size_of(beginning: &[u8], limits: &Limits) -> Result<usize, RecvError> {
    if beginning.len() < HEADER_SIZE {
        return Ok(HEADER_SIZE);
    }
    let header = Header::parse(beginning, limits)?;
    // The limits keep the length far below what an address can count.
    Ok(HEADER_SIZE + if header.is_spilled() { 0 } else { header.len as usize })
}

/// The value of a whole frame.
pub(super) fn decode<T: DeserializeOwned>(
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
