//! What a call says and what it is told, as proxies write and read it.

use super::context::{decode_value, encode_value};
use super::reference::Reference;
use super::session::Session;
use crate::error::CallError;
use crate::server::body;
use crate::wire::{FOR_EVER, ObjectId, Reader, Writer};
use ipc_process::internals::{Entry, Kept};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::OwnedHandle;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The arguments of a call.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    session: &'a Arc<Session>,
    pub(crate) to: &'a mut Writer,
    /// What goes with them.
    pub(crate) handles: &'a mut Vec<OwnedHandle>,
    /// What the arguments name, to be kept until the call has returned.
    references: Vec<Arc<Reference>>,
}

/// What a call is told.
#[derive(Debug)]
pub(crate) struct Reply<'a> {
    session: &'a Arc<Session>,
    pub(crate) from: Reader<'a>,
}

impl<'a> Request<'a> {
    pub(super) fn new(
        session: &'a Arc<Session>,
        to: &'a mut Writer,
        handles: &'a mut Vec<OwnedHandle>,
    ) -> Request<'a> {
        Request { session, to, handles, references: Vec::new() }
    }

    pub(super) fn into_references(self) -> Vec<Arc<Reference>> {
        self.references
    }

    /// A value to the end of the request.
    #[inline]
    pub(crate) fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CallError> {
        let references = encode_value(self.session, value, self.to)?;
        if !references.is_empty() {
            self.references.extend(references);
        }
        Ok(())
    }

    /// A value behind its size.
    pub(crate) fn sized<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CallError> {
        let start = self.to.0.len();
        self.to.u8(0);
        self.value(value)?;
        self.set_size(start);
        Ok(())
    }

    /// Writes the size of what stands behind its place.
    #[inline]
    fn set_size(&mut self, start: usize) {
        let size = self.to.0.len() - start - 1;
        // Most are short, and then nothing has to be moved.
        if size < 0x80 {
            self.to.0[start] = size as u8;
        } else {
            let mut count = Writer::default();
            count.count(size);
            self.to.0.splice(start..=start, count.0);
        }
    }

    /// The values, each behind its size, and all behind their number.
    pub(crate) fn all<T: Serialize>(&mut self, values: impl IntoIterator<Item = T>) -> Result<(), CallError> {
        self.counted(values, |request, value| request.sized(&value))
    }

    /// Keys, each behind its size, and all behind their number.
    pub(crate) fn keys<K: Serialize>(&mut self, keys: impl IntoIterator<Item = K>) -> Result<(), CallError> {
        self.counted(keys, |request, key| request.sized_key(&key))
    }

    /// Keys with their values, likewise.
    pub(crate) fn pairs<K: Serialize, V: Serialize>(
        &mut self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(), CallError> {
        self.counted(pairs, |request, (key, value)| {
            request.sized_key(&key)?;
            request.sized(&value)
        })
    }

    fn counted<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> Result<(), CallError>,
    ) -> Result<(), CallError> {
        let start = self.to.0.len();
        self.to.u32(0);
        let mut n_items = 0_u32;
        for item in items {
            write(self, item)?;
            n_items += 1;
        }
        self.to.0[start..start + 4].copy_from_slice(&n_items.to_le_bytes());
        Ok(())
    }

    /// A key to the end of the request: its encoding alone.
    #[inline]
    pub(crate) fn key<K: Serialize + ?Sized>(&mut self, key: &K) -> Result<(), CallError> {
        let mut handles = Vec::new();
        ipc_codec::encode_into(key, &mut self.to.0, &mut handles, self.session.limits())?;
        if handles.is_empty() { Ok(()) } else { Err(CallError::ForeignHandle) }
    }

    /// A key behind its size.
    #[inline]
    pub(crate) fn sized_key<K: Serialize + ?Sized>(&mut self, key: &K) -> Result<(), CallError> {
        let start = self.to.0.len();
        self.to.u8(0);
        self.key(key)?;
        self.set_size(start);
        Ok(())
    }

    /// A function to run on what is kept, and its arguments, to the end of the request.
    pub(crate) fn change<K: Kept, A, R>(
        &mut self,
        function: fn(&mut K::Value, A) -> R,
        args: &A,
    ) -> Result<(), CallError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize,
    {
        let entry = Entry::of_change::<K, A, R>(function).ok_or_else(|| CallError::Refused {
            reason: "the function has no place in this program's code".into(),
        })?;
        self.to.bytes(ipc_codec::encode(&entry, self.session.limits())?.bytes());
        self.value(args)
    }

    pub(crate) fn number(&mut self, number: usize) -> Result<(), CallError> {
        self.to.count(number);
        Ok(())
    }

    pub(crate) fn word(&mut self, number: u64) -> Result<(), CallError> {
        self.to.u64(number);
        Ok(())
    }

    /// How long the server may wait.
    pub(crate) fn deadline(&mut self, deadline: Deadline) {
        let left = deadline.remaining().map_or(FOR_EVER, |left| {
            u64::try_from(left.as_nanos()).map_or(FOR_EVER, |nanos| nanos.min(FOR_EVER - 1))
        });
        self.to.u64(left);
    }
}

impl<'a> Reply<'a> {
    pub(super) fn new(session: &'a Arc<Session>, bytes: &'a [u8]) -> Reply<'a> {
        Reply { session, from: Reader(bytes) }
    }

    /// A value to the end of the reply.
    #[inline]
    pub(crate) fn value<T: DeserializeOwned>(&mut self) -> Result<T, CallError> {
        decode_value(self.session, self.from.rest())
    }

    /// A value behind its size.
    pub(crate) fn sized<T: DeserializeOwned>(&mut self) -> Result<T, CallError> {
        decode_value(self.session, self.from.bytes()?)
    }

    /// A value behind what its type looks like.
    pub(crate) fn typed<T: DeserializeOwned>(&mut self, expected: [u8; 4]) -> Result<T, CallError> {
        if body(self.from.0).get(..4) != Some(&expected) {
            self.give_up()?;
            return Err(CallError::WrongType { reason: "what has this name".into() });
        }
        self.value::<([u8; 4], T)>().map(|(_, value)| value)
    }

    /// Gives back what is in a value, without decoding it.
    pub(crate) fn give_up(&mut self) -> Result<(), CallError> {
        let n_names = self.from.count()?;
        (0..n_names).try_for_each(|_| {
            drop(Reference::adopt(self.session, self.from.id()?));
            Ok(())
        })
    }

    /// A value, or that there is none.
    pub(crate) fn option<T: DeserializeOwned>(&mut self) -> Result<Option<T>, CallError> {
        if self.from.bool()? { self.value().map(Some) } else { Ok(None) }
    }

    /// All values behind their number.
    pub(crate) fn all<T: DeserializeOwned>(&mut self) -> Result<Vec<T>, CallError> {
        let n_values = self.from.u32()?;
        (0..n_values).map(|_| self.sized()).collect()
    }

    /// A key behind its size.
    pub(crate) fn key<K: DeserializeOwned>(&mut self) -> Result<K, CallError> {
        Ok(ipc_codec::decode(self.from.bytes()?, Vec::new(), self.session.limits())?)
    }

    /// A new object, of which the session has a reference.
    pub(crate) fn object(&mut self) -> Result<Reference, CallError> {
        let id: ObjectId = self.from.id()?;
        Ok(Reference::adopt(self.session, id))
    }

    pub(crate) fn count(&mut self) -> Result<usize, CallError> {
        Ok(self.from.count()?)
    }

    pub(crate) fn bool(&mut self) -> Result<bool, CallError> {
        Ok(self.from.bool()?)
    }
}
