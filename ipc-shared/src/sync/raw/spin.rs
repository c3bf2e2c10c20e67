//! How long to look at a word before sleeping on it.

use super::shim::{self, AtomicU64};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How many pauses are made before the first sleep: about three microseconds, less than what a sleep costs.
///
/// Chosen by two noisy runs: half as many gained nothing where the lock is held for a moment only; twice as many gained
/// more between two, and lost up to a third where eight wait on two processors.
const PAUSES: u32 = 127;

/// After so many turns of a loop that should have ended, somebody is playing with the word.
const TURNS: u32 = 64;

/// The pause after that many turns.
const PAUSE: Duration = Duration::from_millis(1);

/// Looks at a word for a while, until it is worth more than a look; returns what it held last.
///
/// The pauses between the looks double. A look takes the cache line from whoever has the lock and delays its next step:
/// with a look after each pause, two processes that do nothing but lock and unlock take twice the time that they take without
/// looking at all; with doubled pauses, nine tenths of it.
///
/// With one processor there is nobody to wait for: whoever would change the word does not run.
pub(super) fn look_until(word: &AtomicU64, enough: impl Fn(u64) -> bool) -> u64 {
    let most = if has_company() { PAUSES } else { 0 };
    let (mut made, mut next) = (0, 1);
    let mut seen = word.load(Ordering::Relaxed);
    while made < most && !enough(seen) {
        (0..next).for_each(|_| std::hint::spin_loop());
        made += next;
        next *= 2;
        seen = word.load(Ordering::Relaxed);
    }
    seen
}

/// Counts the turns of a loop that depends on what others write, and slows it down.
///
/// Neighbours that follow the protocol end such a loop after a few turns. One that writes anything at any time can
/// keep it going, but makes it use no more than a few per cent of a processor.
#[derive(Debug, Default)]
pub struct Patience {
    turns: u32,
}

impl Patience {
    /// One more turn.
    pub fn turn(&mut self) {
        self.turns += 1;
        if self.turns >= TURNS {
            self.turns = 0;
            shim::pause(PAUSE);
        }
    }
}

/// Whether another process can run while this one looks.
fn has_company() -> bool {
    !cfg!(all(test, loom)) && ipc_sys::processors::online() > 1
}
