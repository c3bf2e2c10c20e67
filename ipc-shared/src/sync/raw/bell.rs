//! A bell: who waits for a change listens before looking, and who has made one rings.
//!
//! # The word
//!
//! | bits | meaning | set by | cleared by |
//! | --- | --- | --- | --- |
//! | 0 `ONE` | somebody may sleep whom any change serves | who is about to sleep | who rings |
//! | 1 `ALL` | somebody may sleep whom not every change serves | who is about to sleep | who rings |
//! | 2.. | how often the bell was rung while one of them was set | | |
//!
//! # Why no change is slept through
//!
//! The sleeper: (1) sets its bits, (2) looks, (3) sleeps while the word is as (1) left it. The ringer: (a) makes its change,
//! (b) clears the bits, (c) if there were any, counts on, (d) wakes. (1) and (b) change the same word, so one of them comes
//! first. If (b) does, the look sees the change. If (1) does, the ringer sees the bits; (b) and (c) keep the sleeper from
//! falling asleep, and (d) wakes it if it has done so. Without (c), a second sleeper that sets the bits again after (b) would
//! let the first fall asleep on a word that looks as (1) left it.
//!
//! Where only `ONE` is set (d) wakes one, and until that one has run the word says of the others that nobody sleeps. So
//! whoever has listened and takes what it waited for rings on if there is more; and listens before each look, so that the
//! word tells of the others again.
//!
//! # What a kill costs
//!
//! A ringer that dies after (a), and a sleeper that dies after it was woken, take a wake-up with them. Whoever sleeps looks
//! again after `RECHECK`. The bits of a dead sleeper cost one ringer a system call.

use super::words::Word32;
use ipc_sys::clock::Deadline;

#[repr(transparent)]
#[derive(Debug)]
pub(super) struct Bell(Word32);

const ONE: u32 = 1;
const ALL: u32 = 2;
/// One more ring.
const RING: u32 = 4;

/// What a ring has to wake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Serves {
    /// One of those who listen so, whichever.
    Any,
    /// All: it may be that the change serves another and not the one that would be woken.
    All,
}

impl Bell {
    #[cfg(test)]
    pub(super) fn new() -> Bell {
        Bell(Word32::new(0))
    }

    /// To be called before the look that decides on sleeping. The result goes to [`Bell::sleep`].
    pub(super) fn listen(&self, serves: Serves) -> u32 {
        let bits = if serves == Serves::Any { ONE } else { ONE | ALL };
        self.0.set_bits(bits) | bits
    }

    /// Sleeps until a ring that came after `heard`, the deadline, or `RECHECK`.
    pub(super) fn sleep(&self, heard: u32, deadline: Deadline) {
        self.0.sleep_while(heard, deadline);
    }

    /// To be called after a change.
    #[inline]
    pub(super) fn ring(&self) {
        let old = self.0.clear_bits(ONE | ALL);
        if old & (ONE | ALL) != 0 {
            self.wake(old);
        }
    }

    #[cold]
    fn wake(&self, old: u32) {
        self.0.add(RING);
        if old & ALL == 0 { self.0.wake_one() } else { self.0.wake_all() }
    }
}
