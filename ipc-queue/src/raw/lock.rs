//! The lock of one side of the ring: a word that names the owner, and beside it what others wish to be told.
//!
//! # The words
//!
//! `word` is the name of the owner, or zero. Who takes the lock changes it from zero to its name by one exchange, who takes it
//! from the dead from their name to its own, who gives it back stores zero. The dead write nothing and a name is never given
//! twice, so of those who see the word of a dead owner one exchange succeeds. Nothing depends on time: the word of an owner that
//! was stopped stays as it is.
//!
//! | wish | meaning | left by | taken by |
//! | --- | --- | --- | --- |
//! | `CONTENDED` | somebody may sleep for the lock | a waiter that will sleep | who releases, and wakes one |
//! | `ONE` | somebody of the other side may sleep whom any change serves | the sleeper | who releases after a change, and rings |
//! | `ALL` | somebody may sleep whom not every change serves | the sleeper | who releases after a change, and rings for all |
//! | `POLLED` | somebody waits for the descriptor | who polls | who releases after a change, and makes it readable |
//!
//! # Why no change is slept through
//!
//! The sleeper of the other side: (1) reads the bell, (2) leaves its wish, (3) looks, (4) sleeps while the bell is as in (1). The
//! owner: (a) makes its change, (b) stores zero in the word, (c) looks for wishes; if there is one it (d) takes it away,
//! (e) counts the bell on, (f) wakes. If (c) finds the wish, (e) keeps the sleeper from falling asleep, and (f) wakes it if it has
//! done so. If (c) came before (2), then (3) comes after (a), and sees the change. Who makes a change without the lock leaves (b)
//! out. Who waits for the lock does the same with `CONTENDED` and the turn, and looks at the word; if it gives up, it hands the
//! wake-up on that may have been meant for it.
//!
//! That (3) sees it needs a fence between (b) and (c), which would take as long as all the rest of a release. Without one a
//! processor can do (c) while (a) and (b) are still on their way to the others, for as long as they take to arrive. So who
//! leaves a wish waits until they must have arrived before it looks ([`pause::settle`]): it is about to sleep and has the time.
//! If that were too short it would be a delay and no hang, since no sleep is longer than an eighth of a second. In the
//! models, where no time passes, there is the fence.
//!
//! Where the owner has woken as many as it wished to, more may sleep, so it leaves the wish again on their behalf. Another
//! change can come in between and find no wish; so who has slept, and sees more than it needs, wakes the next one. An owner that
//! has changed nothing does not touch the wishes: if it took them and left them again, a change in between would find none. Who
//! has taken the lock from the dead wakes all, since the dead may have changed something and told nobody.
//!
//! # What a survivor finds
//!
//! | killed after | finds |
//! | --- | --- |
//! | the exchange that takes the lock, or anything that is done under it | the word of a dead owner: the next one takes it, and mends |
//! | the exchange that takes the lock from the dead | the word of a dead owner, once more |
//! | the store of zero, or taking the wishes | a free lock; who sleeps looks again after a while |
//! | the wish | a wish of nobody: one system call for nothing |
//! | being woken | what it was woken for; the others look again after a while |

use super::pause;
use super::shim::{self, AtomicU32, AtomicU64};
use ipc_shared::internals::{Id, Patience, Peers};
use ipc_sys::clock::Deadline;
use ipc_sys::futex::OWNER_RECHECK;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::time::Duration;

/// A lock that names its owner. All zero is a fresh one; any other bytes are a lock, too.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct Lock {
    word: AtomicU64,
    /// Counts on when those of the other side are woken.
    bell: AtomicU32,
    /// Counts on when one is woken who waits for the lock.
    turn: AtomicU32,
    wishes: AtomicU32,
    _pad: std::sync::atomic::AtomicU32,
}

/// What those of the other side wished for when a lock was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "somebody may sleep"]
pub(crate) struct Wishes(u32);

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

const CONTENDED: u32 = 1;
const ONE: u32 = 1 << 1;
const ALL: u32 = 1 << 2;
const POLLED: u32 = 1 << 3;
/// What a change serves.
const CHANGED: u32 = ONE | ALL | POLLED;

/// A number of changes that nobody knows: there may be one for each who waits.
pub(crate) const MANY: u32 = u32::MAX;

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
        // Acquire: pairs with the release in `release`.
        if self.word.compare_exchange(0, me.get(), Acquire, Relaxed).is_ok() {
            return Ok(Taken::Free);
        }
        self.lock_slow(peers, me, deadline())
    }

    /// Whether somebody has the lock, alive or dead.
    #[inline]
    pub(crate) fn is_held(&self) -> bool {
        self.word.load(Relaxed) != 0
    }

    /// Takes the lock if it is free.
    #[inline]
    pub(crate) fn try_lock(&self, peers: &impl Peers) -> bool {
        // Acquire: as above.
        peers.me().is_some_and(|me| self.word.compare_exchange(0, me.get(), Acquire, Relaxed).is_ok())
    }

    /// Releases the lock, which the caller has, and wakes those whom its changes may serve. Who waits for the descriptor is left
    /// to be told.
    #[inline]
    pub(crate) fn release(&self, n_changes: u32) -> Wishes {
        // Release: what was done under the lock is seen by who takes it next.
        self.word.store(0, Release);
        shim::store_before_look();
        if self.wishes.load(Relaxed) == 0 {
            return Wishes(0);
        }
        // Without a change there is only the next one to let have the lock.
        self.serve(if n_changes == 0 { CONTENDED } else { CONTENDED | CHANGED }, n_changes)
    }

    /// To be called before the look that decides on sleeping. The result goes to [`Lock::sleep`], and to the next call if the caller
    /// sleeps again.
    pub(crate) fn listen(&self, wishes: Wishes, last: Option<u32>) -> u32 {
        let heard = self.bell.load(Acquire);
        // If the wish is still there and nobody has rung, everybody has found it who made a change since, and will ring.
        if last != Some(heard) || self.wishes.load(Acquire) & wishes.0 != wishes.0 {
            self.wish(wishes);
        }
        heard
    }

    /// Wakes those whom changes may serve that were made without the lock.
    #[inline]
    pub(crate) fn tell(&self, n_changes: u32) {
        shim::store_before_look();
        if self.wishes.load(Relaxed) != 0 {
            let _ = self.serve(ONE | ALL, n_changes);
        }
    }

    /// Leaves a wish for the owner, or the next one. A look that follows sees the changes of those who did not find it.
    pub(crate) fn wish(&self, wishes: Wishes) {
        self.leave(wishes.0);
        shim::fence(SeqCst);
        pause::settle();
    }

    /// Whether such a wish is there.
    pub(crate) fn has_wished(&self, wishes: Wishes) -> bool {
        self.wishes.load(Relaxed) & wishes.0 != 0
    }

    /// Sleeps until a ring that came after `heard`, the deadline, or `longest`.
    pub(crate) fn sleep(&self, heard: u32, deadline: Deadline, longest: Duration) {
        shim::wait_at_most(&self.bell, heard, deadline, longest);
    }

    /// Wakes one more sleeper: for who has slept, has got what it waited for, and sees that there is more of it. The change that
    /// made it may have found no wish, since the owner before had taken it and not left it again yet.
    pub(crate) fn pass_on(&self) {
        self.bell.fetch_add(1, Release);
        shim::wake(&self.bell, 1);
    }

    /// Wakes all who sleep, whatever they have wished.
    pub(crate) fn ring_for_all(&self) {
        self.bell.fetch_add(1, Release);
        shim::wake_all(&self.bell);
    }

    /// Takes those of the wishes that are there, and does what they say after so many changes.
    #[cold]
    fn serve(&self, wishes: u32, n_changes: u32) -> Wishes {
        let taken = self.wishes.fetch_and(!wishes, AcqRel) & wishes;
        if taken & CONTENDED != 0 {
            self.turn.fetch_add(1, Relaxed);
            shim::wake(&self.turn, 1);
        }
        if taken & ALL != 0 || taken & ONE != 0 && n_changes == MANY {
            self.ring_for_all();
        } else if taken & ONE != 0 {
            self.bell.fetch_add(1, Relaxed);
            if shim::wake(&self.bell, n_changes) >= n_changes as usize {
                self.leave(ONE);
            }
        }
        Wishes(taken & CHANGED)
    }

    /// Hands on the wake-up that may have been meant for the caller, which does not wait any longer: to the owner, or if there is none
    /// by now, to who waits.
    fn give_up(&self) {
        self.wish(Wishes(CONTENDED));
        if self.word.load(Relaxed) == 0 {
            let _ = self.serve(CONTENDED, 0);
        }
    }

    fn leave(&self, wishes: u32) {
        self.wishes.fetch_or(wishes, AcqRel);
    }

    #[cold]
    fn lock_slow(&self, peers: &impl Peers, me: Id, deadline: Deadline) -> Result<Taken, LockError> {
        pause::look_until(|| {
            // Where somebody sleeps already, the lock is held for longer than a look takes.
            self.word.load(Relaxed) == 0 || self.wishes.load(Relaxed) & CONTENDED != 0
        });
        let (mut patience, mut has_slept) = (Patience::default(), false);
        loop {
            let word = self.word.load(Relaxed);
            let is_dead = word != 0 && Id::new(word).is_none_or(|owner| peers.is_dead(owner));
            if word == 0 || is_dead {
                if self.word.compare_exchange(word, me.get(), Acquire, Relaxed).is_ok() {
                    // Who was woken owes the next one its wake-up; and who sleeps on the word of the dead is not known.
                    if has_slept || is_dead {
                        self.leave(CONTENDED);
                    }
                    return Ok(if is_dead { Taken::FromDead } else { Taken::Free });
                }
            } else {
                if shim::is_over(deadline) {
                    if has_slept {
                        self.give_up();
                    }
                    return Err(LockError::TimedOut);
                }
                let heard = self.turn.load(Acquire);
                self.wish(Wishes(CONTENDED));
                if self.word.load(Relaxed) == word {
                    shim::wait_at_most(&self.turn, heard, deadline, OWNER_RECHECK);
                    has_slept = true;
                }
                // Those who run take the lock again and again, and it is free in between: who was woken and sleeps again at once
                // can have such luck for seconds.
                pause::look_until(|| self.word.load(Relaxed) == 0);
            }
            patience.turn();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(all(test, loom))]
mod model;
