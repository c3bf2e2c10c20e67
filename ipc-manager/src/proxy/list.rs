//! Lists.

use super::contents::{One, Row};
use super::items::rows;
use super::number::Number;
use super::pages::{PAGE_SIZE, pages};
use super::{no_args, no_reply, proxy};
use crate::error::CallError;
use crate::wire::Op;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Borrow;

proxy! {
    /// A list. Made by [`Host::list`](crate::Host::list) and [`Host::list_from`](crate::Host::list_from).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_manager::{CallError, Manager};
    /// # ipc_process::init();
    ///
    /// let manager = Manager::start()?;
    /// let list = manager.list_from(["b", "c"].map(String::from))?;
    /// list.insert(0, "a")?;
    /// list.extend(["d", "e"].map(String::from))?;
    /// assert_eq!(list.pop()?.as_deref(), Some("e"));
    /// assert_eq!(list.remove(1)?, "b");
    /// assert_eq!(list.index_of("d")?, 2);
    /// assert_eq!(list.iter().collect::<Result<Vec<_>, _>>()?, ["a", "c", "d"]);
    ///
    /// list.update(0, |item: &mut String, times: usize| *item = item.repeat(times), 3)?;
    /// assert_eq!(list.get(0)?, "aaa");
    /// list.set_slice(1..3, ["x"].map(String::from))?;
    /// list.repeat(2)?;
    /// list.sort()?;
    /// assert_eq!(list.to_vec()?, ["aaa", "aaa", "x", "x"]);
    /// list.clear()?;
    /// assert!(matches!(list.get(0), Err(CallError::NotFound)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    List<T> of List
}

rows!(List);

impl<T: Serialize + DeserializeOwned> List<T> {
    /// Puts an item at the end.
    pub fn push<Q: Serialize + ?Sized>(&self, item: &Q) -> Result<(), CallError>
    where
        T: Borrow<Q>,
    {
        self.call(Op::Push, |request| request.value(item), no_reply)
    }

    /// Takes the last item away, if there is one.
    pub fn pop(&self) -> Result<Option<T>, CallError> {
        self.call(Op::Pop, no_args, |reply| reply.option())
    }

    /// Puts an item in front of the one at an index; at the end if there are not so many.
    pub fn insert<Q: Serialize + ?Sized>(&self, index: usize, item: &Q) -> Result<(), CallError>
    where
        T: Borrow<Q>,
    {
        let write = |request: &mut crate::client::Request<'_>| {
            request.number(index)?;
            request.value(item)
        };
        self.call(Op::Insert, write, no_reply)
    }

    /// Takes the item at an index away.
    pub fn remove(&self, index: usize) -> Result<T, CallError> {
        self.call(Op::Remove, |request| request.number(index), |reply| reply.value())
    }

    /// Removes the first item that is equal to this one, as far as encodings tell.
    ///
    /// # Errors
    ///
    /// [`CallError::NotFound`] if there is none.
    pub fn remove_item<Q: Serialize + ?Sized>(&self, item: &Q) -> Result<(), CallError>
    where
        T: Borrow<Q>,
    {
        self.call(Op::RemoveItem, |request| request.value(item), no_reply)
    }

    /// Puts all items at the end, in one call.
    pub fn extend(&self, items: impl IntoIterator<Item = T>) -> Result<(), CallError> {
        self.call(Op::Extend, |request| request.all(items), no_reply)
    }

    /// Replaces the items in a range, as far as there are any, by any number of others.
    pub fn set_slice(
        &self,
        range: std::ops::Range<usize>,
        items: impl IntoIterator<Item = T>,
    ) -> Result<(), CallError> {
        let write = |request: &mut crate::client::Request<'_>| {
            request.number(range.start)?;
            request.number(range.end)?;
            request.all(items)
        };
        self.call(Op::SetSlice, write, no_reply)
    }

    /// Keeps so many items at most.
    pub fn truncate(&self, len: usize) -> Result<(), CallError> {
        self.call(Op::Truncate, |request| request.number(len), no_reply)
    }

    /// Removes all items.
    pub fn clear(&self) -> Result<(), CallError> {
        self.call(Op::Clear, no_args, no_reply)
    }

    /// Has all items so many times, one after the other, as Python's `*=`.
    pub fn repeat(&self, times: usize) -> Result<(), CallError> {
        self.call(Op::Repeat, |request| request.number(times), no_reply)
    }
}
