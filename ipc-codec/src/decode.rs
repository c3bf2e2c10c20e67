//! Decoding: payload bytes and handles into a value, within limits.

use ipc_sys::handle::OwnedHandle;
use serde::de::DeserializeOwned;

use crate::handle::Incoming;
use crate::limit::State;
use crate::{DecodeError, Limits};

/// Decodes a payload that stands in a buffer, with the handles that came along.
///
/// This is [`Message::decode`](crate::Message::decode) for a transport that has no `Vec` to give away. The
/// value must take every byte and every handle; whatever is left over makes the payload another one than the
/// type describes.
///
/// # Errors
///
/// See [`DecodeError`]. All handles that are not in the returned value are closed, also if the type's
/// `Deserialize` implementation panics.
///
/// # Examples
///
/// ```
/// use ipc_codec::{Limits, decode};
///
/// let answer: (String, i32) = decode(b"\x06answer\x54", Vec::new(), &Limits::default())?;
/// assert_eq!(answer, ("answer".to_string(), 42));
/// # Ok::<(), ipc_codec::DecodeError>(())
/// ```
// A frame around the code of the type, which can be in registers only where it is in place.
#[inline(always)]
pub fn decode<T: DeserializeOwned>(
    bytes: &[u8],
    handles: Vec<OwnedHandle>,
    limits: &Limits,
) -> Result<T, DecodeError> {
    let mut handles = Incoming::new(handles, limits)?;
    decode_with(bytes, &mut handles, limits)
}

/// Not a part of [`decode()`], so that where the caller has no handles, nothing remains of the `Vec` without them.
#[inline(always)]
fn decode_with<T: DeserializeOwned>(
    bytes: &[u8],
    handles: &mut Incoming,
    limits: &Limits,
) -> Result<T, DecodeError> {
    if bytes.len() > limits.max_frame {
        return Err(DecodeError::TooLarge { size: bytes.len(), limit: limits.max_frame });
    }
    let mut state = State::new(bytes, handles, limits);
    let value = T::deserialize(state.deserializer())?;
    state.finish()?;
    Ok(value)
}
