//! A bare ring: shared memory, two counters, and a copy on each side. It spins, and knows of no process that dies.
//!
//! # Safety
//!
//! 1. `base` points to `HEAD_SIZE` bytes of counters and `n_slots` slots of `size` bytes after them, in anonymous shared
//!    memory, which is mapped for as long as a handle is there, at the same address in forked copies.
//! 2. There is one who puts and one who gets. The numbers from `got` to `put` are those of slots that belong to who gets; all
//!    other slots belong to who puts. Raising a counter hands a slot over.
#![allow(unsafe_code)]

use super::CAPACITY;
use super::crew::{Kind, Outcome};
use super::way::{Get, Message, Put, Way};
use std::io;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Release};

/// Where the counters are: in cache lines that are not fetched together.
const PUT_AT: usize = 0;
const GOT_AT: usize = 256;
const HEAD_SIZE: usize = 4096;

/// A ring of messages of one size.
pub(crate) struct Ring(Arc<Shared>);

/// One of its two ends, and how far it has come.
pub(crate) struct RingEnd {
    shared: Arc<Shared>,
    message: Message,
    count: u64,
    /// How far the other end was when it was last looked at.
    other: u64,
}

struct Shared {
    base: NonNull<u8>,
    size: usize,
    n_slots: u64,
}

// SAFETY: the counters are atomics, and the slots are handed over by them (Invariant 2).
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Ring {
    /// For messages of `size` bytes, with room for `bytes` of them together, but no more than the capacity.
    pub(crate) fn new(size: usize, bytes: usize) -> Outcome<Ring> {
        let n_slots = (bytes / size).min(CAPACITY);
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_POPULATE;
        let length = HEAD_SIZE + n_slots * size;
        // SAFETY: a new mapping at an address of the kernel's choice touches no other.
        let address = unsafe { libc::mmap(std::ptr::null_mut(), length, protection, flags, -1, 0) };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error().into());
        }
        let base = NonNull::new(address.cast()).ok_or("mapped at zero")?;
        Ok(Ring(Arc::new(Shared { base, size, n_slots: n_slots as u64 })))
    }

    fn end(&self) -> RingEnd {
        let message = Message::new(self.0.size);
        RingEnd { shared: Arc::clone(&self.0), message, count: 0, other: 0 }
    }
}

impl Shared {
    fn counter(&self, at: usize) -> &AtomicU64 {
        // SAFETY: within the head (Invariant 1).
        let place = unsafe { self.base.add(at) };
        // SAFETY: aligned, and used as an atomic only.
        unsafe { place.cast().as_ref() }
    }

    fn slot(&self, number: u64) -> *mut u8 {
        let index = (number % self.n_slots) as usize;
        // SAFETY: by Invariant 1.
        unsafe { self.base.add(HEAD_SIZE + index * self.size) }.as_ptr()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let length = HEAD_SIZE + self.n_slots as usize * self.size;
        // SAFETY: no handle is left in this process (Invariant 1).
        let _ = unsafe { libc::munmap(self.base.as_ptr().cast(), length) };
    }
}

impl Way for Ring {
    type Putter = RingEnd;
    type Getter = RingEnd;

    const NAME: &'static str = "bare ring";
    const KIND: Kind = Kind::Processes;

    fn putter(&self) -> Outcome<RingEnd> {
        Ok(self.end())
    }

    fn getter(&self) -> Outcome<RingEnd> {
        Ok(self.end())
    }
}

impl Put for RingEnd {
    fn put(&mut self, number: u64) -> Outcome {
        self.message.set(number);
        while self.count - self.other == self.shared.n_slots {
            std::hint::spin_loop();
            // Takes over the slots that were read (A).
            self.other = self.shared.counter(GOT_AT).load(Acquire);
        }
        let (source, slot) = (self.message.bytes().as_ptr(), self.shared.slot(self.count));
        // SAFETY: by Invariant 2, and both are as long as a message.
        unsafe { std::ptr::copy_nonoverlapping(source, slot, self.shared.size) };
        self.count += 1;
        // Hands over the slot that was written (B).
        self.shared.counter(PUT_AT).store(self.count, Release);
        Ok(())
    }
}

impl Get for RingEnd {
    fn get(&mut self) -> Outcome<u64> {
        while self.count == self.other {
            std::hint::spin_loop();
            // Takes over the slots that were written (B).
            self.other = self.shared.counter(PUT_AT).load(Acquire);
        }
        let (slot, target) = (self.shared.slot(self.count), self.message.bytes_mut().as_mut_ptr());
        // SAFETY: by Invariant 2, and both are as long as a message.
        unsafe { std::ptr::copy_nonoverlapping(slot, target, self.shared.size) };
        self.count += 1;
        // Hands over the slot that was read (A).
        self.shared.counter(GOT_AT).store(self.count, Release);
        self.message.number()
    }
}
