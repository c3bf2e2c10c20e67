//! Frames: the header in front of a payload, by which a receiver knows what comes and whether it wants it.
//!
//! The layout stands in `docs/wire-format.md`, with the payload and the form for payloads in shared memory.
//!
//! # Examples
//!
//! How does a transport write and read a frame?
//!
//! ```
//! use ipc_codec::{Limits, encode_into, frame::{HEADER_SIZE, Header}};
//!
//! let limits = Limits::default();
//! let (mut frame, mut handles) = (vec![0; HEADER_SIZE], Vec::new());
//! encode_into("hello", &mut frame, &mut handles, &limits)?;
//! let header = Header::new((frame.len() - HEADER_SIZE) as u64, handles.len() as u16);
//! frame[..HEADER_SIZE].copy_from_slice(&header.to_bytes());
//!
//! let header = Header::parse(&frame, &limits)?;
//! header.check_handles(handles.len())?;
//! let payload = &frame[HEADER_SIZE..][..header.len as usize];
//! let text: String = ipc_codec::decode(payload, handles, &limits)?;
//! assert_eq!(text, "hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::{FrameError, Limits, MAX_HANDLES, Message};

/// The version of the format that this build writes, and the only one that it reads.
///
/// # Examples
///
/// ```
/// use ipc_codec::frame::{Header, VERSION};
///
/// assert_eq!(Header::new(0, 0).version, VERSION);
/// ```
pub const VERSION: u8 = 1;

/// The size of a header in bytes.
///
/// # Examples
///
/// ```
/// use ipc_codec::frame::{HEADER_SIZE, Header};
///
/// assert_eq!(Header::new(0, 0).to_bytes().len(), HEADER_SIZE);
/// ```
pub const HEADER_SIZE: usize = 16;

/// The first two bytes of every frame.
///
/// # Examples
///
/// ```
/// use ipc_codec::frame::{Header, MAGIC};
///
/// assert!(Header::new(0, 0).to_bytes().starts_with(&MAGIC));
/// ```
pub const MAGIC: [u8; 2] = *b"mp";

/// The flag of a frame whose payload is not inline, but at the beginning of the shared-memory object that is
/// the last handle of the table.
///
/// Transports use it for payloads that are too large for one datagram. The last handle is then not part of
/// the message: indices in the payload refer to the handles before it.
///
/// # Examples
///
/// ```
/// use ipc_codec::frame::{Header, SPILLED};
///
/// let header = Header { flags: SPILLED, ..Header::new(1 << 20, 1) };
/// assert!(header.is_spilled());
/// ```
pub const SPILLED: u8 = 1;

/// What a frame announces.
///
/// # Examples
///
/// ```
/// use ipc_codec::{Limits, frame::Header};
///
/// let header = Header::new(5, 1);
/// assert_eq!(Header::parse(&header.to_bytes(), &Limits::default()), Ok(header));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// The version of the format, [`VERSION`].
    pub version: u8,
    /// [`SPILLED`] or nothing.
    pub flags: u8,
    /// How many handles travel with the frame; the one with the payload counts if it is spilled.
    pub handles: u16,
    /// The length of the payload in bytes, wherever it stands.
    pub len: u64,
}

impl Header {
    /// The header of an inline payload of `len` bytes, with `handles` handles.
    ///
    /// # Examples
    ///
    /// ```
    /// let header = ipc_codec::frame::Header::new(5, 1);
    /// assert_eq!((header.len, header.handles, header.is_spilled()), (5, 1, false));
    /// ```
    #[inline]
    pub const fn new(len: u64, handles: u16) -> Header {
        Header { version: VERSION, flags: 0, handles, len }
    }

    /// The header of a message that travels inline.
    ///
    /// # Errors
    ///
    /// [`FrameError::TooManyHandles`] if there are more than [`MAX_HANDLES`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_codec::{Limits, encode, frame::Header};
    ///
    /// let message = encode(&[0_u8; 3], &Limits::default())?;
    /// assert_eq!(Header::of(&message)?, Header::new(3, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of(message: &Message) -> Result<Header, FrameError> {
        let count = message.handles().len();
        match u16::try_from(count) {
            Ok(handles) if count <= MAX_HANDLES => Ok(Header::new(message.bytes().len() as u64, handles)),
            _ => Err(FrameError::TooManyHandles { count, limit: MAX_HANDLES }),
        }
    }

    /// Whether the payload stands in the shared-memory object that is the last handle.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!ipc_codec::frame::Header::new(5, 1).is_spilled());
    /// ```
    #[inline]
    pub const fn is_spilled(&self) -> bool {
        self.flags & SPILLED != 0
    }

    /// The bytes of the header.
    ///
    /// # Examples
    ///
    /// ```
    /// let bytes = ipc_codec::frame::Header::new(5, 1).to_bytes();
    /// assert_eq!(bytes, [b'm', b'p', 1, 0, 1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]);
    /// ```
    #[inline]
    pub fn to_bytes(self) -> [u8; HEADER_SIZE] {
        let mut bytes = [0; HEADER_SIZE];
        bytes[0..2].copy_from_slice(&MAGIC);
        bytes[2] = self.version;
        bytes[3] = self.flags;
        bytes[4..6].copy_from_slice(&self.handles.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.len.to_le_bytes());
        bytes
    }

    /// Reads the header at the beginning of `bytes`, and checks it; more bytes may follow.
    ///
    /// # Errors
    ///
    /// In this order: [`TooShort`](FrameError::TooShort), [`BadMagic`](FrameError::BadMagic),
    /// [`Version`](FrameError::Version), [`ReservedBits`](FrameError::ReservedBits),
    /// [`TooManyHandles`](FrameError::TooManyHandles), [`Spilled`](FrameError::Spilled) without a handle,
    /// [`TooLarge`](FrameError::TooLarge). The handle of a spilled payload counts towards [`MAX_HANDLES`] and
    /// not towards [`Limits::max_handles`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_codec::{FrameError, Limits, frame::Header};
    ///
    /// let mut bytes = Header::new(5, 1).to_bytes();
    /// bytes[2] = 9;
    /// let error = Header::parse(&bytes, &Limits::default()).unwrap_err();
    /// assert_eq!(error, FrameError::Version { got: 9, expected: 1 });
    /// ```
    #[inline]
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Header, FrameError> {
        let Some(bytes) = bytes.first_chunk::<HEADER_SIZE>() else {
            return Err(FrameError::TooShort { got: bytes.len(), expected: HEADER_SIZE });
        };
        let [m0, m1, version, flags, h0, h1, r0, r1, len @ ..] = *bytes;
        let (handles, reserved) = (u16::from_le_bytes([h0, h1]), u16::from_le_bytes([r0, r1]));
        let header = Header { version, flags, handles, len: u64::from_le_bytes(len) };
        if [m0, m1] != MAGIC {
            return Err(FrameError::BadMagic { got: [m0, m1] });
        }
        if version != VERSION {
            return Err(FrameError::Version { got: version, expected: VERSION });
        }
        if flags & !SPILLED != 0 || reserved != 0 {
            return Err(FrameError::ReservedBits);
        }
        header.check_limits(limits)?;
        Ok(header)
    }

    /// Checks that as many handles arrived as are announced.
    ///
    /// # Errors
    ///
    /// [`FrameError::HandleCount`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_codec::{FrameError, frame::Header};
    ///
    /// let error = Header::new(5, 2).check_handles(1).unwrap_err();
    /// assert_eq!(error, FrameError::HandleCount { got: 1, expected: 2 });
    /// ```
    #[inline]
    pub fn check_handles(&self, got: usize) -> Result<(), FrameError> {
        match usize::from(self.handles) {
            expected if expected == got => Ok(()),
            expected => Err(FrameError::HandleCount { got, expected }),
        }
    }

    fn check_limits(&self, limits: &Limits) -> Result<(), FrameError> {
        let count = usize::from(self.handles);
        let limit = limits.handle_limit().saturating_add(usize::from(self.is_spilled())).min(MAX_HANDLES);
        if count > limit {
            return Err(FrameError::TooManyHandles { count, limit });
        }
        if self.is_spilled() && count == 0 {
            return Err(FrameError::Spilled);
        }
        if self.len > limits.max_frame as u64 {
            return Err(FrameError::TooLarge { len: self.len, limit: limits.max_frame });
        }
        Ok(())
    }
}
