//! A few words of memory that a process has in common with its forks.
//!
//! # Safety
//!
//! 1. The mapping has room for all words, at the address of a page, and stays until the value is dropped; no reference
//!    outlives that.
//! 2. The words are reached as atomics only, so that it does not matter which thread or process does.

#![allow(unsafe_code)]

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

pub(crate) struct Words {
    start: NonNull<c_void>,
    n_words: usize,
}

// SAFETY: the mapping belongs to the process and not to a thread; by Invariant 2.
unsafe impl Send for Words {}

// SAFETY: by Invariant 2.
unsafe impl Sync for Words {}

impl Words {
    /// Words that are all zero.
    pub(crate) fn new(n_words: usize) -> Words {
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
        // SAFETY: a new mapping, where the kernel finds room.
        let start = unsafe { mmap_anonymous(std::ptr::null_mut(), n_words * 8, protection, flags) };
        let start = start.unwrap_or_else(|error| panic!("cannot map {n_words} words: {error}"));
        Words { start: NonNull::new(start).expect("no mapping is at 0"), n_words }
    }

    /// A word.
    pub(crate) fn word(&self, idx: usize) -> &AtomicU64 {
        assert!(idx < self.n_words, "there are {} words", self.n_words);
        // SAFETY: by the assertion it is within the mapping, by Invariant 1.
        let word = unsafe { self.start.cast::<u64>().add(idx) };
        // SAFETY: aligned and alive by Invariant 1; all processes reach it as an atomic word.
        unsafe { AtomicU64::from_ptr(word.as_ptr()) }
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        // SAFETY: by Invariant 1 the mapping is there, and nobody refers to it any more.
        let _ = unsafe { munmap(self.start.as_ptr(), self.n_words * 8) };
    }
}
