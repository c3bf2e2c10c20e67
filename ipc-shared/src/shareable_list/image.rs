//! The bytes of a whole list, for the one who makes it; and whether a list is whole, for the one who opens it.

use super::error::{Corruption, NewListError};
use super::item::Item;
use super::layout::Layout;
use super::tag::{TAG_SIZE, WORD, payload, slot_size, tag};
use crate::shared_memory::Bytes;
use std::sync::atomic::Ordering;

/// All bytes of a new list.
pub(super) struct Image {
    bytes: Vec<u8>,
    layout: Layout,
}

impl Image {
    pub(super) fn new<I: IntoIterator<Item: Into<Item>>>(items: I) -> Result<Image, NewListError> {
        let items: Vec<Item> = items.into_iter().map(Into::into).collect();
        let data_size = items.iter().try_fold(0_usize, |sum, item| sum.checked_add(slot_size(item)));
        let layout = data_size.and_then(|data_size| Layout::new(items.len(), data_size));
        let layout = layout.ok_or(NewListError::TooLarge)?;
        let mut bytes = Vec::with_capacity(layout.total_size());
        let mut offset = 0;
        bytes.extend_from_slice(&word(items.len()));
        bytes.extend_from_slice(&word(offset));
        for item in &items {
            offset += slot_size(item);
            bytes.extend_from_slice(&word(offset));
        }
        for item in &items {
            let end = bytes.len() + slot_size(item);
            bytes.extend_from_slice(&payload(item));
            bytes.resize(end, 0);
        }
        for (index, item) in items.iter().enumerate() {
            let size = payload(item).len();
            let format = tag(item, slot_size(item)).0.encode();
            bytes.extend_from_slice(&format.ok_or(NewListError::TooLong { index, size })?);
        }
        bytes.extend(items.iter().map(|item| tag(item, slot_size(item)).1 as u8));
        Ok(Image { bytes, layout })
    }

    /// How much memory the list needs.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Writes the list into new memory of its size, the number of elements last: where others can look already, the
    /// list is not whole before.
    pub(super) fn write_to(&self, target: Bytes<'_>) {
        let (length, rest) = self.bytes.split_at(WORD);
        let length = u64::from_ne_bytes(length.try_into().expect("a word was split off"));
        let written = target.write(WORD, rest).and_then(|()| target.atomic_u64(0));
        written.expect("new memory of the right size").store(length, Ordering::Release);
    }

    pub(super) fn layout(&self) -> Layout {
        self.layout
    }
}

/// A number as it stands in memory.
fn word(number: usize) -> [u8; WORD] {
    (number as u64).to_ne_bytes()
}

/// Reads where the elements of a list are; `None` for a list that its maker has not finished.
///
/// New memory is zero. This crate writes the number of elements last, CPython writes the numbers, then the data, then
/// the formats, then the codes, which may be zero. An empty list is nothing but zeros, in memory of its own size.
pub(super) fn read_whole(bytes: Bytes<'_>) -> Result<Option<Layout>, Corruption> {
    let layout = match Layout::read(bytes) {
        Ok(layout) => layout,
        Err(Corruption::Offset { found: 0, .. }) => return Ok(None),
        Err(other) => return Err(other),
    };
    if layout.len() == 0 {
        return Ok((bytes.size() == layout.total_size()).then_some(layout));
    }
    for index in 0..layout.len() {
        if bytes.load_u64(layout.format_at(index))?.to_ne_bytes() == [0; TAG_SIZE] {
            return Ok(None);
        }
    }
    Ok(Some(layout))
}
