//! What a frame may cost whoever decodes it: the limits, the budget that enforces them, and the decoder that
//! spends it.

mod access;
mod budget;
mod deserializer;
mod failure;
mod input;
mod state;

pub(crate) use input::{Input, Word};
pub(crate) use state::State;

/// The most handles that one message can carry, whatever [`Limits::max_handles`] says.
///
/// It is the number of descriptors that Linux passes with one `sendmsg` (`SCM_MAX_FD`).
///
/// # Examples
///
/// More is never accepted:
///
/// ```
/// use ipc_codec::{Limits, MAX_HANDLES, frame::Header};
///
/// let limits = Limits { max_handles: usize::MAX, ..Limits::default() };
/// let header = Header { handles: MAX_HANDLES as u16 + 1, ..Header::new(0, 0) };
/// assert!(Header::parse(&header.to_bytes(), &limits).is_err());
/// ```
pub const MAX_HANDLES: usize = 253;

/// The most that one message may cost, in bytes, elements, levels and handles.
///
/// The sender's limits refuse a value before it travels; the receiver's limits are what protects the
/// receiver, since the bytes may come from a stranger. Both sides normally use the same ones.
///
/// A collection is charged to [`max_decoded`](Limits::max_decoded) before its first element is decoded: for
/// the table or the nodes that will hold the declared number of elements, and with room for the copy that a
/// growing collection makes. A string or a byte string is charged with its length, and whatever stands behind
/// a `Box`, an `Rc` or an `Arc` with its size. This covers the collections of the standard library and
/// derived implementations; a handwritten `Deserialize` that allocates by itself answers for itself.
///
/// # Examples
///
/// How do I accept larger messages?
///
/// ```
/// use ipc_codec::Limits;
///
/// let limits = Limits::with_max_frame(1 << 30);
/// assert_eq!(limits.max_decoded, 4 << 30);
/// assert_eq!(limits.max_depth, Limits::default().max_depth);
/// ```
///
/// How do I change one of them only?
///
/// ```
/// use ipc_codec::Limits;
///
/// let limits = Limits { max_depth: 16, ..Limits::default() };
/// assert!(ipc_codec::encode(&1, &limits)?.decode::<i32>(&limits).is_ok());
/// # Ok::<(), ipc_codec::EncodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// The largest payload, in bytes; the header is not counted. 64 MiB by default.
    pub max_frame: usize,
    /// The most heap that the decoded value may take, in bytes, at its peak. 256 MiB (4 x `max_frame`) by
    /// default.
    pub max_decoded: usize,
    /// How many elements of sequences and maps may occupy no byte of the payload, in the whole message; every
    /// other element is paid for with its bytes. 65,536 by default.
    pub max_elements: u64,
    /// How many values may stand inside each other, the outermost included: structs, tuples, sequences, maps,
    /// enums, options and newtypes each count as one. 128 by default, which fits in a stack of 2 MiB.
    pub max_depth: u32,
    /// How many handles may travel along. 64 by default, and never more than [`MAX_HANDLES`].
    pub max_handles: usize,
}

impl Limits {
    /// The default limits for payloads of up to `max_frame` bytes, with `max_decoded` four times as much.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_codec::Limits;
    ///
    /// assert_eq!(Limits::with_max_frame(64 << 20), Limits::default());
    /// ```
    pub const fn with_max_frame(max_frame: usize) -> Limits {
        Limits {
            max_frame,
            max_decoded: max_frame.saturating_mul(4),
            max_elements: 65_536,
            max_depth: 128,
            max_handles: 64,
        }
    }

    /// The number of handles that is really allowed, with the ceiling applied.
    #[inline]
    pub(crate) fn handle_limit(&self) -> usize {
        self.max_handles.min(MAX_HANDLES)
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::with_max_frame(64 << 20)
    }
}
