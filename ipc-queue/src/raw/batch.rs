//! Many items as they stand in the ring: records and bytes one behind the other, to be copied in one go.

use super::record::{Kind, Record};
use crate::error::Corruption;

/// How many bytes an item has at most that is encoded where it is to stand.
const NEAR: usize = 64;

/// Items that are to be put.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The items, and room for the next one.
    bytes: Vec<u8>,
    /// How many bytes they are.
    size: usize,
    /// How many tiny ones come first, each a word.
    n_tiny: usize,
    /// Where each of the others ends, in words.
    ends: Vec<u32>,
    /// An item that is not near.
    far: Vec<u8>,
}

impl Batch {
    /// Room for so many items of so many bytes, if they are as long as that.
    pub(crate) fn reserve(&mut self, count: usize, size: usize) {
        let size = count.saturating_mul(size.saturating_add(16)).saturating_add(NEAR);
        if self.bytes.len() < size {
            self.bytes.resize(size, 0);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.size = 0;
        self.n_tiny = 0;
        self.ends.clear();
    }

    /// How many items there are.
    pub(crate) fn len(&self) -> usize {
        self.n_tiny + self.ends.len()
    }

    /// How many bytes they take in the ring.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Adds tiny items, the first ones there are: all up to one that is none, or as many as there is room for.
    #[inline]
    pub(crate) fn push_tiny(&mut self, items: impl Iterator<Item = Record>) {
        debug_assert_eq!(self.len(), 0);
        let room = self.bytes.chunks_exact_mut(8);
        self.n_tiny =
            room.zip(items).map(|(word, item)| word.copy_from_slice(&item.to_word().to_le_bytes())).count();
        self.size = self.n_tiny * 8;
    }

    /// Adds an item that `encode` writes to the slice, or if that has no room for it into the `Vec`, and tells how many bytes it
    /// has. If it does not want to, or they are more than `most`, there is no item more.
    #[inline]
    pub(crate) fn push<E>(
        &mut self,
        most: usize,
        encode: impl FnOnce(&mut [u8], &mut Vec<u8>) -> Result<Option<usize>, E>,
    ) -> Result<bool, E> {
        let start = self.size + 8;
        if self.bytes.len() < start + NEAR {
            self.bytes.resize(2 * self.bytes.len() + start + NEAR, 0);
        }
        let near = &mut self.bytes[start..start + NEAR];
        let Some(len) = encode(near, &mut self.far)?.filter(|len| *len <= most) else { return Ok(false) };
        let tiny = near.first_chunk().and_then(|bytes| Record::tiny_of(*bytes, len));
        let Some(record) = tiny.or_else(|| Record::new(Kind::Inline, len)) else { return Ok(false) };
        let end = start + record.len().next_multiple_of(8);
        if len > NEAR {
            self.fetch_far(start, end, len);
        }
        if end > start {
            self.bytes[start + len..end].fill(0);
        }
        self.bytes[self.size..start].copy_from_slice(&record.to_word().to_le_bytes());
        self.ends.push((end / 8) as u32);
        self.size = end;
        Ok(true)
    }

    #[cold]
    fn fetch_far(&mut self, start: usize, end: usize, len: usize) {
        if self.bytes.len() < end {
            self.bytes.resize(end + NEAR, 0);
        }
        self.bytes[start..start + len].copy_from_slice(&self.far[..len]);
    }

    /// Where an item begins, in words; behind the last one, where it ends.
    pub(super) fn start(&self, idx: usize) -> u32 {
        match idx.checked_sub(self.n_tiny) {
            None | Some(0) => idx as u32,
            Some(others) => self.ends[others - 1],
        }
    }

    /// How many words an item takes.
    pub(crate) fn units(&self, idx: usize) -> u32 {
        self.start(idx + 1) - self.start(idx)
    }

    /// The bytes of the items, without the record of the first.
    pub(super) fn bytes(&self, first: usize, count: usize) -> &[u8] {
        let (start, end) = (self.start(first) as usize, self.start(first + count) as usize);
        &self.bytes[start * 8 + 8..end * 8]
    }

    /// The record of an item.
    pub(super) fn record(&self, idx: usize) -> Result<Record, Corruption> {
        let start = self.start(idx) as usize * 8;
        word_at(&self.bytes, start)
            .and_then(|word| Record::from_word(word).transpose())
            .unwrap_or(Err(NO_ITEM))
    }
}

const NO_ITEM: Corruption = Corruption::new("there is no item where one should be");

/// Items that were copied out of the ring together. How long each is was read before: what was copied may have changed since.
#[derive(Debug, Default)]
pub(crate) struct Items {
    /// The records of tiny ones, which come first, as words.
    tiny: Vec<u64>,
    /// Records and bytes of the others, as they stood in the ring.
    bytes: Vec<u8>,
    /// Where the bytes of each of these begin and end.
    places: Vec<(u32, u32)>,
    /// How many words they take together.
    n_units: usize,
}

impl Items {
    /// How many they are.
    pub(crate) fn len(&self) -> usize {
        self.tiny.len() + self.places.len()
    }

    /// The bytes of the first ones, which are tiny, filled up with zeros; and how many they are.
    #[inline]
    pub(crate) fn tiny(&self) -> impl Iterator<Item = ([u8; 8], usize)> {
        self.tiny.iter().map(|word| Record::tiny_in(*word))
    }

    /// The bytes of each of the others.
    pub(crate) fn others(&self) -> impl Iterator<Item = &[u8]> {
        self.places.iter().map(|&(start, end)| &self.bytes[start as usize..end as usize])
    }

    /// Forgets what it has, and makes room for so many tiny ones, but not for very many.
    pub(super) fn begin(&mut self, most: usize) -> &mut Vec<u64> {
        self.places.clear();
        self.n_units = 0;
        self.tiny.clear();
        self.tiny.reserve(most.min(1024));
        &mut self.tiny
    }

    /// One more item is to be copied.
    #[inline]
    pub(super) fn expect(&mut self, record: Record) {
        // The bytes of a tiny item are in its record, behind the first one.
        let start = self.n_units as u32 * 8 + if record.tiny().is_some() { 1 } else { record.head() * 8 };
        self.places.push((start, start + record.size() as u32));
        self.n_units += record.units() as usize;
    }

    /// Where the items that are not among the first tiny ones are to be copied to.
    pub(super) fn room(&mut self) -> &mut [u8] {
        self.bytes.resize(self.n_units * 8, 0);
        &mut self.bytes
    }
}

#[inline]
fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.first_chunk().map(|word| u64::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes an item as an encoder does.
    fn written(item: &[u8], near: &mut [u8], far: &mut Vec<u8>) -> usize {
        match near.get_mut(..item.len()) {
            Some(near) => near.copy_from_slice(item),
            None => *far = item.to_vec(),
        }
        item.len()
    }

    fn batch(items: &[&[u8]]) -> Batch {
        let mut batch = Batch::default();
        for item in items {
            let pushed = batch.push(1000, |near, far| Ok::<_, ()>(Some(written(item, near, far))));
            assert_eq!(pushed, Ok(true));
        }
        batch
    }

    #[test]
    fn items_come_out_as_they_went_in() {
        let wanted: [&[u8]; 5] = [b"", b"a", b"12345678", &[7; 100], b"123456789"];
        let batch = batch(&wanted);
        assert_eq!((batch.len(), batch.size()), (5, batch.start(5) as usize * 8));
        let mut items = Items::default();
        (0..5).for_each(|idx| items.expect(batch.record(idx).expect("it is one")));
        items.room().copy_from_slice(&batch.bytes[..batch.size]);
        assert_eq!(items.others().collect::<Vec<_>>(), wanted);
        assert_eq!(batch.record(4).map(Record::len), Ok(9));
        assert_eq!(batch.bytes(3, 1).len(), 104);
    }

    #[test]
    fn what_is_refused_leaves_nothing() {
        let mut batch = batch(&[b"one"]);
        let size = batch.size();
        assert_eq!(batch.push(3, |near, far| Ok::<_, ()>(Some(written(b"four", near, far)))), Ok(false));
        for (answer, expected) in [(Ok(None), Ok(false)), (Err(7), Err(7))] {
            let pushed = batch.push(9, |near, _| {
                near.fill(1);
                answer
            });
            assert_eq!(pushed, expected);
        }
        assert_eq!((batch.len(), batch.size()), (1, size));
    }
}
