//! What functions in the server get of an object, and how it is decoded and encoded there.

use crate::client::encode_here;
use crate::server::body;
use crate::wire::{Malformed, Reader, Writer};
use ipc_codec::{DecodeError, EncodeError, Limits};
use ipc_process::internals::Kept;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::marker::PhantomData;

/// One value.
pub(crate) struct One<T>(PhantomData<T>);

/// One value, or none.
pub(crate) struct Optional<T>(PhantomData<T>);

/// All values of a list.
pub struct Row<T>(PhantomData<T>);

/// All entries of a dict.
pub struct Entries<K, V>(PhantomData<(K, V)>);

/// All items of a set.
pub struct Keys<T>(PhantomData<T>);

impl<T: Serialize + DeserializeOwned> Kept for One<T> {
    type Value = T;

    fn decode(bytes: &[u8], limits: &Limits) -> Result<T, DecodeError> {
        ipc_codec::decode(body(bytes), Vec::new(), limits)
    }

    fn encode(value: &T, _: &Limits) -> Result<Vec<u8>, EncodeError> {
        let mut writer = Writer::default();
        encode_here(value, &mut writer)?;
        Ok(writer.0)
    }
}

impl<T: Serialize + DeserializeOwned> Kept for Optional<T> {
    type Value = Option<T>;

    fn decode(bytes: &[u8], limits: &Limits) -> Result<Option<T>, DecodeError> {
        match bytes.split_first() {
            Some((1, value)) => One::<T>::decode(value, limits).map(Some),
            _ => Ok(None),
        }
    }

    fn encode(value: &Option<T>, _: &Limits) -> Result<Vec<u8>, EncodeError> {
        let mut writer = Writer::default();
        writer.bool(value.is_some());
        value.iter().try_for_each(|value| encode_here(value, &mut writer))?;
        Ok(writer.0)
    }
}

impl<T: Serialize + DeserializeOwned> Kept for Row<T> {
    type Value = Vec<T>;

    fn decode(bytes: &[u8], limits: &Limits) -> Result<Vec<T>, DecodeError> {
        let mut reader = Reader(bytes);
        let n_items = reader.u32().map_err(damaged)?;
        (0..n_items).map(|_| One::<T>::decode(reader.bytes().map_err(damaged)?, limits)).collect()
    }

    fn encode(value: &Vec<T>, _: &Limits) -> Result<Vec<u8>, EncodeError> {
        let mut writer = Writer::default();
        writer.u32(value.len() as u32);
        value.iter().try_for_each(|item| writer.sized(|writer| encode_here(item, writer)))?;
        Ok(writer.0)
    }
}

impl<K, V> Kept for Entries<K, V>
where
    K: Serialize + DeserializeOwned + Eq + Hash,
    V: Serialize + DeserializeOwned,
{
    type Value = HashMap<K, V>;

    fn decode(bytes: &[u8], limits: &Limits) -> Result<HashMap<K, V>, DecodeError> {
        let mut reader = Reader(bytes);
        let n_entries = reader.u32().map_err(damaged)?;
        (0..n_entries)
            .map(|_| {
                let key = ipc_codec::decode(reader.bytes().map_err(damaged)?, Vec::new(), limits)?;
                Ok((key, One::<V>::decode(reader.bytes().map_err(damaged)?, limits)?))
            })
            .collect()
    }

    fn encode(value: &HashMap<K, V>, limits: &Limits) -> Result<Vec<u8>, EncodeError> {
        let mut writer = Writer::default();
        writer.u32(value.len() as u32);
        for (key, value) in value {
            writer.bytes(ipc_codec::encode(key, limits)?.bytes());
            writer.sized(|writer| encode_here(value, writer))?;
        }
        Ok(writer.0)
    }
}

impl<T: Serialize + DeserializeOwned + Eq + Hash> Kept for Keys<T> {
    type Value = HashSet<T>;

    fn decode(bytes: &[u8], limits: &Limits) -> Result<HashSet<T>, DecodeError> {
        let mut reader = Reader(bytes);
        let n_items = reader.u32().map_err(damaged)?;
        (0..n_items)
            .map(|_| ipc_codec::decode(reader.bytes().map_err(damaged)?, Vec::new(), limits))
            .collect()
    }

    fn encode(value: &HashSet<T>, limits: &Limits) -> Result<Vec<u8>, EncodeError> {
        let mut writer = Writer::default();
        writer.u32(value.len() as u32);
        for item in value {
            writer.bytes(ipc_codec::encode(item, limits)?.bytes());
        }
        Ok(writer.0)
    }
}

/// What the server keeps it has made, or checked, itself; so this is for nobody to see.
pub(crate) fn damaged(_: Malformed) -> DecodeError {
    DecodeError::Refused { message: "what is kept is damaged".into() }
}
