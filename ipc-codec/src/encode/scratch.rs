//! Room for one encoded value at a time, which costs no allocation as long as the values are small.

use ipc_sys::handle::OwnedHandle;
use serde::Serialize;

use super::encode_near;
use crate::{EncodeError, Limits};

/// How many bytes of payload need no allocation. More would cost every value: they are zeroed first.
const INLINE_SIZE: usize = 64;

/// Room for one encoded value at a time: small ones stand in it, large ones in a `Vec` behind it.
///
/// For a transport that copies the payload somewhere else at once, and whose items are mostly a few bytes long. The room
/// is made on the stack for one value, or kept for many. Up to 64 bytes it allocates nothing; beyond that, it allocates
/// for the first value, and uses the memory again for the next. It is larger than what it
/// holds: hand it on by reference.
///
/// # Examples
///
/// How do I encode a number without an allocation?
///
/// ```
/// use ipc_codec::{Limits, Scratch};
///
/// let mut scratch = Scratch::new();
/// scratch.encode(&300_u16, &Limits::default())?;
/// assert_eq!(scratch.bytes(), [0xac, 0x02]);
/// assert!(scratch.handles().is_empty());
/// # Ok::<(), ipc_codec::EncodeError>(())
/// ```
#[derive(Debug)]
pub struct Scratch {
    inline: [u8; INLINE_SIZE],
    /// The payload when it is longer than `inline`.
    moved: Vec<u8>,
    /// How long the payload is, and thereby where. Zero while a value is being encoded, so that an error or a panic needs
    /// nothing to be taken back.
    size: usize,
    handles: Vec<OwnedHandle>,
}

impl Scratch {
    /// Makes an empty one.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(ipc_codec::Scratch::new().bytes().is_empty());
    /// ```
    #[inline]
    pub const fn new() -> Scratch {
        Scratch { inline: [0; INLINE_SIZE], moved: Vec::new(), size: 0, handles: Vec::new() }
    }

    /// Encodes a value in the place of what was there; handles that were left are closed.
    ///
    /// # Errors
    ///
    /// See [`EncodeError`]; there are no bytes and no handles then. The same holds if the value's `Serialize`
    /// implementation panics.
    ///
    /// # Examples
    ///
    /// How do I encode many values in the same place?
    ///
    /// ```
    /// use ipc_codec::{Limits, Scratch};
    ///
    /// let (limits, mut scratch, mut ring) = (Limits::default(), Scratch::new(), Vec::new());
    /// for word in ["one", "two"] {
    ///     scratch.encode(word, &limits)?;
    ///     ring.extend_from_slice(scratch.bytes());
    /// }
    /// assert_eq!(ring, b"\x03one\x03two");
    /// # Ok::<(), ipc_codec::EncodeError>(())
    /// ```
    #[inline]
    pub fn encode<T: Serialize + ?Sized>(&mut self, value: &T, limits: &Limits) -> Result<(), EncodeError> {
        self.size = 0;
        if !self.handles.is_empty() {
            self.close_handles();
        }
        self.size = encode_near(value, &mut self.inline, &mut self.moved, &mut self.handles, limits)?;
        Ok(())
    }

    #[cold]
    fn close_handles(&mut self) {
        self.handles.clear();
    }

    /// The payload of the value that was encoded last.
    ///
    /// # Examples
    ///
    /// Large values are no different:
    ///
    /// ```
    /// use ipc_codec::{Limits, Scratch, decode};
    ///
    /// let (limits, mut scratch) = (Limits::default(), Scratch::new());
    /// scratch.encode(&vec!["word"; 1000], &limits)?;
    /// assert_eq!(scratch.bytes().len(), 2 + 1000 * 5);
    ///
    /// let words: Vec<String> = decode(scratch.bytes(), Vec::new(), &limits)?;
    /// assert_eq!(words.len(), 1000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        let place: &[u8] = if self.size > INLINE_SIZE { &self.moved } else { &self.inline };
        &place[..self.size]
    }

    /// How many bytes the payload has.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_codec::{Limits, Scratch};
    ///
    /// let mut scratch = Scratch::new();
    /// scratch.encode("word", &Limits::default())?;
    /// assert_eq!(scratch.size(), 5);
    /// # Ok::<(), ipc_codec::EncodeError>(())
    /// ```
    #[inline]
    pub fn size(&self) -> usize {
        self.size
    }

    /// The first bytes of a payload of up to eight, whatever stands behind it: in one piece, so that no byte is touched alone.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_codec::{Limits, Scratch};
    ///
    /// let mut scratch = Scratch::new();
    /// scratch.encode(&300_u16, &Limits::default())?;
    /// assert_eq!(scratch.first_bytes()[..scratch.size()], [0xac, 0x02]);
    /// # Ok::<(), ipc_codec::EncodeError>(())
    /// ```
    #[inline]
    pub fn first_bytes(&self) -> [u8; 8] {
        self.inline.first_chunk().copied().unwrap_or_default()
    }

    /// The handles of the value that was encoded last, in the order of their indices in the payload.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_codec::{Limits, Scratch, handle::Handle};
    ///
    /// let mut scratch = Scratch::new();
    /// scratch.encode(&Handle::new(std::fs::File::open("/dev/null")?), &Limits::default())?;
    /// assert_eq!((scratch.bytes(), scratch.handles().len()), ([0].as_slice(), 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn handles(&self) -> &[OwnedHandle] {
        &self.handles
    }

    /// Takes the handles out, for a transport that gives them to somebody else. The payload stays, and refers to them.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_codec::{Limits, Scratch, decode, handle::Handle};
    /// use std::fs::File;
    ///
    /// let (limits, mut scratch) = (Limits::default(), Scratch::new());
    /// scratch.encode(&Handle::new(File::open("/dev/null")?), &limits)?;
    ///
    /// let handles = scratch.take_handles();
    /// assert!(scratch.handles().is_empty());
    /// let file: Handle<File> = decode(scratch.bytes(), handles, &limits)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn take_handles(&mut self) -> Vec<OwnedHandle> {
        std::mem::take(&mut self.handles)
    }
}

impl Default for Scratch {
    #[inline]
    fn default() -> Scratch {
        Scratch::new()
    }
}
