//! Decoding: payload bytes and handles into a value, within limits.

use ipc_sys::handle::OwnedHandle;
use serde::de::DeserializeOwned;

use crate::encode::LIKELY_SHORT;
use crate::handle::Incoming;
use crate::limit::{Input, State, Word};
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

/// Decodes a payload of up to eight bytes and no handles, which are the first `size` of these.
///
/// It does what [`decode`](decode()) does with as many bytes, and is faster: they are in a register.
///
/// # Errors
///
/// See [`DecodeError`].
///
/// # Panics
///
/// If `size` is more than eight.
///
/// # Examples
///
/// ```
/// use ipc_codec::{DecodeError, Limits, decode_word};
///
/// let (limits, word) = (Limits::default(), [0xac, 0x02, 0, 0, 0, 0, 0, 0]);
/// assert_eq!(decode_word::<u16>(&word, 2, &limits)?, 300);
/// assert!(matches!(decode_word::<u16>(&word, 1, &limits), Err(DecodeError::Truncated)));
/// assert!(matches!(decode_word::<u16>(&word, 3, &limits), Err(DecodeError::TrailingBytes { count: 1 })));
/// # Ok::<(), DecodeError>(())
/// ```
#[inline(always)]
pub fn decode_word<T: DeserializeOwned>(
    bytes: &[u8; 8],
    size: usize,
    limits: &Limits,
) -> Result<T, DecodeError> {
    if size_of::<T>() > LIKELY_SHORT {
        // A decoder more for a type that needs it seldom.
        return decode_with(&bytes[..size], &mut Incoming::none(), limits);
    }
    decode_with(Word::new(bytes, size), &mut Incoming::none(), limits)
}

/// Not a part of [`decode()`], so that where the caller has no handles, nothing remains of the `Vec` without them.
#[inline(always)]
fn decode_with<'de, T: DeserializeOwned>(
    input: impl Input<'de>,
    handles: &'de mut Incoming,
    limits: &'de Limits,
) -> Result<T, DecodeError> {
    if input.len() > limits.max_frame {
        return Err(DecodeError::TooLarge { size: input.len(), limit: limits.max_frame });
    }
    let mut state = State::new(input, handles, limits);
    let value = T::deserialize(state.deserializer::<T>())?;
    state.finish()?;
    Ok(value)
}
