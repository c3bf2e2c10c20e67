//! Cutting the files into pieces that can be counted one by one, and packing pieces into tasks.
//!
//! # Why the pieces give the same words as the whole
//!
//! A file is cut only behind an ASCII byte that is no letter or digit. Let `b` be that byte.
//!
//! 1. In UTF-8 every byte of a longer sequence is 0x80 or more, so `b` is in none of them: a character on either side of
//!    the cut is whole. A broken sequence ends before `b` for the same reason, so what is skipped as not UTF-8 is the
//!    same as well, byte for byte.
//! 2. `b` is a character of its own that is in no word, so no word has letters on both sides of it.
//! 3. Whether a character belongs to a word, and what it is in lower case, depends on nothing but the character
//!    (`char::to_lowercase` knows no neighbours, unlike `str::to_lowercase` with its final sigma).
//!
//! So the words of the file are those of the bytes up to `b` and those of the bytes behind it.

use crate::corpus::{Input, Problem};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// A part of a file that is counted by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Piece {
    /// As the system has it, which need not be UTF-8.
    pub(crate) path: OsString,
    pub(crate) start: u64,
    /// Behind the last byte; none for the end of the file, wherever that is.
    pub(crate) end: Option<u64>,
}

/// What a worker counts at a time.
pub(crate) type Batch = Vec<Piece>;

/// A batch has about as many bytes as this many pieces of the full size, as long as there is much to do.
const PIECES_IN_A_BATCH: u64 = 3;

/// Towards the end a batch is the part of what is left of which every worker could have this many. So no worker counts a
/// full batch while the others have nothing left to do.
const BATCHES_LEFT: u64 = 4;

/// What opening a file costs, in bytes that could be counted in the same time. It keeps a batch of tiny files short.
const PRICE_OF_A_FILE: u64 = 4 << 10;

/// How much of a file is looked at at a time in search of a place to cut.
const WINDOW: usize = 4 << 10;

/// All files as batches of pieces, and the files that could not be looked into.
pub(crate) fn plan(inputs: &[Input], piece_size: u64, n_workers: usize) -> (Vec<Batch>, Vec<Problem>) {
    let mut batches = Vec::new();
    let mut problems = Vec::new();
    let mut left: u64 = inputs.iter().map(|input| input.size + PRICE_OF_A_FILE).sum();
    let mut batch = Batch::new();
    let mut weight = 0;
    let most = piece_size.saturating_mul(PIECES_IN_A_BATCH);
    for input in inputs {
        let cuts = match cuts_of(input, piece_size) {
            Ok(cuts) => cuts,
            Err(error) => {
                problems.push(Problem { path: input.path.clone(), reason: error.to_string() });
                continue;
            }
        };
        let starts = [0].into_iter().chain(cuts.iter().copied());
        let ends = cuts.iter().copied().map(Some).chain([None]);
        for (start, end) in starts.zip(ends) {
            batch.push(Piece { path: input.path.clone().into(), start, end });
            weight += end.unwrap_or(input.size.max(start)) - start + PRICE_OF_A_FILE;
            if weight >= (left / (BATCHES_LEFT * n_workers as u64)).clamp(piece_size / 2, most) {
                batches.push(std::mem::take(&mut batch));
                left = left.saturating_sub(weight);
                weight = 0;
            }
        }
    }
    batches.extend(Some(batch).filter(|batch| !batch.is_empty()));
    (batches, problems)
}

/// Where to cut a file. A small one is not opened for that.
fn cuts_of(input: &Input, piece_size: u64) -> io::Result<Vec<u64>> {
    if input.size > piece_size {
        cuts(File::open(&input.path)?, input.size, piece_size)
    } else {
        Ok(Vec::new())
    }
}

/// Where to cut a file of the size `size`: at the first allowed places behind each multiple of `piece_size`.
pub(crate) fn cuts(mut file: impl Read + Seek, size: u64, piece_size: u64) -> io::Result<Vec<u64>> {
    let mut cuts = Vec::new();
    let mut from = piece_size;
    while from < size {
        match first_cut(&mut file, from)? {
            Some(cut) if cut < size => {
                cuts.push(cut);
                from = (cut / piece_size + 1).saturating_mul(piece_size);
            }
            _ => break,
        }
    }
    Ok(cuts)
}

/// The first allowed place at or behind `from`, where the byte in front of the place is not before `from`.
fn first_cut(file: &mut (impl Read + Seek), from: u64) -> io::Result<Option<u64>> {
    let mut at = file.seek(SeekFrom::Start(from))?;
    let mut window = [0; WINDOW];
    loop {
        let n_read = match file.read(&mut window) {
            Ok(0) => return Ok(None),
            Ok(n_read) => n_read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if let Some(index) = window[..n_read].iter().position(|&byte| can_cut_behind(byte)) {
            return Ok(Some(at + index as u64 + 1));
        }
        at += n_read as u64;
    }
}

/// Whether a file may be cut behind this byte.
pub(crate) fn can_cut_behind(byte: u8) -> bool {
    byte.is_ascii() && !byte.is_ascii_alphanumeric()
}
