//! A reference to an object of a server, and how it travels.

use super::call::{Reply, Request};
use super::context;
use super::session::Session;
use crate::error::CallError;
use crate::wire::{ObjectId, Op, ServerId, TypeId};
use ipc_codec::handle::{deserialize_shared, serialize_shared};
use ipc_sys::handle::OwnedHandle;
use ipc_sys::socket::MessageSocket;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

/// One reference of this process to an object, which the server counts. Clones of a proxy share it.
#[derive(Debug)]
pub(crate) struct Reference {
    session: Arc<Session>,
    id: ObjectId,
    /// Whether there is something to give back.
    is_held: bool,
}

/// A proxy on its way.
#[derive(Serialize, Deserialize)]
enum Form {
    /// In a value that is kept by the server of the object.
    Name(ObjectId, TypeId),
    /// In a message to anybody.
    Travelling(ObjectId, TypeId, ServerId),
}

/// The lease in a message, of which the proxies in it share one.
struct Lease<'a>(&'a Reference);

/// The same where it arrives: a door, and what keeps the objects until they were asked for.
#[derive(Clone)]
struct Door(Arc<MessageSocket>);

impl Reference {
    /// A reference that the server has given to this session.
    pub(crate) fn adopt(session: &Arc<Session>, id: ObjectId) -> Reference {
        Reference { session: Arc::clone(session), id, is_held: true }
    }

    pub(crate) fn id(&self) -> ObjectId {
        self.id
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Calls an operation of the object.
    #[inline]
    pub(crate) fn call<R>(
        &self,
        op: Op,
        type_id: TypeId,
        write: impl FnOnce(&mut Request<'_>) -> Result<(), CallError>,
        read: impl FnOnce(&mut Reply<'_>) -> Result<R, CallError>,
    ) -> Result<R, CallError> {
        let mut kept = Vec::new();
        let write = |to: &mut _, handles: &mut _| {
            let mut request = Request::new(&self.session, to, handles);
            write(&mut request)?;
            kept = request.into_references();
            Ok(())
        };
        self.session.call((op, self.id, type_id), write, |bytes| read(&mut Reply::new(&self.session, bytes)))
    }

    /// Gives back what is held by a token, also when there is no room for a call.
    pub(crate) fn hand_back(&self, op: Op, type_id: TypeId, token: u64) -> Result<(), CallError> {
        self.session.hand_back((op, self.id, type_id), token)
    }

    pub(crate) fn serialize<S: Serializer>(
        reference: &Arc<Reference>,
        type_id: TypeId,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        if context::name(reference) {
            return (Form::Name(reference.id, type_id), None::<Lease<'_>>).serialize(serializer);
        }
        if !reference.is_held {
            return Err(S::Error::custom(CallError::ServerGone));
        }
        let form = Form::Travelling(reference.id, type_id, reference.session.server());
        (form, Some(Lease(reference))).serialize(serializer)
    }

    /// Takes a proxy out of a message.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        expected: TypeId,
        deserializer: D,
    ) -> Result<Arc<Reference>, D::Error> {
        let (form, door): (Form, Option<Door>) = Deserialize::deserialize(deserializer)?;
        let (Form::Name(id, type_id) | Form::Travelling(id, type_id, _)) = form;
        if type_id != expected {
            return Err(D::Error::custom("the proxy in the message is of another type"));
        }
        match (form, door) {
            (Form::Name(..), None) => context::named(id)
                .ok_or_else(|| D::Error::custom("the proxy names no object of this manager")),
            (Form::Travelling(_, _, server), Some(Door(door))) => {
                Reference::arrived(id, server, &door).map(Arc::new).map_err(D::Error::custom)
            }
            _ => Err(D::Error::custom("the proxy in the message is damaged")),
        }
    }

    /// While the lease holds the object. A proxy whose server is gone is a proxy, too, all of whose calls say so.
    fn arrived(id: ObjectId, server: ServerId, door: &MessageSocket) -> Result<Reference, CallError> {
        match Session::at(server, door).and_then(|session| session.acquire(id)) {
            Err(CallError::ServerGone) if door.is_abandoned().unwrap_or(true) => {
                Ok(Reference { session: Session::dead(server), id, is_held: false })
            }
            Err(CallError::ServerGone) => {
                Err(CallError::Limit { what: "the server has no room for another client".into() })
            }
            other => other,
        }
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        if self.is_held {
            self.session.release(self.id);
        }
    }
}

impl Serialize for Lease<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Lease(reference) = self;
        let session = &reference.session;
        // One for all proxies of a session in the message.
        let key = Arc::as_ptr(session).addr() as u64;
        serialize_shared(
            key,
            || session.lease(),
            |&lease| session.lease_more(lease, reference.id),
            serializer,
        )
    }
}

impl<'de> Deserialize<'de> for Door {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Door, D::Error> {
        let open = |handle: OwnedHandle| MessageSocket::from_handle(handle).map(|door| Door(Arc::new(door)));
        deserialize_shared(open, deserializer)
    }
}
