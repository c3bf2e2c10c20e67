//! Queues in messages: the handle of the memory, verified when it arrives.

use crate::queue::Queue;
use ipc_codec::handle;
use ipc_sys::handle::OwnedHandle;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use std::error::Error;
use std::fmt::Write;

/// As a handle in a message of the family; in any other format it is an error.
impl<T> Serialize for Queue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        handle::serialize(self.raw().segment(), serializer)
    }
}

/// From a handle in a message of the family, which is refused if it is no queue of this build for items of this type.
impl<'de, T> Deserialize<'de> for Queue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let handle: OwnedHandle = handle::deserialize(deserializer)?;
        Queue::from_handle(handle).map_err(|error| D::Error::custom(with_sources(&error)))
    }
}

/// The message of an error and of those behind it, for a format that keeps no sources.
fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        // Writing to a string does not fail.
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}
