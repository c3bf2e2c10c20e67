//! When to ask the kernel whether the other side is still there: not for each item, and soon enough.

use ipc_sys::clock;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};

/// After how many milliseconds to ask again.
const INTERVAL: u64 = 10;

/// When it was last found that somebody is there.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// In milliseconds of the coarse clock.
    asked_at: AtomicU64,
    news: AtomicU32,
}

impl Watch {
    /// What `ask` says, if there is news or it was last asked long ago. An answer that all is well is good for a while; any
    /// other is not kept, so that who was told once that all are gone is told so ever after.
    #[inline]
    pub(super) fn ask_if_due<E>(&self, news: u32, ask: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        let now = clock::coarse_milliseconds();
        let is_due =
            self.news.load(Relaxed) != news || now.wrapping_sub(self.asked_at.load(Relaxed)) >= INTERVAL;
        if is_due {
            ask()?;
            self.news.store(news, Relaxed);
            self.asked_at.store(now, Relaxed);
        }
        Ok(())
    }
}
