//! Handles in messages: [`Handle`], a wrapper for anything that owns a descriptor, two functions for fields, and two
//! for handles that several values share.
//!
//! A handle travels beside the bytes, in the table of its message; the bytes hold its index there. It can
//! therefore be encoded by this crate only: any other format would write down a number that means nothing to
//! whoever reads it, and serializing a handle there is an error.
//!
//! # Examples
//!
//! How do I send a file that is a field of my struct?
//!
//! ```
//! use std::{fs::File, io::Read};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Task {
//!     name: String,
//!     #[serde(with = "ipc_codec::handle")]
//!     input: File,
//! }
//!
//! let limits = ipc_codec::Limits::default();
//! let task = Task { name: "count".into(), input: File::open("/dev/zero")? };
//! let mut task: Task = ipc_codec::encode(&task, &limits)?.decode(&limits)?;
//! let mut bytes = [1; 4];
//! task.input.read_exact(&mut bytes)?;
//! assert_eq!((task.name.as_str(), bytes), ("count", [0; 4]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod incoming;
mod outgoing;
mod shared;
mod slot;

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use ipc_sys::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::ser::{Serialize, Serializer};

pub use shared::{deserialize_shared, serialize_shared};

pub(crate) use incoming::Incoming;
pub(crate) use outgoing::{Outgoing, Shared};
pub(crate) use slot::{Given, Lent, ask, ask_shared, hand_over, hand_over_shared};

/// The name by which the encoder and the decoder of this crate know a handle when serde shows them one.
pub(crate) const TOKEN: &str = "$ipc_codec::Handle";

/// The same for a handle that several values share.
pub(crate) const SHARED_TOKEN: &str = "$ipc_codec::Shared";

/// A value that owns a handle, and travels in messages: `Handle<File>`, `Handle<TcpStream>`,
/// `Handle<OwnedHandle>`.
///
/// Encoding duplicates the handle, and the caller keeps its own; both refer to the same open file. Decoding
/// takes the handle out of the message. Nothing checks that it is of the kind that `T` stands for: a
/// `Handle<TcpStream>` may turn out to be a directory, and its operations then fail.
///
/// # Other processes
///
/// The copy is close-on-exec, and is inherited by no process that is started meanwhile.
///
/// # Examples
///
/// How do I send a file?
///
/// ```
/// use std::{fs::File, io::Read};
/// use ipc_codec::{Limits, encode, handle::Handle};
///
/// let limits = Limits::default();
/// let message = encode(&Handle::new(File::open("/dev/zero")?), &limits)?;
/// assert_eq!((message.bytes().len(), message.handles().len()), (1, 1));
///
/// let mut file: Handle<File> = message.decode(&limits)?;
/// let mut bytes = [1; 4];
/// file.read_exact(&mut bytes)?;
/// assert_eq!(bytes, [0; 4]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// What happens in another format?
///
/// ```
/// use std::fs::File;
///
/// let file = ipc_codec::handle::Handle::new(File::open("/dev/null")?);
/// let error = serde_json::to_string(&file).unwrap_err();
/// assert!(error.to_string().contains("outside a message"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Handle<T>(T);

impl<T> Handle<T> {
    /// Wraps a value.
    ///
    /// # Examples
    ///
    /// ```
    /// let file = ipc_codec::handle::Handle::new(std::fs::File::open("/dev/null")?);
    /// assert!(!file.metadata()?.is_dir());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub const fn new(value: T) -> Handle<T> {
        Handle(value)
    }

    /// Takes the value out.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::fs::File;
    ///
    /// let file: File = ipc_codec::handle::Handle::new(File::open("/dev/null")?).into_inner();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> From<T> for Handle<T> {
    #[inline]
    fn from(value: T) -> Handle<T> {
        Handle(value)
    }
}

impl<T> Deref for Handle<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Handle<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: AsHandle> AsHandle for Handle<T> {
    #[inline]
    fn as_fd(&self) -> BorrowedHandle<'_> {
        self.0.as_fd()
    }
}

impl<T: AsHandle> Serialize for Handle<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(&self.0, serializer)
    }
}

impl<'de, T: From<OwnedHandle>> Deserialize<'de> for Handle<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Handle<T>, D::Error> {
        deserialize(deserializer).map(Handle)
    }
}

/// Serializes the handle of a field, for `#[serde(with = "ipc_codec::handle")]`.
///
/// # Errors
///
/// Outside [`encode`](crate::encode()), [`encode_into`](crate::encode_into) and
/// [`Scratch::encode`](crate::Scratch::encode), always; in them, when there are
/// too many handles or the system does not duplicate this one.
///
/// # Examples
///
/// ```
/// use std::fs::File;
///
/// #[derive(serde::Serialize)]
/// struct Log(#[serde(serialize_with = "ipc_codec::handle::serialize")] File);
///
/// let log = Log(File::open("/dev/null")?);
/// assert_eq!(ipc_codec::encode(&log, &Default::default()).unwrap().handles().len(), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn serialize<T: AsHandle, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_struct(TOKEN, &slot::Lend(value.as_fd()))
}

/// Deserializes the handle of a field, for `#[serde(with = "ipc_codec::handle")]`.
///
/// # Errors
///
/// Outside [`decode`](crate::decode()) and [`Message::decode`](crate::Message::decode), always; in them, when
/// the payload refers to a handle that did not come with it, or that was taken already.
///
/// # Examples
///
/// ```
/// use std::{fs::File, os::fd::OwnedFd};
///
/// #[derive(serde::Deserialize)]
/// struct Log(#[serde(deserialize_with = "ipc_codec::handle::deserialize")] File);
///
/// let handle = OwnedFd::from(File::open("/dev/null")?);
/// let Log(file) = ipc_codec::decode(&[0], vec![handle], &Default::default()).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn deserialize<'de, T: From<OwnedHandle>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_newtype_struct(TOKEN, HandleVisitor(PhantomData))
}

/// Takes the handle that the decoder hands over.
struct HandleVisitor<T>(PhantomData<T>);

impl<'de, T: From<OwnedHandle>> Visitor<'de> for HandleVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a handle in a message of ipc-codec")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, _deserializer: D) -> Result<T, D::Error> {
        match slot::receive() {
            Some(handle) => Ok(T::from(handle)),
            None => Err(D::Error::custom(
                "a handle cannot be deserialized outside a message: decode it with ipc_codec::decode",
            )),
        }
    }
}
