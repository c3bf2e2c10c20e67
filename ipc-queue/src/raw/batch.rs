//! Many items as they stand in the ring: records and bytes one behind the other, to be copied in one go.

use super::record::{Kind, Record};
use crate::error::Corruption;

/// Items that are to be put.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    /// Where each ends, in words.
    ends: Vec<u32>,
}

impl Batch {
    /// Room for so many items of so many bytes, if they are as long as that.
    pub(crate) fn reserve(&mut self, count: usize, size: usize) {
        self.ends.reserve(count);
        self.bytes.reserve(count.saturating_mul(size.saturating_add(16)));
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// How many items there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// How many bytes they take in the ring.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Adds an item whose bytes `encode` appends. If it does not want to, or they are more than `most`, there is no item more.
    #[inline]
    pub(crate) fn push<E>(
        &mut self,
        most: usize,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 8]);
        let encoded = encode(&mut self.bytes);
        let len = self.bytes.len() - start - 8;
        match (encoded, Record::new(Kind::Inline, len).filter(|_| len <= most)) {
            (Ok(true), Some(record)) => {
                self.bytes[start..start + 8].copy_from_slice(&record.to_word().to_le_bytes());
                self.bytes.extend_from_slice(&[0; 8][..(8 - len % 8) % 8]);
                self.ends.push((self.bytes.len() / 8) as u32);
                Ok(true)
            }
            (Err(error), _) => {
                self.bytes.truncate(start);
                Err(error)
            }
            _ => {
                self.bytes.truncate(start);
                Ok(false)
            }
        }
    }

    /// Where an item begins, in words; behind the last one, where it ends.
    pub(super) fn start(&self, idx: usize) -> u32 {
        if idx == 0 { 0 } else { self.ends[idx - 1] }
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

/// The bytes of each item in what was copied out of the ring, which somebody may have changed since it was looked at.
pub(crate) fn items(mut bytes: &[u8]) -> impl Iterator<Item = Result<&[u8], Corruption>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let item = first_item(bytes);
        bytes = item.map_or(&[], |(_, rest)| rest);
        Some(item.map(|(item, _)| item).ok_or(NO_ITEM))
    })
}

/// The bytes of the first item, and what stands behind it.
#[inline]
fn first_item(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let record = Record::from_word(word_at(bytes, 0)?).ok()??;
    let (item, rest) = bytes.split_at_checked(record.units() as usize * 8)?;
    (record.kind() == Kind::Inline).then(|| (&item[8..8 + record.len()], rest))
}

#[inline]
fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.first_chunk().map(|word| u64::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(items: &[&[u8]]) -> Batch {
        let mut batch = Batch::default();
        for item in items {
            let pushed = batch.push(1000, |bytes| {
                bytes.extend_from_slice(item);
                Ok::<_, ()>(true)
            });
            assert_eq!(pushed, Ok(true));
        }
        batch
    }

    #[test]
    fn items_come_out_as_they_went_in() {
        let wanted: [&[u8]; 5] = [b"", b"a", b"12345678", b"123456789", &[7; 100]];
        let batch = batch(&wanted);
        assert_eq!((batch.len(), batch.size()), (5, batch.start(5) as usize * 8));
        let found: Result<Vec<&[u8]>, _> = items(&batch.bytes).collect();
        assert_eq!(found.as_deref(), Ok(&wanted[..]));
        assert_eq!(batch.record(3).map(Record::len), Ok(9));
        assert_eq!(batch.bytes(1, 1), b"a\0\0\0\0\0\0\0");
    }

    #[test]
    fn what_is_refused_leaves_nothing() {
        let mut batch = batch(&[b"one"]);
        let size = batch.size();
        assert_eq!(
            batch.push(3, |bytes| Ok::<_, ()>({
                bytes.extend_from_slice(b"four");
                true
            })),
            Ok(false)
        );
        assert_eq!(
            batch.push(9, |bytes| Ok::<_, ()>({
                bytes.push(1);
                false
            })),
            Ok(false)
        );
        assert_eq!(
            batch.push(9, |bytes| {
                bytes.push(1);
                Err(7)
            }),
            Err(7)
        );
        assert_eq!((batch.len(), batch.size()), (1, size));
    }

    #[test]
    fn bytes_that_somebody_has_changed_are_refused() {
        let whole = batch(&[b"one", b"two"]).bytes;
        for (at, byte) in [(0, 0), (0, 3), (1, 255), (4, 255), (16, 0), (17, 9)] {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            assert!(items(&bytes).any(|item| item.is_err()), "{at} {byte}");
        }
        assert!(items(&whole[..20]).any(|item| item.is_err()));
    }
}
