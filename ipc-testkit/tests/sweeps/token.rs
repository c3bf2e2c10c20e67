//! One token that waits for a taker, in shared memory, right or with a fault.
//!
//! The first word is 0 for none, 1 for one that is free, or the process that has it; a dead one's is anybody's. The second
//! word is who sleeps.
//!
//! # Safety
//!
//! 1. The mapping is a page and stays until the value is dropped.

#![allow(unsafe_code)]

use crate::toy::{is_gone, me};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use rustix::thread::futex;
use rustix::time::Timespec;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slip {
    None,
    /// The token is away before the taker has said that it has it.
    Swallowed,
    /// The token goes to who sleeps, alive or not.
    HandedOver,
}

const FREE: u32 = 1;
const SIZE: usize = 4096;

pub(crate) struct Token {
    start: NonNull<c_void>,
    slip: Slip,
}

impl Token {
    pub(crate) fn new(slip: Slip) -> Token {
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
        // SAFETY: a new mapping, where the kernel finds room.
        let start = unsafe { mmap_anonymous(std::ptr::null_mut(), SIZE, protection, flags) };
        Token { start: NonNull::new(start.expect("memory is left")).expect("no mapping is at 0"), slip }
    }

    /// Puts the token there, and wakes one who sleeps.
    pub(crate) fn give(&self) {
        let sleeper = self.sleeper().load(SeqCst);
        let taker = if self.slip == Slip::HandedOver && sleeper != 0 { sleeper } else { FREE };
        self.token().store(taker, SeqCst);
        let _ = futex::wake(self.token(), futex::Flags::empty(), 1);
    }

    /// Takes the token; false if there is none for longer than `limit`.
    pub(crate) fn take(&self, limit: Duration) -> bool {
        let start = Instant::now();
        loop {
            let token = self.token().load(SeqCst);
            if token == me() || (token != 0 && self.take_from(token)) {
                return true;
            }
            if start.elapsed() > limit {
                return false;
            }
            self.sleeper().store(me(), SeqCst);
            let slice = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
            let _ = futex::wait(self.token(), futex::Flags::empty(), token, Some(&slice));
            self.sleeper().store(0, SeqCst);
        }
    }

    fn take_from(&self, token: u32) -> bool {
        match self.slip {
            Slip::Swallowed if token == FREE => {
                let is_mine = self.token().swap(0, SeqCst) == FREE;
                if is_mine {
                    self.token().store(me(), SeqCst);
                }
                is_mine
            }
            Slip::HandedOver if token != FREE => false,
            _ if token == FREE || is_gone(token) => {
                self.token().compare_exchange(token, me(), SeqCst, SeqCst).is_ok()
            }
            _ => false,
        }
    }

    fn token(&self) -> &AtomicU32 {
        // SAFETY: the start of the mapping, aligned and alive by Invariant 1; all processes reach it as an atomic word.
        unsafe { AtomicU32::from_ptr(self.start.as_ptr().cast()) }
    }

    fn sleeper(&self) -> &AtomicU32 {
        // SAFETY: the second word is within the mapping, by Invariant 1.
        let word = unsafe { self.start.cast::<u32>().add(1) };
        // SAFETY: as for the first one.
        unsafe { AtomicU32::from_ptr(word.as_ptr()) }
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        // SAFETY: by Invariant 1 the mapping is there, and nobody refers to it any more.
        let _ = unsafe { munmap(self.start.as_ptr(), SIZE) };
    }
}
