//! Sleeping on words, and the time, as a model has them.
//!
//! A sleep ends by a wake only: there is no look again after a while, so that a lost wake-up is a deadlock, which loom
//! reports. What the look again is for is said by the model: [`look_again`] ends all sleeps once, as time does some time
//! after a death; [`expire`] ends those that have a deadline, for good.

use crate::mortal::{AtomicU32, AtomicU64, step};
use loom::sync::{Arc, Condvar, Mutex};
use std::cell::Cell;
use std::sync::atomic::Ordering;

/// When a sleep is over by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// At once.
    Now,
    /// When [`expire`] is called.
    Expired,
    /// Not at all.
    Woken,
}

/// Sleeps while `word` holds `expected`.
pub fn wait(word: &AtomicU32, expected: u32, until: Until) {
    sleep(std::ptr::from_ref(word).addr(), || word.load(Ordering::Relaxed) == expected, until);
}

/// Sleeps while the low half of `word` is that of `expected`.
pub fn wait_low(word: &AtomicU64, expected: u64, until: Until) {
    let same = || word.load(Ordering::Relaxed) as u32 == expected as u32;
    sleep(std::ptr::from_ref(word).addr(), same, until);
}

/// Wakes one sleeper of `word`.
pub fn wake_one(word: &AtomicU32) {
    wake(word, 1);
}

/// Wakes up to `count` sleepers of `word`, and says how many it has woken.
pub fn wake(word: &AtomicU32, count: u32) -> usize {
    wake_at(std::ptr::from_ref(word).addr(), count as usize)
}

/// Wakes all sleepers of `word`.
pub fn wake_all(word: &AtomicU32) {
    wake_at(std::ptr::from_ref(word).addr(), usize::MAX);
}

/// Wakes one sleeper of the low half of `word`.
pub fn wake_low_one(word: &AtomicU64) {
    wake_at(std::ptr::from_ref(word).addr(), 1);
}

/// Whether the time is over: for a sleep that expires, if one of this thread was ended by it.
pub fn is_over(until: Until) -> bool {
    until == Until::Now || (until == Until::Expired && EXPIRED.with(Cell::get))
}

/// Lets the others go on.
pub fn pause() {
    loom::thread::yield_now();
}

/// The number of this thread, never zero.
pub fn thread_number() -> u32 {
    NUMBER.with(|number| *number)
}

/// Ends the sleeps of all threads, or the next one of those that do not sleep.
pub fn look_again() {
    let mut kernel = KERNEL.lock().unwrap();
    kernel.looks += 1;
    kernel.wake_where(|_| true);
}

/// Ends the sleeps that expire, now and later.
pub fn expire() {
    let mut kernel = KERNEL.lock().unwrap();
    kernel.expired = true;
    kernel.wake_where(|sleeper| sleeper.expires);
}

/// How many sleep.
pub fn sleepers() -> usize {
    KERNEL.lock().unwrap().sleepers.len()
}

/// The sleepers of all words.
#[derive(Default)]
struct Kernel {
    sleepers: Vec<Sleeper>,
    /// How often all sleeps were ended.
    looks: u32,
    expired: bool,
}

struct Sleeper {
    addr: usize,
    expires: bool,
    bed: Arc<Bed>,
}

/// Where one sleep takes place.
struct Bed {
    ring: Condvar,
    woken: std::sync::atomic::AtomicBool,
}

impl Kernel {
    /// Wakes those that are chosen, the first first, and says how many.
    fn wake_where(&mut self, mut chosen: impl FnMut(&Sleeper) -> bool) -> usize {
        let before = self.sleepers.len();
        self.sleepers.retain(|sleeper| {
            let chosen = chosen(sleeper);
            if chosen {
                sleeper.bed.woken.store(true, Ordering::Relaxed);
                sleeper.bed.ring.notify_one();
            }
            !chosen
        });
        before - self.sleepers.len()
    }
}

loom::lazy_static! {
    static ref KERNEL: Mutex<Kernel> = Mutex::new(Kernel::default());
}

loom::thread_local! {
    static SEEN: Cell<u32> = Cell::new(0);
    static EXPIRED: Cell<bool> = Cell::new(false);
    static NUMBER: u32 = {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
        NEXT.fetch_add(1, Ordering::Relaxed).max(1)
    };
}

/// A sleep, as the kernel does it: the look at the word and the falling asleep are one step for who wakes.
fn sleep(addr: usize, same: impl Fn() -> bool, until: Until) {
    step();
    if is_over(until) {
        return;
    }
    let expires = until == Until::Expired;
    let mut kernel = KERNEL.lock().unwrap();
    if SEEN.with(Cell::get) == kernel.looks && !(kernel.expired && expires) && same() {
        let bed = Arc::new(Bed { ring: Condvar::new(), woken: false.into() });
        kernel.sleepers.push(Sleeper { addr, expires, bed: bed.clone() });
        while !bed.woken.load(Ordering::Relaxed) {
            kernel = bed.ring.wait(kernel).unwrap();
        }
    }
    SEEN.with(|seen| seen.set(kernel.looks));
    EXPIRED.with(|expired| expired.set(kernel.expired && expires));
}

fn wake_at(addr: usize, count: usize) -> usize {
    step();
    let mut left = count;
    let mut kernel = KERNEL.lock().unwrap();
    kernel.wake_where(|sleeper| {
        let chosen = sleeper.addr == addr && left > 0;
        left -= usize::from(chosen);
        chosen
    })
}
