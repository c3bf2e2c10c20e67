//! Shared memory in messages: its handle, verified when it arrives, with its size and its name.

use super::SharedMemory;
use super::mapping::Mapping;
use ipc_sys::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use ipc_sys::memory::SharedMapping;
use ipc_sys::named::{Name, NamedMapping};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use std::error::Error;
use std::fmt::Write;

/// What goes into the message.
#[derive(serde::Serialize)]
#[serde(rename = "SharedMemory")]
struct Sent<'a> {
    name: Option<&'a str>,
    size: u64,
    #[serde(serialize_with = "ipc_codec::handle::serialize")]
    handle: BorrowedHandle<'a>,
}

/// The same, as it arrives.
#[derive(serde::Deserialize)]
#[serde(rename = "SharedMemory")]
struct Received {
    name: Option<String>,
    size: u64,
    #[serde(deserialize_with = "ipc_codec::handle::deserialize")]
    handle: OwnedHandle,
}

/// As a handle in a message of the family; in any other format it is an error.
impl Serialize for SharedMemory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Sent { name: self.name(), size: self.size() as u64, handle: self.as_fd() }.serialize(serializer)
    }
}

/// From a handle in a message of the family, which is refused if it is not memory of the kind and size that the message
/// says.
impl<'de> Deserialize<'de> for SharedMemory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Received { name, size, handle } = Received::deserialize(deserializer)?;
        let size = usize::try_from(size).map_err(D::Error::custom)?;
        let mapping = match name {
            Some(name) => {
                let name = Name::new(&name).map_err(D::Error::custom)?;
                let mapping = NamedMapping::from_handle(handle, size);
                Mapping::Named(name, mapping.map_err(|error| D::Error::custom(with_sources(&error)))?)
            }
            None => {
                let mapping = SharedMapping::from_handle(handle).map_err(D::Error::custom)?;
                if mapping.size() != size {
                    let found = mapping.size();
                    return Err(D::Error::custom(format_args!(
                        "the memory has {found} bytes instead of {size}"
                    )));
                }
                Mapping::Unnamed(mapping)
            }
        };
        Ok(SharedMemory { mapping })
    }
}

/// The message of an error and of those behind it, for a format that keeps no sources.
pub(crate) fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        // Writing to a string does not fail.
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}
