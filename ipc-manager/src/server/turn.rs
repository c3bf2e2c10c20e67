//! One call on an object: what it is asked, what it may say, and what is to be done because of it.

use super::kept::Kept;
use super::world::World;
use crate::client::Session;
use crate::error::Failure;
use crate::wire::{FOR_EVER, Kind, ObjectId, Op, Reader, Writer};
use ipc_sys::handle::OwnedHandle;
use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A call, while it is answered or waits.
pub(crate) type Ticket = u64;
/// A client.
pub(crate) type SessionId = u64;

/// What an object can do. No method waits.
pub(crate) trait Object: Send {
    fn kind(&self) -> Kind;

    /// How many items it has, or how often it is held; what `len` would be.
    fn size(&self) -> usize;

    /// Answers a call, or has it wait.
    fn call(&mut self, op: Op, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Answer, Failure>;

    /// The time of a call that waits is over. Unless it says `false` the caller is told so.
    fn expire(&mut self, _ticket: Ticket, _turn: &mut Turn<'_>) -> bool {
        true
    }

    /// Nobody waits for the answer to this call any more.
    fn forget(&mut self, _ticket: Ticket, _turn: &mut Turn<'_>) {}

    /// A client has ended; what it held is free.
    fn session_ended(&mut self, _session: SessionId, _turn: &mut Turn<'_>) {}

    /// A job that the object has asked for is done; writes the reply.
    fn finished(&mut self, _product: Product, _turn: &mut Turn<'_>) -> Result<(), Failure> {
        Err(Failure::Malformed)
    }

    /// All of it, for a function that changes it as a whole.
    fn whole(&self) -> Result<Vec<u8>, Failure> {
        Err(Failure::WrongType(format!("a {} cannot be changed by a function", self.kind().name())))
    }

    /// What such a function has made of it.
    fn set_whole(&mut self, _bytes: &[u8], _turn: &mut Turn<'_>) -> Result<(), Failure> {
        Err(Failure::Malformed)
    }

    /// The objects in its values.
    fn names(&self) -> Vec<ObjectId> {
        Vec::new()
    }
}

/// What becomes of a call.
pub(crate) enum Answer {
    /// The reply is written.
    Done,
    /// It waits, at most until then.
    Parked(Option<Instant>),
    /// Something is to be run elsewhere first. Other calls on the object wait.
    Work(Job),
    /// The same, but the object goes on meanwhile.
    Aside(Job),
    /// The reply is written, and something is to be run.
    Begun(Job),
}

/// What runs on another thread.
pub(crate) type Job = Box<dyn FnOnce(&Arc<Session>) -> Product + Send>;

/// What came of it.
pub(crate) enum Product {
    /// What is to be kept, and the result as a value.
    Changed(Vec<u8>, Vec<u8>),
    /// A value of the user, and the reply.
    State(Box<dyn Any + Send>, Result<Vec<u8>, Failure>),
    /// The reply alone.
    Reply(Vec<u8>),
    /// Nothing has changed.
    Failed(Failure),
}

/// A call that is being answered.
pub(crate) struct Turn<'a> {
    pub(crate) world: &'a World,
    pub(crate) session: SessionId,
    pub(crate) ticket: Ticket,
    /// What came with the request.
    pub(crate) handles: Vec<OwnedHandle>,
    pub(crate) reply: &'a mut Writer,
    pub(crate) effects: &'a mut Effects,
}

/// What is to be done when the object is back in its place.
#[derive(Default)]
pub(crate) struct Effects {
    /// Objects in a reply, which the caller gets a reference to.
    pub(super) given: Vec<(Ticket, ObjectId)>,
    /// Objects in values that are kept now.
    pub(super) kept: Vec<ObjectId>,
    /// Objects in values that are kept no more.
    pub(super) dropped: Vec<ObjectId>,
    /// Calls that waited and are answered.
    pub(super) completed: Vec<(Ticket, Result<Vec<u8>, Failure>)>,
}

impl Turn<'_> {
    /// Takes a value from the arguments, to be kept.
    #[inline]
    pub(crate) fn keep(&mut self, bytes: &[u8]) -> Result<Kept, Failure> {
        let kept = Kept::new(bytes)?;
        for id in kept.names() {
            if !self.world.is_there(id) {
                return Err(Failure::NoSuchObject);
            }
            self.effects.kept.push(id);
        }
        Ok(kept)
    }

    /// Another reference to what is in a value that is kept already.
    pub(crate) fn keep_more(&mut self, kept: &Kept) {
        self.effects.kept.extend(kept.names());
    }

    /// A value that is kept no more.
    #[inline]
    pub(crate) fn drop(&mut self, kept: &Kept) {
        self.effects.dropped.extend(kept.names());
    }

    /// Writes a value to the end of the reply.
    #[inline]
    pub(crate) fn give(&mut self, kept: &Kept) {
        self.effects.given.extend(kept.names().map(|id| (self.ticket, id)));
        self.reply.rest(kept.bytes());
    }

    /// Writes a value behind its size.
    pub(crate) fn give_sized(&mut self, kept: &Kept) {
        self.effects.given.extend(kept.names().map(|id| (self.ticket, id)));
        self.reply.bytes(kept.bytes());
    }

    /// Writes values, each behind its size, and all behind their number.
    pub(crate) fn give_all<'k>(&mut self, values: impl IntoIterator<Item = &'k Kept>) {
        let start = self.reply.0.len();
        self.reply.u32(0);
        let mut n_values = 0_u32;
        for kept in values {
            self.give_sized(kept);
            n_values += 1;
        }
        self.reply.0[start..start + 4].copy_from_slice(&n_values.to_le_bytes());
    }

    /// Answers a call that waits.
    pub(crate) fn complete(&mut self, ticket: Ticket, reply: Vec<u8>) {
        self.effects.completed.push((ticket, Ok(reply)));
    }

    /// Answers a call that waits with a value.
    pub(crate) fn complete_with(&mut self, ticket: Ticket, kept: &Kept) {
        self.effects.given.extend(kept.names().map(|id| (ticket, id)));
        self.complete(ticket, kept.bytes().to_vec());
    }

    /// Fails a call that waits.
    pub(crate) fn fail(&mut self, ticket: Ticket, failure: Failure) {
        self.effects.completed.push((ticket, Err(failure)));
    }

    /// Has the call wait for as long as its arguments say, or fails it if that is not at all.
    pub(crate) fn park(&self, left: u64) -> Result<Answer, Failure> {
        match left {
            0 => Err(Failure::TimedOut),
            FOR_EVER => Ok(Answer::Parked(None)),
            nanos => Ok(Answer::Parked(Instant::now().checked_add(Duration::from_nanos(nanos)))),
        }
    }
}

/// For an operation that the object does not know.
pub(crate) fn unknown(kind: Kind, op: Op) -> Failure {
    Failure::NoSuchMethod(format!("{op:?} of a {}", kind.name()))
}
