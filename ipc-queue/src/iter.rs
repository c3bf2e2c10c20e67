//! An iterator over the items that come.

use crate::error::{Ending, QueueError};
use crate::raw_queue::RawQueue;
use ipc_codec::Limits;
use ipc_sys::clock::Deadline;
use serde::de::DeserializeOwned;
use std::iter::FusedIterator;
use std::marker::PhantomData;

/// The items of a [`Queue`](crate::Queue) or a channel, as they come or those that are there.
///
/// # Examples
///
/// ```
/// let queue = ipc_queue::Queue::bounded(4)?;
/// queue.put(1)?;
/// queue.close();
/// for item in &queue {
///     assert_eq!(item?, 1);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Iter<'a, T> {
    raw: &'a RawQueue,
    limits: Limits,
    /// How long each step waits.
    deadline: Deadline,
    is_over: bool,
    items: PhantomData<fn() -> T>,
}

impl<'a, T> Iter<'a, T> {
    pub(crate) fn new(raw: &'a RawQueue, limits: Limits, deadline: Deadline) -> Self {
        Iter { raw, limits, deadline, is_over: false, items: PhantomData }
    }
}

impl<T: DeserializeOwned> Iterator for Iter<'_, T> {
    type Item = Result<T, QueueError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        match self.raw.get_value(&self.limits, self.deadline) {
            Ok(Some(item)) => Some(Ok(item)),
            Ok(None) | Err(Ending::Ended) => {
                self.is_over = true;
                None
            }
            Err(Ending::Failed(error)) => {
                self.is_over = !error.is_of_item();
                Some(Err(error))
            }
        }
    }
}

impl<T: DeserializeOwned> FusedIterator for Iter<'_, T> {}
