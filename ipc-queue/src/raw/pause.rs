//! How a waiter spends its time: looks, then gives way, then sleeps, and learns which of them is worth while.
//!
//! A wake-up from sleep takes some 50 us on a virtual machine, and what is waited for often comes within one. So a waiter
//! looks some times first, with doubled pauses in between: a look takes the cache line from whoever is about to change it.
//! Then it gives way to others that want its processor, who may be the ones it waits for. Then it sleeps.
//!
//! Waits that end in sleep time after time are long ones, and looking was for nothing; so the next one begins with fewer
//! looks, down to none. A wait that did not have to sleep brings all of them back.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::available_parallelism;

/// How many looks there are at most, with pauses of 1, 2, 4, .. in between.
const LOOKS: u32 = 7;
/// How often a waiter gives way after that.
const YIELDS: u32 = 4;

/// How many looks are worth while, as the last waits have shown.
#[derive(Debug)]
pub(crate) struct Eagerness(AtomicU32);

impl Default for Eagerness {
    fn default() -> Eagerness {
        Eagerness(AtomicU32::new(LOOKS))
    }
}

impl Eagerness {
    /// A wait that has just begun.
    #[inline]
    pub(crate) fn begin(&self) -> Pause<'_> {
        Pause { eagerness: self, looks_left: None, yields_left: YIELDS }
    }

    fn learn(&self, looks: u32) {
        if self.0.load(Relaxed) != looks {
            self.0.store(looks, Relaxed);
        }
    }
}

/// One wait: what comes before sleep.
#[derive(Debug)]
pub(crate) struct Pause<'a> {
    eagerness: &'a Eagerness,
    /// How many looks there still are, once it has begun.
    looks_left: Option<u32>,
    yields_left: u32,
}

impl Pause<'_> {
    /// Spends a moment; false if it is time to sleep.
    pub(crate) fn spend(&mut self) -> bool {
        let left = *self
            .looks_left
            .get_or_insert_with(|| if has_company() { self.eagerness.0.load(Relaxed).min(LOOKS) } else { 0 });
        if left > 0 {
            self.looks_left = Some(left - 1);
            (0..1_u32 << (LOOKS - left)).for_each(|_| std::hint::spin_loop());
            true
        } else if self.yields_left > 0 {
            self.yields_left -= 1;
            std::thread::yield_now();
            true
        } else {
            false
        }
    }

    /// The wait is over.
    #[inline]
    pub(crate) fn end(self) {
        match self.looks_left {
            None => {}
            Some(_) if self.yields_left > 0 => self.eagerness.learn(LOOKS),
            Some(_) => self.eagerness.learn(self.eagerness.0.load(Relaxed).saturating_sub(1)),
        }
    }
}

/// Looks for a while, until what is looked for is there.
pub(super) fn look_until(mut is_there: impl FnMut() -> bool) {
    let most = if has_company() { LOOKS } else { 0 };
    for look in 0..most {
        if is_there() {
            return;
        }
        (0..1_u32 << look).for_each(|_| std::hint::spin_loop());
    }
    if !is_there() {
        std::thread::yield_now();
    }
}

/// Whether another process can run while this one looks.
fn has_company() -> bool {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| available_parallelism().map_or(1, usize::from)) > 1
}
