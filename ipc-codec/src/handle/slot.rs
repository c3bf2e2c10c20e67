//! How a handle passes through serde, which has no word for it: by a slot of the thread, open for one call at
//! a time.
//!
//! serde's traits carry numbers, texts and the like. So whoever gives a handle puts it into the slot, and
//! whoever takes it takes it out, within one call between two pieces of this crate:
//!
//! - encoding: the encoder sees [`TOKEN`](super::TOKEN), opens the slot, and calls [`Lend::serialize`], which
//!   puts a copy in. A `Lend` that finds the slot closed is being serialized by somebody else, and refuses.
//! - decoding: the decoder sees the token, puts the handle in, and calls the visitor, which takes it out. A
//!   visitor that finds the slot empty is being called by somebody else, and refuses.
//!
//! The slot is as before when the call is over, also by a panic, and a handle left in it is closed. So
//! another format that is used in the middle of encoding never finds it open, and messages in messages do not
//! disturb each other.

use std::cell::Cell;
use std::io;

use ipc_sys::handle::{BorrowedHandle, OwnedHandle};
use serde::ser::{Error as _, Serialize, Serializer};

thread_local! {
    static SLOT: Cell<Slot> = const { Cell::new(Slot::Closed) };
}

/// What is in the slot of this thread.
enum Slot {
    /// Nobody waits for a handle.
    Closed,
    /// An encoder waits for a handle.
    Open,
    /// A handle on its way, in either direction.
    Full(OwnedHandle),
    /// The encoder waits, and will hear that duplicating failed.
    Failed(io::Error),
}

/// What an encoder got for its question.
pub(crate) enum Lent {
    /// A handle of its own.
    Handle(OwnedHandle),
    /// The system did not duplicate the handle.
    Failed(io::Error),
    /// There was no handle behind the token.
    Nothing,
}

/// Calls `serialize`, and returns what it lent meanwhile.
pub(crate) fn ask<R>(serialize: impl FnOnce() -> R) -> (R, Lent) {
    let slot = Restore::set(Slot::Open);
    let result = serialize();
    let lent = match slot.finish() {
        Slot::Full(handle) => Lent::Handle(handle),
        Slot::Failed(error) => Lent::Failed(error),
        Slot::Open | Slot::Closed => Lent::Nothing,
    };
    (result, lent)
}

/// Calls `visit`, which finds `handle`; if it does not take it, the handle is closed.
pub(crate) fn hand_over<R>(handle: OwnedHandle, visit: impl FnOnce() -> R) -> R {
    let slot = Restore::set(Slot::Full(handle));
    let result = visit();
    slot.finish();
    result
}

/// Takes the handle that is handed over, if this is such a call.
pub(super) fn receive() -> Option<OwnedHandle> {
    match replace(Slot::Closed) {
        Slot::Full(handle) => Some(handle),
        other => {
            replace(other);
            None
        }
    }
}

/// A handle that is lent to the encoder, if it is the encoder who asks.
pub(super) struct Lend<'a>(pub(super) BorrowedHandle<'a>);

impl Serialize for Lend<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match replace(Slot::Closed) {
            Slot::Open => match self.0.try_clone_to_owned() {
                Ok(copy) => {
                    replace(Slot::Full(copy));
                    serializer.serialize_unit()
                }
                Err(error) => {
                    let refusal = S::Error::custom(format_args!("duplicating a handle failed: {error}"));
                    replace(Slot::Failed(error));
                    Err(refusal)
                }
            },
            other => {
                replace(other);
                Err(S::Error::custom(
                    "a handle cannot be serialized outside a message: encode it with ipc_codec::encode",
                ))
            }
        }
    }
}

/// Puts something into the slot and returns what was there. A thread whose end has destroyed the slot has it
/// closed.
fn replace(new: Slot) -> Slot {
    SLOT.try_with(|slot| slot.replace(new)).unwrap_or(Slot::Closed)
}

/// Gives the slot back its former content when dropped.
struct Restore {
    former: Slot,
}

impl Restore {
    fn set(new: Slot) -> Restore {
        Restore { former: replace(new) }
    }

    /// Gives the slot back its former content, and returns the one that is there.
    fn finish(mut self) -> Slot {
        replace(std::mem::replace(&mut self.former, Slot::Closed))
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        let former = std::mem::replace(&mut self.former, Slot::Closed);
        replace(former);
    }
}
