//! Sets.

use super::contents::Keys;
use super::pages::{PAGE_SIZE, pages};
use super::{no_args, no_reply, proxy};
use crate::client::Request;
use crate::error::CallError;
use crate::wire::Op;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::Hash;

proxy! {
    /// A set. Made by [`Host::set`](crate::Host::set). Items are equal when their encodings are, as the keys of a [`Dict`](crate::Dict).
    ///
    /// # Examples
    ///
    /// ```
    /// # ipc_process::init();
    /// let manager = ipc_manager::Manager::start()?;
    /// let set = manager.set_from([1, 2, 3])?;
    /// assert!(set.insert(&4)?);
    /// assert!(!set.insert(&4)?);
    /// assert!(set.remove(&1)?);
    /// set.intersect([2, 3, 9])?;
    /// set.extend([5, 6])?;
    /// set.subtract([3, 5])?;
    /// set.symmetric_difference([6, 7])?;
    /// assert_eq!(set.to_vec()?, [2, 7]);
    /// assert!(set.contains(&2)? && set.is_subset([1, 2, 7])? && set.is_superset([2])? && set.is_disjoint([3])?);
    /// assert_eq!(set.modify(|items: &mut std::collections::HashSet<i32>, (): ()| items.drain().sum::<i32>(), ())?, 9);
    /// assert!(set.is_empty()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    Set<T> of Set
}

impl<T: Serialize + DeserializeOwned + Eq + Hash> Set<T> {
    /// How many items there are.
    ///
    /// # Errors
    ///
    /// [`CallError`], as for all methods.
    pub fn len(&self) -> Result<usize, CallError> {
        self.call(Op::Len, no_args, |reply| reply.count())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> Result<bool, CallError> {
        self.len().map(|len| len == 0)
    }

    /// Whether an item is there.
    pub fn contains<Q: Serialize + ?Sized>(&self, item: &Q) -> Result<bool, CallError>
    where
        T: Borrow<Q>,
    {
        self.call(Op::Contains, |request| request.key(item), |reply| reply.bool())
    }

    /// Puts an item there; whether it is new.
    pub fn insert<Q: Serialize + ?Sized>(&self, item: &Q) -> Result<bool, CallError>
    where
        T: Borrow<Q>,
    {
        self.call(Op::Insert, |request| request.key(item), |reply| reply.bool())
    }

    /// Removes an item; whether it was there.
    pub fn remove<Q: Serialize + ?Sized>(&self, item: &Q) -> Result<bool, CallError>
    where
        T: Borrow<Q>,
    {
        self.call(Op::Remove, |request| request.key(item), |reply| reply.bool())
    }

    /// Takes the item away that came last.
    pub fn pop(&self) -> Result<Option<T>, CallError> {
        self.call(Op::Pop, no_args, |reply| if reply.bool()? { reply.key().map(Some) } else { Ok(None) })
    }

    /// Puts all items there, in one call.
    pub fn extend(&self, items: impl IntoIterator<Item = T>) -> Result<(), CallError> {
        self.call(Op::Extend, |request| request.keys(items), no_reply)
    }

    /// Keeps what is in both.
    pub fn intersect(&self, items: impl IntoIterator<Item = T>) -> Result<(), CallError> {
        self.combine(0, items)
    }

    /// Removes all of these.
    pub fn subtract(&self, items: impl IntoIterator<Item = T>) -> Result<(), CallError> {
        self.combine(1, items)
    }

    /// Keeps what is in one of both.
    pub fn symmetric_difference(&self, items: impl IntoIterator<Item = T>) -> Result<(), CallError> {
        self.combine(2, items)
    }

    /// Whether none of these is there.
    pub fn is_disjoint(&self, items: impl IntoIterator<Item = T>) -> Result<bool, CallError> {
        self.relate(0, items)
    }

    /// Whether everything that is there is among these.
    pub fn is_subset(&self, items: impl IntoIterator<Item = T>) -> Result<bool, CallError> {
        self.relate(1, items)
    }

    /// Whether all of these are there.
    pub fn is_superset(&self, items: impl IntoIterator<Item = T>) -> Result<bool, CallError> {
        self.relate(2, items)
    }

    /// Removes all items.
    pub fn clear(&self) -> Result<(), CallError> {
        self.call(Op::Clear, no_args, no_reply)
    }

    /// All items as they are at one moment, in the order in which they came.
    pub fn to_vec(&self) -> Result<Vec<T>, CallError> {
        self.page(0, usize::MAX >> 1).map(|(items, _)| items)
    }

    /// All items as they are at one moment.
    pub fn to_set(&self) -> Result<HashSet<T>, CallError> {
        self.to_vec().map(|items| items.into_iter().collect())
    }

    /// The items one by one, which come in pages. One that is there all the time comes once.
    pub fn iter(&self) -> impl Iterator<Item = Result<T, CallError>> + '_ {
        pages(|place| self.page(place, PAGE_SIZE))
    }

    /// Changes all of it at once by a function that runs in the server.
    ///
    /// # Errors
    ///
    /// [`CallError::Panicked`] and [`CallError::Refused`]; the set is as it was before then.
    pub fn modify<A, R>(&self, function: fn(&mut HashSet<T>, A) -> R, args: A) -> Result<R, CallError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        let write = |request: &mut Request<'_>| request.change::<Keys<T>, A, R>(function, &args);
        self.call(Op::ChangeWhole, write, |reply| reply.value())
    }

    fn combine(&self, how: u8, items: impl IntoIterator<Item = T>) -> Result<(), CallError> {
        let write = |request: &mut Request<'_>| {
            request.to.u8(how);
            request.keys(items)
        };
        self.call(Op::Combine, write, no_reply)
    }

    fn relate(&self, how: u8, items: impl IntoIterator<Item = T>) -> Result<bool, CallError> {
        let write = |request: &mut Request<'_>| {
            request.to.u8(how);
            request.keys(items)
        };
        self.call(Op::Relate, write, |reply| reply.bool())
    }

    fn page(&self, place: u64, most: usize) -> Result<(Vec<T>, Option<u64>), CallError> {
        let write = |request: &mut Request<'_>| {
            request.to.u64(place);
            request.number(most)?;
            request.to.bool(true);
            request.to.bool(false);
            Ok(())
        };
        self.call(Op::Page, write, |reply| {
            let next = Some(reply.from.u64()?).filter(|&next| next != u64::MAX);
            let n_items = reply.from.u32()?;
            Ok(((0..n_items).map(|_| reply.key()).collect::<Result<_, _>>()?, next))
        })
    }
}
