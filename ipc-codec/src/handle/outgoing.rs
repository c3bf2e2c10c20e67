//! What the encoder of a message keeps about the handles that several of its values share.

use std::any::Any;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use ipc_sys::handle::OwnedHandle;

/// The shared handles of one message, and what was made along with each.
///
/// A copy refers to the same table: the encoder keeps one while it hands out another.
#[derive(Clone, Default)]
pub(crate) struct Outgoing {
    entries: Rc<RefCell<Vec<Entry>>>,
}

struct Entry {
    key: u64,
    index: u32,
    made: Rc<dyn Any>,
}

/// A handle that several values share, as one of them found it.
pub(crate) enum Shared {
    /// It is in the table of the message already, at this index.
    Known(u32),
    /// It was made for this value, and comes next in the table.
    New(OwnedHandle),
    /// It would have to be made, and the message may carry no further handle.
    NoRoom,
}

impl Outgoing {
    /// Finds the handle of `key`, or makes it as the one at index `next`, and calls `with`.
    ///
    /// Nothing is borrowed while the functions run: they may encode messages of their own, or panic.
    pub(super) fn share<T: 'static>(
        &self,
        key: u64,
        next: Option<u32>,
        make: impl FnOnce() -> io::Result<(OwnedHandle, T)>,
        with: impl FnOnce(&T) -> io::Result<()>,
    ) -> io::Result<Shared> {
        if let Some((index, made)) = self.find::<T>(key) {
            with(&made)?;
            return Ok(Shared::Known(index));
        }
        let Some(index) = next else { return Ok(Shared::NoRoom) };
        let (handle, made) = make()?;
        let made = Rc::new(made);
        with(&made)?;
        self.entries.borrow_mut().push(Entry { key, index, made });
        Ok(Shared::New(handle))
    }

    fn find<T: 'static>(&self, key: u64) -> Option<(u32, Rc<T>)> {
        // There are no more of them than a message has handles.
        let entries = self.entries.borrow();
        let mut same_key = entries.iter().filter(|entry| entry.key == key);
        same_key.find_map(|entry| Some((entry.index, entry.made.clone().downcast().ok()?)))
    }
}
