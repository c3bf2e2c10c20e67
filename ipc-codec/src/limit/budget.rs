//! The budget of one decode: memory, and elements that cost the sender nothing.

use crate::{DecodeError, Limits};

/// The largest number of elements that is given as a hint before they are seen.
///
/// It bounds what a collection of another crate allocates if it believes the hint without looking at the
/// element size.
pub(super) const MAX_HINT: usize = 4096;

/// What a collection of the standard library allocates at most on the strength of a hint, in bytes.
///
/// serde asks for at most 1 MiB of elements. A hash table makes up to 16/7 as many slots of them, each with a byte of
/// control, and there are no more than [`MAX_HINT`] elements: together less than 2.5 MiB.
pub(super) const HINT_COST: usize = (1 << 20) * 5 / 2;

/// What is left to spend.
pub(super) struct Budget<'a> {
    left: usize,
    empties_left: u64,
    /// What there was at first.
    limits: &'a Limits,
}

impl<'a> Budget<'a> {
    #[inline]
    pub(super) fn new(limits: &'a Limits) -> Budget<'a> {
        Budget { left: limits.max_decoded, empties_left: limits.max_elements, limits }
    }

    /// How many values may stand inside each other.
    #[inline]
    pub(super) fn max_depth(&self) -> u32 {
        self.limits.max_depth
    }

    /// Charges `kept` bytes, if `passing` more would fit beside them for a moment.
    #[inline]
    pub(super) fn charge(&mut self, kept: usize, passing: usize) -> Result<(), DecodeError> {
        if kept.saturating_add(passing) > self.left {
            return Err(size_error(self.limits));
        }
        self.left -= kept;
        Ok(())
    }

    /// Sets `size` bytes aside, to be given back; false if they are not there.
    #[inline]
    pub(super) fn reserve(&mut self, size: usize) -> bool {
        match self.left.checked_sub(size) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// Gives back what [`reserve`](Budget::reserve) set aside.
    #[inline]
    pub(super) fn release(&mut self, size: usize) {
        self.left += size;
    }

    /// Charges one element that occupied no byte.
    #[inline]
    pub(super) fn charge_empty(&mut self) -> Result<(), DecodeError> {
        match self.empties_left.checked_sub(1) {
            Some(left) => {
                self.empties_left = left;
                Ok(())
            }
            None => Err(elements_error(self.limits)),
        }
    }

    /// Checks a declared length before anything is done for it.
    ///
    /// Each element either occupies a byte or is charged as an empty one, so a length beyond both cannot be
    /// honest.
    #[inline]
    pub(super) fn check_length(
        &self,
        declared: u64,
        remaining: usize,
        element_size: usize,
    ) -> Result<(), DecodeError> {
        if declared <= (remaining as u64).saturating_add(self.empties_left) {
            Ok(())
        } else if element_size == 0 {
            Err(elements_error(self.limits))
        } else {
            Err(DecodeError::LengthOverInput { declared, remaining })
        }
    }
}

#[cold]
fn size_error(limits: &Limits) -> DecodeError {
    DecodeError::DecodedSize { limit: limits.max_decoded }
}

#[cold]
fn elements_error(limits: &Limits) -> DecodeError {
    DecodeError::Elements { limit: limits.max_elements }
}

/// What a collection of `len` elements of `size` bytes takes: kept, and for a moment beside it.
///
/// A visitor that asked for the hint fills a `Vec` or a hash table, and the larger of the two is assumed. One
/// that did not fills a list or a tree, or a `Vec` that starts empty.
#[inline]
pub(super) fn collection_cost(len: usize, size: usize, asked_for_hint: bool) -> (usize, usize) {
    let kept = if asked_for_hint { table_cost(len, size) } else { node_cost(len, size) };
    // Growing to twice the size holds the old half meanwhile; turning a `Vec` into an `Rc<[T]>` holds all
    // elements twice.
    (kept, (kept / 2).max(len.saturating_mul(size)))
}

/// The bytes of a hash table, which are never fewer than those of a `Vec` that grew by doubling.
fn table_cost(len: usize, size: usize) -> usize {
    match size {
        // Nothing is stored, and a set of it has one element.
        0 => 64,
        // A type of one byte has 256 values at most, so that no large set of them exists: only the `Vec`
        // counts, and the table that a hint may have made.
        1 => power_of_two(len.max(16)).saturating_add(table_cost_of_slots(len.min(MAX_HINT), 1)),
        _ => table_cost_of_slots(len, size),
    }
}

fn table_cost_of_slots(len: usize, size: usize) -> usize {
    // The least table of the standard library has 4 slots, or more where the elements are tiny.
    let least = if size < 4 { 14 } else { 3 };
    let slots = power_of_two(len.max(least).saturating_mul(8).div_ceil(7));
    // A byte of control per slot, and one group of them (with the alignment of the slots) at the end.
    slots.saturating_mul(size + 1).saturating_add(32)
}

/// The bytes of a B-tree with nodes as empty as they may be, which are never fewer than those of a linked
/// list.
fn node_cost(len: usize, size: usize) -> usize {
    // A node has room for 11 elements and, unless it is the root, holds at least 5; its links are below 128
    // bytes.
    let nodes = len.div_ceil(5);
    nodes.saturating_mul(size.saturating_mul(11).saturating_add(128))
}

fn power_of_two(n: usize) -> usize {
    n.checked_next_power_of_two().unwrap_or(usize::MAX)
}
