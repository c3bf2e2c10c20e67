//! Byte streams between processes that found each other by an address: over local sockets, with handles, and over TCP.
//!
//! Nothing here waits but the making of a connection: a call does what can be done at once, and
//! [`readiness`](crate::readiness) does the waiting.
//!
//! # What a port provides
//!
//! - `pair() -> (handle, handle)`: the two ends of a local stream.
//! - `verify(handle) -> is it local`: refuses a handle that is no end of a stream.
//! - `connect(address, deadline) -> handle`: a TCP connection.
//! - `listen(address) -> handle`: a TCP socket that listens.
//! - `accept(handle) -> handle`: the next connection, if there is one.
//! - `send(handle, parts, handles) -> size`: as many bytes as fit now; the handles go with the first of them.
//! - `recv(handle, buffer, handles) -> size`: as many bytes as there are now, with the handles that came with them,
//!   close-on-exec from their first instant; knows when handles were lost on the way, and leaks none.
//! - `peer_is_own_user(handle)`: whether the process that made the other end of a local stream belongs to this user.
//! - `own_address(handle)`, `peer_address(handle)`: of a TCP connection.
//! - `shutdown(handle, direction)`: one direction ends, for all holders of this end.

mod linux;
mod listening;
use linux as imp;

pub use listening::ListeningSocket;

use crate::clock::Deadline;
use crate::family::{FamilyHandle, hold_forks};
use crate::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use crate::socket::{RecvError, SendError};
use std::io;
use std::net::SocketAddr;

/// One end of a stream of bytes between two processes.
///
/// # Other processes
///
/// As for [`MessageSocket`](crate::socket::MessageSocket).
///
/// # Examples
///
/// ```
/// use ipc_sys::stream::StreamSocket;
///
/// let (a, b) = StreamSocket::pair()?;
/// assert_eq!(a.send(&[b"two ", b"parts"], &[])?, 9);
/// let (mut buffer, mut handles) = ([0; 4], Vec::new());
/// assert_eq!(b.recv(&mut buffer, &mut handles)?.size, 4);
/// assert_eq!(&buffer, b"two ");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StreamSocket {
    handle: FamilyHandle,
    is_local: bool,
}

/// What one [`recv`](StreamSocket::recv) took.
///
/// # Examples
///
/// ```
/// use ipc_sys::stream::StreamSocket;
///
/// let (a, b) = StreamSocket::pair()?;
/// a.send(&[b"use this"], &[b.handle()])?;
/// let mut handles = Vec::new();
/// let chunk = b.recv(&mut [0; 64], &mut handles)?;
/// assert_eq!((chunk.size, chunk.handles_lost, handles.len()), (8, false, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Chunk {
    /// Bytes.
    pub size: usize,
    /// Whether handles that came with the bytes were closed because the table of handles is full.
    pub handles_lost: bool,
}

impl StreamSocket {
    /// Makes a local stream and returns its two ends.
    ///
    /// # Errors
    ///
    /// The system's error when the table of handles is full.
    pub fn pair() -> io::Result<(Self, Self)> {
        let mut held = hold_forks();
        let (a, b) = imp::pair()?;
        let ends = (held.adopt(a), held.adopt(b));
        drop(held);
        Ok((StreamSocket { handle: ends.0, is_local: true }, StreamSocket { handle: ends.1, is_local: true }))
    }

    /// Connects to a TCP address.
    ///
    /// # Blocking
    ///
    /// Until the other side answers or the deadline passes.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` when nobody listens there, `TimedOut`, and what else the system says.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::stream::{ListeningSocket, StreamSocket};
    ///
    /// let listener = ListeningSocket::bind("127.0.0.1:0".parse()?)?;
    /// let address = listener.own_address()?;
    /// let client = StreamSocket::connect(address, Deadline::NEVER)?;
    /// assert_eq!(client.peer_address()?, address);
    /// drop(listener);
    /// let refused = StreamSocket::connect(address, Deadline::NEVER).unwrap_err();
    /// assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn connect(address: SocketAddr, deadline: Deadline) -> io::Result<Self> {
        let mut held = hold_forks();
        let (handle, in_progress) = imp::start_connect(address)?;
        let handle = held.adopt(handle);
        drop(held);
        if in_progress {
            imp::finish_connect(handle.as_fd(), deadline)?;
        }
        imp::tune(handle.as_fd())?;
        Ok(StreamSocket { handle, is_local: false })
    }

    /// Takes an end that came from another process.
    ///
    /// # Errors
    ///
    /// `InvalidData` when the handle is no end of a stream.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::stream::StreamSocket;
    ///
    /// let (a, _b) = StreamSocket::pair()?;
    /// assert!(StreamSocket::from_handle(a.into_handle())?.is_local());
    /// let file = std::fs::File::open("/dev/null")?;
    /// assert!(StreamSocket::from_handle(file.into()).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn from_handle(handle: OwnedHandle) -> io::Result<Self> {
        let is_local = imp::verify(handle.as_fd())?;
        Ok(StreamSocket { handle: FamilyHandle::new(handle), is_local })
    }

    /// The same stream for bytes alone: one whose other end passes them on to where no handle can go.
    ///
    /// # Examples
    ///
    /// ```
    /// let (a, _b) = ipc_sys::stream::StreamSocket::pair()?;
    /// assert!(!a.without_handles().is_local());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn without_handles(self) -> Self {
        StreamSocket { is_local: false, ..self }
    }

    /// The handle alone, to hand to another process.
    pub fn into_handle(self) -> OwnedHandle {
        self.handle.into_handle()
    }

    /// The handle, readable when bytes or the end are there.
    pub fn handle(&self) -> BorrowedHandle<'_> {
        self.handle.as_fd()
    }

    /// Whether the stream is a local one, which carries handles.
    pub fn is_local(&self) -> bool {
        self.is_local
    }

    /// Whether the process at the other end belonged to this user when it connected or began to listen.
    ///
    /// # Errors
    ///
    /// The system's error, for instance for a stream that is not local.
    ///
    /// # Platform
    ///
    /// Linux: `SO_PEERCRED`, compared with the effective user.
    ///
    /// # Examples
    ///
    /// ```
    /// let (a, _b) = ipc_sys::stream::StreamSocket::pair()?;
    /// assert!(a.peer_is_own_user()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peer_is_own_user(&self) -> io::Result<bool> {
        imp::peer_is_own_user(self.handle())
    }

    /// The address of this end of a TCP connection.
    ///
    /// # Errors
    ///
    /// `InvalidData` for a local stream, and the system's error.
    pub fn own_address(&self) -> io::Result<SocketAddr> {
        imp::own_address(self.handle())
    }

    /// The address of the other end of a TCP connection.
    ///
    /// # Errors
    ///
    /// `InvalidData` for a local stream, `NotConnected` when the other side is gone, and the system's error.
    pub fn peer_address(&self) -> io::Result<SocketAddr> {
        imp::peer_address(self.handle())
    }

    /// Sends as many bytes of the parts as fit now, and copies of the handles with the first one; how many bytes.
    ///
    /// # Errors
    ///
    /// `TimedOut` when none fits now, `Closed`, or the system's error; neither bytes nor handles were sent then.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::socket::SendError;
    /// use ipc_sys::stream::StreamSocket;
    ///
    /// let (a, b) = StreamSocket::pair()?;
    /// let full = loop {
    ///     if let Err(error) = a.send(&[&[7; 10_000]], &[]) {
    ///         break error;
    ///     }
    /// };
    /// assert!(matches!(full, SendError::TimedOut));
    /// drop(b);
    /// assert!(matches!(a.send(&[b"hello"], &[]), Err(SendError::Closed)));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send(&self, parts: &[&[u8]], handles: &[BorrowedHandle<'_>]) -> Result<usize, SendError> {
        imp::send(self.handle(), parts, handles)
    }

    /// Receives as many bytes as there are now, at most those that `buffer` has room for, and appends the handles that came
    /// with them.
    ///
    /// # Errors
    ///
    /// `TimedOut` when none are there, `Closed` at the end, or the system's error.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::socket::RecvError;
    /// use ipc_sys::stream::StreamSocket;
    ///
    /// let (a, b) = StreamSocket::pair()?;
    /// let mut handles = Vec::new();
    /// assert!(matches!(b.recv(&mut [0; 8], &mut handles), Err(RecvError::TimedOut)));
    /// a.send(&[b"last words"], &[])?;
    /// drop(a);
    /// assert_eq!(b.recv(&mut [0; 64], &mut handles)?.size, 10);
    /// assert!(matches!(b.recv(&mut [0; 64], &mut handles), Err(RecvError::Closed)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recv(&self, buffer: &mut [u8], handles: &mut Vec<OwnedHandle>) -> Result<Chunk, RecvError> {
        imp::recv(self.handle(), buffer, handles)
    }

    /// Tells the other side that no more bytes come, for every holder of this end.
    ///
    /// # Errors
    ///
    /// The system's error; not when the other side is gone already.
    pub fn shutdown_send(&self) -> io::Result<()> {
        imp::shutdown(self.handle(), imp::Shutdown::Write)
    }

    /// Tells that no more bytes are received, for every holder of this end. Over TCP the other side does not learn it.
    ///
    /// # Errors
    ///
    /// The system's error; not when the other side is gone already.
    pub fn shutdown_recv(&self) -> io::Result<()> {
        imp::shutdown(self.handle(), imp::Shutdown::Read)
    }

    pub(super) fn of_parts(handle: FamilyHandle, is_local: bool) -> Self {
        StreamSocket { handle, is_local }
    }
}
