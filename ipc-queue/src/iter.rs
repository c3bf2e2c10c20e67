//! Iterators over the items that come.

use crate::error::{GetError, TryGetError};
use crate::queue::Queue;
use serde::de::DeserializeOwned;
use std::iter::FusedIterator;

/// The items as they come, until the queue is closed and drained: [`Queue::iter`].
#[derive(Debug)]
pub struct Iter<'a, T> {
    queue: &'a Queue<T>,
    is_over: bool,
}

/// The items that are there, until the queue is empty: [`Queue::try_iter`].
#[derive(Debug)]
pub struct TryIter<'a, T> {
    queue: &'a Queue<T>,
    is_over: bool,
}

impl<'a, T> Iter<'a, T> {
    pub(crate) fn new(queue: &'a Queue<T>) -> Self {
        Iter { queue, is_over: false }
    }
}

impl<'a, T> TryIter<'a, T> {
    pub(crate) fn new(queue: &'a Queue<T>) -> Self {
        TryIter { queue, is_over: false }
    }
}

impl<T: DeserializeOwned> Iterator for Iter<'_, T> {
    type Item = Result<T, GetError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let result = self.queue.get();
        self.is_over = !matches!(result, Ok(_) | Err(GetError::Decode(_)));
        match result {
            Err(GetError::Closed) => None,
            other => Some(other),
        }
    }
}

impl<T: DeserializeOwned> Iterator for TryIter<'_, T> {
    type Item = Result<T, TryGetError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let result = self.queue.try_get();
        self.is_over = !matches!(result, Ok(_) | Err(TryGetError::Decode(_)));
        match result {
            Err(TryGetError::Empty | TryGetError::Closed) => None,
            other => Some(other),
        }
    }
}

impl<T: DeserializeOwned> FusedIterator for Iter<'_, T> {}
impl<T: DeserializeOwned> FusedIterator for TryIter<'_, T> {}

impl<'a, T: DeserializeOwned> IntoIterator for &'a Queue<T> {
    type Item = Result<T, GetError>;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}
