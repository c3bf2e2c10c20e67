//! How often each word occurs, and what else was counted.

use crate::hash::WordHash;
use std::cmp::Reverse;
use std::collections::HashMap;

/// The result: of one batch, of all together, or of the plain count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) bytes: u64,
    /// How many of the bytes are not UTF-8.
    pub(crate) skipped: u64,
    words: HashMap<Box<str>, u64, WordHash>,
}

impl Counts {
    /// Counts a word `times` more. It has to be in lower case.
    #[inline]
    pub(crate) fn add(&mut self, word: &str, times: u64) {
        match self.words.get_mut(word) {
            Some(count) => *count += times,
            None => {
                self.words.insert(word.into(), times);
            }
        }
    }

    /// How many words there are, each as often as it occurs.
    pub(crate) fn total(&self) -> u64 {
        self.words.values().sum()
    }

    /// How many different words there are.
    pub(crate) fn distinct(&self) -> usize {
        self.words.len()
    }

    /// The words and how often each occurs, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.words.iter().map(|(word, &count)| (&**word, count))
    }

    /// The most frequent words, those that are equally frequent in the order of their letters.
    pub(crate) fn top(&self, n_words: usize) -> Vec<(&str, u64)> {
        let mut words: Vec<_> = self.iter().collect();
        // Only the first few are sorted: there may be millions.
        if words.len() > n_words {
            words.select_nth_unstable_by_key(n_words, |&(word, count)| (Reverse(count), word));
            words.truncate(n_words);
        }
        words.sort_unstable_by_key(|&(word, count)| (Reverse(count), word));
        words
    }
}
