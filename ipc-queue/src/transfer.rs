//! Queues and ends of channels in messages: the memory and the sockets, verified when they arrive.

use crate::channel::{Receiver, Sender};
use crate::error::OpenError;
use crate::freight::Freight;
use crate::joinable::JoinableQueue;
use crate::layout::item_type;
use crate::memory::{Memory, Received};
use crate::messages::{MessageReceiver, MessageSender, Messages};
use crate::queue::Queue;
use crate::raw_queue::RawQueue;
use ipc_codec::Limits;
use ipc_codec::handle::Handle;
use ipc_sys::handle::{BorrowedHandle, OwnedHandle};
use ipc_sys::socket::MessageSocket;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use std::sync::Arc;

/// What goes into a message for each queue: which sockets there are tells what it is.
#[derive(serde::Serialize, serde::Deserialize)]
struct Sent<M, H> {
    memory: M,
    outer: Option<H>,
    inner: Option<H>,
}

/// The memory as it is encoded.
struct Lent<'a>(&'a Memory);

impl Serialize for Lent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.send(serializer)
    }
}

/// The memory as it arrives.
struct Arrived(Received);

impl<'de> Deserialize<'de> for Arrived {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Memory::receive(deserializer).map(Arrived)
    }
}

fn send<S: Serializer>(raw: &RawQueue, serializer: S) -> Result<S::Ok, S::Error> {
    let Freight { outer, inner } = raw.freight();
    Sent { memory: Lent(raw.memory()), outer: lend(outer), inner: lend(inner) }.serialize(serializer)
}

fn lend(socket: &Option<MessageSocket>) -> Option<Handle<BorrowedHandle<'_>>> {
    socket.as_ref().map(|socket| Handle::new(socket.handle()))
}

/// Receives a queue of which this process has these ends.
fn receive<'de, T: ?Sized, D: Deserializer<'de>>(
    has_outer: bool,
    has_inner: bool,
    is_joinable: bool,
    deserializer: D,
) -> Result<RawQueue, D::Error> {
    let Sent { memory: Arrived(memory), outer, inner } =
        Sent::<Arrived, Handle<OwnedHandle>>::deserialize(deserializer)?;
    let memory = memory.open(item_type::<T>()).map_err(D::Error::custom)?;
    if (outer.is_some(), inner.is_some(), memory.plan().is_joinable) != (has_outer, has_inner, is_joinable) {
        let found = match (outer, inner) {
            (Some(_), Some(_)) if memory.plan().is_joinable => "a joinable queue",
            (Some(_), Some(_)) => "a queue",
            (Some(_), None) => "the sender of a channel",
            (None, _) => "the receiver of a channel",
        };
        return Err(D::Error::custom(OpenError::OtherKind { found }));
    }
    let open = |handle: Option<Handle<OwnedHandle>>| {
        handle.map(|handle| MessageSocket::from_handle(handle.into_inner())).transpose()
    };
    let freight = Freight {
        outer: open(outer).map_err(D::Error::custom)?,
        inner: open(inner).map_err(D::Error::custom)?,
    };
    Ok(RawQueue::new(Arc::new(memory), freight))
}

/// As handles in a message of the family; in any other format it is an error.
impl<T: ?Sized> Serialize for Queue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        send(self.raw(), serializer)
    }
}

/// From handles in a message of the family, which are refused if they are no queue of this build for items of this type.
impl<'de, T: ?Sized> Deserialize<'de> for Queue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Queue::from_raw(receive::<T, D>(true, true, false, deserializer)?, Limits::default()))
    }
}

/// As handles in a message of the family; in any other format it is an error.
impl<T: ?Sized> Serialize for JoinableQueue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        send(self.raw(), serializer)
    }
}

/// From handles in a message of the family, which are refused if they are no joinable queue of this build for items of this
/// type.
impl<'de, T: ?Sized> Deserialize<'de> for JoinableQueue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = receive::<T, D>(true, true, true, deserializer)?;
        Ok(JoinableQueue::new(Queue::from_raw(raw, Limits::default())))
    }
}

/// As handles in a message of the family; in any other format it is an error. The message counts as a sender.
impl<T: ?Sized> Serialize for Sender<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        send(self.raw(), serializer)
    }
}

/// From handles in a message of the family, which are refused if they are no sender of this build for items of this type.
impl<'de, T: ?Sized> Deserialize<'de> for Sender<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Sender::from_raw(receive::<T, D>(true, false, false, deserializer)?, Limits::default()))
    }
}

/// As handles in a message of the family; in any other format it is an error. The message counts as a receiver.
impl<T: ?Sized> Serialize for Receiver<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        send(self.raw(), serializer)
    }
}

/// From handles in a message of the family, which are refused if they are no receiver of this build for items of this type.
impl<'de, T: ?Sized> Deserialize<'de> for Receiver<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Receiver::from_raw(receive::<T, D>(false, true, false, deserializer)?, Limits::default()))
    }
}

/// As handles in a message of the family; in any other format it is an error. The message counts as a sender.
impl Serialize for MessageSender {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        send(self.raw(), serializer)
    }
}

/// From handles in a message of the family, which are refused if they are no such sender of this build.
impl<'de> Deserialize<'de> for MessageSender {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(MessageSender::new(receive::<Messages, D>(true, false, false, deserializer)?))
    }
}

/// As handles in a message of the family; in any other format it is an error. The message counts as a receiver.
///
/// Of a message that was received in part the rest is of no use where the receiver arrives: it is truncated there.
impl Serialize for MessageReceiver {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        send(self.raw(), serializer)
    }
}

/// From handles in a message of the family, which are refused if they are no such receiver of this build.
impl<'de> Deserialize<'de> for MessageReceiver {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(MessageReceiver::new(receive::<Messages, D>(false, true, false, deserializer)?))
    }
}
