//! Where everything stands in the memory of a list: CPython's layout, to the byte.
//!
//! With `n` elements and `k` bytes of data, all numbers being `i64` in the byte order of the machine:
//!
//! | offset | size | what |
//! | --- | --- | --- |
//! | 0 | 8 | `n` |
//! | 8 | 8 (n + 1) | where each slot begins in the data, and `k` |
//! | 8 (n + 2) | k | data: the slots |
//! | 8 (n + 2) + k | 8 n | formats |
//! | 8 (n + 2) + k + 8 n | n | codes |
//!
//! How many elements and how much data there are is read once, when a process opens the list, and never believed
//! again. Where a slot is, is read each time and compared with that: a table of it would cost each process as much as
//! the list.

use super::error::Corruption;
use super::tag::{TAG_SIZE, WORD};
use crate::shared_memory::Bytes;

/// Where a slot is, in bytes from the start of the memory.
///
/// Invariant: it lies in the data of its list, its place and its size are multiples of 8, and the size is not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) at: usize,
    pub(super) size: usize,
}

/// The number of elements of a list, and the size of its data.
///
/// Invariants:
///
/// 1. The size of the data is a multiple of 8.
/// 2. [`total_size`](Layout::total_size) does not overflow, and a memory that the layout was read from is as large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    n_items: usize,
    data_size: usize,
}

impl Layout {
    /// The layout for so many slots of these sizes together; `None` if no memory is so large.
    pub(super) fn new(n_items: usize, data_size: usize) -> Option<Layout> {
        total_size(n_items, data_size).filter(|&total| isize::try_from(total).is_ok())?;
        Some(Layout { n_items, data_size })
    }

    /// Reads the layout, and refuses slots that do not lie in the memory.
    pub(super) fn read(bytes: Bytes<'_>) -> Result<Layout, Corruption> {
        let (size, least) = (bytes.size(), WORD * 2);
        if size < least {
            return Err(Corruption::TooSmall { size, least });
        }
        let found = read_number(bytes, 0)?;
        let n_items = usize::try_from(found).ok();
        let fixed = n_items.and_then(|n_items| Some((n_items, size.checked_sub(total_size(n_items, 0)?)?)));
        let (n_items, room) = fixed.ok_or(Corruption::Length { found, size })?;
        // For as long as the size of the data is not known, it is all there is room for.
        let mut layout = Layout { n_items, data_size: room - room % WORD };
        let mut end = layout.offset(bytes, 0)?;
        for index in 0..n_items {
            end = layout.slot_offsets(bytes, index)?.1;
        }
        layout.data_size = end;
        Ok(layout)
    }

    /// How many elements there are.
    pub(super) fn len(self) -> usize {
        self.n_items
    }

    /// Bytes of the whole list. The memory may have more.
    pub(super) fn total_size(self) -> usize {
        self.codes_at() + self.n_items
    }

    /// Reads where the bytes of an element are, of which there must be so many.
    pub(super) fn slot(self, bytes: Bytes<'_>, index: usize) -> Result<Slot, Corruption> {
        let (start, end) = self.slot_offsets(bytes, index)?;
        Ok(Slot { at: WORD * (self.n_items + 2) + start, size: end - start })
    }

    /// Where the format of an element is.
    pub(super) fn format_at(self, index: usize) -> usize {
        self.formats_at() + TAG_SIZE * index
    }

    /// Where the code of an element is.
    pub(super) fn code_at(self, index: usize) -> usize {
        self.codes_at() + index
    }

    fn formats_at(self) -> usize {
        WORD * (self.n_items + 2) + self.data_size
    }

    fn codes_at(self) -> usize {
        self.formats_at() + TAG_SIZE * self.n_items
    }

    /// Where a slot begins and where it ends.
    fn slot_offsets(self, bytes: Bytes<'_>, index: usize) -> Result<(usize, usize), Corruption> {
        let (start, end) = (self.offset(bytes, index)?, self.offset(bytes, index + 1)?);
        // No slot is empty, so that nobody can pretend a number of them without having written as many numbers.
        if start < end {
            Ok((start, end))
        } else {
            Err(Corruption::Offset { index: index + 1, found: end as i64 })
        }
    }

    /// Reads where a slot begins, or for the last index the data ends.
    fn offset(self, bytes: Bytes<'_>, index: usize) -> Result<usize, Corruption> {
        let found = read_number(bytes, WORD * (index + 1))?;
        let offset = usize::try_from(found).ok();
        let offset = offset.filter(|&offset| offset <= self.data_size && offset % WORD == 0);
        offset.filter(|&offset| index > 0 || offset == 0).ok_or(Corruption::Offset { index, found })
    }
}

fn read_number(bytes: Bytes<'_>, at: usize) -> Result<i64, Corruption> {
    Ok(i64::from_ne_bytes(bytes.load_u64(at)?.to_ne_bytes()))
}

/// Bytes of a list with so many elements and so much data.
fn total_size(n_items: usize, data: usize) -> Option<usize> {
    let numbers = n_items.checked_add(2)?.checked_mul(WORD)?;
    let tags = n_items.checked_mul(TAG_SIZE + 1)?;
    numbers.checked_add(tags)?.checked_add(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other_without_overlap() {
        for n_items in 0..50_usize {
            let layout = Layout::new(n_items, WORD * 3 * n_items).expect("a small list");
            assert_eq!(layout.len(), n_items);
            assert_eq!(layout.total_size(), 8 * (n_items + 2) + 24 * n_items + 9 * n_items);
            assert_eq!(layout.format_at(n_items), layout.code_at(0));
            assert_eq!(layout.format_at(0) % WORD, 0);
        }
    }

    #[test]
    fn lists_that_no_memory_holds_are_refused() {
        assert_eq!(Layout::new(1, usize::MAX - 7), None);
        assert_eq!(Layout::new(1, isize::MAX as usize - 7), None);
        assert_eq!(total_size(usize::MAX, 0), None);
        assert_eq!(total_size(usize::MAX / 8 - 1, 0), None);
    }
}
