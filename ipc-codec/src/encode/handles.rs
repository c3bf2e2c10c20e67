//! The handles of the message that is being encoded.

use ipc_sys::handle::OwnedHandle;

use crate::handle::Outgoing;
use crate::{EncodeError, Limits};

/// The end of a table, to which the handles of one message are added; they are taken back, and closed, unless they are kept.
pub(super) struct Handles<'a> {
    table: &'a mut Vec<OwnedHandle>,
    /// How many there were before.
    first: usize,
    limits: &'a Limits,
    /// Made for the first value that shares a handle.
    shared: Option<Outgoing>,
    armed: bool,
}

impl<'a> Handles<'a> {
    #[inline]
    pub(super) fn new(table: &'a mut Vec<OwnedHandle>, limits: &'a Limits) -> Handles<'a> {
        Handles { first: table.len(), table, limits, shared: None, armed: true }
    }

    /// The index of the next handle, if the message may have one more.
    pub(super) fn next_index(&self) -> Result<u32, EncodeError> {
        let index = self.table.len() - self.first;
        let limit = self.limits.handle_limit();
        if index >= limit {
            return Err(EncodeError::TooManyHandles { count: index + 1, limit });
        }
        Ok(index as u32)
    }

    pub(super) fn push(&mut self, handle: OwnedHandle) {
        self.table.push(handle);
    }

    /// What values share so far.
    pub(super) fn shared(&mut self) -> Outgoing {
        self.shared.get_or_insert_default().clone()
    }

    /// Leaves what was added where it is.
    #[inline]
    pub(super) fn keep(&mut self) {
        if self.shared.is_some() {
            // Before: what was made may panic when it is dropped, and then nothing was added.
            self.shared = None;
        }
        self.armed = false;
    }
}

impl Drop for Handles<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.armed {
            self.table.truncate(self.first);
        }
    }
}
