//! Handshakes: how two sides show each other that they have the same key, apart from any socket.
//!
//! A handshake is a conversation of short messages. It says how many bytes it wants next, is given just these, and answers;
//! so whoever drives it never reads ahead, and can drive many at once.

mod client;
mod drive;
mod endpoint;
mod native;
mod server;
mod shake;
#[cfg(test)]
mod tests;

pub(crate) use client::Client;
pub(crate) use drive::{Failure, drive};
pub(crate) use endpoint::Endpoint;
pub(crate) use native::VERSION;
pub(crate) use server::{Identity as ServerIdentity, Server};
pub use shake::Shake;

use ipc_sys::clock::Deadline;
use std::time::Duration;

/// How long a handshake may take, unless the user says otherwise.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// The most bytes that a message of a handshake may have.
pub(crate) const MAX_WANTED: usize = 256;

/// One side of a handshake.
pub(crate) trait Handshake {
    /// What both sides know in the end.
    type Outcome;

    /// What this side says before it has heard anything.
    fn begin(&mut self, reply: &mut Vec<u8>);

    /// How many bytes the next message has: 1 to [`MAX_WANTED`].
    fn wanted(&self) -> usize;

    /// Takes a message of the wanted length and answers, also when it refuses; the outcome when all is said.
    fn advance(&mut self, message: &[u8], reply: &mut Vec<u8>) -> Result<Option<Self::Outcome>, Refusal>;

    /// What tells the other side that there is no place for it now, if there is a word for that.
    fn busy() -> Vec<u8>;
}

/// Why a handshake ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The other side could not show that it has the key.
    WrongKey,
    /// The other side says so of this one.
    Rejected,
    /// Both have the key, and mean different messages.
    Schema,
    /// The other side speaks another version.
    Version { got: u16 },
    /// What the other side says is no part of a handshake.
    Malformed,
    /// The other side has no place now.
    Busy,
}

/// The earlier of two deadlines.
pub(crate) fn earlier(one: Deadline, other: Deadline) -> Deadline {
    match (one.remaining(), other.remaining()) {
        (Some(a), Some(b)) if a <= b => one,
        (Some(_), None) => one,
        _ => other,
    }
}
