//! The semaphore: permits that come back when the process that holds them ends.
//!
//! # State
//!
//! No word says how many permits are free. It follows from what does not depend on who lives, and from what does:
//!
//! - `added`: how many permits there ever were, counting on over the end of 32 bits.
//! - In each cell, `forgotten` (the high half): how many were ever forgotten through this cell, also over the end.
//! - In each cell, `held` (the low half): how many its owner holds, if it lives.
//!
//! `permits = added - sum of forgotten`, `free = permits - sum of held`. A cell is changed as a whole, so that a permit that
//! is forgotten leaves `held` and `permits` at once.
//!
//! # Who changes what
//!
//! Only acquiring takes from `free`, and it needs the mutex. Whatever else happens meanwhile adds to it or, as forgetting does,
//! leaves it as it is: so what a look under the mutex finds free is free. Giving back, forgetting and adding take no mutex
//! and wait for nobody.
//!
//! # What a survivor finds
//!
//! | operation | store | after it a survivor finds |
//! | --- | --- | --- |
//! | acquire | the mutex is taken, the bell's bits are set | as before, and a ringer who wakes nobody |
//! | | `held` of dead owners becomes 0, their names go | as before: what the dead hold counts for nothing |
//! | | the cell is claimed | as before: it holds nothing (see `cells`) |
//! | | **`held` is counted up** | as before: its owner is dead. Lived it on, it would have the permit |
//! | | the mutex is given back, the bell rung | the same; a sleeper that should have been woken looks within `RECHECK` |
//! | release | **`held` is counted down** | the permit is free, as it is by the death |
//! | | the bell is rung | the same; sleepers look within `RECHECK` |
//! | forget | **`held` goes down and `forgotten` up, in one word** | a permit less; before it, the death gives the permit back |
//! | add | **`added` goes up** | a permit more; sleepers look within `RECHECK` |
//! | | the bell is rung | the same |
//!
//! # Order
//!
//! Whoever comes while permits are free takes them, also before those who sleep. A free permit wakes one sleeper, of those
//! who want one permit the one who has slept longest. Who wants many has to find them free at one moment: nothing is kept
//! together for it, so that it may starve among others who want one.

use super::bell::{Bell, Serves};
use super::cells::{self, Cell};
use super::spin::Patience;
use super::words::Word32;
use super::{Id, Peers, RawLockError, RawMutex, shim};
use ipc_sys::clock::Deadline;

/// The shared part of a semaphore, beside its cells. All zero is one without permits and without room for any.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct RawSemaphore {
    mutex: RawMutex,
    added: Word32,
    bound: Word32,
    bell: Bell,
    _pad: Word32,
}

#[cfg(not(all(test, loom)))]
const _: () = assert!(size_of::<RawSemaphore>() == 32 && align_of::<RawSemaphore>() == 8);

/// The most permits that a semaphore can have.
pub(crate) const MAX_PERMITS: u32 = i32::MAX as u32;

/// How often adding begins anew because others add. Who loses so often plays with somebody who scribbles.
const ADD_ATTEMPTS: u32 = 10_000;

/// Why no permit was acquired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AcquireError {
    /// The deadline has passed.
    TimedOut,
    /// This is a forked child that has no name.
    Forked,
    /// There are permits, but as many other processes as there are cells hold some.
    TooManyHolders,
}

/// Why no permit was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddError {
    /// There would be more permits than the bound.
    Full,
    /// Somebody writes the words all the time who should not.
    Corrupt,
}

/// What came of one look.
enum Look {
    /// The permits are ours; that many more are free.
    Taken(u32),
    /// There are not enough: those that are free, and what the bell showed before.
    TooFew(u32, u32),
    /// There are enough, but no cell.
    NoCell(u32),
}

impl RawSemaphore {
    /// A semaphore with as many permits, at most [`MAX_PERMITS`], and never more than `bound`.
    #[cfg(test)]
    pub(crate) fn new(permits: u32, bound: Option<u32>) -> RawSemaphore {
        RawSemaphore {
            mutex: RawMutex::new(),
            added: Word32::new(permits.min(MAX_PERMITS)),
            bound: Word32::new(bound.unwrap_or(MAX_PERMITS).min(MAX_PERMITS)),
            bell: Bell::new(),
            _pad: Word32::new(0),
        }
    }

    /// Makes a new one of what is all zero, before anybody else knows of it.
    pub(crate) fn init(&self, permits: u32, bound: Option<u32>) {
        self.added.set(permits.min(MAX_PERMITS));
        self.bound.set(bound.unwrap_or(MAX_PERMITS).min(MAX_PERMITS));
    }

    /// Takes `n` permits at once, or waits for them until the deadline.
    ///
    /// The deadline may be missed by 50 ms if a process was stopped at a bad moment. Returns the name under which they are
    /// held, to be given to [`RawSemaphore::release`].
    pub(crate) fn acquire(
        &self,
        cells: &[Cell],
        peers: &impl Peers,
        n: u32,
        deadline: Deadline,
    ) -> Result<Id, AcquireError> {
        let mut listens = false;
        let mut patience = Patience::default();
        loop {
            patience.turn();
            let looked = cells::locked(&self.mutex, peers, deadline, |me| {
                (me, self.look(cells, peers, me, n, &mut listens))
            });
            let (result, free) = match looked {
                Ok((_, Look::TooFew(_, heard))) if !shim::is_over(deadline) => {
                    self.bell.sleep(heard, deadline);
                    continue;
                }
                Ok((me, Look::Taken(free))) => (Ok(me), free),
                Ok((_, Look::TooFew(free, _))) => (Err(AcquireError::TimedOut), free),
                Ok((_, Look::NoCell(free))) => (Err(AcquireError::TooManyHolders), free),
                // Nobody has looked, so that there may be permits.
                Err(error) => (Err(error.into()), 1),
            };
            // It may be that the ring that woke us was for another as well, or not for us.
            if listens && free > 0 {
                self.bell.ring();
            }
            return result;
        }
    }

    /// Gives back `n` of the permits that `holder` has acquired. A copy in a forked child gives back nothing.
    pub(crate) fn release(&self, cells: &[Cell], peers: &impl Peers, holder: Id, n: u32) {
        if peers.me() != Some(holder) {
            return;
        }
        let left = cells::own(cells, holder).and_then(|cell| cell.give_back(n)); // RELEASE
        if left.is_some() {
            self.bell.ring();
        }
    }

    /// Makes `n` of the permits that `holder` has acquired go away for good. A copy in a forked child forgets nothing.
    pub(crate) fn forget(&self, cells: &[Cell], peers: &impl Peers, holder: Id, n: u32) {
        if peers.me() != Some(holder) {
            return;
        }
        if let Some(cell) = cells::own(cells, holder).filter(|cell| cell.held() >= n) {
            // The carry out of the high half goes nowhere, and the low half holds enough.
            cell.word.add((u64::from(n) << 32).wrapping_sub(u64::from(n))); // FORGET
        }
    }

    /// Adds `n` permits, which nobody need have held before.
    pub(crate) fn add(&self, cells: &[Cell], n: u32) -> Result<(), AddError> {
        for _ in 0..ADD_ATTEMPTS {
            let added = self.added.get();
            // As long as `added` stays as it is `permits` can only get less, so that what fits goes on fitting.
            let permits = Used::of(cells, |_| false).permits_of(added);
            let fits = permits.checked_add(n).is_some_and(|sum| sum <= self.bound());
            if !fits && self.added.get() == added {
                return Err(AddError::Full);
            }
            if fits && self.added.exchange(added, added.wrapping_add(n)) {
                self.bell.ring();
                return Ok(());
            }
        }
        Err(AddError::Corrupt)
    }

    /// How many permits were free a moment ago.
    pub(crate) fn available(&self, cells: &[Cell], peers: &impl Peers) -> u32 {
        let me = peers.me();
        let lives = |id| Some(id) == me || !peers.is_dead(id);
        // In this order it is at most too many of those that others acquire meanwhile, and never less than none.
        let used = Used::of(cells, |cell| Id::new(cell.owner.get()).is_some_and(lives));
        used.free_of(self.added.get())
    }

    /// One look under the mutex, with all that follows if there are enough permits.
    ///
    /// The kernel is asked who has died only if there are not. Who has slept, or is about to, listens first.
    fn look(&self, cells: &[Cell], peers: &impl Peers, me: Id, n: u32, listens: &mut bool) -> Look {
        let mut free = self.free(cells);
        if *listens || free < n {
            *listens = true;
            let heard = self.bell.listen(if n <= 1 { Serves::Any } else { Serves::All });
            free = self.free(cells);
            if free < n {
                cells::reap(cells, peers, me);
                free = self.free(cells);
            }
            if free < n {
                return Look::TooFew(free, heard);
            }
        }
        let Some(cell) = cells::claim(cells, peers, me) else { return Look::NoCell(free) };
        cell.word.add(u64::from(n)); // ACQUIRE
        Look::Taken(free - n)
    }

    /// How many permits are free, if everybody lives. The caller has the mutex, so that it can only become more.
    fn free(&self, cells: &[Cell]) -> u32 {
        // First `added`: who adds, acquires and forgets in between cannot have acquired, for that needs the mutex.
        let added = self.added.get();
        Used::of(cells, |_| true).free_of(added)
    }

    fn bound(&self) -> u32 {
        self.bound.get().min(MAX_PERMITS)
    }
}

/// What is not free, of all permits that were ever added.
struct Used {
    held: u64,
    forgotten: u32,
}

impl Used {
    /// Looks at each cell once: whoever forgets a permit meanwhile has it in one count or in the other.
    fn of(cells: &[Cell], lives: impl Fn(&Cell) -> bool) -> Used {
        let mut used = Used { held: 0, forgotten: 0 };
        for cell in cells {
            let (held, forgotten) = cell.halves();
            used.forgotten = used.forgotten.wrapping_add(forgotten);
            if held != 0 && lives(cell) {
                used.held += u64::from(held);
            }
        }
        used
    }

    /// How many there are, free or held.
    fn permits_of(&self, added: u32) -> u32 {
        added.wrapping_sub(self.forgotten)
    }

    /// How many are free: none, if the words contradict each other.
    fn free_of(&self, added: u32) -> u32 {
        u64::from(self.permits_of(added)).saturating_sub(self.held) as u32
    }
}

impl From<RawLockError> for AcquireError {
    fn from(error: RawLockError) -> Self {
        match error {
            RawLockError::TimedOut => AcquireError::TimedOut,
            RawLockError::Forked => AcquireError::Forked,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(all(test, loom))]
mod model;
