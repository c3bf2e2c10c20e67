//! Bytes in and out of shared words.
//!
//! # Safety
//!
//! Long stretches are copied at once, through plain pointers, which no atomic word knows of. Who writes and who reads a
//! stretch is settled by the protocol of the [ring](super::ring): a stretch belongs to the one who puts until its record is
//! stored, and to those who get until the head has passed it. A process that keeps to nothing may write it meanwhile; the
//! copy then has some bytes or others, as with any copy from shared memory, and they are checked by whoever decodes them.
//!
//! # Past the caches
//!
//! A line that is written is fetched from the cache of who has read it before, and then fetched again by who reads it next. In a ring
//! of 256 KiB 8 GB/s pass so, and 2 between processors that share no cache; by way of the memory it is 17 and 10. So the bytes of
//! large items are written past the caches, where the processor knows how, and the ring is so small that its lines never
//! leave them by themselves.
#![allow(unsafe_code)]

use super::shim::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// From how many bytes on they are copied at once. Two cache lines: chosen, not measured. A model sees words only.
const LONG: usize = if cfg!(all(test, loom)) { usize::MAX } else { 128 };

/// From how many bytes on they are written past the caches.
const STREAMED: usize = 16 << 10;
/// In a ring of so many words at most, which are 2 MiB. From a larger one the lines leave in time.
const MOST_WORDS: usize = (2 << 20) / 8;

/// Copies bytes into words of a ring of so many, which are as many as it takes. The last one is filled up with zeros.
#[inline]
pub(super) fn copy_in(words: &[AtomicU64], bytes: &[u8], n_ring: usize) {
    debug_assert_eq!(words.len(), bytes.len().div_ceil(8));
    if bytes.len() >= LONG {
        return copy_in_long(words, bytes, n_ring);
    }
    let mut whole = bytes.chunks_exact(8);
    for (word, chunk) in words.iter().zip(&mut whole) {
        let mut full = [0; 8];
        full.copy_from_slice(chunk);
        word.store(u64::from_le_bytes(full), Relaxed);
    }
    let rest = whole.remainder();
    if let (Some(last), false) = (words.last(), rest.is_empty()) {
        last.store(partial_word(rest), Relaxed);
    }
}

/// Copies bytes out of words, which are as many as it takes.
#[inline]
pub(super) fn copy_out(words: &[AtomicU64], bytes: &mut [u8]) {
    debug_assert_eq!(words.len(), bytes.len().div_ceil(8));
    if bytes.len() >= LONG {
        return copy_out_long(words, bytes);
    }
    let mut chunks = bytes.chunks_exact_mut(8);
    for (word, chunk) in words.iter().zip(&mut chunks) {
        chunk.copy_from_slice(&word.load(Relaxed).to_le_bytes());
    }
    let rest = chunks.into_remainder();
    if let (Some(last), false) = (words.last(), rest.is_empty()) {
        let full = last.load(Relaxed).to_le_bytes();
        rest.iter_mut().zip(full).for_each(|(to, from)| *to = from);
    }
}

/// A word that begins with up to seven bytes and is filled up with zeros: by loads that overlap, since a copy of so few bytes
/// of a number that is not known takes longer than all else.
#[inline]
pub(super) fn partial_word(bytes: &[u8]) -> u64 {
    let len = bytes.len();
    if len == 0 {
        0
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        u64::from(first) | u64::from(last) << ((len - 4) * 8)
    } else {
        let at = |idx: usize| u64::from(bytes[idx]) << (idx * 8);
        at(0) | at(len / 2) | at(len - 1)
    }
}

fn copy_in_long(words: &[AtomicU64], bytes: &[u8], n_ring: usize) {
    let n_whole = bytes.len() / 8;
    let (whole, of_whole) = (&words[..n_whole], &bytes[..n_whole * 8]);
    if bytes.len() >= STREAMED && n_ring <= MOST_WORDS {
        stream_in(whole, of_whole);
    } else {
        copy_in_at_once(whole, of_whole);
    }
    if bytes.len() % 8 != 0 {
        words[n_whole].store(partial_word(&bytes[n_whole * 8..]), Relaxed);
    }
}

fn copy_out_long(words: &[AtomicU64], bytes: &mut [u8]) {
    let n_whole = bytes.len() / 8;
    copy_out_at_once(&words[..n_whole], &mut bytes[..n_whole * 8]);
    let rest = &mut bytes[n_whole * 8..];
    if !rest.is_empty() {
        let full = words[n_whole].load(Relaxed).to_le_bytes();
        rest.iter_mut().zip(full).for_each(|(to, from)| *to = from);
    }
}

fn copy_in_at_once(words: &[AtomicU64], bytes: &[u8]) {
    assert_eq!(words.len() * 8, bytes.len());
    let start = words.as_ptr().cast::<u8>().cast_mut();
    // SAFETY: as many bytes as the words have, which lie in shared memory that no slice of bytes of this process does; words of
    // atomics may be written through a shared reference. Who else may touch them: see the top.
    unsafe { start.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) }
}

/// As [`copy_in_at_once`], past the caches.
#[cfg(all(target_arch = "x86_64", not(miri)))]
fn stream_in(words: &[AtomicU64], bytes: &[u8]) {
    assert_eq!(words.len() * 8, bytes.len());
    for (word, chunk) in words.iter().zip(bytes.chunks_exact(8)) {
        let mut full = [0; 8];
        full.copy_from_slice(chunk);
        let place = std::ptr::from_ref(word).cast::<i64>().cast_mut();
        // SAFETY: the place is that of a word, which may be written through a shared reference. Who else may touch it: see the top.
        unsafe { std::arch::x86_64::_mm_stream_si64(place, i64::from_ne_bytes(full)) };
    }
    // These stores are in no order with others, not even with the one that publishes them, until they are waited for.
    // SAFETY: every processor of this kind has the instruction.
    unsafe { std::arch::x86_64::_mm_sfence() };
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
fn stream_in(words: &[AtomicU64], bytes: &[u8]) {
    copy_in_at_once(words, bytes);
}

fn copy_out_at_once(words: &[AtomicU64], bytes: &mut [u8]) {
    assert_eq!(words.len() * 8, bytes.len());
    let start = words.as_ptr().cast::<u8>();
    // SAFETY: as above, with source and target exchanged.
    unsafe { start.copy_to_nonoverlapping(bytes.as_mut_ptr(), bytes.len()) }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_was_copied_in_comes_out() {
        for (len, n_ring) in
            (0..300_usize).chain([4096, 4097, STREAMED + 5]).flat_map(|len| [(len, 1), (len, usize::MAX)])
        {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 7 + 1) as u8).collect();
            let words: Vec<AtomicU64> = (0..len.div_ceil(8)).map(|_| AtomicU64::new(u64::MAX)).collect();
            copy_in(&words, &bytes, n_ring);
            let mut out = vec![0xee; len];
            copy_out(&words, &mut out);
            assert_eq!(out, bytes, "{len}");
        }
    }
}
