//! Words, sleeping, time and death as a model has them, for loom to try all orders of their steps.
//!
//! A sleep ends by a wake only: there is no look again after a while, so that a lost wake-up is a deadlock, which loom
//! reports. What the look again is for is said by the model: [`look_again`] ends all sleeps once, as time does some time
//! after a death; [`expire`] ends those that have a deadline, for good.
//!
//! [`mortal`] runs a thread that is killed before one of its steps. A step is a write to a word or a call of the kernel;
//! what the thread reads in between leaves nothing behind.

use ipc_sys::clock::Deadline;
use loom::sync::atomic::{AtomicU32 as LoomU32, AtomicU64 as LoomU64};
use loom::sync::{Arc, Condvar, Mutex};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A word of loom's whose writes are steps.
macro_rules! word {
    ($name:ident, $inner:ident, $value:ty) => {
        #[derive(Debug)]
        pub(crate) struct $name($inner);

        #[allow(dead_code)]
        impl $name {
            pub(crate) fn new(value: $value) -> $name {
                $name($inner::new(value))
            }

            pub(crate) fn load(&self, order: Ordering) -> $value {
                self.0.load(order)
            }

            pub(crate) fn store(&self, value: $value, order: Ordering) {
                step();
                self.0.store(value, order);
            }

            pub(crate) fn swap(&self, value: $value, order: Ordering) -> $value {
                step();
                self.0.swap(value, order)
            }

            pub(crate) fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                step();
                self.0.fetch_or(value, order)
            }

            pub(crate) fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                step();
                self.0.fetch_and(value, order)
            }

            pub(crate) fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                step();
                self.0.fetch_add(value, order)
            }

            pub(crate) fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                step();
                self.0.fetch_sub(value, order)
            }

            pub(crate) fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                step();
                self.0.compare_exchange(current, new, success, failure)
            }

            pub(crate) fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.compare_exchange(current, new, success, failure)
            }
        }
    };
}

word!(AtomicU32, LoomU32, u32);
word!(AtomicU64, LoomU64, u64);

/// Sleeps while `word` holds `expected`.
pub(crate) fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) {
    sleep(std::ptr::from_ref(word).addr(), || word.load(Ordering::Relaxed) == expected, deadline);
}

/// Sleeps while the low half of `word` is that of `expected`.
pub(crate) fn wait_low(word: &AtomicU64, expected: u64, deadline: Deadline) {
    let same = || word.load(Ordering::Relaxed) as u32 == expected as u32;
    sleep(std::ptr::from_ref(word).addr(), same, deadline);
}

/// Wakes one sleeper of `word`.
pub(crate) fn wake_one(word: &AtomicU32) {
    wake(std::ptr::from_ref(word).addr(), 1);
}

/// Wakes all sleepers of `word`.
pub(crate) fn wake_all(word: &AtomicU32) {
    wake(std::ptr::from_ref(word).addr(), usize::MAX);
}

/// Wakes one sleeper of the low half of `word`.
pub(crate) fn wake_low_one(word: &AtomicU64) {
    wake(std::ptr::from_ref(word).addr(), 1);
}

/// Whether the deadline has passed: for one that is neither now nor never, if a sleep of this thread was ended by it.
pub(crate) fn is_over(deadline: Deadline) -> bool {
    deadline == Deadline::NOW || (deadline != Deadline::NEVER && EXPIRED.with(Cell::get))
}

/// Lets the others go on.
pub(crate) fn pause(_: Duration) {
    loom::thread::yield_now();
}

/// The number of this thread, never zero.
pub(crate) fn thread_number() -> u32 {
    NUMBER.with(|number| *number)
}

/// Ends the sleeps of all threads, or the next one of those that do not sleep.
pub(crate) fn look_again() {
    let mut kernel = KERNEL.lock().unwrap();
    kernel.looks += 1;
    kernel.wake_where(|_| true);
}

/// Ends the sleeps that have a deadline, now and later.
pub(crate) fn expire() {
    let mut kernel = KERNEL.lock().unwrap();
    kernel.expired = true;
    kernel.wake_where(|sleeper| sleeper.has_deadline);
}

/// How many sleep.
pub(crate) fn sleepers() -> usize {
    KERNEL.lock().unwrap().sleepers.len()
}

/// Runs `f` up to the step of this number, counted from zero, and drops the thread there: `None` if it was killed.
pub(crate) fn mortal<R>(steps: u32, f: impl FnOnce() -> R) -> Option<R> {
    LIFE.with(|life| life.set(Some(steps)));
    let result = catch_unwind(AssertUnwindSafe(f));
    LIFE.with(|life| life.set(None));
    match result {
        Ok(value) => Some(value),
        Err(end) if end.is::<Killed>() => None,
        Err(panic) => resume_unwind(panic),
    }
}

/// What a killed thread is unwound with. Nothing that the algorithms have is dropped with an effect.
struct Killed;

/// Counts a step of a thread that is mortal.
fn step() {
    match LIFE.with(Cell::get) {
        Some(0) => resume_unwind(Box::new(Killed)),
        Some(left) => LIFE.with(|life| life.set(Some(left - 1))),
        None => {}
    }
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
    has_deadline: bool,
    bed: Arc<Bed>,
}

/// Where one sleep takes place.
struct Bed {
    ring: Condvar,
    woken: std::sync::atomic::AtomicBool,
}

impl Kernel {
    /// Wakes those that are chosen, the first first.
    fn wake_where(&mut self, mut chosen: impl FnMut(&Sleeper) -> bool) {
        self.sleepers.retain(|sleeper| {
            let chosen = chosen(sleeper);
            if chosen {
                sleeper.bed.woken.store(true, Ordering::Relaxed);
                sleeper.bed.ring.notify_one();
            }
            !chosen
        });
    }
}

loom::lazy_static! {
    static ref KERNEL: Mutex<Kernel> = Mutex::new(Kernel::default());
}

loom::thread_local! {
    static LIFE: Cell<Option<u32>> = Cell::new(None);
    static SEEN: Cell<u32> = Cell::new(0);
    static EXPIRED: Cell<bool> = Cell::new(false);
    static NUMBER: u32 = {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
        NEXT.fetch_add(1, Ordering::Relaxed).max(1)
    };
}

/// A sleep, as the kernel does it: the look at the word and the falling asleep are one step for who wakes.
fn sleep(addr: usize, same: impl Fn() -> bool, deadline: Deadline) {
    step();
    if is_over(deadline) {
        return;
    }
    let has_deadline = deadline != Deadline::NEVER;
    let mut kernel = KERNEL.lock().unwrap();
    if SEEN.with(Cell::get) == kernel.looks && !(kernel.expired && has_deadline) && same() {
        let bed = Arc::new(Bed { ring: Condvar::new(), woken: false.into() });
        kernel.sleepers.push(Sleeper { addr, has_deadline, bed: bed.clone() });
        while !bed.woken.load(Ordering::Relaxed) {
            kernel = bed.ring.wait(kernel).unwrap();
        }
    }
    SEEN.with(|seen| seen.set(kernel.looks));
    EXPIRED.with(|expired| expired.set(kernel.expired && has_deadline));
}

fn wake(addr: usize, count: usize) {
    step();
    let mut left = count;
    let mut kernel = KERNEL.lock().unwrap();
    kernel.wake_where(|sleeper| {
        let chosen = sleeper.addr == addr && left > 0;
        left -= usize::from(chosen);
        chosen
    });
}
