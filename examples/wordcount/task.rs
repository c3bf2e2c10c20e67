//! The work of a worker: read the pieces of a batch and count their words.

use crate::counts::Counts;
use crate::pieces::{Batch, Piece};
use crate::tally::Tally;
use crate::tokens;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// Counts a batch. A piece that cannot be read is a line in the tally, and the others count.
pub(crate) fn count_batch(batch: Batch) -> Tally {
    let mut counts = Counts::default();
    let mut failures = Vec::new();
    let mut bytes = Vec::new();
    for (index, piece) in batch.iter().enumerate() {
        match read(piece, &mut bytes) {
            Ok(()) => tokens::add_range(&mut counts, &bytes),
            Err(error) => failures.push((index, error.to_string())),
        }
    }
    Tally::new(&counts, failures)
}

fn read(piece: &Piece, bytes: &mut Vec<u8>) -> io::Result<()> {
    bytes.clear();
    let mut file = File::open(&piece.path)?;
    match piece.end {
        // The usual case, a small file, has the fewest calls: it need not be at its start, it is.
        None if piece.start == 0 => {
            file.read_to_end(bytes)?;
        }
        None => {
            file.seek(SeekFrom::Start(piece.start))?;
            file.read_to_end(bytes)?;
        }
        Some(end) => {
            let size = end - piece.start;
            file.seek(SeekFrom::Start(piece.start))?;
            bytes.reserve(size as usize);
            file.take(size).read_to_end(bytes)?;
            if bytes.len() as u64 != size {
                return Err(io::Error::other("it became shorter while it was counted"));
            }
        }
    }
    Ok(())
}
