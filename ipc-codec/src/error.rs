//! What can go wrong: one error type for encoding, one for decoding, one for frames.

use std::fmt::{self, Display, Write};
use std::io;

/// Why a value could not be encoded.
///
/// # Examples
///
/// ```
/// use ipc_codec::{EncodeError, Limits, encode};
///
/// let limits = Limits::with_max_frame(8);
/// let error = encode("nine bytes and more", &limits).unwrap_err();
/// assert!(matches!(error, EncodeError::TooLarge { limit: 8, .. }));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The payload would be larger than [`Limits::max_frame`](crate::Limits::max_frame).
    #[error("the encoded value needs at least {size} bytes, the limit is {limit}")]
    TooLarge {
        /// How many bytes were needed when the encoder gave up; the whole value may need more.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// The value holds more handles than [`Limits::max_handles`](crate::Limits::max_handles).
    #[error("the value holds at least {count} handles, the limit is {limit}")]
    TooManyHandles {
        /// How many handles there were when the encoder gave up.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// The system would not duplicate a handle, most often because the process has too many open.
    #[error("duplicating a handle for the message failed")]
    DuplicateHandle(#[source] io::Error),
    /// A handle that several values share could not be made, or not be made ready for one of them.
    #[error("preparing a shared handle for the message failed")]
    SharedHandle(#[source] io::Error),
    /// A sequence or a map did not say how many elements it has, which the format needs to know first.
    ///
    /// `#[serde(flatten)]` and iterators of unknown length do so; collect them into a `Vec` or a map first.
    #[error("a sequence or map of unknown length cannot be encoded")]
    UnknownLength,
    /// A sequence or a map gave another number of elements than it had declared.
    #[error("a sequence or map declared {declared} elements and gave {written}")]
    WrongLength {
        /// What it declared.
        declared: usize,
        /// What it gave.
        written: usize,
    },
    /// The `Serialize` implementation of the value refused, for instance because a lock in it was poisoned.
    #[error("the value refused to be serialized: {message}")]
    Refused {
        /// What it said, shortened to 1 KiB.
        message: String,
    },
}

/// Why bytes and handles could not be decoded into a value.
///
/// Whichever it is, all handles of the message are closed.
///
/// # Examples
///
/// ```
/// use ipc_codec::{DecodeError, Limits, decode};
///
/// let limits = Limits::default();
/// let error = decode::<(u8, u8)>(&[1], Vec::new(), &limits).unwrap_err();
/// assert!(matches!(error, DecodeError::Truncated));
/// let error = decode::<(u8, u8)>(&[1, 2, 3], Vec::new(), &limits).unwrap_err();
/// assert!(matches!(error, DecodeError::TrailingBytes { count: 1 }));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The payload is larger than [`Limits::max_frame`](crate::Limits::max_frame).
    #[error("the payload has {size} bytes, the limit is {limit}")]
    TooLarge {
        /// The size of the payload in bytes.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// The message came with more handles than [`Limits::max_handles`](crate::Limits::max_handles).
    #[error("the message carries {count} handles, the limit is {limit}")]
    TooManyHandles {
        /// How many came.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// The payload ends in the middle of the value.
    #[error("the payload ends in the middle of the value")]
    Truncated,
    /// The bytes are not an encoding of anything of the expected shape.
    #[error("malformed payload at byte {offset}: {reason}")]
    Malformed {
        /// Where in the payload the offending item begins.
        offset: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A sequence or map declares more elements than the rest of the payload can hold.
    #[error("a length of {declared} is declared with {remaining} bytes left")]
    LengthOverInput {
        /// The declared number of elements.
        declared: u64,
        /// How many bytes follow.
        remaining: usize,
    },
    /// The value is complete, and bytes are left over.
    #[error("{count} bytes are left over after the value")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// The value would take more memory than [`Limits::max_decoded`](crate::Limits::max_decoded).
    #[error("the decoded value would take more than {limit} bytes of memory")]
    DecodedSize {
        /// The limit.
        limit: usize,
    },
    /// More than [`Limits::max_elements`](crate::Limits::max_elements) elements occupy no byte of the
    /// payload.
    #[error("more than {limit} elements take no space in the payload")]
    Elements {
        /// The limit.
        limit: u64,
    },
    /// Values are nested deeper than [`Limits::max_depth`](crate::Limits::max_depth).
    #[error("the value is nested more than {limit} levels deep")]
    Depth {
        /// The limit.
        limit: u32,
    },
    /// The payload refers to a handle that did not come with it.
    #[error("handle {index} is not among the {count} handles of the message")]
    HandleMissing {
        /// The index in the payload.
        index: u32,
        /// How many handles came.
        count: usize,
    },
    /// The payload refers to the same handle twice, and not by values that share it.
    #[error("handle {index} of the message is used twice")]
    HandleUsedTwice {
        /// The index in the payload.
        index: u32,
    },
    /// The value is complete, and did not take all handles of the message.
    #[error("{count} handles of the message are not used by the value")]
    UnusedHandles {
        /// How many were left, and are closed now.
        count: usize,
    },
    /// The type asks the format what comes next, which this format does not record.
    ///
    /// `#[serde(untagged)]`, `#[serde(tag = "..")]`, `#[serde(flatten)]` and `serde_json::Value` do so.
    #[error("the type needs a self-describing format, which this one is not")]
    NotSelfDescribing,
    /// The `Deserialize` implementation of the type refused what the bytes say, for instance a variant of an
    /// enum that it does not have.
    #[error("the type refused the payload: {message}")]
    Refused {
        /// What it said, shortened to 1 KiB.
        message: String,
    },
}

/// Why bytes are not a frame that this build can take.
///
/// # Examples
///
/// ```
/// use ipc_codec::{FrameError, Limits, frame::Header};
///
/// let error = Header::parse(b"GET / HTTP/1.1\r\n", &Limits::default()).unwrap_err();
/// assert!(matches!(error, FrameError::BadMagic { got: [b'G', b'E'] }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// There are fewer bytes than the frame has.
    #[error("the frame is cut short: {got} bytes of {expected}")]
    TooShort {
        /// How many bytes there are.
        got: usize,
        /// How many there should be, as far as is known: those of the header, or of header and payload.
        expected: usize,
    },
    /// More bytes follow than the header announces.
    #[error("{count} bytes follow the end of the frame")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// The first bytes are not those of a frame: the other side speaks another language.
    #[error("the first two bytes are {got:02x?}, which no frame begins with")]
    BadMagic {
        /// What they are.
        got: [u8; 2],
    },
    /// The frame is of another version of the format.
    #[error("the frame has format version {got}, this build speaks version {expected}")]
    Version {
        /// The version of the frame.
        got: u8,
        /// The version of this build.
        expected: u8,
    },
    /// A flag is set that has no meaning in this version, or a reserved field is not zero.
    #[error("the frame sets bits that are reserved")]
    ReservedBits,
    /// The payload is longer than [`Limits::max_frame`](crate::Limits::max_frame).
    #[error("the frame announces {len} bytes, the limit is {limit}")]
    TooLarge {
        /// The announced length of the payload in bytes.
        len: u64,
        /// The limit.
        limit: usize,
    },
    /// The frame announces more handles than [`Limits::max_handles`](crate::Limits::max_handles).
    #[error("the frame announces {count} handles, the limit is {limit}")]
    TooManyHandles {
        /// How many are announced.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// Another number of handles arrived than the frame announces; the system drops them when the receiver
    /// has too many open.
    #[error("the frame announces {expected} handles, {got} arrived")]
    HandleCount {
        /// How many arrived.
        got: usize,
        /// How many are announced.
        expected: usize,
    },
    /// The frame says that its payload stands in shared memory, where it cannot: it carries no handle, or the
    /// function takes inline frames only.
    #[error("the frame is marked as spilled where its payload must be inline or a handle must come with it")]
    Spilled,
}

/// The longest message of a refusal that is kept, in bytes.
const MAX_MESSAGE: usize = 1024;

/// Formats what a serde implementation has to say, in bounded space.
///
/// The message may quote the input: a text of 60 MB where a number was expected would otherwise be copied,
/// escaped and thus several times as large, on behalf of whoever sent it.
pub(crate) fn bounded_message(message: impl Display) -> String {
    let mut text = BoundedText::new(MAX_MESSAGE);
    if write!(text, "{message}").is_err() {
        text.text.push_str("...");
    }
    text.text
}

/// A text that refuses to grow beyond its room, and keeps what fits.
pub(crate) struct BoundedText {
    pub(crate) text: String,
    room: usize,
    full: bool,
}

impl BoundedText {
    pub(crate) fn new(room: usize) -> BoundedText {
        BoundedText { text: String::new(), room, full: false }
    }

    /// Whether something did not fit.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }
}

impl Write for BoundedText {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        if self.full {
            return Err(fmt::Error);
        }
        let room = self.room - self.text.len();
        if piece.len() <= room {
            self.text.push_str(piece);
            return Ok(());
        }
        let mut end = room;
        while !piece.is_char_boundary(end) {
            end -= 1;
        }
        self.text.push_str(&piece[..end]);
        self.full = true;
        Err(fmt::Error)
    }
}
