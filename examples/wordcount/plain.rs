//! The plain count: one process, whole files, the definition of a word written down as it is spoken.
//!
//! It shares no code with the tokenizer of the workers, so that the two check each other.

use crate::corpus::{Input, Problem};
use crate::counts::Counts;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Counts the files one after another, each in one piece; says how many bytes it has done as it goes.
pub(crate) fn count(inputs: &[Input], mut done: impl FnMut(u64)) -> (Counts, Vec<Problem>) {
    let mut counts = Counts::default();
    let mut problems = Vec::new();
    let mut bytes = Vec::new();
    for input in inputs {
        match read(&input.path, &mut bytes) {
            Ok(()) => add_text(&mut counts, &bytes),
            Err(error) => problems.push(Problem { path: input.path.clone(), reason: error.to_string() }),
        }
        done(input.size);
    }
    (counts, problems)
}

/// Adds the words of a text: the runs of letters and digits, in lower case. What is not UTF-8 is no letter.
///
/// The questions about ASCII give the same answers as those about all of Unicode, sooner: a slow plain count would make the
/// workers look fast.
pub(crate) fn add_text(counts: &mut Counts, text: &[u8]) {
    let mut word = String::new();
    for chunk in text.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if letter.is_ascii_alphanumeric() {
                word.push(letter.to_ascii_lowercase());
            } else if !letter.is_ascii() && letter.is_alphanumeric() {
                word.extend(letter.to_lowercase());
            } else {
                end_word(counts, &mut word);
            }
        }
        end_word(counts, &mut word);
        counts.skipped += chunk.invalid().len() as u64;
    }
    counts.bytes += text.len() as u64;
}

/// Counts the word, if there is one, and empties it.
fn end_word(counts: &mut Counts, word: &mut String) {
    if !word.is_empty() {
        counts.add(word, 1);
        word.clear();
    }
}

fn read(path: &Path, bytes: &mut Vec<u8>) -> io::Result<()> {
    bytes.clear();
    File::open(path)?.read_to_end(bytes)?;
    Ok(())
}
