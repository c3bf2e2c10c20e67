//! A lock in shared memory with two numbers that it keeps equal, right or with one of many faults.
//!
//! | word | |
//! | --- | --- |
//! | owner | 0, or the process that has the lock; who finds a dead one there takes its place and repairs |
//! | x, y | the numbers |
//! | log | whether `old` is what both have to be set back to |
//! | inside | who believes to have the lock, by which it shows when two do |
//! | buried | the last owner who was found dead |
//!
//! # Safety
//!
//! 1. The mapping is a page, has room for all words, and stays until the toy is dropped.

#![allow(unsafe_code)]

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use rustix::process::{Pid, test_kill_process};
use rustix::thread::futex;
use rustix::time::Timespec;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

/// What is wrong with a toy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The numbers change without a log.
    NoLog,
    /// The log is written when the first number has changed.
    LateLog,
    /// The owner is written when the lock is taken.
    LateOwner,
    /// Who waits for the lock does not look again.
    NoRecheck,
    /// Nobody takes the place of a dead owner.
    NoTakeOver,
    /// The place of a dead owner is taken by a store, which two can do.
    BlindTakeOver,
    /// The lock is taken by a store after a look.
    TestThenSet,
    /// The repair clears the log, and then does what was there.
    ClearFirst,
    /// The repair finishes the change, and keeps its intermediate result in the log.
    CountsTwice,
    /// The repair of a repair clears the log first.
    ClearFirstLater,
    /// The lock is taken from whoever has it for long.
    StolenByTime,
    /// A stopped process is taken for dead.
    StoppedIsDead,
}

const OWNER: usize = 0;
const X: usize = 1;
const Y: usize = 2;
const LOG: usize = 3;
const OLD: usize = 4;
const INSIDE: usize = 5;
const BURIED: usize = 6;
const OVERLAPS: usize = 7;
const DOUBLES: usize = 8;
const N_WORDS: usize = 16;

/// Somebody whose name is not written yet.
const NOBODY_KNOWN: u32 = u32::MAX;
/// How long somebody sleeps before it looks again.
const SLICE: Duration = Duration::from_millis(5);
/// After this the thief does not wait any longer.
const GREED: Duration = Duration::from_millis(1);
/// What the survivors wait for a lock that must be free, or whose owner must be dead.
pub(crate) const LIMIT: Duration = Duration::from_secs(2);

pub(crate) struct Toy {
    start: NonNull<c_void>,
    fault: Fault,
    /// Turns in the middle of a change.
    toil: u32,
}

impl Toy {
    pub(crate) fn new(fault: Fault) -> Toy {
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
        // SAFETY: a new mapping, where the kernel finds room.
        let start = unsafe { mmap_anonymous(std::ptr::null_mut(), 4 * N_WORDS, protection, flags) };
        Toy {
            start: NonNull::new(start.expect("memory is left")).expect("no mapping is at 0"),
            fault,
            toil: 0,
        }
    }

    /// A toy whose changes take a while, so that a random kill meets them.
    pub(crate) fn slow(fault: Fault) -> Toy {
        let mut toy = Toy::new(fault);
        toy.toil = 2000;
        toy
    }

    /// A toy whose owner is dead.
    pub(crate) fn orphaned(fault: Fault) -> Toy {
        let toy = Toy::new(fault);
        // A number that no process has: they end below 2^22.
        toy.word(OWNER).store(1 << 23, SeqCst);
        toy
    }

    /// Adds one to both numbers, under the lock.
    pub(crate) fn update(&self) {
        assert!(self.lock(None));
        self.add_one();
        self.unlock();
    }

    /// Takes the lock, with the repair that may be due, and gives it back.
    pub(crate) fn recover(&self) {
        assert!(self.lock(None));
        self.unlock();
    }

    /// Whether all is well for a survivor: the lock can be had, the numbers are equal, and nobody has found otherwise.
    pub(crate) fn is_well(&self) -> bool {
        let is_locked = self.lock(Some(LIMIT));
        let are_equal = self.get(X) == self.get(Y);
        if is_locked {
            self.unlock();
        }
        is_locked && are_equal && self.get(OVERLAPS) == 0 && self.get(DOUBLES) == 0
    }

    /// The number of changes.
    pub(crate) fn total(&self) -> u32 {
        self.get(X)
    }

    /// What the next one finds, without the numbers of processes.
    pub(crate) fn snapshot(&self) -> [u32; 5] {
        [self.get(X), self.get(Y), self.get(LOG), self.get(OLD), u32::from(self.get(OWNER) != 0)]
    }

    /// Takes the lock; false if that takes longer than `limit`.
    pub(crate) fn lock(&self, limit: Option<Duration>) -> bool {
        let start = Instant::now();
        loop {
            let owner = self.get(OWNER);
            let is_taken = match owner {
                0 => self.take_free(),
                // Nobody is this process, unless the process has forgotten to unlock.
                _ if self.is_dead(owner) => self.take_from(owner),
                _ if self.fault == Fault::StolenByTime && start.elapsed() > GREED => {
                    self.put(OWNER, me());
                    true
                }
                _ if limit.is_some_and(|limit| start.elapsed() > limit) => return false,
                _ => {
                    let slice = limit.map_or(SLICE, |limit| SLICE.min(limit / 2));
                    self.sleep(OWNER, owner, slice);
                    false
                }
            };
            if is_taken {
                break;
            }
        }
        let other = self.word(INSIDE).swap(me(), SeqCst);
        if other != 0 && !is_gone(other) {
            self.word(OVERLAPS).fetch_add(1, SeqCst);
        }
        true
    }

    pub(crate) fn unlock(&self) {
        let _ = self.word(INSIDE).compare_exchange(me(), 0, SeqCst, SeqCst);
        self.put(OWNER, 0);
        let _ = futex::wake(self.word(OWNER), futex::Flags::empty(), 1);
    }

    fn take_free(&self) -> bool {
        match self.fault {
            Fault::TestThenSet => {
                self.put(OWNER, me());
                true
            }
            Fault::LateOwner => {
                let is_taken = self.swap_if(OWNER, 0, NOBODY_KNOWN);
                if is_taken {
                    self.put(OWNER, me());
                }
                is_taken
            }
            _ => self.swap_if(OWNER, 0, me()),
        }
    }

    /// Takes the place of a dead owner.
    fn take_from(&self, owner: u32) -> bool {
        let is_taken = if self.fault == Fault::BlindTakeOver {
            self.put(OWNER, me());
            true
        } else {
            self.swap_if(OWNER, owner, me())
        };
        if is_taken {
            if self.word(BURIED).swap(owner, SeqCst) == owner {
                self.word(DOUBLES).fetch_add(1, SeqCst);
            }
            self.repair();
        }
        is_taken
    }

    fn add_one(&self) {
        let old = self.get(X);
        if self.fault == Fault::LateLog {
            self.put(X, old + 1);
        }
        if self.fault != Fault::NoLog {
            self.put(OLD, old);
            self.put(LOG, 1);
        }
        self.put(X, old + 1);
        (0..self.toil).for_each(|_| std::hint::spin_loop());
        self.put(Y, self.get(Y) + 1);
        self.put(LOG, 0);
    }

    fn repair(&self) {
        let log = self.get(LOG);
        if log == 0 {
            return;
        }
        let old = self.get(OLD);
        match (self.fault, log) {
            (Fault::CountsTwice, _) => {
                self.put(X, old + 1);
                self.put(OLD, old + 1);
                self.put(Y, old + 1);
            }
            (Fault::ClearFirst, _) | (Fault::ClearFirstLater, 2) => {
                self.put(LOG, 0);
                self.put_both(old);
            }
            (Fault::ClearFirstLater, _) => {
                self.put(LOG, 2);
                self.put_both(old);
            }
            _ => self.put_both(old),
        }
        self.put(LOG, 0);
    }

    fn put_both(&self, value: u32) {
        self.put(X, value);
        self.put(Y, value);
    }

    fn is_dead(&self, owner: u32) -> bool {
        match self.fault {
            Fault::NoTakeOver => false,
            Fault::StoppedIsDead => {
                ipc_testkit::proc::stat(owner as i32).is_none_or(|stat| stat.state == 't')
            }
            _ => owner != NOBODY_KNOWN && is_gone(owner),
        }
    }

    /// Sleeps while a word has a value, for some time.
    fn sleep(&self, idx: usize, value: u32, slice: Duration) {
        let slice = Timespec { tv_sec: 0, tv_nsec: i64::from(slice.subsec_nanos()) };
        let timeout = (self.fault != Fault::NoRecheck).then_some(&slice);
        let _ = futex::wait(self.word(idx), futex::Flags::empty(), value, timeout);
    }

    fn get(&self, idx: usize) -> u32 {
        self.word(idx).load(SeqCst)
    }

    fn put(&self, idx: usize, value: u32) {
        self.word(idx).store(value, SeqCst);
    }

    fn swap_if(&self, idx: usize, old: u32, new: u32) -> bool {
        self.word(idx).compare_exchange(old, new, SeqCst, SeqCst).is_ok()
    }

    fn word(&self, idx: usize) -> &AtomicU32 {
        assert!(idx < N_WORDS);
        // SAFETY: by the assertion it is within the mapping, by Invariant 1.
        let word = unsafe { self.start.cast::<u32>().add(idx) };
        // SAFETY: aligned and alive by Invariant 1; all processes reach it as an atomic word.
        unsafe { AtomicU32::from_ptr(word.as_ptr()) }
    }
}

impl Drop for Toy {
    fn drop(&mut self) {
        // SAFETY: by Invariant 1 the mapping is there, and nobody refers to it any more.
        let _ = unsafe { munmap(self.start.as_ptr(), 4 * N_WORDS) };
    }
}

pub(crate) fn me() -> u32 {
    std::process::id()
}

/// Whether there is no such process. Those of these tests are collected as soon as they are killed.
pub(crate) fn is_gone(pid: u32) -> bool {
    Pid::from_raw(pid as i32).is_none_or(|pid| test_kill_process(pid).is_err())
}
