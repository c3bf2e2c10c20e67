//! Values on their way to a server and back: a proxy of that server inside of them is its name, not a handle.
//!
//! Whoever encodes for a server says so for its thread; a proxy that is encoded meanwhile asks. What it names is kept alive until the
//! call has returned. Before each value stand the names of the proxies in it, for the server, which knows nothing else of the value.

use super::{Reference, Session};
use crate::error::CallError;
use crate::wire::{ObjectId, Reader, Writer};
use ipc_codec::EncodeError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::sync::Arc;

/// What a thread encodes or decodes for which server.
struct Context {
    session: Arc<Session>,
    /// The objects in the value, which this process has.
    references: Vec<Arc<Reference>>,
}

thread_local! {
    static CONTEXT: RefCell<Option<Context>> = const { RefCell::new(None) };
}

/// Appends a value and the names in front of it. What it names is in the result, to be kept until the server has the value.
#[inline]
pub(crate) fn encode_value<T: Serialize + ?Sized>(
    session: &Arc<Session>,
    value: &T,
    to: &mut Writer,
) -> Result<Vec<Arc<Reference>>, CallError> {
    let (start, mut handles) = (to.0.len(), Vec::new());
    to.u8(0);
    let context = Context { session: Arc::clone(session), references: Vec::new() };
    let (encoded, references) =
        within(context, || ipc_codec::encode_into(value, &mut to.0, &mut handles, session.limits()));
    encoded?;
    if !handles.is_empty() {
        return Err(CallError::ForeignHandle);
    }
    if !references.is_empty() {
        let mut names = Writer::default();
        names.count(references.len());
        references.iter().for_each(|reference| names.id(reference.id()));
        to.0.splice(start..=start, names.0);
    }
    Ok(references)
}

/// Decodes a value with the names in front of it, each of which the server has given to this session.
#[inline]
pub(crate) fn decode_value<T: DeserializeOwned>(
    session: &Arc<Session>,
    bytes: &[u8],
) -> Result<T, CallError> {
    let mut reader = Reader(bytes);
    let references = (0..reader.count()?)
        .map(|_| reader.id().map(|id| Arc::new(Reference::adopt(session, id))))
        .collect::<Result<Vec<_>, _>>()?;
    let context = Context { session: Arc::clone(session), references };
    let (decoded, references) =
        within(context, || ipc_codec::decode(reader.rest(), Vec::new(), session.limits()));
    // What the value did not take goes back.
    drop(references);
    Ok(decoded?)
}

/// In a server: runs code of the user that decodes and encodes values of its own.
pub(crate) fn with_session<R>(session: &Arc<Session>, work: impl FnOnce() -> R) -> (R, Vec<Arc<Reference>>) {
    within(Context { session: Arc::clone(session), references: Vec::new() }, work)
}

/// In a job of a server: what was encoded names these, and they are kept until the server has them.
pub(crate) fn keep_alive(references: Vec<Arc<Reference>>) {
    CONTEXT.with_borrow_mut(|context| {
        if let Some(context) = context {
            context.references.extend(references);
        }
    });
}

/// In a job of a server: appends a value and the names in front of it, as [`encode_value`] does.
pub(crate) fn encode_here<T: Serialize>(value: &T, to: &mut Writer) -> Result<(), EncodeError> {
    let session = CONTEXT.with_borrow(|context| context.as_ref().map(|context| Arc::clone(&context.session)));
    let session = session.ok_or_else(|| refused("only a server keeps values"))?;
    match encode_value(&session, value, to) {
        Ok(references) => keep_alive(references),
        Err(CallError::Encode(error)) => return Err(error),
        Err(error) => return Err(refused(&error.to_string())),
    }
    Ok(())
}

/// In a job of a server: the names of everything that was encoded, as they stand in front of a value.
pub(crate) fn names_so_far() -> Vec<u8> {
    let mut names = Writer::default();
    CONTEXT.with_borrow(|context| {
        let references = context.as_ref().map_or(&[][..], |context| &context.references);
        names.count(references.len());
        references.iter().for_each(|reference| names.id(reference.id()));
    });
    names.0
}

fn refused(reason: &str) -> EncodeError {
    EncodeError::Refused { message: reason.to_owned() }
}

/// What a proxy is encoded as: `true` if as its name alone, for its own server.
pub(super) fn name(reference: &Arc<Reference>) -> bool {
    CONTEXT.with_borrow_mut(|context| match context {
        Some(context) if context.session.server() == reference.session().server() => {
            if !context.references.iter().any(|known| known.id() == reference.id()) {
                context.references.push(Arc::clone(reference));
            }
            true
        }
        _ => false,
    })
}

/// The object of this name, in a value that is decoded.
pub(super) fn named(id: ObjectId) -> Option<Arc<Reference>> {
    let (session, known) = CONTEXT.with_borrow(|context| {
        let context = context.as_ref()?;
        let known = context.references.iter().find(|known| known.id() == id).map(Arc::clone);
        Some((Arc::clone(&context.session), known))
    })?;
    known.or_else(|| session.acquire(id).ok().map(Arc::new))
}

/// Runs `work` in a context, and puts back the one before, also when it panics.
#[inline]
fn within<R>(context: Context, work: impl FnOnce() -> R) -> (R, Vec<Arc<Reference>>) {
    struct Restored(Option<Context>);
    impl Drop for Restored {
        fn drop(&mut self) {
            let outer = self.0.take();
            let inner = CONTEXT.with_borrow_mut(|context| std::mem::replace(context, outer));
            // Not while it is borrowed: what is dropped may call.
            drop(inner);
        }
    }
    let restored = Restored(CONTEXT.with_borrow_mut(|inner| inner.replace(context)));
    let result = work();
    let references = CONTEXT
        .with_borrow_mut(|context| context.as_mut().map(|context| std::mem::take(&mut context.references)));
    drop(restored);
    (result, references.unwrap_or_default())
}
