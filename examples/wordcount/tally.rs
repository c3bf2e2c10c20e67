//! What a worker sends back: the counts of a batch, packed, and what it could not read.

use crate::counts::Counts;
use serde::{Deserialize, Serialize};

/// The counts of a batch.
///
/// All words are one text, which is sent and checked in one go. A string for each would cost the parent an allocation for
/// each, and the parent is the one who takes the tallies of all workers.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tally {
    bytes: u64,
    skipped: u64,
    text: String,
    /// For each word, the bytes it has in `text` and how often it occurs.
    words: Vec<(u32, u64)>,
    /// The index in the batch of each piece that could not be read, and why.
    pub(crate) failures: Vec<(usize, String)>,
}

impl Tally {
    /// How many bytes were counted.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Packs counts.
    pub(crate) fn new(counts: &Counts, failures: Vec<(usize, String)>) -> Tally {
        let mut tally = Tally { bytes: counts.bytes, skipped: counts.skipped, failures, ..Tally::default() };
        tally.words.reserve_exact(counts.distinct());
        for (word, count) in counts.iter() {
            let length = u32::try_from(word.len()).expect("a word is shorter than 4 GiB");
            tally.text.push_str(word);
            tally.words.push((length, count));
        }
        tally
    }

    /// Adds the counts of this batch to those of all.
    pub(crate) fn add_to(&self, counts: &mut Counts) {
        counts.bytes += self.bytes;
        counts.skipped += self.skipped;
        let mut rest = &*self.text;
        for &(length, count) in &self.words {
            let (word, after) = rest.split_at(length as usize);
            counts.add(word, count);
            rest = after;
        }
    }
}
