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
//! A handle that several values share goes the same way, under a [token of its own](super::SHARED_TOKEN): the encoder
//! puts the table of what is shared so far into the slot, and finds there what the value came to; the decoder puts in what
//! an earlier value made of the handle, or the handle, and then finds there what was made of it.
//!
//! The slot is as before when the call is over, also by a panic, and a handle left in it is closed. So
//! another format that is used in the middle of encoding never finds it open, and messages in messages do not
//! disturb each other.

use std::any::Any;
use std::cell::Cell;
use std::io;
use std::rc::Rc;

use ipc_sys::handle::{BorrowedHandle, OwnedHandle};
use serde::ser::{Error as _, Serialize, Serializer};

use super::incoming::Share;
use super::outgoing::{Outgoing, Shared};

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
    /// The encoder waits, and will hear that there is no handle for it.
    Failed(io::Error),
    /// An encoder waits for a shared handle.
    Sharing(Sharing),
    /// The encoder waits, and will hear what became of the shared handle.
    Shared(Shared),
    /// What was made of a shared handle, in either direction between decoder and visitor.
    Opened(Rc<dyn Any>),
    /// The decoder waits, and will hear that the visitor makes something else of the handle.
    OtherType,
}

/// What an encoder puts into the slot when it waits for a shared handle.
pub(super) struct Sharing {
    pub(super) table: Outgoing,
    /// The index of the next handle of the message, if it may have one.
    pub(super) next: Option<u32>,
}

/// What an encoder got for its question: a handle of its own, or word of a shared one.
pub(crate) enum Lent<T> {
    /// What it asked for.
    Handle(T),
    /// The system did not duplicate or make the handle.
    Failed(io::Error),
    /// There was no handle behind the token.
    Nothing,
}

/// What a decoder got back for a shared handle.
pub(crate) enum Given {
    /// Nothing that it needs to know.
    Nothing,
    /// What the first value made of the handle.
    Opened(Rc<dyn Any>),
    /// Word that an earlier value made something else of it.
    OtherType,
}

/// Calls `serialize`, and returns what it lent meanwhile.
pub(crate) fn ask<R>(serialize: impl FnOnce() -> R) -> (R, Lent<OwnedHandle>) {
    let slot = Restore::set(Slot::Open);
    let result = serialize();
    let lent = match slot.finish() {
        Slot::Full(handle) => Lent::Handle(handle),
        Slot::Failed(error) => Lent::Failed(error),
        _ => Lent::Nothing,
    };
    (result, lent)
}

/// Calls `serialize`, and returns what became of a handle that is shared by `table`, with `next` as the index of a new one.
pub(crate) fn ask_shared<R>(
    table: Outgoing,
    next: Option<u32>,
    serialize: impl FnOnce() -> R,
) -> (R, Lent<Shared>) {
    let slot = Restore::set(Slot::Sharing(Sharing { table, next }));
    let result = serialize();
    let lent = match slot.finish() {
        Slot::Shared(shared) => Lent::Handle(shared),
        Slot::Failed(error) => Lent::Failed(error),
        _ => Lent::Nothing,
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

/// Calls `visit`, which finds the shared handle or what was made of it, and returns what it made of the handle.
pub(crate) fn hand_over_shared<R>(share: Share, visit: impl FnOnce() -> R) -> (R, Given) {
    let (content, is_first) = match share {
        Share::Handle(handle) => (Slot::Full(handle), true),
        Share::Opened(opened) => (Slot::Opened(opened), false),
    };
    let slot = Restore::set(content);
    let result = visit();
    let given = match slot.finish() {
        Slot::Opened(opened) if is_first => Given::Opened(opened),
        Slot::OtherType => Given::OtherType,
        _ => Given::Nothing,
    };
    (result, given)
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

/// Takes the shared handle that is handed over, or what was made of it, if this is such a call.
pub(super) fn receive_shared() -> Option<Share> {
    match replace(Slot::Closed) {
        Slot::Full(handle) => Some(Share::Handle(handle)),
        Slot::Opened(opened) => Some(Share::Opened(opened)),
        other => {
            replace(other);
            None
        }
    }
}

/// Answers the decoder: what a visitor made of a shared handle, or that it makes something else of it.
pub(super) fn give_back(opened: Option<Rc<dyn Any>>) {
    replace(opened.map_or(Slot::OtherType, Slot::Opened));
}

/// Takes the table of the encoder that waits for a shared handle, if one does.
pub(super) fn sharing() -> Option<Sharing> {
    match replace(Slot::Closed) {
        Slot::Sharing(sharing) => Some(sharing),
        other => {
            replace(other);
            None
        }
    }
}

/// Answers the encoder that waits for a shared handle.
pub(super) fn answer(shared: io::Result<Shared>) {
    replace(shared.map_or_else(Slot::Failed, Slot::Shared));
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
        let content = replace(std::mem::replace(&mut self.former, Slot::Closed));
        // Nothing is left for the drop to put back, and nothing in here to free.
        std::mem::forget(self);
        content
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        let former = std::mem::replace(&mut self.former, Slot::Closed);
        replace(former);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Once the drop put a second content back after the first, so that the slot was closed after any call inside another.
    #[test]
    fn a_call_inside_another_leaves_the_slot_as_it_was() {
        let outer = Restore::set(Slot::Open);
        assert!(matches!(ask(|| ()), ((), Lent::Nothing)));
        assert!(matches!(ask_shared(Outgoing::default(), None, || ()), ((), Lent::Nothing)));
        assert!(std::panic::catch_unwind(|| ask(|| panic!("on purpose"))).is_err());
        assert!(matches!(outer.finish(), Slot::Open));
        assert!(matches!(replace(Slot::Closed), Slot::Closed));
    }
}
