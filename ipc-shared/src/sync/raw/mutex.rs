//! The mutex: one word that names the owner, and one that says whether the data can be trusted.
//!
//! # The word
//!
//! | word | means | who may leave it, and how |
//! | --- | --- | --- |
//! | `0` | free | anybody: exchange for `me << 1`; who has slept: for `me << 1 \| CONTENDED` |
//! | `id << 1` | `id` has it, nobody sleeps | `id`: swap with `0`; a waiter that will sleep: exchange for the word with `CONTENDED` |
//! | `id << 1 \| CONTENDED` | `id` has it, somebody may sleep | `id`: swap with `0`, then wakes one |
//! | either of these, `id` dead | its owner has ended | a waiter: exchange for `me << 1 \| CONTENDED`, and reports the death |
//! | `1` | nobody wrote that | as if its owner were dead |
//!
//! A name is never given twice and the dead write nothing, so of those who see the word of a dead owner one exchange
//! succeeds. Nothing depends on time: the word of an owner who was stopped stays as it is.
//!
//! # Sleeping
//!
//! A waiter sets `CONTENDED` and sleeps while the word has it. An owner that leaves a word with `CONTENDED` wakes one. That
//! one cannot know whether more are asleep, so it takes the lock with `CONTENDED`, or, if it came too late, sets it again,
//! also when it gives up: there is a waker for as long as there is a sleeper. The kernel compares the low half only. Two
//! words with the same low half agree in `CONTENDED`, so whoever sleeps through the change is woken by the later owner.
//!
//! # What a survivor finds
//!
//! | killed after | finds |
//! | --- | --- |
//! | the exchange that takes the lock | the word of a dead owner: one waiter takes it and reports the death |
//! | the exchange that sets `CONTENDED` | an owner that will wake nobody: a system call for nothing |
//! | being woken | the word `0`; other sleepers look at it within `OWNER_RECHECK` |
//! | the exchange that takes the lock from the dead | the word of a dead owner; what the dead taker should have told is told |
//! | `poison` or `recover` | the word of a dead owner, which is reported whatever the health |
//! | the swap that frees the lock | the word `0`; sleepers look at it within `OWNER_RECHECK` |

use super::shim::{self, AtomicU32, AtomicU64};
use super::spin::{self, Patience};
use super::{Id, Peers};
use ipc_sys::clock::Deadline;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// A lock that names its owner. All zero is a fresh one; any other bytes are a mutex, too.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct RawMutex {
    word: AtomicU64,
    health: AtomicU32,
    _pad: AtomicU32,
}

#[cfg(not(all(test, loom)))]
const _: () = {
    assert!(size_of::<RawMutex>() == 16 && align_of::<RawMutex>() == 8);
    assert!(std::mem::offset_of!(RawMutex, word) == 0 && std::mem::offset_of!(RawMutex, health) == 8);
};

/// What a locker has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Acquired {
    /// The name under which the lock was taken, to be given to [`RawMutex::unlock`].
    pub(crate) me: Id,
    /// In which state the data may be.
    pub(crate) state: State,
}

/// In which state a locker may find the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The last owner has unlocked.
    Clean,
    /// The last owner has ended with the lock; nobody else is told.
    OwnerDied,
    /// An earlier owner has left without having repaired the data.
    Poisoned,
}

/// Why the lock was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RawLockError {
    /// The deadline has passed.
    TimedOut,
    /// This is a forked child that has no name.
    Forked,
}

/// The word of a lock that nobody has.
const FREE: u64 = 0;
/// The bit of the word that says that somebody may sleep.
const CONTENDED: u64 = 1;
/// The health of a lock whose data is in order. Any other is that of a poisoned one.
const WELL: u32 = 0;
/// The health of a poisoned lock.
const POISONED: u32 = 1;

impl RawMutex {
    /// A free one.
    #[cfg(test)]
    pub(crate) fn new() -> RawMutex {
        RawMutex { word: AtomicU64::new(FREE), health: AtomicU32::new(WELL), _pad: AtomicU32::new(0) }
    }

    /// Takes the lock, or waits for it until the deadline. [`Deadline::NOW`] is a try.
    #[inline]
    pub(crate) fn lock(&self, peers: &impl Peers, deadline: Deadline) -> Result<Acquired, RawLockError> {
        let me = peers.me().ok_or(RawLockError::Forked)?;
        match self.take_free(me) {
            Some(acquired) => Ok(acquired),
            None => self.lock_slow(peers, me, deadline),
        }
    }

    /// Takes the lock if it is free.
    #[inline]
    pub(crate) fn take_free(&self, me: Id) -> Option<Acquired> {
        // Acquire: pairs with the release in `unlock`; what the last owner did to the data is visible.
        let taken = self.word.compare_exchange(FREE, owned_by(me), Acquire, Relaxed).is_ok();
        taken.then(|| Acquired { me, state: self.state() })
    }

    /// Frees the lock if `me` has it. The copy of a guard in a forked child frees nothing.
    #[inline]
    pub(crate) fn unlock(&self, me: Id) {
        if self.word.load(Relaxed) & !CONTENDED != owned_by(me) {
            return;
        }
        // Release: pairs with the acquire of whoever takes the lock next.
        if self.word.swap(FREE, Release) & CONTENDED != 0 {
            self.wake();
        }
    }

    /// Says that the data was left in disorder. The caller has the lock.
    pub(crate) fn poison(&self) {
        self.health.store(POISONED, Relaxed);
    }

    /// Says that the data is in order. The caller has the lock.
    pub(crate) fn recover(&self) {
        self.health.store(WELL, Relaxed);
    }

    /// Whether the data was left in disorder.
    #[inline]
    pub(crate) fn is_poisoned(&self) -> bool {
        self.health.load(Relaxed) != WELL
    }

    /// Whether `me` has the lock.
    #[inline]
    #[cfg(test)]
    pub(crate) fn is_owned_by(&self, me: Id) -> bool {
        self.word.load(Relaxed) & !CONTENDED == owned_by(me)
    }

    #[inline]
    pub(super) fn state(&self) -> State {
        if self.is_poisoned() { State::Poisoned } else { State::Clean }
    }

    #[cold]
    fn lock_slow(&self, peers: &impl Peers, me: Id, deadline: Deadline) -> Result<Acquired, RawLockError> {
        // Where somebody sleeps already the lock is held for longer than a look takes.
        let mut word = spin::look_until(&self.word, |word| word == FREE || word & CONTENDED != 0);
        let mut mine = owned_by(me);
        let mut patience = Patience::default();
        loop {
            match self.step(peers, word, mine) {
                Step::Taken(state) => return Ok(Acquired { me, state }),
                // A waiter that was woken owes the next one its wake-up, so it leaves `CONTENDED` behind.
                Step::Owned if mine & CONTENDED == 0 && shim::is_over(deadline) => {
                    return Err(RawLockError::TimedOut);
                }
                Step::Owned if self.contend(word) => {
                    if shim::is_over(deadline) {
                        return Err(RawLockError::TimedOut);
                    }
                    shim::wait_low(&self.word, word | CONTENDED, deadline);
                    mine |= CONTENDED;
                }
                Step::Owned | Step::Changed => {}
            }
            patience.turn();
            word = self.word.load(Relaxed);
        }
    }

    /// Takes the lock if the word lets it be taken.
    fn step(&self, peers: &impl Peers, word: u64, mine: u64) -> Step {
        // Acquire: as in `lock`. What a dead owner did is visible since the kernel has told of its death.
        let take = |mine| self.word.compare_exchange(word, mine, Acquire, Relaxed).is_ok();
        if word == FREE {
            return if take(mine) { Step::Taken(self.state()) } else { Step::Changed };
        }
        if !Id::new(word >> 1).is_none_or(|owner| peers.is_dead(owner)) {
            return Step::Owned;
        }
        // Who sleeps on the word of the dead is not known.
        if take(mine | CONTENDED) { Step::Taken(State::OwnerDied) } else { Step::Changed }
    }

    /// Sees to it that the owner wakes one when it leaves; false if the word has changed.
    fn contend(&self, word: u64) -> bool {
        word & CONTENDED != 0 || self.word.compare_exchange(word, word | CONTENDED, Relaxed, Relaxed).is_ok()
    }

    #[cold]
    fn wake(&self) {
        shim::wake_low_one(&self.word);
    }
}

/// What one look at the word has led to.
enum Step {
    /// The lock is ours.
    Taken(State),
    /// Somebody lives who has it.
    Owned,
    /// Somebody was faster.
    Changed,
}

/// The word of a lock that `id` has.
#[inline]
fn owned_by(id: Id) -> u64 {
    id.get() << 1
}

#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(all(test, loom))]
mod model;
