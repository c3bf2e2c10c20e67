//! A segment of an arena, mapped into this process: the one place that knows where its words are.

use super::error::{AllocError, OpenError};
use super::layout::{self, Geometry};
use super::members::Seat;
use super::world::Local;
use crate::sync::raw::{Id, Peers};
use ipc_sys::claim::Claimant;
use ipc_sys::handle::{AsHandle, OwnedHandle};
use ipc_sys::memory::{ObjectId, SharedMapping};
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A segment in which this process takes part.
#[derive(Debug)]
pub struct Segment {
    pub(super) geometry: Geometry,
    mapping: SharedMapping,
    /// The description of the memory that holds this process's seat. Nobody else has a copy of it: a message gets a
    /// description of its own, and so does a forked child.
    pub(super) claimant: Claimant,
    /// The [`Id`] of this process, or zero in a forked child that has none.
    me: AtomicU64,
    /// What only this process has to know. Locked by whoever has locked the [world](super::world) only.
    pub(super) local: Mutex<Local>,
}

impl Segment {
    /// Makes a segment and takes a seat in it.
    pub(super) fn create(geometry: Geometry) -> Result<Segment, AllocError> {
        let size = geometry.total().ok_or(AllocError::TooLarge { size: geometry.payload_size() })?;
        let failed = |source| AllocError::system("reserve shared memory", source);
        let mapping = SharedMapping::create_sparse(size).map_err(failed)?;
        mapping.reserve(0, geometry.head_size()).map_err(failed)?;
        // Nobody else has it yet, so the order does not matter.
        for (offset, value) in Self::header(geometry) {
            mapping.atomic_u32(offset).store(value, Ordering::Relaxed);
        }
        mapping.atomic_u64(layout::MAGIC_AT).store(layout::MAGIC, Ordering::Relaxed);
        mapping.atomic_u64(layout::SIZE_AT).store(size as u64, Ordering::Relaxed);
        Segment::join(geometry, mapping)
    }

    /// Maps a segment that came from another process, and takes a seat in it.
    ///
    /// The handle remains the caller's, and no copy of it is kept.
    pub(super) fn open(handle: &OwnedHandle) -> Result<Segment, OpenError> {
        let failed = |source| OpenError::System { call: "open a segment", source };
        let own = Claimant::new(handle.as_fd()).map_err(failed)?;
        let mapping = SharedMapping::from_handle(own.into_handle()).map_err(failed)?;
        let geometry = Self::verify(&mapping)?;
        Ok(Segment::join(geometry, mapping)?)
    }

    /// Which memory it is.
    pub(super) fn id(&self) -> ObjectId {
        self.mapping.id()
    }

    /// A new description of the memory, without a seat.
    pub(super) fn new_claimant(&self) -> std::io::Result<Claimant> {
        Claimant::new(self.mapping.handle())
    }

    /// In a forked child: lets go of the parent's seat, and takes the one that was made for the child, if one was.
    pub(super) fn become_child(&self, seat: Option<&Seat>) {
        let moved = match seat {
            Some(seat) => self.claimant.become_copy_of(&seat.claimant).map(|()| seat.id.get()),
            // Any description will do that is not the parent's seat.
            None => self.claimant.become_copy_of(&self.mapping.handle()).map(|()| 0),
        };
        self.me.store(moved.unwrap_or(0), Ordering::Relaxed);
        self.local().become_child();
    }

    /// Gives memory to the claims of a slot.
    pub(super) fn reserve_claims(&self, slot: u32) -> std::io::Result<()> {
        let (offset, size) = self.geometry.claims_at(slot);
        self.mapping.reserve(offset, size)
    }

    /// Gives memory to the cells from `first` on.
    pub(super) fn reserve_cells(&self, first: u32, n_cells: u32) -> std::io::Result<()> {
        self.mapping.reserve(self.geometry.cell_at(first), self.geometry.cells_size(n_cells))
    }

    /// How many cells were handed out at least once.
    pub(super) fn n_fresh(&self) -> &AtomicU32 {
        self.mapping.atomic_u32(layout::N_FRESH_AT)
    }

    /// How many cells have memory.
    pub(super) fn n_reserved(&self) -> &AtomicU32 {
        self.mapping.atomic_u32(layout::N_RESERVED_AT)
    }

    /// One more than the highest slot that was ever taken.
    pub(super) fn n_slots_used(&self) -> &AtomicU32 {
        self.mapping.atomic_u32(layout::N_SLOTS_USED_AT)
    }

    /// The generation of a slot.
    pub(super) fn generation(&self, slot: u32) -> &AtomicU64 {
        self.mapping.atomic_u64(self.geometry.slot_at(slot))
    }

    /// The word with a slot's claim on a cell, and the bit.
    pub(super) fn claim(&self, slot: u32, cell: u32) -> (&AtomicU64, u64) {
        let (offset, bit) = self.geometry.claim_at(slot, cell);
        (self.mapping.atomic_u64(offset), bit)
    }

    /// The state of a cell.
    #[inline]
    pub(super) fn state(&self, cell: u32) -> &AtomicU64 {
        self.mapping.atomic_u64(self.geometry.cell_at(cell) + layout::STATE_AT)
    }

    /// The shape of what is in a cell.
    pub(super) fn shape(&self, cell: u32) -> &AtomicU64 {
        self.mapping.atomic_u64(self.geometry.cell_at(cell) + layout::SHAPE_AT)
    }

    /// The first byte of a cell's payload, which has at least [`Geometry::payload_size`] bytes.
    pub(super) fn payload(&self, cell: u32) -> NonNull<u8> {
        let offset = self.geometry.cell_at(cell) + layout::PAYLOAD_AT;
        self.mapping.address(offset, self.geometry.payload_size())
    }

    /// How many bytes a payload has.
    pub(super) fn payload_size(&self) -> usize {
        self.geometry.payload_size()
    }

    #[cfg(test)]
    pub(super) fn header_word(&self, offset: usize) -> &AtomicU32 {
        self.mapping.atomic_u32(offset)
    }

    fn join(geometry: Geometry, mapping: SharedMapping) -> Result<Segment, AllocError> {
        let claimant = Claimant::new(mapping.handle())
            .map_err(|source| AllocError::system("open shared memory anew", source))?;
        let me = AtomicU64::new(0);
        let local = Mutex::new(Local::new(geometry.n_cells()));
        let segment = Segment { geometry, mapping, claimant, me, local };
        let id = segment.take_seat(&segment.claimant)?;
        segment.me.store(id.get(), Ordering::Relaxed);
        Ok(segment)
    }

    /// The words of 32 bits that tell what a segment is, and where they stand.
    fn header(geometry: Geometry) -> [(usize, u32); 4] {
        [
            (layout::VERSION_AT, layout::VERSION),
            (layout::FINGERPRINT_AT, layout::FINGERPRINT),
            (layout::CELL_SIZE_AT, geometry.cell_size_in_header()),
            (layout::N_CELLS_AT, geometry.n_cells()),
        ]
    }

    /// Refuses strangers: memory that is no segment, or one of another layout.
    fn verify(mapping: &SharedMapping) -> Result<Geometry, OpenError> {
        if mapping.size() < layout::N_SLOTS as usize * size_of::<u64>() {
            return Err(OpenError::NoSegment);
        }
        if mapping.atomic_u64(layout::MAGIC_AT).load(Ordering::Relaxed) != layout::MAGIC {
            return Err(OpenError::NoSegment);
        }
        let read = |offset| mapping.atomic_u32(offset).load(Ordering::Relaxed);
        for (what, offset, expected) in [
            ("layout version", layout::VERSION_AT, layout::VERSION),
            ("layout fingerprint", layout::FINGERPRINT_AT, layout::FINGERPRINT),
        ] {
            let found = read(offset);
            if found != expected {
                return Err(OpenError::Stranger { what, found, expected });
            }
        }
        Geometry::from_header(read(layout::CELL_SIZE_AT), read(layout::N_CELLS_AT), mapping.size())
            .ok_or(OpenError::Damaged)
    }
}

impl Peers for Segment {
    #[inline]
    fn me(&self) -> Option<Id> {
        Id::new(self.me.load(Ordering::Relaxed))
    }

    fn is_dead(&self, id: Id) -> bool {
        self.is_gone(id)
    }
}
