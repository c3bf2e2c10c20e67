//! What a gate and its clients say to each other: the messages of their connections.
//!
//! The types are part of the handshake, so a gate of another version is refused there.

use crate::wire::{ObjectId, ServerId};
use ipc_codec::{Limits, Message};
use ipc_pipe::Connection;
use serde::{Deserialize, Serialize};

/// A client of a gate: random bytes, which the gate tells it and nobody else.
pub(crate) type ClientId = [u8; 16];

/// What a client says.
#[derive(Serialize, Deserialize)]
pub(crate) enum FromClient {
    /// The first word of a new client: its process id and its name. This connection then is its main one.
    Begin(u32, String),
    /// The first word of a line of a client.
    Join(ClientId),
    /// On a line: a request to the server.
    Request(Message),
    /// On the main connection: what a session says to the server.
    Say(Message),
}

/// What a gate says.
#[derive(Serialize, Deserialize)]
pub(crate) enum FromGate {
    /// To a new client: which server it is, who the client is, and the namespace of what was published.
    Welcome(ServerId, ClientId, ObjectId),
    /// To a new line.
    Joined,
    /// To whoever is one too many. Nothing follows.
    Full(String),
    /// On a line: the reply of the server.
    Reply(Message),
}

/// A client's end.
pub(crate) type Outside = Connection<FromClient, FromGate>;

/// Bytes of the frame around a request or a reply that has `max_frame` bytes of values.
const AROUND: usize = 4096;

/// The limits of the connections for values of so many bytes.
pub(crate) fn limits_around(limits: &Limits) -> Limits {
    Limits::with_max_frame(limits.max_frame.saturating_add(AROUND))
}

/// Bytes as they are.
pub(crate) fn raw(bytes: Vec<u8>) -> Message {
    Message::from_parts(bytes, Vec::new())
}
