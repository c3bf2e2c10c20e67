//! Cells: what each process holds of a lock, in words that die with it.
//!
//! A cell is the name of its owner and a word of two halves. What the low half counts is `held` by the owner: an owner that
//! has ended holds nothing. What is in the high half belongs to the lock and outlives the owner.
//!
//! | owner | held | the cell is | who may change it |
//! | --- | --- | --- | --- |
//! | none, or any | 0 | free | who has the lock's mutex |
//! | lives | more | the owner's | the owner; counting down needs no mutex |
//! | dead | more | free, once `held` is 0 | who has the mutex |
//!
//! | step of a claim | a survivor finds |
//! | --- | --- |
//! | 1. `held` of the dead owner is stored as 0 | a free cell; the owner held nothing before, either |
//! | 2. **the owner is stored** | a cell that holds nothing, whoever owns it |

use super::words::{Word64, step};
use super::{Id, Peers, RawLockError, RawMutex};
use ipc_sys::clock::Deadline;
use std::time::Duration;

/// What one process holds of a lock. All zero is a fresh one; any other bytes are a cell, too.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Cell {
    pub(super) owner: Word64,
    pub(super) word: Word64,
}

#[cfg(not(all(test, loom)))]
const _: () = assert!(size_of::<Cell>() == 16 && align_of::<Cell>() == 8);

impl Cell {
    /// A free one.
    #[cfg(test)]
    pub(crate) fn new() -> Cell {
        Cell { owner: Word64::new(0), word: Word64::new(0) }
    }

    /// What the owner holds if it lives.
    pub(super) fn held(&self) -> u32 {
        self.word.get() as u32
    }

    /// What the cell says, both halves at the same moment: held, and the lock's.
    pub(super) fn halves(&self) -> (u32, u32) {
        let word = self.word.get();
        (word as u32, (word >> 32) as u32)
    }

    /// Counts `held` down, if it is that much; returns what is left.
    ///
    /// Only the owner counts down, once for each time that it has counted up, so nobody comes between the look and the
    /// change but another thread that does the same.
    pub(super) fn give_back(&self, n: u32) -> Option<u32> {
        (self.held() >= n).then(|| self.word.add(u64::from(n).wrapping_neg()) as u32)
    }

    /// Has nothing be held any more, and keeps what is the lock's.
    pub(super) fn clear_held(&self) {
        self.word.set(self.word.get() & !u64::from(u32::MAX));
    }

    fn is_owned_by(&self, id: Id) -> bool {
        self.owner.get() == id.get()
    }

    /// Whether the owner has ended or never was. Asks the kernel.
    pub(super) fn is_orphan(&self, peers: &impl Peers, me: Id) -> bool {
        Id::new(self.owner.get()).is_none_or(|owner| owner != me && peers.is_dead(owner))
    }
}

/// The cell of `me`. It is near the place that the name stands for, if it could be had when it was claimed.
pub(super) fn own(cells: &[Cell], me: Id) -> Option<&Cell> {
    from_home(cells, me).find(|cell| cell.is_owned_by(me))
}

/// The cell of `me`, or one that becomes it. The caller has the lock's mutex. Nothing, if others hold something in each.
pub(super) fn claim<'a>(cells: &'a [Cell], peers: &impl Peers, me: Id) -> Option<&'a Cell> {
    let free = || from_home(cells, me).find(|cell| cell.held() == 0);
    let unowned = || from_home(cells, me).find(|cell| cell.held() == 0 && cell.owner.get() == 0);
    let orphan = || from_home(cells, me).find(|cell| cell.is_orphan(peers, me));
    if let Some(cell) = own(cells, me) {
        return Some(cell);
    }
    let cell = unowned().or_else(free).or_else(orphan)?;
    cell.clear_held();
    cell.owner.set(me.get());
    Some(cell)
}

/// Takes from the dead what they held. The caller has the lock's mutex. Asks the kernel once for each cell that holds.
pub(super) fn reap(cells: &[Cell], peers: &impl Peers, me: Id) {
    for cell in cells.iter().filter(|cell| cell.held() != 0) {
        if cell.is_orphan(peers, me) {
            cell.clear_held();
            cell.owner.set(0);
        }
    }
}

/// For how long a lock's mutex is waited for whatever the deadline: its owners do only what is in these files, so that one
/// who keeps it for longer was stopped.
const GRACE: Duration = Duration::from_millis(50);

/// Does something under the mutex of a lock, or reports that the mutex was not to be had.
///
/// Whoever gets it from a dead owner has nothing to repair, so that its state does not matter. A panic in between counts as
/// a death: the mutex stays locked.
pub(super) fn locked<R>(
    mutex: &RawMutex,
    peers: &impl Peers,
    deadline: Deadline,
    body: impl FnOnce(Id) -> R,
) -> Result<R, RawLockError> {
    let deadline = match deadline.remaining() {
        Some(left) if left < GRACE => Deadline::after(GRACE),
        _ => deadline,
    };
    let me = mutex.lock(peers, deadline)?.me;
    let result = body(me);
    step();
    mutex.unlock(me);
    Ok(result)
}

fn from_home(cells: &[Cell], me: Id) -> impl Iterator<Item = &Cell> {
    let home = me.get().checked_rem(cells.len() as u64).map_or(0, |home| home as usize);
    let (before, after) = cells.split_at(home.min(cells.len()));
    after.iter().chain(before)
}
