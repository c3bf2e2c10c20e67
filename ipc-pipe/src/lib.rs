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
//! # Processes that find each other
//!
//! Where nobody can hand an end to the other side, a [`Listener`] waits at an [`Address`], a local socket or a TCP port, and
//! [`connect`] reaches it. Both show each other that they have the same [`Key`], without telling it, and that they mean the
//! same types; then they have a [`Connection`].
//!
//! ```
//! use ipc_pipe::{ConnectError, Key, Listener, connect};
//!
//! let key = Key::random()?;
//! let mut listener = Listener::<usize, String>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
//! let address = listener.address().clone();
//! let client = std::thread::spawn(move || {
//!     // Somebody else, who has to guess.
//!     let refused = connect::<String, usize>(&address, &Key::new(b"open sesame").unwrap());
//!     assert!(matches!(refused, Err(ConnectError::Refused)));
//!     // And somebody who has the key.
//!     let mut connection = connect::<String, usize>(&address, &key)?;
//!     connection.send("how long is this?".to_string())?;
//!     Ok::<usize, Box<dyn std::error::Error + Send + Sync>>(connection.recv()?)
//! });
//! let mut connection = listener.accept()?;
//! let question = connection.recv()?;
//! connection.send(question.len())?;
//! assert_eq!(client.join().unwrap().unwrap(), 17);
//! assert_eq!(listener.turned_away().wrong_key, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | | local socket | TCP |
//! | --- | --- | --- |
//! | who gets as far as the handshake | this user: the folder has mode 0700, and the user at the other end is checked | this machine, or all if [`insecure`](ListenerBuilder::insecure) |
//! | handles in messages | yes | an error |
//! | messages of a killed sender | whole | the last one may be [truncated](RecvError::Truncated) |
//!
//! Clients that say nothing, little or nonsense hold up nobody: [`TurnedAway`] counts them. [`python`] has the same for programs in
//! Python.
//!
//! # Waiting
//!
//! Every wait comes as four: `send`, `try_send`, `send_timeout`, `send_deadline`, and the same for `recv`. Both ends
//! have a handle to wait for together with others ([`AsHandle`](ipc_sys::handle::AsHandle)): it is readable when a
//! message or the end is there.
//!
//! # Several threads
//!
//! All methods of pipes take `&self`. Messages never mix: each `send` is one whole message and each message goes to one
//! `recv`. To let go of one direction before the other, [`split`](Pipe::split) a pipe. A [`Connection`] takes `&mut self`, and
//! is split for two threads.
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
