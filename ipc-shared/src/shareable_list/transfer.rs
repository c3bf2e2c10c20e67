//! Lists in messages: the memory, and a look at it when it arrives.

use super::ShareableList;
use crate::shared_memory::{SharedMemory, with_sources};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

/// As a handle in a message of the family; in any other format it is an error.
impl Serialize for ShareableList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.memory().serialize(serializer)
    }
}

/// From a handle in a message of the family, which is refused if its memory does not hold a list.
///
/// The look at the memory is an access. Who does not trust the sender takes a [`SharedMemory`] out of the message, asks
/// [`is_sealed`](SharedMemory::is_sealed), and makes the list by [`from_memory`](ShareableList::from_memory).
impl<'de> Deserialize<'de> for ShareableList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let memory = SharedMemory::deserialize(deserializer)?;
        ShareableList::from_memory(memory).map_err(|error| D::Error::custom(with_sources(&error)))
    }
}
