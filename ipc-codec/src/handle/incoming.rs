//! The handles that came with a payload, each to be taken once or to be shared by all who ask.

use std::any::Any;
use std::rc::Rc;

use ipc_sys::handle::OwnedHandle;

use crate::DecodeError;

/// A table of handles; those that nobody took are closed with it.
pub(crate) struct Incoming {
    handles: Vec<Option<OwnedHandle>>,
    unused: usize,
    /// What the first value made of a shared handle, in the place of the handle. Most messages share none.
    opened: Option<Box<[Opened]>>,
}

/// What was made of one handle, if it is shared.
type Opened = Option<Rc<dyn Any>>;

/// What a value finds that asks for a shared handle.
pub(crate) enum Share {
    /// The handle, to be opened by this value.
    Handle(OwnedHandle),
    /// What an earlier value made of it.
    Opened(Rc<dyn Any>),
}

impl Incoming {
    #[inline]
    pub(crate) fn new(handles: Vec<OwnedHandle>) -> Incoming {
        Incoming { unused: handles.len(), handles: handles.into_iter().map(Some).collect(), opened: None }
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

    /// Finds what was made of the shared handle at `index`; the first who asks takes the handle.
    pub(crate) fn share(&mut self, index: u32) -> Result<Share, DecodeError> {
        match self.opened.as_ref().and_then(|opened| opened.get(index as usize)) {
            Some(Some(opened)) => Ok(Share::Opened(opened.clone())),
            _ => self.take(index).map(Share::Handle),
        }
    }

    /// Keeps for later values, and for as long as the table, what was made of the handle that was at `index`.
    pub(crate) fn keep(&mut self, index: u32, opened: Rc<dyn Any>) {
        let places = self.opened.get_or_insert_with(|| vec![None; self.handles.len()].into());
        places[index as usize] = Some(opened);
    }

    /// How many were not taken.
    #[inline]
    pub(crate) fn unused(&self) -> usize {
        self.unused
    }
}
