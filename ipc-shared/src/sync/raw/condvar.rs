//! The condition variable: a table of those who wait, so that a wake-up is given to somebody and can be given on.
//!
//! Each waiter has a cell with its name, its place in the queue and a word to sleep on. Cells are given out and notified
//! under a mutex of the condition variable's own; a waiter leaves its cell without it, so that a deadline is kept
//! whoever has the mutex.
//!
//! # A cell
//!
//! | `owner` | `state` | means | who may leave it, and how |
//! | --- | --- | --- | --- |
//! | `0` | any | free | who has the mutex: writes `state` and `ticket`, then `owner` |
//! | `id` | `WAITING` | `id` sleeps, or will | who has the mutex: exchange for `NOTIFIED`; `id`: exchange for `LEFT` |
//! | `id` | `NOTIFIED` | `id` was chosen | `id`, when it has its lock again: `owner` to `0` |
//! | `id` | `LEFT` | `id` has given up | `id`: `owner` to `0` |
//! | dead | `NOTIFIED` | the notification is lost | who has the mutex: chooses another, then `owner` to `0` |
//! | dead | other | waits for nothing | who has the mutex: `owner` to `0` |
//!
//! A notification is in its cell until the waiter has its lock again. A waiter killed before that has swallowed it; one
//! killed later leaves its lock to be reported. The sleepers look for swallowed ones at each `RECHECK`.
//!
//! # What a survivor finds
//!
//! Every change is one store, so the mutex of a dead owner guards a table that is in order, and nobody is told.
//!
//! | killed after | finds |
//! | --- | --- |
//! | `next` | a ticket that nobody has |
//! | `limit` | a table that seems to be fuller than it is |
//! | `state` or `ticket` of a free cell | a free cell |
//! | `owner` | a waiter that is dead: freed by a notifier that would choose it, or when the table is full |
//! | `NOTIFIED`, before the wake | a waiter that finds it within `RECHECK` |
//! | being notified | a dead waiter whose notification is passed on within `RECHECK` |
//! | a notification passed on, its cell not freed | the same again: one wake-up too many, none too few |
//! | `LEFT`, or `owner` to `0` | a waiter that waits for nothing, or a free cell |

use super::mutex::{RawLockError, RawMutex};
use super::shim::{self, AtomicU32, AtomicU64};
use super::spin::Patience;
use super::{Id, Peers};
use ipc_sys::clock::Deadline;
use ipc_sys::futex::RECHECK;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// A condition variable for `N` waiters. All zero is one without any; any other bytes are one, too.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct RawCondvar<const N: usize> {
    mutex: RawMutex,
    /// The ticket of the next waiter.
    next: AtomicU32,
    /// No cell from here on was ever used.
    limit: AtomicU32,
    cells: [Waiter; N],
}

/// The cell of a waiter.
#[repr(C)]
#[derive(Debug)]
struct Waiter {
    owner: AtomicU64,
    ticket: AtomicU32,
    state: AtomicU32,
}

#[cfg(not(all(test, loom)))]
const _: () = {
    assert!(size_of::<Waiter>() == 16 && align_of::<Waiter>() == 8);
    assert!(std::mem::offset_of!(Waiter, ticket) == 8 && std::mem::offset_of!(Waiter, state) == 12);
    assert!(size_of::<RawCondvar<120>>() == 24 + 120 * 16);
    assert!(std::mem::offset_of!(RawCondvar<1>, cells) == 24);
};

/// Why nobody was waited for. The lock of the caller was not released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RawWaitError {
    /// The deadline has passed while another process had the table.
    TimedOut,
    /// This is a forked child that has no name.
    Forked,
    /// As many wait as can.
    Full,
}

/// The name in a free cell.
const NOBODY: u64 = 0;
/// The owner waits.
const WAITING: u32 = 0;
/// The owner was chosen.
const NOTIFIED: u32 = 1;
/// The owner has given up.
const LEFT: u32 = 2;

impl<const N: usize> RawCondvar<N> {
    /// One without waiters.
    #[cfg(test)]
    pub(crate) fn new() -> RawCondvar<N> {
        let free = |_| Waiter {
            owner: AtomicU64::new(NOBODY),
            ticket: AtomicU32::new(0),
            state: AtomicU32::new(WAITING),
        };
        RawCondvar {
            mutex: RawMutex::new(),
            next: AtomicU32::new(0),
            limit: AtomicU32::new(0),
            cells: std::array::from_fn(free),
        }
    }

    /// Releases the caller's lock, waits to be notified until the deadline, and takes the lock again.
    ///
    /// Returns what `reacquire` returned, and whether there was a notification. After an error nothing was released.
    pub(crate) fn wait<R>(
        &self,
        peers: &impl Peers,
        deadline: Deadline,
        release: impl FnOnce(),
        reacquire: impl FnOnce() -> R,
    ) -> Result<(R, bool), RawWaitError> {
        let cell = self.enter(peers, deadline)?;
        release();
        if !self.sleep(cell, peers, deadline) {
            cell.free();
            return Ok((reacquire(), false));
        }
        let lock = reacquire();
        cell.free();
        Ok((lock, true))
    }

    /// Notifies those who have waited longest, `count` at most; returns how many it was.
    pub(crate) fn notify(&self, peers: &impl Peers, count: usize) -> Result<usize, RawLockError> {
        let me = self.mutex.lock(peers, Deadline::NEVER)?.me;
        let notified = (0..count.min(N)).take_while(|_| self.notify_oldest(peers)).count();
        self.mutex.unlock(me);
        Ok(notified)
    }

    /// Takes a cell.
    fn enter(&self, peers: &impl Peers, deadline: Deadline) -> Result<&Waiter, RawWaitError> {
        let me = self.mutex.lock(peers, deadline).map_err(RawWaitError::from)?.me;
        let cell = self.free_cell(peers).map(|(idx, cell)| {
            let ticket = self.next.load(Relaxed);
            self.next.store(ticket.wrapping_add(1), Relaxed);
            if idx >= self.used().len() {
                self.limit.store(idx as u32 + 1, Relaxed);
            }
            cell.state.store(WAITING, Relaxed);
            cell.ticket.store(ticket, Relaxed);
            // Release: who reads the name without the mutex, to look for swallowed notifications, reads this state.
            cell.owner.store(me.get(), Release);
            cell
        });
        self.mutex.unlock(me);
        cell.ok_or(RawWaitError::Full)
    }

    /// A cell that nobody has, if need be of one who is dead. The caller has the mutex.
    fn free_cell(&self, peers: &impl Peers) -> Option<(usize, &Waiter)> {
        // Acquire: pairs with the release in `free`; what the last owner wrote to the state was before.
        let find = || self.cells.iter().enumerate().find(|(_, cell)| cell.owner.load(Acquire) == NOBODY);
        find().or_else(|| {
            self.cells.iter().filter(|cell| cell.is_dead(peers)).for_each(|cell| self.bury(cell, peers));
            find()
        })
    }

    /// Sleeps until the cell is notified; false if the deadline came first.
    fn sleep(&self, cell: &Waiter, peers: &impl Peers, deadline: Deadline) -> bool {
        let mut patience = Patience::default();
        // Acquire: pairs with the exchange in `notify_oldest`.
        while cell.state.load(Acquire) == WAITING {
            if shim::is_over(deadline) {
                return cell.state.compare_exchange(WAITING, LEFT, Relaxed, Acquire).is_err();
            }
            shim::wait(&cell.state, WAITING, deadline);
            if cell.state.load(Relaxed) == WAITING {
                self.pass_on(peers);
            }
            patience.turn();
        }
        true
    }

    /// Passes on what the dead have swallowed.
    fn pass_on(&self, peers: &impl Peers) {
        if !self.used().iter().any(|cell| cell.has_swallowed(peers)) {
            return;
        }
        // Who has the mutex may have been stopped after it notified this waiter, which then has to return.
        let Ok(acquired) = self.mutex.lock(peers, Deadline::after(RECHECK)) else { return };
        self.used().iter().filter(|cell| cell.has_swallowed(peers)).for_each(|cell| self.bury(cell, peers));
        self.mutex.unlock(acquired.me);
    }

    /// Frees the cell of a dead owner, after what it had swallowed was passed on. The caller has the mutex.
    fn bury(&self, cell: &Waiter, peers: &impl Peers) {
        if cell.state.load(Relaxed) == NOTIFIED {
            self.notify_oldest(peers);
        }
        cell.free();
    }

    /// Notifies the one who has waited longest, if there is one. The caller has the mutex.
    fn notify_oldest(&self, peers: &impl Peers) -> bool {
        // Each turn ends or frees a cell, or its owner has left; what is written in between by others does not count.
        for _ in 0..=N {
            let now = self.next.load(Relaxed);
            let waiting = self.used().iter().filter(|cell| cell.is_waiting());
            let Some(cell) = waiting.max_by_key(|cell| now.wrapping_sub(cell.ticket.load(Relaxed))) else {
                return false;
            };
            if cell.is_dead(peers) {
                cell.free();
            } else if cell.state.compare_exchange(WAITING, NOTIFIED, AcqRel, Relaxed).is_ok() {
                shim::wake_one(&cell.state);
                return true;
            }
        }
        false
    }

    /// The cells that were ever used.
    fn used(&self) -> &[Waiter] {
        let limit = self.limit.load(Relaxed) as usize;
        &self.cells[..limit.min(N)]
    }
}

impl Waiter {
    /// Whether somebody waits here, dead or alive.
    fn is_waiting(&self) -> bool {
        self.owner.load(Relaxed) != NOBODY && self.state.load(Relaxed) == WAITING
    }

    /// Whether the cell is that of a dead process. What is no name is the name of nobody.
    fn is_dead(&self, peers: &impl Peers) -> bool {
        let owner = self.owner.load(Acquire);
        owner != NOBODY && Id::new(owner).is_none_or(|id| peers.is_dead(id))
    }

    /// Whether a notification ended here.
    fn has_swallowed(&self, peers: &impl Peers) -> bool {
        // The state first: it is seldom this one, and the question about the owner takes long.
        self.state.load(Relaxed) == NOTIFIED && self.is_dead(peers)
    }

    /// Gives the cell back.
    fn free(&self) {
        // Release: what the owner did with the state comes before what the next one does.
        self.owner.store(NOBODY, Release);
    }
}

impl From<RawLockError> for RawWaitError {
    fn from(error: RawLockError) -> RawWaitError {
        match error {
            RawLockError::TimedOut => RawWaitError::TimedOut,
            RawLockError::Forked => RawWaitError::Forked,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(all(test, loom))]
mod model;
