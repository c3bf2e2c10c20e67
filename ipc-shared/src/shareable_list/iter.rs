//! The values of a list, one after the other.

use super::ShareableList;
use super::error::GetError;
use super::item::Item;
use std::iter::FusedIterator;
use std::ops::Range;

/// What [`ShareableList::iter`] gives. A value that cannot be read is an error, and the next may be good again.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    list: &'a ShareableList,
    rest: Range<usize>,
}

impl<'a> Iter<'a> {
    pub(super) fn new(list: &'a ShareableList) -> Self {
        Iter { list, rest: 0..list.len() }
    }
}

impl Iterator for Iter<'_> {
    type Item = Result<Item, GetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rest.next().map(|index| self.list.get(index))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rest.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.rest.next_back().map(|index| self.list.get(index))
    }
}

impl ExactSizeIterator for Iter<'_> {}
impl FusedIterator for Iter<'_> {}
