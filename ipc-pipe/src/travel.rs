//! Ends as handles: to wait for, and in messages.

use crate::pipe::{Pipe, Receiver, Sender};
use ipc_codec::Limits;
use ipc_queue::internals::{MessageReceiver, MessageSender};
use ipc_sys::handle::{AsHandle, BorrowedHandle};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Readable when the other side is gone.
impl<T> AsHandle for Sender<T> {
    fn as_fd(&self) -> BorrowedHandle<'_> {
        self.end.sender.handle()
    }
}

/// As [`pollable`](Receiver::pollable). If there are no descriptors for it, it is one that is readable at the end only.
impl<T> AsHandle for Receiver<T> {
    fn as_fd(&self) -> BorrowedHandle<'_> {
        self.pollable().unwrap_or_else(|_| self.end.receiver.handle())
    }
}

/// As for its receiving half.
impl<S, R> AsHandle for Pipe<S, R> {
    fn as_fd(&self) -> BorrowedHandle<'_> {
        self.receiver.as_fd()
    }
}

impl<T> Serialize for Sender<T> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        self.end.sender.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Sender<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        MessageSender::deserialize(deserializer).map(|sender| Sender::new(sender, Limits::default()))
    }
}

impl<T> Serialize for Receiver<T> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        self.end.receiver.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Receiver<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        MessageReceiver::deserialize(deserializer).map(|receiver| Receiver::new(receiver, Limits::default()))
    }
}

impl<S, R> Serialize for Pipe<S, R> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        (&self.sender, &self.receiver).serialize(serializer)
    }
}

impl<'de, S, R> Deserialize<'de> for Pipe<S, R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (sender, receiver) = Deserialize::deserialize(deserializer)?;
        Ok(Pipe { sender, receiver })
    }
}
