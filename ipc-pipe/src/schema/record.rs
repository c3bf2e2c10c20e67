//! What a type has asked for so far.

use super::Fingerprint;
use hmac_sha256::Hash;
use std::collections::HashMap;

/// How many questions a type may ask before its record ends, over all passes.
const MAX_QUESTIONS: u32 = 20_000;

pub(super) struct Record {
    hash: Hash,
    n_questions: u32,
    /// How many variants each enum has, and which of them comes next.
    enums: HashMap<(&'static str, usize), usize>,
}

impl Record {
    pub(super) fn new() -> Self {
        Record { hash: Hash::new(), n_questions: 0, enums: HashMap::new() }
    }

    /// Notes a question; whether there may be more.
    pub(super) fn note(&mut self, kind: &str, names: &[&str], count: usize) -> bool {
        self.write(kind);
        for name in names {
            self.write(name);
        }
        self.hash.update((count as u64).to_le_bytes());
        self.n_questions += 1;
        self.n_questions < MAX_QUESTIONS
    }

    /// The variant of an enum whose turn it is.
    pub(super) fn next_variant(&mut self, name: &'static str, n_variants: usize) -> usize {
        let n_seen = self.enums.entry((name, n_variants)).or_default();
        let variant = *n_seen % n_variants.max(1);
        *n_seen += 1;
        variant
    }

    pub(super) fn end_pass(&mut self, whole: bool) {
        self.write(if whole { "whole" } else { "refused" });
    }

    /// Whether another pass would show nothing new.
    pub(super) fn is_complete(&self) -> bool {
        let all_seen = self.enums.iter().all(|(&(_, n_variants), &n_seen)| n_seen >= n_variants);
        all_seen || self.n_questions >= MAX_QUESTIONS
    }

    pub(super) fn finish(self) -> Fingerprint {
        let [number @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = self.hash.finalize();
        number
    }

    /// With its length, so that two texts in a row are not taken for two others.
    fn write(&mut self, text: &str) {
        self.hash.update((text.len() as u64).to_le_bytes());
        self.hash.update(text);
    }
}
