//! The handles that came with a payload, each to be taken once.

use ipc_sys::handle::OwnedHandle;

use crate::DecodeError;

/// A table of handles; those that nobody took are closed with it.
pub(crate) struct Incoming {
    handles: Vec<Option<OwnedHandle>>,
    unused: usize,
}

impl Incoming {
    #[inline]
    pub(crate) fn new(handles: Vec<OwnedHandle>) -> Incoming {
        Incoming { unused: handles.len(), handles: handles.into_iter().map(Some).collect() }
    }

    /// Takes the handle at `index`.
    pub(crate) fn take(&mut self, index: u32) -> Result<OwnedHandle, DecodeError> {
        let count = self.handles.len();
        let place = usize::try_from(index).ok().and_then(|index| self.handles.get_mut(index));
        match place.map(Option::take) {
            Some(Some(handle)) => {
                self.unused -= 1;
                Ok(handle)
            }
            Some(None) => Err(DecodeError::HandleUsedTwice { index }),
            None => Err(DecodeError::HandleMissing { index, count }),
        }
    }

    /// How many were not taken.
    #[inline]
    pub(crate) fn unused(&self) -> usize {
        self.unused
    }
}
