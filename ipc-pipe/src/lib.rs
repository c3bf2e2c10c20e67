//! Pipes of typed messages between processes, with an exact end of file.
//!
//! A [`pipe`] has two ends that both send and receive; a [`simplex`] pipe goes one way. What is sent is any value
//! that serde can serialize, handles included, and what a process that is killed was sending never arrives torn.
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
//! # Large messages
//!
//! A pipe has a fixed size, 256 KiB unless its [`Builder`] was told otherwise. A larger message goes through it in parts while the
//! other side receives them, so one of a gibibyte takes no more shared memory than any other. How large a message may
//! be is said by the [limits](Sender::with_limits) of each end.
//!
//! ```
//! use ipc_codec::Limits;
//! use ipc_pipe::Builder;
//!
//! let limits = Limits::with_max_frame(1 << 30);
//! let (tx, rx) = Builder::new().limits(limits).simplex::<Vec<u8>>()?;
//! std::thread::scope(|scope| {
//!     scope.spawn(move || tx.send(vec![7; 4 << 20]));
//!     assert_eq!(rx.recv()?.len(), 4 << 20);
//!     Ok::<(), ipc_pipe::RecvError>(())
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! If the sender is killed in the middle of such a message, the receiver gets [`RecvError::Truncated`] in its place.
//!
//! # Bytes
//!
//! [`send_bytes`](Sender::send_bytes) and [`recv_bytes`](Receiver::recv_bytes) pass byte strings without an encoder, and
//! [`recv_bytes_into`](Receiver::recv_bytes_into) receives them into a buffer; if it is too short, the message stays.
//!
//! ```
//! let (tx, rx) = ipc_pipe::simplex::<()>()?;
//! tx.send_bytes(b"hello")?;
//! let mut buffer = [0; 100];
//! let size = rx.recv_bytes_into(&mut buffer)?;
//! assert_eq!(&buffer[..size], b"hello");
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
//! Every wait comes as four: `send`, `try_send`, `send_timeout`, `send_deadline`, and the same for `recv`. A receiving end
//! has a handle to wait for together with others ([`AsHandle`](ipc_sys::handle::AsHandle), [`Receiver::pollable`]): it is
//! readable when there may be something to receive, or the end.
//!
//! # Waiting for several
//!
//! [`wait()`] waits for the first of many: pipe ends, queues, channels, events, sockets, processes, whatever is [`Waitable`]. It says
//! which are ready, and all of them. It comes as four, too: [`wait()`], [`try_wait`], [`wait_timeout`], [`wait_deadline`].
//!
//! ```
//! use ipc_pipe::{RecvError, pipe, wait};
//! use ipc_queue::Queue;
//! use ipc_shared::sync::Event;
//!
//! let ((here, there), jobs, stop) = (pipe::<u32, u32>()?, Queue::<String>::bounded(10)?, Event::new()?);
//! std::thread::scope(|scope| -> Result<(), Box<dyn std::error::Error>> {
//!     scope.spawn(|| {
//!         jobs.put("sweep".to_string()).unwrap();
//!         there.send(1).unwrap();
//!         stop.set();
//!     });
//!     while !stop.is_set() {
//!         for place in wait(&[&here, &jobs, &stop])? {
//!             match place {
//!                 0 => assert_eq!(here.recv()?, 1),
//!                 1 => assert_eq!(jobs.get()?, "sweep"),
//!                 _ => println!("that is all"),
//!             }
//!         }
//!     }
//!     Ok(())
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Several threads
//!
//! All methods of pipes take `&self`. Messages never mix: each `send` is one whole message and each message goes to one
//! `recv`. Short messages of one thread may pass a large one of another. To let go of one direction before the other,
//! [`split`](Pipe::split) a pipe. A [`Connection`] takes `&mut self`, and is split for two threads.
//!
//! # Handles in messages
//!
//! Files, sockets, locks, queues and ends of pipes can be in a message, up to
//! [`Limits::max_handles`](ipc_codec::Limits::max_handles) descriptors of them: 64, unless the limits say otherwise, and 253 at
//! most. A message with more is [`SendError::Encode`]. An end of a pipe is three descriptors, a duplex one six. If the receiver has no
//! room for them the message is lost, and nothing of it stays open; if it ends before it receives them they are closed.
//!
//! # When a process is killed
//!
//! - What it was sending is received whole, or not at all, or as [`RecvError::Truncated`] if it went in parts.
//! - What it was receiving is gone with it, one message, or can be received by somebody else who has the end.
//! - The other side sees the end within 50 ms, and after all that was sent before.
//!
//! # Whom to trust with what
//!
//! Who has one end can write over the memory of the pipe. If it means harm it can make messages up or have calls
//! fail with [`RecvError::Broken`]; it cannot have the other side read or write outside of that memory, decode without limits,
//! or panic.
//!
//! # How it works
//!
//! A direction is a channel of `ipc-queue`: a ring in shared memory, and beside it a pair of sockets, which carry handles, wake
//! those who poll, and tell of a death. A small message makes no system call, unless the other side sleeps. The page
//! `docs/pipe.md` of the repository has the steps.

mod address;
mod auth;
mod builder;
mod bytes;
mod connect;
mod connection;
mod door;
mod envelope;
mod error;
mod half;
mod key;
mod line;
mod link_error;
mod listener;
mod pipe;
mod place;
pub mod python;
mod schema;
mod transport;
mod travel;
mod values;
mod wait;

pub use address::{Address, AddressError};
pub use builder::{Builder, INLINE_MAX};
pub use connect::{Connector, connect};
pub use connection::{Connection, ConnectionReceiver, ConnectionSender};
pub use door::TurnedAway;
pub use error::{RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError};
pub use key::{EmptyKey, Key};
pub use link_error::{AcceptError, AcceptTimeoutError, BindError, ConnectError, TryAcceptError};
pub use listener::{Listener, ListenerBuilder};
pub use pipe::{Pipe, Receiver, Sender, pipe, simplex};
pub use wait::{Look, Readable, WaitError, Waitable, try_wait, wait, wait_deadline, wait_timeout};

#[doc(hidden)]
pub mod internals {
    //! What a process is started by, and what a type looks like. For the family alone; it changes in any version.

    pub use crate::auth::Shake;
    pub use crate::line::{INLINE_MAX, Line, Prepared, line, prepare_thread};
    pub use crate::schema::{Fingerprint, fingerprint};

    /// A connection over a stream whose two ends have shaken hands already.
    pub fn connection<S, R>(
        socket: ipc_sys::stream::StreamSocket,
        limits: ipc_codec::Limits,
    ) -> crate::Connection<S, R> {
        crate::Connection::new(socket, limits)
    }
}

/// The unit tests look at what hostile input costs.
#[cfg(test)]
#[global_allocator]
static COUNTING: ipc_testkit::Counting = ipc_testkit::Counting;
