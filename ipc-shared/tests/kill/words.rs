//! The words of a mutex as they stand in shared memory, to tell apart the states that kills leave.
//!
//! # Safety
//!
//! 1. The lock has 16 bytes right before its data, aligned to 8, in memory that is mapped as long as its handle lives.

#![allow(unsafe_code)]

use crate::inside::Inside;
use ipc_shared::sync::Mutex;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// A mutex, and where its data is.
pub(crate) struct Bare {
    pub(crate) lock: Mutex<Inside>,
    data: NonNull<u64>,
}

/// What is the same from run to run: whether somebody has the lock, and somebody may sleep; its health; its data.
pub(crate) type State = (bool, bool, u64, Inside);

impl Bare {
    /// A lock that is free.
    pub(crate) fn new(lock: Mutex<Inside>) -> Bare {
        let data = NonNull::from(&mut lock.lock().expect("it is free")[0]);
        Bare { lock, data }
    }

    pub(crate) fn state(&self) -> State {
        let word = self.word(-2);
        (word == 0, word & 1 == 1, self.word(-1), std::array::from_fn(|idx| self.word(idx as isize)))
    }

    /// The word so many words behind the beginning of the data, or before it.
    fn word(&self, offset: isize) -> u64 {
        assert!((-2..size_of::<Inside>() as isize / 8).contains(&offset));
        // SAFETY: within the lock and its data, by the line above and Invariant 1.
        let word = unsafe { self.data.offset(offset) };
        // SAFETY: mapped and aligned by Invariant 1; nobody else is awake who could write it otherwise.
        unsafe { AtomicU64::from_ptr(word.as_ptr()) }.load(SeqCst)
    }
}
