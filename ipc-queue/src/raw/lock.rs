//! The lock of one side of the ring: one word that names the owner, and what those of the other side wish for.
//!
//! # The word
//!
//! | bits | meaning | set by | cleared by |
//! | --- | --- | --- | --- |
//! | 0 `CONTENDED` | somebody may sleep for the lock | a waiter that will sleep | who releases, and wakes one |
//! | 1 `ONE` | somebody of the other side may sleep whom any change serves | the sleeper | who releases after a change, and rings |
//! | 2 `ALL` | somebody may sleep whom not every change serves | the sleeper | who releases after a change, and rings for all |
//! | 3 `POLLED` | somebody waits for the descriptor | who polls | who releases after a change, and makes it readable |
//! | 4.. | the name of the owner, or zero | who takes the lock, who takes it from the dead | who releases: one swap with zero, or without a change with the wishes |
//!
//! The dead write nothing and a name is never given twice, so of those who see the word of a dead owner one exchange succeeds.
//! Nothing depends on time: the word of an owner that was stopped stays as it is.
//!
//! # Why no change is slept through
//!
//! The sleeper of the other side: (1) reads the bell, (2) sets its wish in this word, (3) looks, (4) sleeps while the bell is
//! as in (1). The owner: (a) makes its change, (b) swaps the word with zero, (c) if there was a wish, counts the bell on,
//! (d) wakes. (2) and (b) change the same word, so one of them comes first. If (b) does, the look sees the change. If (2)
//! does, the owner sees the wish; (c) keeps the sleeper from falling asleep, and (d) wakes it if it has done so.
//!
//! Where the owner has woken as many as it wished to, more may sleep, so it sets the wish again on their behalf. Another
//! change can come in between and find no wish; so who has slept, and sees more than it needs, wakes the next one. An owner that
//! has changed nothing leaves the wishes in the word: if it took them out and set them again, a change in between would find
//! none. Who has taken the lock from the dead wakes all, since the dead may have changed something and told nobody.
//!
//! # What a survivor finds
//!
//! | killed after | finds |
//! | --- | --- |
//! | the exchange that takes the lock, or anything that is done under it | the word of a dead owner: the next one takes it, and mends |
//! | the exchange that takes the lock from the dead | the word of a dead owner, once more |
//! | the swap | a free lock; who sleeps looks again after a while |
//! | the wish | a wish of nobody: one system call for nothing |
//! | being woken | what it was woken for; the others look again after a while |

use super::pause;
use super::shim::{self, AtomicU32, AtomicU64};
use ipc_shared::internals::{Id, Patience, Peers};
use ipc_sys::clock::Deadline;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::time::Duration;

/// A lock that names its owner. All zero is a fresh one; any other bytes are a lock, too.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct Lock {
    word: AtomicU64,
    bell: AtomicU32,
    _pad: std::sync::atomic::AtomicU32,
}

/// What those of the other side wished for when a lock was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "somebody may sleep"]
pub(crate) struct Wishes(u64);

/// How a lock was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// From nobody.
    Free,
    /// From an owner that has ended: what it was doing is to be mended.
    FromDead,
}

/// Why a lock was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockError {
    /// The deadline has passed.
    TimedOut,
    /// This is a forked child that has no name.
    Forked,
}

const CONTENDED: u64 = 1;
const ONE: u64 = 1 << 1;
const ALL: u64 = 1 << 2;
const POLLED: u64 = 1 << 3;
const FLAGS: u64 = CONTENDED | ONE | ALL | POLLED;
const NAME_SHIFT: u32 = 4;

/// A number of changes that nobody knows: there may be one for each who waits.
const MANY: u32 = u32::MAX;

impl Taken {
    /// How many changes are told when the lock is released: those that were made, and those that a dead owner did not come
    /// to tell of.
    #[inline]
    pub(crate) fn changes(self, n_made: u32) -> u32 {
        match self {
            Taken::Free => n_made,
            Taken::FromDead => MANY,
        }
    }
}

impl Wishes {
    /// Somebody sleeps whom any change serves.
    pub(crate) const ONE: Wishes = Wishes(ONE);
    /// Somebody sleeps whom not every change serves.
    pub(crate) const ALL: Wishes = Wishes(ONE | ALL);
    /// Somebody waits for the descriptor.
    pub(crate) const POLLED: Wishes = Wishes(POLLED);

    /// Whether nothing has to be done.
    #[inline]
    pub(crate) fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether somebody waits for the descriptor.
    pub(crate) fn is_polled(self) -> bool {
        self.0 & POLLED != 0
    }
}

impl Lock {
    /// Takes the lock, or waits for it until the deadline, which is only asked for if the lock is not free.
    #[inline]
    pub(crate) fn lock(
        &self,
        peers: &impl Peers,
        deadline: impl FnOnce() -> Deadline,
    ) -> Result<Taken, LockError> {
        let me = peers.me().ok_or(LockError::Forked)?;
        // Acquire: pairs with the release in `unlock`.
        if self.word.compare_exchange(0, named(me), Acquire, Relaxed).is_ok() {
            return Ok(Taken::Free);
        }
        self.lock_slow(peers, me, deadline())
    }

    /// Releases the lock, which the caller has.
    #[inline]
    pub(crate) fn unlock(&self) -> Wishes {
        // Release: what was done under the lock is seen by who takes it next, and by who sees that its wish is gone.
        let word = self.word.swap(0, Release);
        if word & CONTENDED != 0 {
            self.wake_locker();
        }
        Wishes(word & (ONE | ALL | POLLED))
    }

    /// Releases the lock, which the caller has, and wakes those whom its changes may serve. Who waits for the descriptor is left
    /// to be told.
    #[inline]
    pub(crate) fn release(&self, n_changes: u32) -> Wishes {
        if n_changes == 0 {
            self.unlock_unchanged();
            return Wishes(0);
        }
        let wishes = self.unlock();
        if !wishes.is_none() {
            self.ring(wishes, n_changes);
        }
        wishes
    }

    /// Releases the lock, which the caller has, and leaves the wishes to who makes a change. They are in the word at every moment:
    /// a change that comes just now finds them.
    #[cold]
    fn unlock_unchanged(&self) {
        // Release: as above.
        let word = self.word.fetch_and(ONE | ALL | POLLED, Release);
        if word & CONTENDED != 0 {
            self.wake_locker();
        }
    }

    /// To be called before the look that decides on sleeping. The result goes to [`Lock::sleep`].
    pub(crate) fn listen(&self, wishes: Wishes) -> u32 {
        let heard = self.bell.load(Acquire);
        self.wish(wishes);
        heard
    }

    /// Takes away the wishes of those who sleep, to serve them: for a change that was made without the lock.
    pub(crate) fn take_wishes(&self) -> Wishes {
        let sleepers = Wishes::ALL.0;
        Wishes(self.word.fetch_and(!sleepers, AcqRel) & sleepers)
    }

    /// Leaves a wish for the owner, or the next one.
    pub(crate) fn wish(&self, wishes: Wishes) {
        // Acquire: if the owner has released already, the look that follows sees what it has done.
        self.word.fetch_or(wishes.0, AcqRel);
    }

    /// Sleeps until a ring that came after `heard`, the deadline, or `longest`.
    pub(crate) fn sleep(&self, heard: u32, deadline: Deadline, longest: Duration) {
        shim::wait_at_most(&self.bell, heard, deadline, longest);
    }

    /// Wakes those who sleep, as they have wished: all of them, or as many as there are changes to serve them.
    #[cold]
    fn ring(&self, wishes: Wishes, n_changes: u32) {
        if wishes.0 & ALL != 0 || wishes.0 & ONE != 0 && n_changes == MANY {
            self.ring_for_all();
        } else if wishes.0 & ONE != 0 {
            self.bell.fetch_add(1, Relaxed);
            if shim::wake(&self.bell, n_changes) >= n_changes as usize {
                self.wish(Wishes::ONE);
            }
        }
    }

    /// Wakes one more sleeper: for who has slept, has got what it waited for, and sees that there is more of it. The change that
    /// made it may have found no wish, since the owner before had taken it and not set it again yet.
    pub(crate) fn pass_on(&self) {
        self.bell.fetch_add(1, Release);
        shim::wake(&self.bell, 1);
    }

    /// Wakes all who sleep, whatever they have wished.
    pub(crate) fn ring_for_all(&self) {
        self.bell.fetch_add(1, Release);
        shim::wake_all(&self.bell);
    }

    #[cold]
    fn lock_slow(&self, peers: &impl Peers, me: Id, deadline: Deadline) -> Result<Taken, LockError> {
        pause::look_until(|| {
            let word = self.word.load(Relaxed);
            // Where somebody sleeps already, the lock is held for longer than a look takes.
            word >> NAME_SHIFT == 0 || word & CONTENDED != 0
        });
        let mut mine = named(me);
        let mut patience = Patience::default();
        loop {
            let word = self.word.load(Relaxed);
            let owner = word >> NAME_SHIFT;
            let is_dead = owner != 0 && Id::new(owner).is_none_or(|owner| peers.is_dead(owner));
            if owner == 0 || is_dead {
                // Who sleeps on the word of the dead is not known.
                let more = if is_dead { CONTENDED } else { 0 };
                if self.word.compare_exchange(word, mine | more | word & FLAGS, Acquire, Relaxed).is_ok() {
                    return Ok(if is_dead { Taken::FromDead } else { Taken::Free });
                }
            } else {
                // A waiter that was woken owes the next one its wake-up, so it leaves `CONTENDED` behind.
                if mine & CONTENDED == 0 && shim::is_over(deadline) {
                    return Err(LockError::TimedOut);
                }
                let contended = word | CONTENDED;
                let is_set = word == contended
                    || self.word.compare_exchange(word, contended, Relaxed, Relaxed).is_ok();
                if is_set {
                    if shim::is_over(deadline) {
                        return Err(LockError::TimedOut);
                    }
                    shim::wait_low(&self.word, contended, deadline);
                    mine |= CONTENDED;
                    // Those who run take the lock again and again, and it is free in between: who was woken and sleeps
                    // again at once can have such luck for seconds.
                    pause::look_until(|| self.word.load(Relaxed) >> NAME_SHIFT == 0);
                }
            }
            patience.turn();
        }
    }

    #[cold]
    fn wake_locker(&self) {
        shim::wake_low_one(&self.word);
    }
}

/// The word of a lock that `id` has.
#[inline]
fn named(id: Id) -> u64 {
    id.get() << NAME_SHIFT
}

#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(all(test, loom))]
mod model;
