//! The tokenizer of the workers: the words of a range of bytes, with a short way for ASCII.

use crate::counts::Counts;

/// Adds the words of a range of bytes.
///
/// The words of two ranges are those of both together if an ASCII byte that is no letter or digit stands between them; see
/// [`pieces`](crate::pieces) for why.
pub(crate) fn add_range(counts: &mut Counts, range: &[u8]) {
    let mut word = String::new();
    let mut rest = range;
    loop {
        match std::str::from_utf8(rest) {
            Ok(text) => {
                add_text(counts, text, &mut word);
                break;
            }
            Err(error) => {
                let (text, after) = rest.split_at(error.valid_up_to());
                let text = std::str::from_utf8(text).expect("valid up to here");
                add_text(counts, text, &mut word);
                // An unfinished sequence at the end of the range has no length: it is all that is left.
                let n_skipped = error.error_len().unwrap_or(after.len());
                counts.skipped += n_skipped as u64;
                rest = &after[n_skipped..];
            }
        }
    }
    counts.bytes += range.len() as u64;
}

/// `word` is room for a word, empty before and after.
fn add_text(counts: &mut Counts, text: &str, word: &mut String) {
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        match LOWER[usize::from(byte)] {
            NO_WORD => {
                finish(counts, word);
                rest = after;
            }
            NOT_ASCII => {
                let letter = text[text.len() - rest.len()..].chars().next().expect("there is a byte of it");
                rest = &rest[letter.len_utf8()..];
                if letter.is_alphanumeric() {
                    word.extend(letter.to_lowercase());
                } else {
                    finish(counts, word);
                }
            }
            lower => {
                word.push(char::from(lower));
                rest = after;
            }
        }
    }
    finish(counts, word);
}

#[inline]
fn finish(counts: &mut Counts, word: &mut String) {
    if !word.is_empty() {
        counts.add(word, 1);
        word.clear();
    }
}

/// In [`LOWER`]: an ASCII byte that is in no word.
const NO_WORD: u8 = 0;
/// In [`LOWER`]: the first byte of a character beyond ASCII.
const NOT_ASCII: u8 = 0xFF;

/// Each ASCII letter in lower case, each digit as it is.
const LOWER: [u8; 256] = {
    let mut table = [NOT_ASCII; 256];
    let mut byte = 0;
    while byte < 128 {
        let ascii = byte as u8;
        table[byte] = if ascii.is_ascii_alphanumeric() { ascii.to_ascii_lowercase() } else { NO_WORD };
        byte += 1;
    }
    table
};
