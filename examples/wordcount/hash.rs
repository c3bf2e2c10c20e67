//! A fast hash for short words.
//!
//! The standard hash is about half of the time of counting: it is made for keys that an enemy chooses. This one takes eight
//! bytes at a time and mixes them by a wide multiplication; its seed differs from table to table, so that a text written to
//! be slow has to be lucky as well.
//!
//! # Source
//!
//! The folded multiplication is that of wyhash by Wang Yi (public domain); the rest is the least that words need.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// Makes a [`WordHasher`] for each word of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WordHash {
    seed: u64,
}

/// The state while a word is hashed.
#[derive(Debug)]
pub(crate) struct WordHasher {
    state: u64,
}

/// Bits without a pattern: the first of pi, and of the golden ratio.
const PI: u64 = 0x243F_6A88_85A3_08D3;
const PHI: u64 = 0x9E37_79B9_7F4A_7C15;

impl Default for WordHash {
    fn default() -> Self {
        WordHash { seed: RandomState::new().hash_one("words") }
    }
}

impl BuildHasher for WordHash {
    type Hasher = WordHasher;

    #[inline]
    fn build_hasher(&self) -> WordHasher {
        WordHasher { state: self.seed }
    }
}

impl WordHasher {
    #[inline]
    fn mix(&mut self, chunk: u64) {
        let wide = u128::from(self.state ^ chunk) * u128::from(PHI);
        self.state = (wide as u64) ^ ((wide >> 64) as u64) ^ PI;
    }
}

impl Hasher for WordHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.mix(u64::from_le_bytes(chunk.try_into().expect("it has eight bytes")));
        }
        // The length goes in with the rest, so that words which differ in zeros at the end differ.
        let length = bytes.len() as u64;
        self.mix(chunks.remainder().iter().fold(length, |rest, &byte| (rest << 8) | u64::from(byte)));
    }

    #[inline]
    fn write_u8(&mut self, _end_of_text: u8) {
        // It keeps a word apart from what follows in the key, and a word is the whole key.
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.state
    }
}
