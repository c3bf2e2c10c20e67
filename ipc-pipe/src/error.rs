//! The errors of sending and receiving, a type per operation; what could not be sent comes back.

use ipc_codec::{DecodeError, EncodeError, FrameError};
use ipc_queue::QueueError;
use std::{error, fmt, io};

/// Why [`send`](crate::Sender::send) did not send; the value comes back.
///
/// # Examples
///
/// ```
/// let (tx, rx) = ipc_pipe::simplex::<String>()?;
/// drop(rx);
/// let error = tx.send("come back".to_string()).unwrap_err();
/// assert_eq!(error.into_inner(), "come back");
/// # Ok::<(), std::io::Error>(())
/// ```
#[non_exhaustive]
pub enum SendError<T> {
    /// The other side is gone, or told that it receives no more.
    Closed(T),
    /// The value could not be encoded.
    Encode(T, EncodeError),
    /// The system refused to send: no memory for a large message, too many handles on their way.
    Os(T, io::Error),
    /// The pipe cannot be used any more: its memory was scribbled over, or this is a forked child that has no part in it.
    Broken(T, QueueError),
}

/// Why [`try_send`](crate::Sender::try_send) did not send.
///
/// # Examples
///
/// ```
/// use ipc_pipe::{SendError, TrySendError};
///
/// let (tx, rx) = ipc_pipe::simplex::<String>()?;
/// drop(rx);
/// let error = tx.try_send("come back".to_string()).unwrap_err();
/// assert!(!error.is_full());
/// assert!(matches!(&error, TrySendError::Send(SendError::Closed(_))));
/// assert_eq!(error.into_inner(), "come back");
/// # Ok::<(), std::io::Error>(())
/// ```
#[non_exhaustive]
pub enum TrySendError<T> {
    /// The pipe is full at the moment.
    Full(T),
    /// As for [`send`](crate::Sender::send).
    Send(SendError<T>),
}

/// Why [`send_timeout`](crate::Sender::send_timeout) did not send.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let (tx, _rx) = ipc_pipe::simplex::<Vec<u8>>()?;
/// while tx.try_send(vec![7; 10_000]).is_ok() {}
/// let error = tx.send_timeout(vec![8; 10_000], Duration::from_millis(10)).unwrap_err();
/// assert!(error.is_timeout());
/// assert_eq!(error.into_inner(), vec![8; 10_000]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[non_exhaustive]
pub enum SendTimeoutError<T> {
    /// The pipe stayed full until the deadline.
    TimedOut(T),
    /// As for [`send`](crate::Sender::send).
    Send(SendError<T>),
}

/// Why [`recv`](crate::Receiver::recv) did not receive.
///
/// After any of these but [`Eof`](RecvError::Eof), [`BufferTooShort`](RecvError::BufferTooShort),
/// [`Broken`](RecvError::Broken) and [`Os`](RecvError::Os), the message in question is gone, its handles are closed, and the
/// next `recv` gets the next message.
///
/// # Examples
///
/// ```
/// use ipc_pipe::{Pipe, RecvError};
///
/// let (tx, rx) = ipc_pipe::pipe::<Vec<u8>, ()>()?;
/// // The other side expects something else, as a program of another version may.
/// let rx = Pipe::<(), bool>::from_handle(rx.into_handle()?)?;
/// tx.send(vec![2, 3])?;
/// tx.send(vec![])?;
/// assert!(matches!(rx.recv(), Err(RecvError::Decode(_))));
/// // That message is gone; the next one happens to be a `false`.
/// assert!(!rx.recv()?);
/// drop(tx);
/// assert!(matches!(rx.recv(), Err(RecvError::Eof)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecvError {
    /// The other side is gone, and everything that it sent has been received.
    #[error("the other side of the pipe is gone")]
    Eof,
    /// The message is not a frame of this version of the family.
    #[error("the message is not a frame")]
    Frame(#[from] FrameError),
    /// The message cannot be decoded into the type that this end expects.
    #[error("the message could not be decoded")]
    Decode(#[from] DecodeError),
    /// The message is longer than any that this family sends.
    #[error("the message is longer than a frame may be")]
    TooLong,
    /// This process had no room for the handles of the message: its table of handles is full.
    #[error("the handles of the message were lost: the table of handles is full")]
    HandlesLost,
    /// The sealed memory that carries a large message is not what the frame says.
    #[error("the memory that carries the message was refused")]
    Spilled(#[source] io::Error),
    /// The system refused to receive.
    #[error("receiving failed")]
    Os(#[source] io::Error),
    /// The sender ended in the middle of a message; whole messages before it have been received. In a pipe only a message that is
    /// goes in [parts](crate::INLINE_MAX) has a middle, and the next one, if somebody else has the sending end, is whole.
    #[error("the sender ended in the middle of a message")]
    Truncated,
    /// The message has no room in the buffer that it was to be received into, and can still be received.
    #[error("the message has {size} bytes, more than the buffer")]
    BufferTooShort {
        /// How many bytes it has.
        size: usize,
    },
    /// The pipe cannot be used any more: its memory was scribbled over, or this is a forked child that has no part in it.
    #[error("the pipe cannot be used any more")]
    Broken(#[source] QueueError),
}

/// Why [`try_recv`](crate::Receiver::try_recv) did not receive.
///
/// # Examples
///
/// ```
/// use ipc_pipe::TryRecvError;
///
/// let (tx, rx) = ipc_pipe::simplex::<u8>()?;
/// assert!(matches!(rx.try_recv(), Err(TryRecvError::Empty)));
/// drop(tx);
/// assert_eq!(rx.try_recv().unwrap_err().to_string(), "the other side of the pipe is gone");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TryRecvError {
    /// No message is there at the moment.
    #[error("the pipe is empty")]
    Empty,
    /// As for [`recv`](crate::Receiver::recv).
    #[error(transparent)]
    Recv(#[from] RecvError),
}

/// Why [`recv_timeout`](crate::Receiver::recv_timeout) did not receive.
///
/// # Examples
///
/// ```
/// use ipc_pipe::RecvTimeoutError;
/// use std::time::Duration;
///
/// let (tx, rx) = ipc_pipe::simplex::<u8>()?;
/// let wait = Duration::from_millis(10);
/// assert!(matches!(rx.recv_timeout(wait), Err(RecvTimeoutError::TimedOut)));
/// drop(tx);
/// assert!(matches!(rx.recv_timeout(wait), Err(RecvTimeoutError::Recv(_))));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecvTimeoutError {
    /// No message came until the deadline.
    #[error("no message came until the deadline")]
    TimedOut,
    /// As for [`recv`](crate::Receiver::recv).
    #[error(transparent)]
    Recv(#[from] RecvError),
}

impl<T> SendError<T> {
    /// The value that was not sent.
    pub fn into_inner(self) -> T {
        match self {
            SendError::Closed(value)
            | SendError::Encode(value, _)
            | SendError::Os(value, _)
            | SendError::Broken(value, _) => value,
        }
    }
}

impl<T> TrySendError<T> {
    /// The value that was not sent.
    pub fn into_inner(self) -> T {
        match self {
            TrySendError::Full(value) => value,
            TrySendError::Send(error) => error.into_inner(),
        }
    }

    /// Whether it may be possible later.
    pub fn is_full(&self) -> bool {
        matches!(self, TrySendError::Full(_))
    }
}

impl<T> SendTimeoutError<T> {
    /// The value that was not sent.
    pub fn into_inner(self) -> T {
        match self {
            SendTimeoutError::TimedOut(value) => value,
            SendTimeoutError::Send(error) => error.into_inner(),
        }
    }

    /// Whether the deadline passed.
    pub fn is_timeout(&self) -> bool {
        matches!(self, SendTimeoutError::TimedOut(_))
    }
}

impl<T> From<SendError<T>> for TrySendError<T> {
    fn from(error: SendError<T>) -> Self {
        TrySendError::Send(error)
    }
}

impl<T> From<SendError<T>> for SendTimeoutError<T> {
    fn from(error: SendError<T>) -> Self {
        SendTimeoutError::Send(error)
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendError::Closed(_) => "the other side of the pipe is gone",
            SendError::Encode(..) => "the value could not be encoded",
            SendError::Os(..) => "sending failed",
            SendError::Broken(..) => "the pipe cannot be used any more",
        })
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrySendError::Full(_) => f.write_str("the pipe is full"),
            TrySendError::Send(error) => error.fmt(f),
        }
    }
}

impl<T> fmt::Display for SendTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendTimeoutError::TimedOut(_) => f.write_str("the pipe stayed full until the deadline"),
            SendTimeoutError::Send(error) => error.fmt(f),
        }
    }
}

// By hand, so that the errors of a `T` without `Debug` can be unwrapped.
impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::Closed(_) => f.write_str("Closed(..)"),
            SendError::Encode(_, source) => f.debug_tuple("Encode").field(source).finish(),
            SendError::Os(_, source) => f.debug_tuple("Os").field(source).finish(),
            SendError::Broken(_, source) => f.debug_tuple("Broken").field(source).finish(),
        }
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrySendError::Full(_) => f.write_str("Full(..)"),
            TrySendError::Send(error) => error.fmt(f),
        }
    }
}

impl<T> fmt::Debug for SendTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendTimeoutError::TimedOut(_) => f.write_str("TimedOut(..)"),
            SendTimeoutError::Send(error) => error.fmt(f),
        }
    }
}

impl<T> error::Error for SendError<T> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            SendError::Closed(_) => None,
            SendError::Encode(_, source) => Some(source),
            SendError::Os(_, source) => Some(source),
            SendError::Broken(_, source) => Some(source),
        }
    }
}

impl<T> error::Error for TrySendError<T> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            TrySendError::Full(_) => None,
            TrySendError::Send(error) => error.source(),
        }
    }
}

impl<T> error::Error for SendTimeoutError<T> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            SendTimeoutError::TimedOut(_) => None,
            SendTimeoutError::Send(error) => error.source(),
        }
    }
}
