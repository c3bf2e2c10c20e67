//! Bytes in and out of shared words.
//!
//! # Safety
//!
//! Long stretches are copied at once, through plain pointers, which no atomic word knows of. Who writes and who reads a
//! stretch is settled by the protocol of the [ring](super::ring): a stretch belongs to the one who puts until its record is
//! stored, and to those who get until the head has passed it. A process that keeps to nothing may write it meanwhile; the
//! copy then has some bytes or others, as with any copy from shared memory, and they are checked by whoever decodes them.
#![allow(unsafe_code)]

use super::shim::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// From how many bytes on a copy at once is faster than word by word.
const LONG: usize = 128;

/// Copies bytes into words, which are as many as it takes. The last one is filled up with zeros.
#[inline]
pub(super) fn copy_in(words: &[AtomicU64], bytes: &[u8]) {
    debug_assert_eq!(words.len(), bytes.len().div_ceil(8));
    let n_long = if bytes.len() < LONG { 0 } else { bytes.len() / 8 };
    if n_long > 0 {
        copy_in_at_once(&words[..n_long], &bytes[..n_long * 8]);
    }
    for (word, chunk) in words[n_long..].iter().zip(bytes[n_long * 8..].chunks(8)) {
        let mut full = [0; 8];
        full[..chunk.len()].copy_from_slice(chunk);
        word.store(u64::from_ne_bytes(full), Relaxed);
    }
}

/// Copies bytes out of words, which are as many as it takes.
#[inline]
pub(super) fn copy_out(words: &[AtomicU64], bytes: &mut [u8]) {
    debug_assert_eq!(words.len(), bytes.len().div_ceil(8));
    let n_long = if bytes.len() < LONG { 0 } else { bytes.len() / 8 };
    if n_long > 0 {
        copy_out_at_once(&words[..n_long], &mut bytes[..n_long * 8]);
    }
    for (word, chunk) in words[n_long..].iter().zip(bytes[n_long * 8..].chunks_mut(8)) {
        let full = word.load(Relaxed).to_ne_bytes();
        chunk.copy_from_slice(&full[..chunk.len()]);
    }
}

fn copy_in_at_once(words: &[AtomicU64], bytes: &[u8]) {
    assert_eq!(words.len() * 8, bytes.len());
    let start = words.as_ptr().cast::<u8>().cast_mut();
    // SAFETY: as many bytes as the words have, which lie in shared memory that no slice of bytes of this process does; words of
    // atomics may be written through a shared reference. Who else may touch them: see the top.
    unsafe { start.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) }
}

fn copy_out_at_once(words: &[AtomicU64], bytes: &mut [u8]) {
    assert_eq!(words.len() * 8, bytes.len());
    let start = words.as_ptr().cast::<u8>();
    // SAFETY: as above, with source and target exchanged.
    unsafe { start.copy_to_nonoverlapping(bytes.as_mut_ptr(), bytes.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_copied_in_comes_out() {
        for len in (0..300_usize).chain([4096, 4097]) {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 7 + 1) as u8).collect();
            let words: Vec<AtomicU64> = (0..len.div_ceil(8)).map(|_| AtomicU64::new(u64::MAX)).collect();
            copy_in(&words, &bytes);
            let mut out = vec![0xee; len];
            copy_out(&words, &mut out);
            assert_eq!(out, bytes, "{len}");
        }
    }
}
