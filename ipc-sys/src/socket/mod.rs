//! Message sockets: whole messages or nothing, with handles beside them.
//!
//! One call sends one message, and the kernel takes it whole or not at all: a sender that is killed at any
//! instruction leaves no half message, and a receiver gets the messages of a dead sender first and the end after.
//!
//! # What a port provides
//!
//! - `pair() -> (handle, handle)`: the two ends of a connection that keeps message boundaries.
//! - `verify(handle)`: refuses a handle that is no such end.
//! - `send(handle, parts, handles)`: one message without waiting, or an error that says which of the cases it is.
//! - `say(handle, parts, handle)`: the same for a short one, and whether it was sent.
//! - `recv(handle, buffer, blocking)`: one message with its handles, close-on-exec from their first instant; knows
//!   when a message did not fit or handles were lost on the way, and leaks none.
//! - `peek(handle, buffer) -> size`: the beginning of the next message, which stays where it is.
//! - `set_nap(handle, longest)`, `nap(handle)`: a cheap sleep until something is there; who sleeps so may have to be alone.
//! - `shutdown(handle, direction)`: one direction ends, for all holders of this end.

mod linux;
use linux as imp;

use crate::clock::Deadline;
use crate::family::{FamilyHandle, hold_forks};
use crate::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use crate::readiness::{Interest, wait_one};
use std::time::Duration;
use std::{error, fmt, io};

/// The largest number of handles that one message carries.
///
/// Linux: `SCM_MAX_FD`.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::socket::{MAX_HANDLES, MessageSocket, SendError};
///
/// let (a, b) = MessageSocket::pair()?;
/// let handles = vec![b.handle(); MAX_HANDLES + 1];
/// a.send(&[b"the most"], &handles[1..], Deadline::NEVER)?;
/// assert!(matches!(a.send(&[b"one more"], &handles, Deadline::NEVER), Err(SendError::Os(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const MAX_HANDLES: usize = 253;

/// The largest message that is sure to fit into an empty socket of default size.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::socket::{MAX_MESSAGE, MessageSocket};
///
/// let (a, b) = MessageSocket::pair()?;
/// a.send(&[&[7; MAX_MESSAGE]], &[], Deadline::NOW)?;
/// assert_eq!(b.recv(&mut [0; MAX_MESSAGE], Deadline::NEVER)?.size, MAX_MESSAGE);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const MAX_MESSAGE: usize = 64 * 1024;

/// One end of a connection between two processes that carries messages and handles.
///
/// # Other processes
///
/// An end may be sent or inherited, and several processes may hold the same one: each message goes to exactly
/// one of them. The other side sees the end when the last holder is gone. Children forked by the family do not
/// count as holders unless they were given the end.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::socket::{MessageSocket, RecvError};
///
/// let (a, b) = MessageSocket::pair()?;
/// let file = std::fs::File::open("/dev/null")?;
/// a.send(&[b"two ", b"parts"], &[std::os::fd::AsFd::as_fd(&file)], Deadline::NEVER)?;
/// drop(a);
///
/// let mut buffer = [0; 64];
/// let received = b.recv(&mut buffer, Deadline::NEVER)?;
/// assert_eq!(&buffer[..received.size], b"two parts");
/// assert_eq!(received.handles.len(), 1);
/// assert!(matches!(b.recv(&mut buffer, Deadline::NEVER), Err(RecvError::Closed)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MessageSocket(FamilyHandle);

/// What came with one message.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::socket::MessageSocket;
///
/// let (a, b) = MessageSocket::pair()?;
/// a.send(&[b"use this: "], &[b.handle()], Deadline::NEVER)?;
/// let received = b.recv(&mut [0; 64], Deadline::NEVER)?;
/// assert_eq!(received.size, 10);
/// // A second handle to the same end.
/// let same = MessageSocket::from_handle(received.handles.into_iter().next().expect("sent above"))?;
/// a.send(&[b"to one of the two"], &[], Deadline::NEVER)?;
/// same.recv(&mut [0; 64], Deadline::NEVER)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Received {
    /// Bytes of the message.
    pub size: usize,
    /// Handles that came along, in the order in which they were sent.
    pub handles: Vec<OwnedHandle>,
}

impl MessageSocket {
    /// Makes a connection and returns its two ends.
    ///
    /// # Errors
    ///
    /// The system's error when the table of handles is full.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::socket::MessageSocket;
    ///
    /// let (a, b) = MessageSocket::pair()?;
    /// a.send(&[b"ping"], &[], Deadline::NEVER)?;
    /// b.recv(&mut [0; 4], Deadline::NEVER)?;
    /// b.send(&[b"pong"], &[], Deadline::NEVER)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pair() -> io::Result<(Self, Self)> {
        // A fork by another thread between the making and the joining would copy ends that nobody knows of.
        let mut held = hold_forks();
        let (a, b) = imp::pair()?;
        Ok((MessageSocket(held.adopt(a)), MessageSocket(held.adopt(b))))
    }

    /// Takes an end that came from another process.
    ///
    /// # Errors
    ///
    /// `InvalidData` when the handle is not an end of this kind.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::socket::MessageSocket;
    ///
    /// let (a, b) = MessageSocket::pair()?;
    /// let b = MessageSocket::from_handle(b.into_handle())?; // Perhaps in another process.
    /// a.send(&[b"hello"], &[], Deadline::NEVER)?;
    /// assert_eq!(b.recv(&mut [0; 8], Deadline::NEVER)?.size, 5);
    ///
    /// let file = std::fs::File::open("/dev/null")?;
    /// let error = MessageSocket::from_handle(file.into()).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_handle(handle: OwnedHandle) -> io::Result<Self> {
        imp::verify(handle.as_fd())?;
        Ok(MessageSocket(FamilyHandle::new(handle)))
    }

    /// Takes an end that is a member of the family already, and an end for sure.
    ///
    /// # Examples
    ///
    /// See [`ForkPreparation::giving`](crate::family::ForkPreparation::giving).
    #[inline]
    pub fn from_member(member: FamilyHandle) -> Self {
        MessageSocket(member)
    }

    /// Sends a short message, of two parts and perhaps a handle, if there is room for it now; false if there is none, or nobody is there
    /// who could receive it, or the system refuses.
    ///
    /// For who has to say one word and not much time: no more is done than that.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::socket::MessageSocket;
    ///
    /// let (a, b) = MessageSocket::pair()?;
    /// assert!(a.say([b"it is ", b"done"], Some(b.handle())));
    /// assert_eq!(b.recv(&mut [0; 16], Deadline::NOW)?.handles.len(), 1);
    /// drop(b);
    /// assert!(!a.say([b"done", b""], None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn say(&self, parts: [&[u8]; 2], handle: Option<BorrowedHandle<'_>>) -> bool {
        imp::say(self.handle(), parts, handle)
    }

    /// The handle alone, to hand to another process.
    pub fn into_handle(self) -> OwnedHandle {
        self.0.into_handle()
    }

    /// The handle, readable when a message or the end is there.
    #[inline]
    pub fn handle(&self) -> BorrowedHandle<'_> {
        self.0.as_fd()
    }

    /// Sends the parts as one message, with copies of the handles beside it.
    ///
    /// There is at least one byte in the parts: a message of none is taken for the end by the other side.
    ///
    /// # Blocking
    ///
    /// While the socket is full, until the other side takes messages, is gone, or the deadline passes.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent then.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::socket::{MessageSocket, SendError};
    ///
    /// let (a, b) = MessageSocket::pair()?;
    /// a.send(&[b"header", b"body"], &[], Deadline::NEVER)?;
    /// assert_eq!(b.recv(&mut [0; 64], Deadline::NEVER)?.size, 10);
    ///
    /// // A full socket ends the wait at the deadline.
    /// let refused = loop {
    ///     if let Err(refused) = a.send(&[&[7; 10_000]], &[], Deadline::NOW) {
    ///         break refused;
    ///     }
    /// };
    /// assert!(matches!(refused, SendError::TimedOut));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send(
        &self,
        parts: &[&[u8]],
        handles: &[BorrowedHandle<'_>],
        deadline: Deadline,
    ) -> Result<(), SendError> {
        loop {
            match imp::send(self.handle(), parts, handles) {
                Err(SendError::TimedOut) => {}
                other => return other,
            }
            if !wait_one(self.handle(), Interest::Write, deadline).map_err(SendError::Os)? {
                return Err(SendError::TimedOut);
            }
        }
    }

    /// Receives one message into `buffer`.
    ///
    /// # Blocking
    ///
    /// Until a message is there, the other side is gone, or the deadline passes. A message that is there is
    /// received even when the deadline has passed already.
    ///
    /// # Errors
    ///
    /// [`RecvError`]. A message that is too long or lost its handles is consumed, and its handles are closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::socket::{MessageSocket, RecvError};
    ///
    /// let (a, b) = MessageSocket::pair()?;
    /// let mut buffer = [0; 8];
    /// assert!(matches!(b.recv(&mut buffer, Deadline::NOW), Err(RecvError::TimedOut)));
    ///
    /// a.send(&[b"longer than the buffer"], &[], Deadline::NEVER)?;
    /// a.send(&[b"short"], &[], Deadline::NEVER)?;
    /// assert!(matches!(b.recv(&mut buffer, Deadline::NEVER), Err(RecvError::TooLong)));
    /// let received = b.recv(&mut buffer, Deadline::NEVER)?;
    /// assert_eq!(&buffer[..received.size], b"short");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recv(&self, buffer: &mut [u8], deadline: Deadline) -> Result<Received, RecvError> {
        if deadline == Deadline::NEVER {
            return imp::recv(self.handle(), buffer, true);
        }
        loop {
            match imp::recv(self.handle(), buffer, false) {
                Err(RecvError::TimedOut) => {}
                other => return other,
            }
            if !wait_one(self.handle(), Interest::Read, deadline).map_err(RecvError::Os)? {
                return Err(RecvError::TimedOut);
            }
        }
    }

    /// Copies the beginning of the next message into `buffer` and leaves the message where it is; how many bytes, or nothing
    /// if no message is there.
    ///
    /// # Errors
    ///
    /// [`RecvError`]: `Closed` at the end, or the system's.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::socket::MessageSocket;
    ///
    /// let (a, b) = MessageSocket::pair()?;
    /// let mut first = [0; 1];
    /// assert_eq!(b.peek(&mut first)?, None);
    /// a.send(&[b"hello"], &[], Deadline::NEVER)?;
    /// assert_eq!(b.peek(&mut first)?, Some(1));
    /// assert_eq!(b.recv(&mut [0; 8], Deadline::NOW)?.size, 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn peek(&self, buffer: &mut [u8]) -> Result<Option<usize>, RecvError> {
        imp::peek(self.handle(), buffer)
    }

    /// How long a [`nap`](Self::nap) at this end is from now on, for all who hold it.
    ///
    /// # Errors
    ///
    /// The system's error, when that is no time.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::socket::MessageSocket;
    /// use std::time::Duration;
    ///
    /// let (_a, b) = MessageSocket::pair()?;
    /// assert!(b.set_nap(Duration::ZERO).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_nap(&self, longest: Duration) -> io::Result<()> {
        imp::set_nap(self.handle(), longest)
    }

    /// Sleeps until a message or the end is there, a signal has come, or the time of a nap is over; whether a message or the end was
    /// seen. It stays where it is.
    ///
    /// A nap takes less of a processor than a [wait](crate::readiness::wait): its timer is that of the kernel's ticks, and may
    /// be late by some of them. Of several who nap at the same end a message wakes one.
    ///
    /// # Blocking
    ///
    /// For ever, if no [time](Self::set_nap) was set.
    ///
    /// # Errors
    ///
    /// The system's error.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::socket::MessageSocket;
    /// use std::time::Duration;
    ///
    /// let (a, b) = MessageSocket::pair()?;
    /// b.set_nap(Duration::from_millis(5))?;
    /// assert!(!b.nap()?);
    /// a.send(&[b"up"], &[], Deadline::NEVER)?;
    /// assert!(b.nap()?);
    /// assert_eq!(b.recv(&mut [0; 2], Deadline::NOW)?.size, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn nap(&self) -> io::Result<bool> {
        imp::nap(self.handle())
    }

    /// Whether the other side is gone: all its holders have closed it or have ended. Messages of theirs may still be there.
    ///
    /// # Errors
    ///
    /// The system's error.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::socket::MessageSocket;
    ///
    /// let (a, b) = MessageSocket::pair()?;
    /// assert!(!a.is_abandoned()?);
    /// drop(b);
    /// assert!(a.is_abandoned()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn is_abandoned(&self) -> io::Result<bool> {
        wait_one(self.handle(), Interest::End, Deadline::NOW)
    }

    /// Tells the other side that no more messages come, for every holder of this end.
    ///
    /// # Errors
    ///
    /// The system's error; not when the other side is gone already.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::socket::{MessageSocket, RecvError};
    ///
    /// let (a, b) = MessageSocket::pair()?;
    /// a.shutdown_send()?;
    /// assert!(matches!(b.recv(&mut [0; 8], Deadline::NEVER), Err(RecvError::Closed)));
    /// // The other direction goes on.
    /// b.send(&[b"bye"], &[], Deadline::NEVER)?;
    /// a.recv(&mut [0; 8], Deadline::NEVER)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shutdown_send(&self) -> io::Result<()> {
        imp::shutdown(self.handle(), imp::Shutdown::Write)
    }

    /// Tells the other side that no more messages are received, for every holder of this end.
    ///
    /// # Errors
    ///
    /// The system's error; not when the other side is gone already.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::socket::{MessageSocket, SendError};
    ///
    /// let (a, b) = MessageSocket::pair()?;
    /// b.shutdown_recv()?;
    /// assert!(matches!(a.send(&[b"hello"], &[], Deadline::NEVER), Err(SendError::Closed)));
    /// // The other direction goes on.
    /// b.send(&[b"bye"], &[], Deadline::NEVER)?;
    /// a.recv(&mut [0; 8], Deadline::NEVER)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shutdown_recv(&self) -> io::Result<()> {
        imp::shutdown(self.handle(), imp::Shutdown::Read)
    }
}

/// Why a message was not sent.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::socket::{MessageSocket, SendError};
///
/// let (a, b) = MessageSocket::pair()?;
/// let huge = vec![7; 64 << 20];
/// assert!(matches!(a.send(&[&huge], &[], Deadline::NEVER), Err(SendError::TooLarge)));
/// drop(b);
/// let error = a.send(&[b"hello"], &[], Deadline::NEVER).unwrap_err();
/// assert!(matches!(error, SendError::Closed));
/// assert_eq!(error.to_string(), "the other side is gone");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum SendError {
    /// The other side is gone.
    Closed,
    /// The socket stayed full until the deadline.
    TimedOut,
    /// The message is larger than the socket can ever take.
    TooLarge,
    /// The system refused.
    Os(io::Error),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendError::Closed => "the other side is gone",
            SendError::TimedOut => "the socket stayed full until the deadline",
            SendError::TooLarge => "the message is larger than the socket takes",
            SendError::Os(_) => "sendmsg failed",
        })
    }
}

impl error::Error for SendError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            SendError::Os(source) => Some(source),
            _ => None,
        }
    }
}

/// Why no message was received.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::socket::{MessageSocket, RecvError};
///
/// let (a, b) = MessageSocket::pair()?;
/// a.send(&[b"last words"], &[], Deadline::NEVER)?;
/// drop(a);
/// let mut buffer = [0; 64];
/// b.recv(&mut buffer, Deadline::NEVER)?; // What was sent comes first.
/// assert!(matches!(b.recv(&mut buffer, Deadline::NEVER), Err(RecvError::Closed)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum RecvError {
    /// The other side is gone, and all its messages have been received.
    Closed,
    /// No message came until the deadline.
    TimedOut,
    /// The message was longer than the buffer; it is lost, its handles are closed.
    TooLong,
    /// This process had no room for the handles of the message; the message is lost, the handles are closed.
    HandlesLost,
    /// The system refused.
    Os(io::Error),
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RecvError::Closed => "the other side is gone",
            RecvError::TimedOut => "no message came until the deadline",
            RecvError::TooLong => "the message was longer than the buffer",
            RecvError::HandlesLost => "the handles of the message were lost: the table of handles is full",
            RecvError::Os(_) => "recvmsg failed",
        })
    }
}

impl error::Error for RecvError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            RecvError::Os(source) => Some(source),
            _ => None,
        }
    }
}
