//! The life of a cell: free, in use, held by processes and messages, free again.
//!
//! Who holds a cell is told by the claims alone: a bit for each slot and cell. There is no count that a kill could leave
//! wrong. A claim counts while its slot is taken; those of a dead process are void at once, and are wiped when its
//! slot is taken again.
//!
//! The state of a cell is one word, so that each change is one store:
//!
//! ```text
//! bit 0        in use
//! bits 1..=31  how often somebody came to hold it in this life
//! bits 32..    generation: how many lives the cell has had
//! ```
//!
//! | change | how | what others find if it ends in the middle |
//! | --- | --- | --- |
//! | allocate | own claim, then state from free to the next generation, in use | a free cell with a void claim; then a cell in use that nobody holds |
//! | come to hold | own claim, then count in the state, while the giver still holds it | a void claim |
//! | let go | own claim away, then, if nobody else holds it, state to free | a cell in use that nobody holds |
//!
//! A cell in use that nobody holds is freed when the slot of a void claim on it is taken again, and by whoever looks for
//! free cells, which is done before a segment more is made.
//!
//! Why does nobody free a cell that somebody holds? Who lets go reads the state, then looks at all claims one after
//! the other, and frees by a compare-and-swap from the state it read. To escape its look, a holder must have come
//! after it, from one who let go before it was looked at; but who comes counts in the state before the giver lets go,
//! so the swap fails.

use super::error::AllocError;
use super::layout::N_SLOTS;
use super::segment::Segment;
use super::world::{Local, World};
use crate::sync::raw::Peers;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

const IN_USE: u64 = 1;
const ARRIVAL: u64 = 2;
const ARRIVALS: u64 = (1 << 32) - ARRIVAL;
/// How often a change of a state is tried while others change it. More often means that somebody only disturbs.
const N_TRIES: usize = 1000;

/// A cell in one of its lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) cell: u32,
    pub(super) generation: u32,
}

impl Segment {
    /// Takes a free cell for this process, if there is one that is easily found.
    pub(super) fn allocate(&self, _: &World) -> Result<Option<Place>, AllocError> {
        let slot = self.own_slot().ok_or(AllocError::Forked)?;
        let mut local = self.local();
        while let Some(cell) = self.next_free(&mut local)? {
            // Freed here, taken by another process, and given to this one since.
            if local.is_held(cell) {
                continue;
            }
            if let Some(generation) = self.begin_life(slot, cell) {
                local.retain(cell);
                return Ok(Some(Place { cell, generation }));
            }
        }
        Ok(None)
    }

    /// Looks at every cell and every claim for what dead processes and others have left free. How many cells it found.
    pub(super) fn find_free(&self, _: &World) -> usize {
        let n_fresh = self.n_fresh().load(Acquire).min(self.geometry.n_cells());
        let taken: Vec<u32> = self.slots().filter(|&slot| self.is_taken(slot)).collect();
        let mut local = self.local();
        local.free.clear();
        for first in (0..n_fresh).step_by(64) {
            let held = taken.iter().fold(0, |held, &slot| held | self.claim(slot, first).0.load(Acquire));
            for cell in first..n_fresh.min(first + 64) {
                let is_unclaimed = held >> (cell - first) & 1 == 0;
                let is_free = self.state(cell).load(Acquire) & IN_USE == 0;
                if is_free || is_unclaimed && self.free_if_unheld(cell) {
                    local.free.push(cell);
                }
            }
        }
        local.free.len()
    }

    /// How many cells somebody living holds.
    pub(super) fn in_use(&self, world: &World) -> usize {
        let n_free = self.find_free(world);
        (self.n_fresh().load(Acquire).min(self.geometry.n_cells()) as usize).saturating_sub(n_free)
    }

    /// Comes to hold a cell that a giver holds. False if the cell is not in that life any more.
    pub(super) fn retain(&self, _: &World, place: Place) -> bool {
        let Some(slot) = self.own_slot() else { return false };
        if place.cell >= self.geometry.n_cells() {
            return false;
        }
        let mut local = self.local();
        if local.is_held(place.cell) {
            let is_same = self.is_alive(place);
            if is_same {
                local.retain(place.cell);
            }
            return is_same;
        }
        let came = self.arrive(slot, place);
        if came {
            local.retain(place.cell);
        } else {
            self.leave(slot, place.cell);
        }
        came
    }

    /// One more handle of this process to a cell is bound.
    pub(super) fn bind(&self, _: &World, cell: u32) {
        self.local().bind(cell);
    }

    /// One less; whether that was the last.
    pub(super) fn unbind(&self, _: &World, cell: u32) -> bool {
        self.local().unbind(cell)
    }

    /// Lets go of a cell that this process holds.
    pub(super) fn release(&self, _: &World, cell: u32) {
        let mut local = self.local();
        if !local.release(cell) {
            return;
        }
        // A forked child without a slot of its own has nothing to let go of.
        if self.own_slot().is_some_and(|slot| self.leave(slot, cell)) {
            local.free.push(cell);
        }
    }

    /// Lets a slot hold a cell, while a giver holds it. False if the cell is not in that life any more.
    pub(super) fn arrive(&self, slot: u32, place: Place) -> bool {
        let (claims, bit) = self.claim(slot, place.cell);
        claims.fetch_or(bit, AcqRel);
        self.change_state(place.cell, |state| {
            let is_it = state & IN_USE != 0 && generation_of(state) == place.generation;
            is_it.then(|| state & !ARRIVALS | (state + ARRIVAL) & ARRIVALS)
        })
    }

    /// Lets a slot hold all that this process holds: what a forked child begins with.
    pub(super) fn arrive_everywhere(&self, _: &World, slot: u32) {
        let Some(own) = self.own_slot() else { return };
        self.for_each_claim(own, |cell| {
            let generation = generation_of(self.state(cell).load(Acquire));
            self.arrive(slot, Place { cell, generation });
        });
    }

    /// Takes back what the former owner of a slot held. For whoever has the slot's seat.
    pub(super) fn take_back(&self, slot: u32) {
        self.for_each_claim(slot, |cell| {
            self.leave(slot, cell);
        });
    }

    fn for_each_claim(&self, slot: u32, mut work: impl FnMut(u32)) {
        let n_cells = self.geometry.n_cells();
        for first in (0..n_cells).step_by(64) {
            let mut claims = self.claim(slot, first).0.load(Acquire);
            while claims != 0 {
                let cell = first + claims.trailing_zeros();
                claims &= claims - 1;
                if cell < n_cells {
                    work(cell);
                }
            }
        }
    }

    /// Takes a slot's claim on a cell away, and frees the cell if nobody holds it any more. Whether it did.
    fn leave(&self, slot: u32, cell: u32) -> bool {
        let (claims, bit) = self.claim(slot, cell);
        claims.fetch_and(!bit, AcqRel);
        self.free_if_unheld(cell)
    }

    /// Frees a cell if nobody holds it. Whether it did.
    fn free_if_unheld(&self, cell: u32) -> bool {
        self.change_state(cell, |state| {
            let is_unheld = state & IN_USE != 0 && !self.is_held(cell);
            is_unheld.then_some(state & !(IN_USE | ARRIVALS))
        })
    }

    /// Whether a living process or message holds a cell.
    fn is_held(&self, cell: u32) -> bool {
        self.slots().any(|slot| {
            let (claims, bit) = self.claim(slot, cell);
            claims.load(Acquire) & bit != 0 && self.is_taken(slot)
        })
    }

    /// Whether a cell is in the life that is meant.
    fn is_alive(&self, place: Place) -> bool {
        let state = self.state(place.cell).load(Acquire);
        state & IN_USE != 0 && generation_of(state) == place.generation
    }

    /// A cell that is probably free, with memory.
    fn next_free(&self, local: &mut Local) -> Result<Option<u32>, AllocError> {
        if let Some(cell) = local.free.pop() {
            return Ok(Some(cell));
        }
        let n_cells = self.geometry.n_cells();
        for _ in 0..N_TRIES {
            let cell = self.n_fresh().load(Acquire);
            if cell >= n_cells {
                break;
            }
            self.reserve_up_to(cell)?;
            // Ending here leaves a free cell, which `find_free` finds.
            if self.n_fresh().compare_exchange(cell, cell + 1, AcqRel, Relaxed).is_ok() {
                return Ok(Some(cell));
            }
        }
        Ok(None)
    }

    /// Sees to it that a cell has memory.
    fn reserve_up_to(&self, cell: u32) -> Result<(), AllocError> {
        let n_reserved = self.n_reserved().load(Acquire);
        if cell < n_reserved {
            return Ok(());
        }
        let n_more = self.geometry.reserve_step().min(self.geometry.n_cells() - cell);
        self.reserve_cells(cell, n_more)
            .map_err(|source| AllocError::system("reserve shared memory", source))?;
        self.n_reserved().fetch_max(cell + n_more, AcqRel);
        Ok(())
    }

    /// Begins the next life of a free cell, held by a slot. Its generation, or nothing if the cell is not free.
    fn begin_life(&self, slot: u32, cell: u32) -> Option<u32> {
        let (claims, bit) = self.claim(slot, cell);
        claims.fetch_or(bit, AcqRel);
        let mut generation = 0;
        let began = self.change_state(cell, |state| {
            generation = generation_of(state).wrapping_add(1);
            (state & IN_USE == 0).then_some(u64::from(generation) << 32 | IN_USE)
        });
        if !began {
            // Whoever has it may have left it to us, having seen our claim.
            self.leave(slot, cell);
        }
        began.then_some(generation)
    }

    /// Changes a state by one swap. False if `change` does not want to, or if others change it all the time.
    fn change_state(&self, cell: u32, mut change: impl FnMut(u64) -> Option<u64>) -> bool {
        let word = self.state(cell);
        let mut state = word.load(Acquire);
        for _ in 0..N_TRIES {
            let Some(new) = change(state) else { return false };
            match word.compare_exchange(state, new, AcqRel, Acquire) {
                Ok(_) => return true,
                Err(found) => state = found,
            }
        }
        false
    }

    /// The slots that were ever taken.
    fn slots(&self) -> std::ops::Range<u32> {
        0..self.n_slots_used().load(Acquire).min(N_SLOTS)
    }

    fn own_slot(&self) -> Option<u32> {
        self.me().map(super::members::slot_of)
    }

    pub(super) fn local(&self) -> std::sync::MutexGuard<'_, Local> {
        // A panic cannot leave it half changed in a way that matters: the counts are each one number.
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn generation_of(state: u64) -> u32 {
    (state >> 32) as u32
}
