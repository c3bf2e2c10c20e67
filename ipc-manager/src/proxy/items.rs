//! What lists and arrays have in common, and arrays.

use super::contents::{One, Row};
use super::number::Number;
use super::pages::{PAGE_SIZE, pages};
use super::{no_args, no_reply, proxy};
use crate::error::CallError;
use crate::wire::Op;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Borrow;

proxy! {
    /// An array: items whose number is fixed. Made by [`Host::array`](crate::Host::array).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_manager::{CallError, Manager};
    /// # ipc_process::init();
    ///
    /// let manager = Manager::start()?;
    /// let array = manager.array([1_u32, 2, 3])?;
    /// array.set(0, &10)?;
    /// assert_eq!(array.fetch_add(1, 5)?, 2);
    /// assert_eq!(array.to_vec()?, [10, 7, 3]);
    /// assert_eq!(array.slice(1..3)?, [7, 3]);
    /// assert!(matches!(array.set(3, &0), Err(CallError::NotFound)));
    /// let sum = array.modify(|items: &mut Vec<u32>, (): ()| items.iter().sum::<u32>(), ())?;
    /// assert_eq!(sum, 20);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    Array<T> of Array
}

/// What both of them can do.
macro_rules! rows {
    ($Type:ident) => {
        impl<T: Serialize + DeserializeOwned> $Type<T> {
            /// How many items there are.
            ///
            /// # Errors
            ///
            /// [`CallError`], as for all methods; what is special to one of them stands there.
            pub fn len(&self) -> Result<usize, CallError> {
                self.call(Op::Len, no_args, |reply| reply.count())
            }

            /// Whether there are none.
            pub fn is_empty(&self) -> Result<bool, CallError> {
                self.len().map(|len| len == 0)
            }

            /// The item at an index.
            ///
            /// # Errors
            ///
            /// [`CallError::NotFound`] if there are fewer items, here and in all methods with an index.
            #[inline]
            pub fn get(&self, index: usize) -> Result<T, CallError> {
                self.call(Op::Get, |request| request.number(index), |reply| reply.value())
            }

            /// Replaces the item at an index.
            #[inline]
            pub fn set<Q: Serialize + ?Sized>(&self, index: usize, item: &Q) -> Result<(), CallError>
            where
                T: Borrow<Q>,
            {
                let write = |request: &mut crate::client::Request<'_>| {
                    request.number(index)?;
                    request.value(item)
                };
                self.call(Op::Set, write, no_reply)
            }

            /// Replaces the item at an index, and returns the one before.
            pub fn replace<Q: Serialize + ?Sized>(&self, index: usize, item: &Q) -> Result<T, CallError>
            where
                T: Borrow<Q>,
            {
                let write = |request: &mut crate::client::Request<'_>| {
                    request.number(index)?;
                    request.value(item)
                };
                self.call(Op::Swap, write, |reply| reply.value())
            }

            /// Replaces the item at an index if it is the expected one, as far as encodings tell.
            ///
            /// # Errors
            ///
            /// The inner error is the item that is there instead.
            pub fn compare_exchange(
                &self,
                index: usize,
                expected: &T,
                new: &T,
            ) -> Result<Result<T, T>, CallError> {
                let write = |request: &mut crate::client::Request<'_>| {
                    request.number(index)?;
                    request.sized(expected)?;
                    request.value(new)
                };
                self.call(Op::CompareExchange, write, |reply| {
                    let is_same = reply.bool()?;
                    let value = reply.value()?;
                    Ok(if is_same { Ok(value) } else { Err(value) })
                })
            }

            /// Adds to the number at an index, and returns the one before.
            pub fn fetch_add(&self, index: usize, by: T) -> Result<T, CallError>
            where
                T: Number,
            {
                let write = |request: &mut crate::client::Request<'_>| {
                    request.number(index)?;
                    request.to.u8(T::TYPE);
                    request.key(&by)
                };
                self.call(Op::Add, write, |reply| reply.value())
            }

            /// Changes the item at an index by a function that runs in the server.
            ///
            /// Calls on this object wait meanwhile, calls on others do not; a function that calls the object it changes waits for itself.
            ///
            /// # Errors
            ///
            /// [`CallError::Panicked`] and [`CallError::Refused`]; the item is as it was before then.
            pub fn update<A, R>(
                &self,
                index: usize,
                function: fn(&mut T, A) -> R,
                args: A,
            ) -> Result<R, CallError>
            where
                A: Serialize + DeserializeOwned,
                R: Serialize + DeserializeOwned,
            {
                let write = |request: &mut crate::client::Request<'_>| {
                    request.number(index)?;
                    request.change::<One<T>, A, R>(function, &args)
                };
                self.call(Op::Change, write, |reply| reply.value())
            }

            /// Changes all items at once by a function that runs in the server. An array keeps its length.
            ///
            /// # Errors
            ///
            /// As for [`update`](Self::update).
            pub fn modify<A, R>(&self, function: fn(&mut Vec<T>, A) -> R, args: A) -> Result<R, CallError>
            where
                A: Serialize + DeserializeOwned,
                R: Serialize + DeserializeOwned,
            {
                let write = |request: &mut crate::client::Request<'_>| {
                    request.change::<Row<T>, A, R>(function, &args)
                };
                self.call(Op::ChangeWhole, write, |reply| reply.value())
            }

            /// Whether an item is there, as far as encodings tell; the same holds for `index_of` and `count`.
            pub fn contains<Q: Serialize + ?Sized>(&self, item: &Q) -> Result<bool, CallError>
            where
                T: Borrow<Q>,
            {
                self.call(Op::Contains, |request| request.value(item), |reply| reply.bool())
            }

            /// Where an item is for the first time.
            ///
            /// # Errors
            ///
            /// [`CallError::NotFound`] if it is not there.
            pub fn index_of<Q: Serialize + ?Sized>(&self, item: &Q) -> Result<usize, CallError>
            where
                T: Borrow<Q>,
            {
                self.call(Op::Find, |request| request.value(item), |reply| reply.count())
            }

            /// How often an item is there.
            pub fn count<Q: Serialize + ?Sized>(&self, item: &Q) -> Result<usize, CallError>
            where
                T: Borrow<Q>,
            {
                self.call(Op::Count, |request| request.value(item), |reply| reply.count())
            }

            /// The items in a range, as far as there are any, in one call.
            pub fn slice(&self, range: std::ops::Range<usize>) -> Result<Vec<T>, CallError> {
                let write = |request: &mut crate::client::Request<'_>| {
                    request.number(range.start)?;
                    request.number(range.end)
                };
                self.call(Op::Slice, write, |reply| reply.all())
            }

            /// All items as they are at one moment.
            ///
            /// # Errors
            ///
            /// [`CallError::Limit`] if they are more than a message can be, which is 64 MiB; [`iter`](Self::iter) has no limit.
            pub fn to_vec(&self) -> Result<Vec<T>, CallError> {
                self.slice(0..usize::MAX >> 1)
            }

            /// The items one by one, which come in pages: what is changed meanwhile is seen or not.
            pub fn iter(&self) -> impl Iterator<Item = Result<T, CallError>> + '_ {
                pages(move |place| {
                    let write = |request: &mut crate::client::Request<'_>| {
                        request.number(place as usize)?;
                        request.number(PAGE_SIZE)
                    };
                    self.call(Op::Page, write, |reply| {
                        let end = reply.count()? as u64;
                        let items: Vec<T> = reply.all()?;
                        Ok((items, Some(end).filter(|&end| end != place)))
                    })
                })
            }

            /// Turns the order around.
            pub fn reverse(&self) -> Result<(), CallError> {
                self.call(Op::Reverse, no_args, no_reply)
            }

            /// Sorts the items, by a function that runs in the server; equal ones stay in their order.
            pub fn sort(&self) -> Result<(), CallError>
            where
                T: Ord,
            {
                self.modify(|items: &mut Vec<T>, (): ()| items.sort(), ())
            }
        }
    };
}
pub(super) use rows;

rows!(Array);
