//! When to ask the kernel whether the other side is still there: not for each item, and soon enough.

use ipc_sys::clock;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};

/// After how many milliseconds to ask again.
const INTERVAL: u64 = 10;

/// What is known of the last time.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// In milliseconds of the coarse clock.
    asked_at: AtomicU64,
    news: AtomicU32,
}

impl Watch {
    /// Whether there is news, or it was long ago; then this is the new last time.
    #[inline]
    pub(super) fn is_due(&self, news: u32) -> bool {
        let now = clock::coarse_milliseconds();
        let is_due =
            self.news.load(Relaxed) != news || now.wrapping_sub(self.asked_at.load(Relaxed)) >= INTERVAL;
        if is_due {
            self.news.store(news, Relaxed);
            self.asked_at.store(now, Relaxed);
        }
        is_due
    }
}
