//! An encoded value: payload bytes, and the handles that travel along.

use std::fmt;

use ipc_sys::handle::{AsHandle, OwnedHandle};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, Visitor};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::frame::{HEADER_SIZE, Header};
use crate::handle::Handle;
use crate::{DecodeError, FrameError, Limits};

/// An encoded value: payload bytes, and the handles that travel along.
///
/// A message can be a part of another value: it then travels as a byte string, with its handles in the table
/// of the outer message, and is decoded when and where its type is known. A pool passes the arguments of a
/// task on this way.
///
/// # Other processes
///
/// The handles are owned by the message and are closed when it is dropped without being sent or decoded.
///
/// # Examples
///
/// How do I pass an encoded value on, without knowing its type?
///
/// ```
/// use ipc_codec::{Limits, Message, encode};
///
/// let limits = Limits::default();
/// let arguments = encode(&(6, 7), &limits)?;
/// let task = encode(&("multiply", arguments), &limits)?;
///
/// let (function, arguments): (String, Message) = task.decode(&limits)?;
/// let (a, b): (i32, i32) = arguments.decode(&limits)?;
/// assert_eq!((function.as_str(), a * b), ("multiply", 42));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Message {
    bytes: Vec<u8>,
    handles: Vec<OwnedHandle>,
}

impl Message {
    /// Decodes the value.
    ///
    /// The value must take every byte and every handle; whatever is left over makes the message another one
    /// than the type describes.
    ///
    /// # Errors
    ///
    /// See [`DecodeError`]. All handles that are not in the returned value are closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_codec::{Limits, encode};
    ///
    /// let limits = Limits::default();
    /// let names: Vec<String> = encode(&["Ada", "Grace"], &limits)?.decode(&limits).unwrap_or_default();
    /// assert_eq!(names.len(), 0); // An array records no length, so this was no `Vec`.
    ///
    /// let names: [String; 2] = encode(&["Ada", "Grace"], &limits)?.decode(&limits)?;
    /// assert_eq!(names, ["Ada", "Grace"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn decode<T: DeserializeOwned>(self, limits: &Limits) -> Result<T, DecodeError> {
        crate::decode(&self.bytes, self.handles, limits)
    }

    /// Whether there is neither payload nor handle, as of a value without contents.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(ipc_codec::encode(&(), &Default::default())?.is_empty());
    /// assert!(!ipc_codec::encode("", &Default::default())?.is_empty());
    /// # Ok::<(), ipc_codec::EncodeError>(())
    /// ```
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.handles.is_empty()
    }

    /// The payload.
    ///
    /// # Examples
    ///
    /// ```
    /// let message = ipc_codec::encode(&-1, &Default::default())?;
    /// assert_eq!(message.bytes(), [1]);
    /// # Ok::<(), ipc_codec::EncodeError>(())
    /// ```
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The handles, in the order of their indices in the payload.
    ///
    /// # Examples
    ///
    /// ```
    /// let message = ipc_codec::encode("no handle in here", &Default::default())?;
    /// assert!(message.handles().is_empty());
    /// # Ok::<(), ipc_codec::EncodeError>(())
    /// ```
    #[inline]
    pub fn handles(&self) -> &[OwnedHandle] {
        &self.handles
    }

    /// Takes the message apart, for a transport.
    ///
    /// # Examples
    ///
    /// ```
    /// let (bytes, handles) = ipc_codec::encode(&'x', &Default::default())?.into_parts();
    /// assert_eq!((bytes.as_slice(), handles.len()), (b"\x01x".as_slice(), 0));
    /// # Ok::<(), ipc_codec::EncodeError>(())
    /// ```
    #[inline]
    pub fn into_parts(self) -> (Vec<u8>, Vec<OwnedHandle>) {
        (self.bytes, self.handles)
    }

    /// Puts together what a transport received.
    ///
    /// Nothing is checked before [`decode`](Message::decode), which trusts neither.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_codec::{Limits, Message};
    ///
    /// let message = Message::from_parts(b"\x01x".to_vec(), Vec::new());
    /// assert_eq!(message.decode::<char>(&Limits::default())?, 'x');
    /// # Ok::<(), ipc_codec::DecodeError>(())
    /// ```
    #[inline]
    pub fn from_parts(bytes: Vec<u8>, handles: Vec<OwnedHandle>) -> Message {
        Message { bytes, handles }
    }

    /// Puts the header in front, for a transport that carries bytes and handles: the frame and its handles.
    ///
    /// # Errors
    ///
    /// [`FrameError::TooLarge`] and [`FrameError::TooManyHandles`] by the limits.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_codec::{Limits, Message, encode, frame::HEADER_SIZE};
    ///
    /// let limits = Limits::default();
    /// let (frame, handles) = encode(&true, &limits)?.into_frame(&limits)?;
    /// assert_eq!(frame.len(), HEADER_SIZE + 1);
    /// assert!(Message::from_frame(&frame, handles, &limits)?.decode::<bool>(&limits)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_frame(self, limits: &Limits) -> Result<(Vec<u8>, Vec<OwnedHandle>), FrameError> {
        let header = Header::of(&self)?.to_bytes();
        Header::parse(&header, limits)?;
        let mut frame = self.bytes;
        frame.splice(..0, header);
        Ok((frame, self.handles))
    }

    /// Takes the header off, and checks that payload and handles are what it announces.
    ///
    /// # Errors
    ///
    /// See [`FrameError`]; the handles are closed then. A frame that is [`SPILLED`](crate::frame::SPILLED) is
    /// refused here: the transport fetches its payload, and uses [`from_parts`](Message::from_parts).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_codec::{FrameError, Limits, Message};
    ///
    /// let error = Message::from_frame(b"mp", Vec::new(), &Limits::default()).unwrap_err();
    /// assert_eq!(error, FrameError::TooShort { got: 2, expected: 16 });
    /// ```
    pub fn from_frame(
        frame: &[u8],
        handles: Vec<OwnedHandle>,
        limits: &Limits,
    ) -> Result<Message, FrameError> {
        let header = Header::parse(frame, limits)?;
        if header.is_spilled() {
            return Err(FrameError::Spilled);
        }
        let payload = &frame[HEADER_SIZE..];
        let got = payload.len() as u64;
        if got < header.len {
            let expected = usize::try_from(header.len).unwrap_or(usize::MAX).saturating_add(HEADER_SIZE);
            return Err(FrameError::TooShort { got: frame.len(), expected });
        }
        if got > header.len {
            return Err(FrameError::TrailingBytes { count: (got - header.len) as usize });
        }
        header.check_handles(handles.len())?;
        Ok(Message { bytes: payload.to_vec(), handles })
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Message", 2)?;
        fields.serialize_field("bytes", &ByteString(&self.bytes))?;
        fields.serialize_field("handles", &Borrowed(&self.handles))?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Message, D::Error> {
        /// The shape that a message has for serde.
        #[derive(serde::Deserialize)]
        #[serde(rename = "Message")]
        struct Parts {
            bytes: ByteString<Vec<u8>>,
            handles: Vec<Handle<OwnedHandle>>,
        }

        let Parts { bytes, handles } = Parts::deserialize(deserializer)?;
        Ok(Message { bytes: bytes.0, handles: handles.into_iter().map(Handle::into_inner).collect() })
    }
}

/// Bytes that are written and read in one piece, and not number by number as serde does with a `Vec<u8>`.
struct ByteString<T>(T);

impl Serialize for ByteString<&Vec<u8>> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de> Deserialize<'de> for ByteString<Vec<u8>> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(ByteStringVisitor).map(ByteString)
    }
}

struct ByteStringVisitor;

impl<'de> Visitor<'de> for ByteStringVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of a message")
    }

    #[inline]
    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    #[inline]
    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }
}

/// The handles of a message, to be duplicated into the table of the outer one.
struct Borrowed<'a>(&'a [OwnedHandle]);

impl Serialize for Borrowed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|handle| Handle::new(handle.as_fd())))
    }
}
