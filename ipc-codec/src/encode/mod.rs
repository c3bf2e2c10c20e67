//! Encoding: a value into payload bytes and the handles that travel along.

mod failure;
mod handles;
mod output;
mod parts;
mod scratch;
mod serializer;

use ipc_sys::handle::OwnedHandle;
use serde::Serialize;

use crate::{EncodeError, Limits, Message};
use handles::Handles;
use output::{Appended, Near, Output, Word};
use serializer::Serializer;

pub use scratch::Scratch;

/// Encodes a value into a message of its own.
///
/// Handles in the value are duplicated (the copies are close-on-exec), so that the caller keeps its own.
///
/// # Errors
///
/// See [`EncodeError`]; nothing is left open then.
///
/// # Examples
///
/// ```
/// use ipc_codec::{Limits, encode};
///
/// let limits = Limits::default();
/// let message = encode(&("answer", 42), &limits)?;
/// assert_eq!(message.bytes(), b"\x06answer\x54");
/// # Ok::<(), ipc_codec::EncodeError>(())
/// ```
#[inline]
pub fn encode<T: Serialize + ?Sized>(value: &T, limits: &Limits) -> Result<Message, EncodeError> {
    // Most values take less space encoded than decoded, and a large one is mostly text or a collection, whose
    // size is not in the type. What has no size takes none.
    let mut bytes = match size_of_val(value) {
        0 => Vec::new(),
        size => Vec::with_capacity(size.clamp(16, 1024)),
    };
    let mut handles = Vec::new();
    encode_into(value, &mut bytes, &mut handles, limits)?;
    Ok(Message::from_parts(bytes, handles))
}

/// Encodes a value behind what `bytes` and `handles` hold already.
///
/// A transport reserves room for its header this way and needs no second buffer. The limits apply to what is
/// added. The payload refers to handles by their place among those added, so that it means the same wherever
/// it stands.
///
/// # Errors
///
/// See [`EncodeError`]; `bytes` and `handles` are then as they were before. The same holds if the value's
/// `Serialize` implementation panics.
///
/// # Examples
///
/// ```
/// use ipc_codec::{Limits, encode_into};
///
/// let (mut bytes, mut handles) = (vec![0xff; 2], Vec::new());
/// encode_into(&300_u16, &mut bytes, &mut handles, &Limits::default())?;
/// assert_eq!(bytes, [0xff, 0xff, 0xac, 0x02]);
/// # Ok::<(), ipc_codec::EncodeError>(())
/// ```
#[inline]
pub fn encode_into<T: Serialize + ?Sized>(
    value: &T,
    bytes: &mut Vec<u8>,
    handles: &mut Vec<OwnedHandle>,
    limits: &Limits,
) -> Result<(), EncodeError> {
    let mut added = Added { n_bytes: bytes.len(), bytes, armed: true };
    let mut handles = Handles::new(handles, limits);
    let mut output = Appended::new(added.bytes, limits.max_frame);
    value.serialize(&mut Serializer::new(&mut output, &mut handles))?;
    handles.keep();
    added.armed = false;
    Ok(())
}

/// Encodes a value into `near`, or if it has no room, all of it into `far`, whose contents are replaced then; its handles go to the end
/// of `handles`. How many bytes there are tells where: no more than `near` has, and they are there.
///
/// For a transport that has a place for most payloads, and wants no copy of them.
///
/// # Errors
///
/// See [`EncodeError`]. No handles were added then; what is in the two places is not said.
///
/// # Examples
///
/// ```
/// use ipc_codec::{Limits, encode_near};
///
/// let (limits, mut near, mut far, mut handles) = (Limits::default(), [0; 16], Vec::new(), Vec::new());
/// let size = encode_near("short", &mut near, &mut far, &mut handles, &limits)?;
/// assert_eq!(&near[..size], b"\x05short");
/// let size = encode_near("no longer a short one", &mut near, &mut far, &mut handles, &limits)?;
/// assert_eq!((size, far.len()), (22, 22));
/// # Ok::<(), ipc_codec::EncodeError>(())
/// ```
// As for `decode`.
#[inline(always)]
pub fn encode_near<T: Serialize + ?Sized>(
    value: &T,
    near: &mut [u8],
    far: &mut Vec<u8>,
    handles: &mut Vec<OwnedHandle>,
    limits: &Limits,
) -> Result<usize, EncodeError> {
    let mut handles = Handles::new(handles, limits);
    let mut output = Near::new(near, far, limits.max_frame);
    value.serialize(&mut Serializer::new(&mut output, &mut handles))?;
    handles.keep();
    Ok(output.size())
}

/// Encodes a value of few bytes and no handles into a word: its bytes and zeros, and how many they are. Nothing for any other
/// value, and for one that cannot be encoded: what is wrong with it, the other functions tell.
///
/// A value that takes more than 16 bytes in memory is not tried: it seldom fits, and would be encoded twice.
///
/// For a transport that has many small values to pass on, which are in registers then.
///
/// # Examples
///
/// ```
/// use ipc_codec::{Limits, encode_word};
///
/// let limits = Limits::default();
/// assert_eq!(encode_word(&300_u16, &limits), Some(([0xac, 0x02, 0, 0, 0, 0, 0, 0], 2)));
/// assert_eq!(encode_word("no word", &limits), Some((*b"\x07no word", 8)));
/// assert_eq!(encode_word("not a word", &limits), None);
/// ```
// As for `decode`.
#[inline(always)]
pub fn encode_word<T: Serialize + ?Sized>(value: &T, limits: &Limits) -> Option<([u8; 8], usize)> {
    const NO_HANDLES: &Limits = &Limits { max_handles: 0, ..Limits::with_max_frame(0) };
    if size_of_val(value) > LIKELY_SHORT {
        return None;
    }
    let mut none = Vec::new();
    let mut handles = Handles::new(&mut none, NO_HANDLES);
    let mut output = Word::new();
    value.serialize(&mut Serializer::new(&mut output, &mut handles)).ok()?;
    handles.keep();
    output.finish().filter(|(_, size)| *size <= limits.max_frame)
}

/// How many bytes a value has in memory at most that is likely to take no more than a word when it is encoded.
pub(crate) const LIKELY_SHORT: usize = 16;

/// Takes back the bytes that were added, unless encoding came to its end.
struct Added<'a> {
    bytes: &'a mut Vec<u8>,
    n_bytes: usize,
    armed: bool,
}

impl Drop for Added<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.armed {
            self.bytes.truncate(self.n_bytes);
        }
    }
}
