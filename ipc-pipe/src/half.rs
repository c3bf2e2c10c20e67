//! What is behind the ends of a pipe: one direction each, as values or as bytes.

use crate::error::{RecvError, SendError};
use ipc_codec::{EncodeError, FrameError, Limits, Scratch};
use ipc_queue::QueueError;
use ipc_queue::internals::{Ending, Message, MessageReceiver, MessageSender, Received, Sent, Wanted};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::OwnedHandle;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;

/// The sending end of one direction.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) sender: MessageSender,
    limits: Limits,
}

/// The receiving end of one direction.
#[derive(Debug)]
pub(crate) struct Receiving {
    pub(crate) receiver: MessageReceiver,
    limits: Limits,
}

/// Why a value was not sent, without the value.
#[derive(Debug)]
pub(crate) enum SendFailure {
    Closed,
    TimedOut,
    Encode(EncodeError),
    Os(io::Error),
    Broken(QueueError),
}

impl Sending {
    pub(crate) fn new(sender: MessageSender, limits: Limits) -> Sending {
        Sending { sender, limits }
    }

    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    #[inline]
    pub(crate) fn send<T: Serialize>(&self, value: &T, deadline: Deadline) -> Result<(), SendFailure> {
        let mut scratch = Scratch::new();
        scratch.encode(value, &self.limits).map_err(SendFailure::Encode)?;
        self.send_message(scratch.bytes(), scratch.handles(), deadline)
    }

    pub(crate) fn send_bytes(&self, bytes: &[u8], deadline: Deadline) -> Result<(), SendFailure> {
        let (size, limit) = (bytes.len(), self.limits.max_frame);
        if size > limit {
            return Err(SendFailure::Encode(EncodeError::TooLarge { size, limit }));
        }
        self.send_message(bytes, &[], deadline)
    }

    #[inline]
    fn send_message(
        &self,
        bytes: &[u8],
        handles: &[OwnedHandle],
        deadline: Deadline,
    ) -> Result<(), SendFailure> {
        match self.sender.send(bytes, handles, deadline)? {
            Sent::Done => Ok(()),
            Sent::Full => Err(SendFailure::TimedOut),
            Sent::TooLong(limit) => {
                Err(SendFailure::Encode(EncodeError::TooLarge { size: bytes.len(), limit }))
            }
        }
    }
}

impl Receiving {
    pub(crate) fn new(receiver: MessageReceiver, limits: Limits) -> Receiving {
        Receiving { receiver, limits }
    }

    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The next value, or `None` when the deadline passed.
    #[inline]
    pub(crate) fn recv<T: DeserializeOwned>(&self, deadline: Deadline) -> Result<Option<T>, RecvError> {
        let decode = |bytes: &[u8], handles| ipc_codec::decode(bytes, handles, &self.limits);
        let received = self.receiver.read(self.limits.max_frame, deadline, decode)?;
        match self.arrived(received)? {
            Some(decoded) => Ok(Some(decoded?)),
            None => Ok(None),
        }
    }

    /// The bytes of the next message, or `None` when the deadline passed. Handles in it are closed.
    pub(crate) fn recv_bytes(&self, deadline: Deadline) -> Result<Option<Vec<u8>>, RecvError> {
        let mut message = Message::new();
        let wanted = Wanted { limit: self.limits.max_frame, room: usize::MAX };
        let received = self.receiver.receive(&mut message, wanted, deadline)?;
        Ok(self.arrived(received)?.map(|()| message.into_bytes()))
    }

    /// The same into a buffer, and how many they are. If they are too many the message stays.
    pub(crate) fn recv_bytes_into(
        &self,
        buffer: &mut [u8],
        deadline: Deadline,
    ) -> Result<Option<usize>, RecvError> {
        let received = self.receiver.receive_into(buffer, self.limits.max_frame, deadline)?;
        self.arrived(received)
    }

    pub(crate) fn poll(&self, deadline: Deadline) -> io::Result<bool> {
        self.receiver.wait(deadline).map_err(io::Error::other)
    }

    #[inline]
    fn arrived<M>(&self, received: Received<M>) -> Result<Option<M>, RecvError> {
        match received {
            Received::Message(message) => Ok(Some(message)),
            Received::Nothing => Ok(None),
            Received::NoRoom(size) => Err(RecvError::BufferTooShort { size }),
            Received::Truncated => Err(RecvError::Truncated),
            Received::TooLarge(size) => {
                let (len, limit) = (size as u64, self.limits.max_frame);
                Err(RecvError::Frame(FrameError::TooLarge { len, limit }))
            }
        }
    }
}

impl SendFailure {
    pub(crate) fn is_timeout(&self) -> bool {
        matches!(self, SendFailure::TimedOut)
    }

    pub(crate) fn with<T>(self, value: T) -> SendError<T> {
        match self {
            SendFailure::Closed => SendError::Closed(value),
            SendFailure::Encode(source) => SendError::Encode(value, source),
            SendFailure::Os(source) => SendError::Os(value, source),
            SendFailure::Broken(source) => SendError::Broken(value, source),
            // Asked for with a deadline only, and taken out by `is_timeout` then.
            SendFailure::TimedOut => SendError::Os(value, io::ErrorKind::TimedOut.into()),
        }
    }
}

impl From<Ending> for SendFailure {
    fn from(ending: Ending) -> SendFailure {
        match ending {
            Ending::Ended => SendFailure::Closed,
            Ending::Failed(QueueError::Os(source)) => SendFailure::Os(source),
            Ending::Failed(source) => SendFailure::Broken(source),
        }
    }
}

impl From<Ending> for RecvError {
    fn from(ending: Ending) -> RecvError {
        match ending {
            Ending::Ended => RecvError::Eof,
            Ending::Failed(QueueError::HandlesLost) => RecvError::HandlesLost,
            Ending::Failed(QueueError::Os(source)) => RecvError::Os(source),
            Ending::Failed(source) => RecvError::Broken(source),
        }
    }
}
