//! A number in shared memory and a futex beside it: the least that wakes another process.
//!
//! # Safety
//!
//! Calls the futex of the system on words of a mapping that is there as long as the word is borrowed.
#![allow(unsafe_code)]

use super::crew::{Kind, Outcome};
use super::way::{Get, Put, Way};
use ipc_shared::SharedMemory;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Where the word is that tells whether there is a number, and where the number is: in one cache line.
const STATE_AT: usize = 0;
const NUMBER_AT: usize = 8;
const SIZE: usize = 4096;

/// What the word says.
const EMPTY: u32 = 0;
const FULL: u32 = 1;

/// A place for one number, for two who take turns. Whoever gets sleeps at once.
#[derive(Clone)]
pub(crate) struct Futex(Arc<SharedMemory>);

impl Futex {
    pub(crate) fn new() -> Outcome<Futex> {
        Ok(Futex(Arc::new(SharedMemory::unnamed(SIZE)?)))
    }
}

impl Way for Futex {
    type Putter = Futex;
    type Getter = Futex;

    const NAME: &'static str = "futex";
    const KIND: Kind = Kind::Processes;

    fn putter(&self) -> Outcome<Futex> {
        Ok(self.clone())
    }

    fn getter(&self) -> Outcome<Futex> {
        Ok(self.clone())
    }
}

impl Put for Futex {
    fn put(&mut self, number: u64) -> Outcome {
        let state = self.0.atomic_u32(STATE_AT)?;
        self.0.atomic_u64(NUMBER_AT)?.store(number, Relaxed);
        state.store(FULL, Release);
        futex(state, libc::FUTEX_WAKE, 1)
    }
}

impl Get for Futex {
    fn get(&mut self) -> Outcome<u64> {
        let state = self.0.atomic_u32(STATE_AT)?;
        while state.load(Acquire) == EMPTY {
            futex(state, libc::FUTEX_WAIT, EMPTY)?;
        }
        let number = self.0.atomic_u64(NUMBER_AT)?.load(Relaxed);
        state.store(EMPTY, Relaxed);
        Ok(number)
    }
}

/// `value` is how many to wake, or what the word says as long as the wait is wanted.
fn futex(word: &AtomicU32, operation: libc::c_int, value: u32) -> Outcome {
    let no_timeout = std::ptr::null::<libc::timespec>();
    // SAFETY: the word is mapped, and the kernel only compares it.
    let result = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, value, no_timeout) };
    if result >= 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        // It said something else already, or a signal came: the caller looks again.
        Some(libc::EAGAIN | libc::EINTR) => Ok(()),
        _ => Err(error.into()),
    }
}
