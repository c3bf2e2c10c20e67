//! Several objects for one function.

use super::contents::{Entries, Keys, Row, damaged};
use super::{Array, Dict, List, Set, Value};
use crate::client::Request;
use crate::wire::{ObjectId, Reader, TypeId, Writer};
use ipc_codec::{DecodeError, EncodeError, Limits};
use ipc_process::internals::Kept;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::hash::Hash;
use std::marker::PhantomData;

/// Objects whose contents one function can change together: tuples of references to up to four of them.
///
/// No other types can be: the trait is sealed. For [`Host::transaction`](crate::Host::transaction).
pub trait Transact: sealed::Objects {
    /// What the function gets: a tuple of `Vec` for lists, arrays and values, `HashMap` for dicts, `HashSet` for sets.
    type Contents;

    #[doc(hidden)]
    type Kept: Kept<Value = Self::Contents>;
}

/// An object that can be changed as a whole.
pub trait Whole {
    #[doc(hidden)]
    type Kept: Kept;

    #[doc(hidden)]
    fn named(&self) -> sealed::Name;
}

pub(crate) mod sealed {
    /// What an object is called.
    #[derive(Clone, Copy, Debug)]
    pub struct Name(pub(crate) crate::wire::ObjectId, pub(crate) crate::wire::TypeId);

    /// The objects of a transaction.
    pub trait Objects {
        #[doc(hidden)]
        fn names(&self) -> Vec<Name>;
    }
}

impl<O: sealed::Objects> WriteNames for O {}

/// How the names travel.
pub(crate) trait WriteNames: sealed::Objects {
    fn write(&self, request: &mut Request<'_>) {
        let names = self.names();
        request.to.count(names.len());
        for sealed::Name(id, type_id) in names {
            let (id, type_id): (ObjectId, TypeId) = (id, type_id);
            request.to.id(id);
            request.to.u32(type_id);
        }
    }
}

macro_rules! wholes {
    ($($Type:ident<$($P:ident),*> as $Kept:ty where [$($bounds:tt)*])*) => {
        $(
            impl<$($P),*> Whole for $Type<$($P),*>
            where
                $($bounds)*
            {
                type Kept = $Kept;

                fn named(&self) -> sealed::Name {
                    sealed::Name(self.object.id(), self.type_id)
                }
            }
        )*
    };
}

wholes! {
    List<T> as Row<T> where [T: Serialize + DeserializeOwned]
    Array<T> as Row<T> where [T: Serialize + DeserializeOwned]
    Value<T> as Row<T> where [T: Serialize + DeserializeOwned]
    Dict<K, V> as Entries<K, V> where [K: Serialize + DeserializeOwned + Eq + Hash, V: Serialize + DeserializeOwned]
    Set<T> as Keys<T> where [T: Serialize + DeserializeOwned + Eq + Hash]
}

/// The contents of several objects, one behind the other.
pub struct Together<T>(PhantomData<T>);

macro_rules! tuples {
    ($(($($O:ident $index:tt),+))*) => {
        $(
            impl<$($O: Whole),+> sealed::Objects for ($(&$O,)+) {
                fn names(&self) -> Vec<sealed::Name> {
                    vec![$(self.$index.named()),+]
                }
            }

            impl<$($O: Whole),+> Transact for ($(&$O,)+) {
                type Contents = ($(<$O::Kept as Kept>::Value,)+);
                type Kept = Together<($($O::Kept,)+)>;
            }

            impl<$($O: Kept),+> Kept for Together<($($O,)+)> {
                type Value = ($($O::Value,)+);

                fn decode(bytes: &[u8], limits: &Limits) -> Result<Self::Value, DecodeError> {
                    let mut reader = Reader(bytes);
                    Ok(($($O::decode(reader.bytes().map_err(damaged)?, limits)?,)+))
                }

                fn encode(value: &Self::Value, limits: &Limits) -> Result<Vec<u8>, EncodeError> {
                    let mut writer = Writer::default();
                    $(writer.bytes(&$O::encode(&value.$index, limits)?);)+
                    Ok(writer.0)
                }
            }
        )*
    };
}

tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
}
