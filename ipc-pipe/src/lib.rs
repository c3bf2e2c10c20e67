//! Pipes of typed messages between processes, with an exact end of file.
//!
//! A [`pipe`] has two ends that both send and receive; a [`simplex`] pipe goes one way. What is sent is any value
//! that serde can serialize, handles included; what a process that is killed was sending arrives whole or not at all.
//!
//! # Hello, other end
//!
//! ```
//! let (here, there) = ipc_pipe::pipe::<String, u32>()?;
//! here.send("how long is this?".to_string())?;
//! let question = there.recv()?;
//! there.send(question.len() as u32)?;
//! assert_eq!(here.recv()?, 17);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The two ends are handles: they can be arguments of a process or part of a message, and whoever receives one uses it
//! like its maker did.
//!
//! ```
//! let (tx, rx) = ipc_pipe::simplex::<u8>()?;
//! let (here, there) = ipc_pipe::pipe::<ipc_pipe::Sender<u8>, ()>()?;
//! here.send(tx)?;
//! there.recv()?.send(7)?; // Perhaps in another process.
//! assert_eq!(rx.recv()?, 7);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The end
//!
//! When the last holder of an end is gone, in whatever way it went, the other side receives all whole messages
//! that were sent, and then [`RecvError::Eof`]; a sender gets its value back in [`SendError::Closed`]. Nobody holds
//! an end by accident: ends are close-on-exec, and children that the family forks let go of those they were not given.
//!
//! ```
//! use ipc_pipe::{RecvError, SendError};
//!
//! let (tx, rx) = ipc_pipe::simplex::<u8>()?;
//! tx.send(1)?;
//! drop(tx);
//! assert_eq!(rx.recv()?, 1);
//! assert!(matches!(rx.recv(), Err(RecvError::Eof)));
//!
//! let (tx, rx) = ipc_pipe::simplex::<u8>()?;
//! drop(rx);
//! assert!(matches!(tx.send(2), Err(SendError::Closed(2))));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Waiting
//!
//! Every wait comes as four: `send`, `try_send`, `send_timeout`, `send_deadline`, and the same for `recv`. Both ends
//! have a handle to wait for together with others ([`AsHandle`](ipc_sys::handle::AsHandle)): it is readable when a
//! message or the end is there.
//!
//! # Several threads
//!
//! All methods take `&self`. Messages never mix: each `send` is one whole message and each message goes to one
//! `recv`. To let go of one direction before the other, [`split`](Pipe::split) a pipe.
//!
//! # How it works
//!
//! A pipe is one connected pair of message sockets; one call of the kernel takes one whole message, which is why there
//! is no torn one. Messages above [`INLINE_MAX`] bytes travel as sealed memory, so that no message is too large for the
//! socket.

mod address;
mod auth;
mod connect;
mod connection;
mod door;
mod end;
mod error;
mod key;
mod link_error;
mod listener;
mod pipe;
mod place;
pub mod python;
mod schema;
mod transport;

pub use address::{Address, AddressError};
pub use connect::{Connector, connect};
pub use connection::{Connection, ConnectionReceiver, ConnectionSender};
pub use door::TurnedAway;
pub use error::{RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError};
pub use key::{EmptyKey, Key};
pub use link_error::{AcceptError, AcceptTimeoutError, BindError, ConnectError, TryAcceptError};
pub use listener::{Listener, ListenerBuilder};
pub use pipe::{Pipe, Receiver, Sender, pipe, simplex};
pub use transport::INLINE_MAX;
