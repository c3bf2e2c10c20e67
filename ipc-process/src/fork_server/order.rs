//! What an owner and its fork server say to each other.

use super::changes::Changes;
use crate::entry::PlainEntry;
use crate::error::SpawnError;
use crate::wire::Start;
use ipc_codec::handle::Handle;
use ipc_pipe::internals::Line;
use ipc_sys::handle::OwnedHandle;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a server is started with.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ServerStart {
    pub(super) orders: Line<(), Order>,
    pub(super) preload: Option<Preload>,
}

/// A function to call before the first fork.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Preload(PlainEntry);

impl Preload {
    pub(super) fn of(function: fn()) -> Result<Self, SpawnError> {
        PlainEntry::of(function).map(Preload).ok_or(SpawnError::NoSuchFunction)
    }

    pub(super) fn run(&self) -> Result<(), String> {
        let function = self.0.resolve().map_err(|error| error.to_string())?;
        crate::panics::catch(function).map_err(|report| format!("the preload {report}"))
    }
}

/// A process to be forked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// Kept by the owner until the process is there: another server may have to be told.
    #[serde(with = "shared")]
    pub(super) start: Arc<Start>,
    pub(super) changes: Changes,
    /// The child's end of the channel to the owner. The server keeps a copy until the child has ended, and says so there.
    pub(super) channel: Handle<OwnedHandle>,
}

/// A value behind an `Arc` travels as the value itself.
mod shared {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::sync::Arc;

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        value: &Arc<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        T::serialize(value, serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(deserializer).map(Arc::new)
    }
}
