//! How long to look for news before sleeping: as long as that is worth while.
//!
//! A wake-up takes some 50 us on a virtual machine, and a short task takes one. So who waits looks for a while, first with short
//! pauses, and soon giving way to others, who may be the ones it waits for: who was woken is often on the processor of who woke it.
//! A sleep that was long halves the looks of the next wait; one that was short, or news that came while looking, brings them back.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// How many looks there are at most, and at least.
const MOST: u32 = 64;
const FEWEST: u32 = 2;
/// How many of them come after a short pause.
const QUICK: u32 = 6;
/// How short, in pauses of the processor.
const PAUSES: u32 = 8;
/// The longest sleep that looking would have been better than.
const SHORT_SLEEP: Duration = Duration::from_micros(150);

/// How many looks are worth while.
#[derive(Debug)]
pub(super) struct Eagerness(AtomicU32);

impl Default for Eagerness {
    fn default() -> Self {
        Eagerness(AtomicU32::new(MOST))
    }
}

impl Eagerness {
    /// Looks until what is looked for is there, or it is time to sleep; whether it is there.
    #[inline]
    pub(super) fn look_until(&self, mut is_there: impl FnMut() -> bool) -> bool {
        let n_looks = if ipc_sys::processors::online() > 1 { self.0.load(Relaxed) } else { 1 };
        for look in 0..n_looks {
            if is_there() {
                self.set(MOST);
                return true;
            }
            match look {
                0..QUICK => (0..PAUSES).for_each(|_| std::hint::spin_loop()),
                _ => std::thread::yield_now(),
            }
        }
        is_there()
    }

    /// After a sleep.
    pub(super) fn learn(&self, slept: Duration) {
        let looks = self.0.load(Relaxed);
        let is_short = slept <= SHORT_SLEEP;
        self.set(if is_short { (looks * 4).min(MOST) } else { (looks / 2).max(FEWEST) });
    }

    fn set(&self, looks: u32) {
        if self.0.load(Relaxed) != looks {
            self.0.store(looks, Relaxed);
        }
    }
}
