//! Handles that several values of one message share: in the table once, opened once.

use std::cell::Cell;
use std::fmt::{self, Display};
use std::io;
use std::marker::PhantomData;
use std::rc::Rc;

use ipc_sys::handle::OwnedHandle;
use serde::de::{Deserializer, Error as _, Visitor};
use serde::ser::{Error as _, Serialize, Serializer};

use super::incoming::Share;
use super::{SHARED_TOKEN, slot};

/// Serializes a handle that all values with the same `key` in one message share: it is in the table of the message once,
/// and in the payload of each as the same index.
///
/// The first value with this key and this type `T` in a message calls `make`, whose handle goes into the message. Every
/// value, the first one too, then calls `with`, on what the first one made. What was made is dropped when the encoding of
/// the message is over, whether it succeeded or not. The handles of another type `T` are others, whatever their keys are.
///
/// A message inside a message has a table of its own, and shares nothing with the outer one. The functions may encode
/// other messages.
///
/// # Errors
///
/// Outside [`encode`](crate::encode()), [`encode_into`](crate::encode_into) and
/// [`Scratch::encode`](crate::Scratch::encode), always, without calling either function.
/// In them, [`EncodeError::SharedHandle`](crate::EncodeError::SharedHandle) when one of the functions fails (a handle
/// that was made is closed then), and [`EncodeError::TooManyHandles`](crate::EncodeError::TooManyHandles) when the
/// message has no room for one more; `make` is not called then.
///
/// # Examples
///
/// How do many small values travel with one handle to what they are parts of?
///
/// ```
/// use ipc_codec::{Limits, encode, handle};
/// use ipc_sys::handle::{AsHandle, OwnedHandle, duplicate};
/// use serde::{Deserialize, Deserializer, Serialize, Serializer};
/// use std::{fs::File, os::unix::fs::FileExt, sync::Arc};
///
/// /// The file that the parts are in.
/// struct Whole(Arc<File>);
///
/// /// Where a part begins, and the file.
/// #[derive(Serialize, Deserialize)]
/// struct Part(u64, Whole);
///
/// impl Serialize for Whole {
///     fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
///         let key = Arc::as_ptr(&self.0).addr() as u64;
///         let make = || Ok((duplicate(&*self.0)?, ()));
///         handle::serialize_shared(key, make, |()| Ok(()), serializer)
///     }
/// }
///
/// impl<'de> Deserialize<'de> for Whole {
///     fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Whole, D::Error> {
///         let open = |handle: OwnedHandle| Ok::<_, std::io::Error>(Arc::new(File::from(handle)));
///         handle::deserialize_shared(open, deserializer).map(Whole)
///     }
/// }
///
/// let limits = Limits::default();
/// let file = Arc::new(File::open("/proc/self/exe")?);
/// let parts: Vec<Part> = (0..1000).map(|idx| Part(idx, Whole(file.clone()))).collect();
/// let message = encode(&parts, &limits)?;
/// assert_eq!(message.handles().len(), 1);
///
/// let parts: Vec<Part> = message.decode(&limits)?;
/// let Part(offset, Whole(file)) = &parts[1];
/// let mut letter = [0];
/// file.read_exact_at(&mut letter, *offset)?;
/// assert_eq!((letter[0], Arc::strong_count(file)), (b'E', 1000));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn serialize_shared<T: 'static, S: Serializer>(
    key: u64,
    make: impl FnOnce() -> io::Result<(OwnedHandle, T)>,
    with: impl FnOnce(&T) -> io::Result<()>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let calls = Cell::new(Some((make, with)));
    serializer.serialize_newtype_struct(SHARED_TOKEN, &Sharer { key, calls, made: PhantomData })
}

/// Deserializes a handle that several values of one message share.
///
/// The first value that refers to a handle calls `open` on it; the others get a clone of what came of that, which is
/// therefore something like an `Arc`. One more clone is kept until the decoding of the message is over, whether it
/// succeeds or not.
///
/// # Errors
///
/// Outside [`decode`](crate::decode()) and [`Message::decode`](crate::Message::decode), always; in them, what `open`
/// says, and when the payload refers to a handle that did not come with it, or that was taken by a value that does not
/// share it, or that was opened as another type than `T`.
///
/// # Examples
///
/// ```
/// use std::{fs::File, sync::Arc};
/// use ipc_sys::handle::OwnedHandle;
/// use serde::{Deserialize, Deserializer};
///
/// #[derive(Clone)]
/// struct Log(Arc<File>);
///
/// impl<'de> Deserialize<'de> for Log {
///     fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Log, D::Error> {
///         let open = |handle: OwnedHandle| Ok::<_, &str>(Log(Arc::new(handle.into())));
///         ipc_codec::handle::deserialize_shared(open, deserializer)
///     }
/// }
///
/// let handle = OwnedHandle::from(File::open("/dev/null")?);
/// let logs: [Log; 2] = ipc_codec::decode(&[0, 0], vec![handle], &Default::default()).unwrap();
/// assert!(Arc::ptr_eq(&logs[0].0, &logs[1].0));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn deserialize_shared<'de, T: Clone + 'static, E: Display, D: Deserializer<'de>>(
    open: impl FnOnce(OwnedHandle) -> Result<T, E>,
    deserializer: D,
) -> Result<T, D::Error> {
    deserializer.deserialize_newtype_struct(SHARED_TOKEN, SharedVisitor { open, opened: PhantomData })
}

/// A value that shares a handle with others, if it is the encoder who asks.
struct Sharer<T, M, W> {
    key: u64,
    calls: Cell<Option<(M, W)>>,
    made: PhantomData<T>,
}

impl<T, M, W> Serialize for Sharer<T, M, W>
where
    T: 'static,
    M: FnOnce() -> io::Result<(OwnedHandle, T)>,
    W: FnOnce(&T) -> io::Result<()>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (Some(sharing), Some((make, with))) = (slot::sharing(), self.calls.take()) else {
            return Err(S::Error::custom(
                "a shared handle cannot be serialized outside a message: encode it with ipc_codec::encode",
            ));
        };
        let shared = sharing.table.share(self.key, sharing.next, make, with);
        let refusal = shared.as_ref().err().map(S::Error::custom);
        slot::answer(shared);
        refusal.map_or_else(|| serializer.serialize_unit(), Err)
    }
}

/// Takes the shared handle, or what was made of it, from the decoder.
struct SharedVisitor<T, F> {
    open: F,
    opened: PhantomData<T>,
}

impl<'de, T, E, F> Visitor<'de> for SharedVisitor<T, F>
where
    T: Clone + 'static,
    E: Display,
    F: FnOnce(OwnedHandle) -> Result<T, E>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a shared handle in a message of ipc-codec")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, _deserializer: D) -> Result<T, D::Error> {
        match slot::receive_shared() {
            Some(Share::Handle(handle)) => {
                let opened = (self.open)(handle).map_err(D::Error::custom)?;
                slot::give_back(Some(Rc::new(opened.clone())));
                Ok(opened)
            }
            Some(Share::Opened(opened)) => match opened.downcast_ref::<T>() {
                Some(opened) => Ok(opened.clone()),
                None => {
                    slot::give_back(None);
                    Err(D::Error::custom("a shared handle was opened as something else"))
                }
            },
            None => Err(D::Error::custom(
                "a shared handle cannot be deserialized outside a message: decode it with ipc_codec::decode",
            )),
        }
    }
}
