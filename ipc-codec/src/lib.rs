//! The one serialization layer of the multiproc family: framed, limited, with a table of handles that travel
//! along.
//!
//! Whatever crosses from one process to another, as an argument, an item of a queue or a reply, is a serde
//! value that this crate turns into bytes (postcard's format: compact, not self-describing) and a table of
//! handles beside them. Transports carry the two; this crate does no input or output.
//!
//! # Encoding and decoding
//!
//! [`encode()`] makes a [`Message`], and [`Message::decode`] makes the value again. Both sides name the type.
//!
//! ```
//! use ipc_codec::{Limits, encode};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! enum Job {
//!     Resize { width: u32, height: u32 },
//!     Stop,
//! }
//!
//! let limits = Limits::default();
//! let message = encode(&Job::Resize { width: 640, height: 480 }, &limits)?;
//! assert_eq!(message.bytes(), [0, 0x80, 0x05, 0xe0, 0x03]);
//!
//! let job: Job = message.decode(&limits)?;
//! assert_eq!(job, Job::Resize { width: 640, height: 480 });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A transport that has buffers of its own uses [`encode_into`] and [`decode()`], with a [`frame::Header`] in
//! front. One that copies small items somewhere else at once uses a [`Scratch`], which allocates nothing for them;
//! `examples/cost.rs` measures what each of them takes.
//!
//! # Handles
//!
//! A value may hold files, sockets and other owners of a descriptor, each in a [`handle::Handle`] or in a
//! field with `#[serde(with = "ipc_codec::handle")]`. Encoding duplicates the descriptor into the message and
//! writes its index; decoding takes it out again.
//!
//! ```
//! use std::{io::{Read, Write}, os::unix::net::UnixStream};
//! use ipc_codec::{Limits, encode, handle::Handle};
//!
//! let limits = Limits::default();
//! let (mut here, there) = UnixStream::pair()?;
//! let message = encode(&("reply to", Handle::new(there)), &limits)?;
//! assert_eq!(message.handles().len(), 1);
//!
//! let (_, mut reply_to): (String, Handle<UnixStream>) = message.decode(&limits)?;
//! reply_to.write_all(b"done")?;
//! let mut reply = [0; 4];
//! here.read_exact(&mut reply)?;
//! assert_eq!(&reply, b"done");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A handle is serialized into a message and nowhere else: in any other format it is an error, and never a
//! number. The value must take each handle of its message exactly once; values that are parts of one thing can
//! [share](handle::serialize_shared) a handle to it. Whatever fails, no descriptor stays open.
//!
//! # Limits
//!
//! The bytes may come from a stranger, so that decoding has [`Limits`]: for the payload, for the memory that
//! the value takes, for elements that cost the sender nothing, for depth, for handles. The defaults accept
//! any honest message of up to 64 MiB; a hostile one costs an error.
//!
//! ```
//! use std::collections::{HashMap, LinkedList};
//! use ipc_codec::{DecodeError, Limits, Message};
//!
//! let limits = Limits::default();
//! // Nine bytes that announce 2^60 entries, and four that announce 2^27 elements of size zero.
//! let bomb = Message::from_parts(b"\x80\x80\x80\x80\x80\x80\x80\x80\x10".to_vec(), Vec::new());
//! let error = bomb.decode::<HashMap<u64, u64>>(&limits).unwrap_err();
//! assert!(matches!(error, DecodeError::LengthOverInput { remaining: 0, .. }));
//!
//! let bomb = Message::from_parts(b"\x80\x80\x80\x40".to_vec(), Vec::new());
//! let error = bomb.decode::<LinkedList<()>>(&limits).unwrap_err();
//! assert!(matches!(error, DecodeError::Elements { limit: 65_536 }));
//! ```
//!
//! # Errors
//!
//! [`EncodeError`], [`DecodeError`] and [`FrameError`] tell what is wrong in a variant of its own and by how
//! much; what a type's own implementation has to say survives, and an error of the system is the
//! [`source`](std::error::Error::source).
//!
//! ```
//! use std::num::NonZeroU8;
//! use ipc_codec::{Limits, encode};
//!
//! let limits = Limits::with_max_frame(100);
//! let error = encode(&[0_u8; 32].map(|_| "text"), &limits).unwrap_err();
//! assert_eq!(error.to_string(), "the encoded value needs at least 101 bytes, the limit is 100");
//!
//! let error = encode(&0_u8, &limits)?.decode::<NonZeroU8>(&limits).unwrap_err();
//! assert!(error.to_string().starts_with("the type refused the payload: invalid value: integer `0`"));
//! # Ok::<(), ipc_codec::EncodeError>(())
//! ```
//!
//! # Format
//!
//! The bytes are specified in `docs/wire-format.md`, with examples that a test holds this crate to.

mod decode;
mod encode;
mod error;
pub mod frame;
pub mod handle;
mod limit;
mod message;
mod varint;

pub use decode::{decode, decode_word};
pub use encode::{Scratch, encode, encode_into, encode_near, encode_word};
pub use error::{DecodeError, EncodeError, FrameError};
pub use limit::{Limits, MAX_HANDLES};
pub use message::Message;
