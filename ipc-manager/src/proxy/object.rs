//! Values of types of the user.

use super::{Proxy, no_args, no_reply};
use crate::client::Reference;
use crate::error::CallError;
use crate::server::Registered;
use crate::wire::{Kind, Op, TypeId};
use ipc_pipe::internals::fingerprint;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// A value of a [`Registered`] type, which lives in the server. Made by [`Host::object`](crate::Host::object).
///
/// # Examples
///
/// See [`Registered`].
pub struct Object<T> {
    object: Arc<Reference>,
    value: PhantomData<fn() -> T>,
}

impl<T: Registered> Object<T> {
    /// Calls a method.
    ///
    /// The value is changed by one method at a time; calls on others do not wait for it. Arguments are known by their encoding alone: a number is
    /// to be of the very type that the method takes, `10_u64` say.
    ///
    /// # Blocking
    ///
    /// Until the method has returned.
    ///
    /// # Errors
    ///
    /// [`CallError::NoSuchMethod`], [`CallError::Panicked`], and [`CallError::Refused`] if the method has other arguments; nothing has changed
    /// then. [`CallError::Decode`] if its result is of another type.
    pub fn call<A, R>(&self, method: &str, args: A) -> Result<R, CallError>
    where
        A: Serialize,
        R: DeserializeOwned,
    {
        let write = |request: &mut crate::client::Request<'_>| {
            request.to.bytes(method.as_bytes());
            request.value(&args)
        };
        self.object.call(Op::Call, Self::type_id(), write, |reply| reply.value())
    }

    /// Has the server make the value.
    pub(crate) fn make(&self) -> Result<(), CallError> {
        self.object.call(Op::Reset, Self::type_id(), no_args, no_reply)
    }
}

impl<T: Registered> Proxy for Object<T> {
    const KIND: Kind = Kind::Object;

    /// The type is the server's: it goes by its name, and by what it is made of.
    fn type_id() -> TypeId {
        let name = std::any::type_name::<T>().bytes();
        let hash =
            name.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let [a, b, c, d, ..] = fingerprint::<T::Args>();
        hash ^ u32::from_le_bytes([a, b, c, d])
    }

    fn of(object: Arc<Reference>) -> Self {
        Object { object, value: PhantomData }
    }
}

impl<T> Clone for Object<T> {
    fn clone(&self) -> Self {
        Object { object: Arc::clone(&self.object), value: PhantomData }
    }
}

impl<T> fmt::Debug for Object<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("index", &self.object.id().index).finish_non_exhaustive()
    }
}

impl<T: Registered> Serialize for Object<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Reference::serialize(&self.object, Self::type_id(), serializer)
    }
}

impl<'de, T: Registered> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Reference::deserialize(Self::type_id(), deserializer).map(Self::of)
    }
}
