//! Who takes part in a segment, and who has ended: slots, their generations, and the kernel's word for both.
//!
//! A process, or a message on its way, takes part by a *seat*: an open description of the memory, by which it claims
//! bytes far beyond the memory's end. The kernel gives claims back when the last copy of the description is closed,
//! however its holder went, and not before: a process that was stopped keeps them.
//!
//! Each slot has three such bytes: the *seat*, and a *life* for even and one for odd generations.
//!
//! | step of whoever comes | what others find if it ends after it |
//! | --- | --- |
//! | 1. claims the seat | a free slot, as before |
//! | 2. claims the life of the next generation | a free slot. The former owner is dead all the while: its own life is claimed by nobody |
//! | 3. reserves memory for the claims, if it is the slot's first owner; raises the number of slots in use | a free slot |
//! | 4. stores the next generation | a dead owner who had nothing yet |
//! | 5. takes back the claims of the former owner, one by one | the rest is left for the next who comes |
//!
//! So a name, which is slot and generation, is alive if and only if the slot has this generation and the life of it is
//! claimed: at every moment, also while somebody stands still between two of the steps.

use super::error::AllocError;
use super::layout::{N_SLOTS, SLOT_BITS};
use super::segment::Segment;
use crate::sync::raw::{Id, Peers};
use ipc_sys::claim::Claimant;
use std::io;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};

/// Generations count from 1 to this, and then from 1 again.
const MAX_GENERATION: u64 = (1 << (Id::BITS - SLOT_BITS)) - 1;
/// The first byte that is claimed: no memory reaches there.
const BYTES_AT: u64 = 1 << 48;
const BYTES_PER_SLOT: u64 = 4;

/// A seat for somebody else than this process itself: a message, or a child that is about to be forked.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) claimant: Claimant,
    pub(super) id: Id,
}

impl Seat {
    pub(super) fn slot(&self) -> u32 {
        slot_of(self.id)
    }
}

impl Segment {
    /// Takes a seat by a description of its own.
    pub(super) fn new_seat(&self) -> Result<Seat, AllocError> {
        let claimant =
            self.new_claimant().map_err(|source| AllocError::system("open shared memory anew", source))?;
        let id = self.take_seat(&claimant)?;
        Ok(Seat { claimant, id })
    }

    /// Takes the first free slot, and takes back what its former owner held.
    pub(super) fn take_seat(&self, claimant: &Claimant) -> Result<Id, AllocError> {
        for slot in 0..N_SLOTS {
            let generation = self
                .try_slot(claimant, slot)
                .map_err(|source| AllocError::system("take a seat in shared memory", source))?;
            if let Some(generation) = generation {
                self.take_back(slot);
                return Id::new(generation << SLOT_BITS | u64::from(slot))
                    .ok_or(AllocError::TooManyProcesses);
            }
        }
        Err(AllocError::TooManyProcesses)
    }

    /// One more than the largest slot that anybody ever had.
    pub fn n_slots(&self) -> u32 {
        // Acquire: whoever saw what the owner of a slot wrote sees it among these.
        self.n_slots_used().load(Acquire).min(N_SLOTS)
    }

    /// Whether the owner of a name has ended.
    pub(super) fn is_gone(&self, id: Id) -> bool {
        if self.me() == Some(id) {
            return false;
        }
        let (slot, generation) = (slot_of(id), id.get() >> SLOT_BITS);
        if self.generation(slot).load(Acquire) != generation {
            return true;
        }
        // What cannot be asked is taken for alive: it is asked again.
        !self.claimant.is_claimed(life_byte(slot, generation)).unwrap_or(true)
    }

    /// Whether somebody has the slot, or is just coming or cleaning up.
    pub(super) fn is_taken(&self, slot: u32) -> bool {
        self.me().is_some_and(|me| slot_of(me) == slot)
            || self.claimant.is_claimed(seat_byte(slot)).unwrap_or(true)
    }

    /// Steps 1 to 4. The new generation, or nothing if the slot is taken.
    fn try_slot(&self, claimant: &Claimant, slot: u32) -> io::Result<Option<u64>> {
        if !claimant.try_claim(seat_byte(slot))? {
            return Ok(None);
        }
        let former = self.generation(slot).load(Acquire);
        let next = if former >= MAX_GENERATION { 1 } else { former + 1 };
        let begun = match claimant.try_claim(life_byte(slot, next)) {
            // Of those who keep to the steps, nobody has this one without the seat.
            Ok(false) => Ok(None),
            // Whoever stored a generation had reserved the memory.
            Ok(true) if former != 0 => Ok(Some(next)),
            Ok(true) => self.reserve_claims(slot).map(|()| Some(next)),
            Err(error) => Err(error),
        };
        if let Ok(Some(next)) = begun {
            self.n_slots_used().fetch_max(slot + 1, AcqRel);
            // Whoever sees the generation sees the claims of its owner in memory that is there.
            self.generation(slot).store(next, Release);
        } else {
            let _ = claimant.release(life_byte(slot, next));
            let _ = claimant.release(seat_byte(slot));
        }
        begun
    }
}

/// The slot of a name, less than [`N_SLOTS`].
pub fn slot_of(id: Id) -> u32 {
    (id.get() & u64::from(N_SLOTS - 1)) as u32
}

fn seat_byte(slot: u32) -> u64 {
    BYTES_AT + u64::from(slot) * BYTES_PER_SLOT
}

fn life_byte(slot: u32, generation: u64) -> u64 {
    seat_byte(slot) + 1 + (generation & 1)
}
