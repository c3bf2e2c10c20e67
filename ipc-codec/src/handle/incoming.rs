//! The handles that came with a payload, each to be taken once or to be shared by all who ask.

use std::any::Any;
use std::rc::Rc;

use ipc_sys::handle::OwnedHandle;

use crate::{DecodeError, Limits};

/// A table of handles; those that nobody took are closed with it.
pub(crate) struct Incoming {
    /// Most messages carry none, and should neither make nor drop anything for that.
    table: Option<Box<Table>>,
}

struct Table {
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
    /// The table of what came, if those are no more than may come.
    #[inline]
    pub(crate) fn new(handles: Vec<OwnedHandle>, limits: &Limits) -> Result<Incoming, DecodeError> {
        Ok(Incoming { table: if handles.is_empty() { None } else { Some(Table::new(handles, limits)?) } })
    }

    /// The table of a payload without handles.
    #[inline]
    pub(crate) fn none() -> Incoming {
        Incoming { table: None }
    }

    /// Takes the handle at `index`.
    pub(crate) fn take(&mut self, index: u32) -> Result<OwnedHandle, DecodeError> {
        match &mut self.table {
            Some(table) => table.take(index),
            None => Err(DecodeError::HandleMissing { index, count: 0 }),
        }
    }

    /// Finds what was made of the shared handle at `index`; the first who asks takes the handle.
    pub(crate) fn share(&mut self, index: u32) -> Result<Share, DecodeError> {
        match self.table.as_ref().and_then(|table| table.opened(index)) {
            Some(opened) => Ok(Share::Opened(opened)),
            None => self.take(index).map(Share::Handle),
        }
    }

    /// Keeps for later values, and for as long as the table, what was made of the handle that was at `index`.
    pub(crate) fn keep(&mut self, index: u32, opened: Rc<dyn Any>) {
        if let Some(table) = &mut self.table {
            table.keep(index, opened);
        }
    }

    /// How many were not taken.
    #[inline]
    pub(crate) fn unused(&self) -> usize {
        self.table.as_ref().map_or(0, |table| table.unused)
    }
}

impl Drop for Incoming {
    /// Does what would be done anyway, but not in place: what is left of it for a message without handles is one branch.
    #[inline]
    fn drop(&mut self) {
        if let Some(table) = self.table.take() {
            table.close();
        }
    }
}

impl Table {
    #[inline(never)]
    fn new(handles: Vec<OwnedHandle>, limits: &Limits) -> Result<Box<Table>, DecodeError> {
        let (count, limit) = (handles.len(), limits.handle_limit());
        if count > limit {
            return Err(DecodeError::TooManyHandles { count, limit });
        }
        let handles = handles.into_iter().map(Some).collect();
        Ok(Box::new(Table { handles, unused: count, opened: None }))
    }

    fn take(&mut self, index: u32) -> Result<OwnedHandle, DecodeError> {
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

    fn opened(&self, index: u32) -> Opened {
        self.opened.as_ref()?.get(index as usize)?.clone()
    }

    fn keep(&mut self, index: u32, opened: Rc<dyn Any>) {
        let places = self.opened.get_or_insert_with(|| vec![None; self.handles.len()].into());
        places[index as usize] = Some(opened);
    }

    #[cold]
    fn close(self: Box<Table>) {
        drop(self);
    }
}
