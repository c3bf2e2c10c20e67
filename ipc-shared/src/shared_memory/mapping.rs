//! The two kinds of memory: with a name and without.

use super::bytes::Bytes;
use ipc_sys::handle::BorrowedHandle;
use ipc_sys::memory::SharedMapping;
use ipc_sys::named::{Name, NamedMapping};

/// Mapped memory.
#[derive(Debug)]
pub(super) enum Mapping {
    /// Sealed memory that nobody can shrink.
    Unnamed(SharedMapping),
    /// Memory that is, or was, to be found under a name.
    Named(Name, NamedMapping),
}

impl Mapping {
    pub(super) fn bytes(&self) -> Bytes<'_> {
        match self {
            Mapping::Unnamed(mapping) => mapping.into(),
            Mapping::Named(_, mapping) => mapping.into(),
        }
    }

    pub(super) fn handle(&self) -> BorrowedHandle<'_> {
        match self {
            Mapping::Unnamed(mapping) => mapping.handle(),
            Mapping::Named(_, mapping) => mapping.handle(),
        }
    }

    pub(super) fn name(&self) -> Option<&Name> {
        match self {
            Mapping::Unnamed(_) => None,
            Mapping::Named(name, _) => Some(name),
        }
    }
}
