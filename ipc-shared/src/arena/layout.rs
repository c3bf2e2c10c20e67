//! Where everything stands in a segment of an arena: the header, the slots, the claims, the cells.
//!
//! `docs/segment-format.md` has the same in words. All numbers are little-endian.
//!
//! ```text
//! 0        header        what the segment is; how much of it is in use
//! 4096     slots         a generation for each process that can take part
//! 36864    claims        for each slot a bit for each cell: "I hold it"
//! ...      cells         equal cells: state, shape, payload
//! ```

use super::overlay;

/// What a segment begins with: `mprocseg`.
pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"mprocseg");
/// Counts the changes of this layout.
pub(super) const VERSION: u32 = 1;

/// Offsets in the header. The first five words never change.
pub(super) const MAGIC_AT: usize = 0;
pub(super) const VERSION_AT: usize = 8;
pub(super) const FINGERPRINT_AT: usize = 12;
pub(super) const SIZE_AT: usize = 16;
pub(super) const CELL_SIZE_AT: usize = 24;
pub(super) const N_CELLS_AT: usize = 28;
/// How many cells were handed out at least once.
pub(super) const N_FRESH_AT: usize = 64;
/// How many cells have memory.
pub(super) const N_RESERVED_AT: usize = 68;
/// One more than the highest slot that was ever taken.
pub(super) const N_SLOTS_USED_AT: usize = 72;

/// How many processes, and messages on their way, can have a part in a segment at once.
pub const N_SLOTS: u32 = 4096;
/// Bits of an [`Id`](crate::sync::raw::Id) that hold the slot; the rest is its generation.
pub(super) const SLOT_BITS: u32 = N_SLOTS.trailing_zeros();

const PAGE: usize = 4096;
const SLOTS_AT: usize = PAGE;
const CLAIMS_AT: usize = SLOTS_AT + N_SLOTS as usize * size_of::<u64>();

/// In a cell: its state, the shape of what is in it, and the first byte of that.
pub(super) const STATE_AT: usize = 0;
pub(super) const SHAPE_AT: usize = 8;
pub(super) const PAYLOAD_AT: usize = 16;

/// The smallest cell: a cache line.
const MIN_CELL: usize = 64;
/// The largest cell that has neighbours. What is larger has a segment of its own.
const MAX_CELL: usize = 64 << 10;
/// How many bytes of cells a segment has.
const CELLS_SIZE: usize = 2 << 20;
/// The largest payload.
pub(super) const MAX_PAYLOAD: usize = 1 << 46;

/// How many kinds of segments with neighbours there are: a power of two of each cell size.
pub(super) const N_CLASSES: usize = (MAX_CELL / MIN_CELL).trailing_zeros() as usize + 1;

const _: () = {
    assert!(N_SLOTS.is_power_of_two() && CLAIMS_AT % PAGE == 0);
    assert!(N_SLOTS_USED_AT + size_of::<u32>() <= PAGE);
    assert!(PAYLOAD_AT == 2 * size_of::<u64>() && PAYLOAD_AT < MIN_CELL);
    assert!(MIN_CELL << (N_CLASSES - 1) == MAX_CELL && CELLS_SIZE % MAX_CELL == 0);
};

/// A number made of the sizes of all that stands in a segment. Programs that differ in it part at once.
pub(super) const FINGERPRINT: u32 = {
    let sizes = overlay::SIZES;
    let mut number = 0x811c_9dc5_u32;
    let mut index = 0;
    while index < sizes.len() {
        number = (number ^ sizes[index] as u32).wrapping_mul(0x0100_0193);
        index += 1;
    }
    (number ^ N_SLOTS).wrapping_mul(0x0100_0193) ^ PAYLOAD_AT as u32
};

/// The numbers of one segment, checked once and then private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    cell_size: usize,
    n_cells: u32,
}

impl Geometry {
    /// The segment for payloads of so many bytes, and its class if it has neighbours.
    pub(super) fn for_payload(size: usize) -> (Geometry, Option<usize>) {
        let bytes = (PAYLOAD_AT + size).max(MIN_CELL);
        if bytes > MAX_CELL {
            return (Geometry::alone(size), None);
        }
        let cell_size = bytes.next_power_of_two();
        let class = (cell_size / MIN_CELL).trailing_zeros() as usize;
        (Geometry { cell_size, n_cells: (CELLS_SIZE / cell_size) as u32 }, Some(class))
    }

    /// The segment for one payload of so many bytes.
    pub(super) fn alone(size: usize) -> Geometry {
        Geometry { cell_size: (PAYLOAD_AT + size).next_multiple_of(MIN_CELL), n_cells: 1 }
    }

    /// The geometry that a header tells, if it is one.
    pub(super) fn from_header(cell_size: u32, n_cells: u32, total: usize) -> Option<Geometry> {
        // In units of the smallest cell, so that a number of 32 bits reaches.
        let cell_size = (cell_size as usize).checked_mul(MIN_CELL)?;
        let geometry = Geometry { cell_size, n_cells };
        let fits = (MIN_CELL..=MAX_PAYLOAD + MIN_CELL).contains(&cell_size)
            && (1..=(CELLS_SIZE / MIN_CELL) as u32).contains(&n_cells)
            && geometry.total() == Some(total);
        fits.then_some(geometry)
    }

    /// The cell size as it stands in the header.
    pub(super) fn cell_size_in_header(self) -> u32 {
        (self.cell_size / MIN_CELL) as u32
    }

    pub(super) fn n_cells(self) -> u32 {
        self.n_cells
    }

    /// How many bytes a payload has room for.
    pub(super) fn payload_size(self) -> usize {
        self.cell_size - PAYLOAD_AT
    }

    /// How many bytes the whole segment has.
    pub(super) fn total(self) -> Option<usize> {
        (self.n_cells as usize).checked_mul(self.cell_size)?.checked_add(self.cells_at())
    }

    /// The part that every segment needs from the beginning: header and slots.
    pub(super) fn head_size(self) -> usize {
        CLAIMS_AT
    }

    /// Where the generation of a slot stands.
    pub(super) fn slot_at(self, slot: u32) -> usize {
        SLOTS_AT + slot as usize * size_of::<u64>()
    }

    /// Where the claims of a slot stand, and how many bytes they have.
    pub(super) fn claims_at(self, slot: u32) -> (usize, usize) {
        let stride = self.claim_stride();
        (CLAIMS_AT + slot as usize * stride, stride)
    }

    /// Where a slot's claim on a cell stands: the word of 64 bits, and the bit in it.
    pub(super) fn claim_at(self, slot: u32, cell: u32) -> (usize, u64) {
        let word = cell as usize / 64 * size_of::<u64>();
        (self.claims_at(slot).0 + word, 1 << (cell % 64))
    }

    /// Where a cell begins.
    pub(super) fn cell_at(self, cell: u32) -> usize {
        self.cells_at() + cell as usize * self.cell_size
    }

    /// How many cells get their memory in one go.
    pub(super) fn reserve_step(self) -> u32 {
        ((64 << 10) / self.cell_size).max(1) as u32
    }

    /// How many bytes so many cells have.
    pub(super) fn cells_size(self, n_cells: u32) -> usize {
        n_cells as usize * self.cell_size
    }

    fn claim_stride(self) -> usize {
        // A cache line at least: what different processes write stands in different ones.
        (self.n_cells as usize).div_ceil(8).next_multiple_of(64)
    }

    fn cells_at(self) -> usize {
        CLAIMS_AT + N_SLOTS as usize * self.claim_stride()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_has_the_smallest_cell_that_holds_it() {
        for (size, cell_size, class) in [
            (0, 64, Some(0)),
            (48, 64, Some(0)),
            (49, 128, Some(1)),
            (65_520, 65_536, Some(10)),
            (65_521, 65_600, None),
        ] {
            let (geometry, found) = Geometry::for_payload(size);
            assert_eq!((geometry.cell_size, found), (cell_size, class), "{size}");
            assert!(geometry.payload_size() >= size);
        }
    }

    #[test]
    fn a_geometry_survives_its_header() {
        for size in [0, 1000, 65_521, 1 << 30] {
            let geometry = Geometry::for_payload(size).0;
            let total = geometry.total().expect("it fits");
            let (cell_size, n_cells) = (geometry.cell_size_in_header(), geometry.n_cells());
            assert_eq!(Geometry::from_header(cell_size, n_cells, total), Some(geometry));
            assert_eq!(Geometry::from_header(cell_size, n_cells, total - 1), None);
            assert_eq!(Geometry::from_header(cell_size, n_cells + 1, total), None);
        }
        for (cell_size, n_cells) in
            [(0, 0), (0, 1), (1, 0), (u32::MAX, u32::MAX), (u32::MAX, 1), (1, u32::MAX)]
        {
            assert_eq!(Geometry::from_header(cell_size, n_cells, 1 << 21), None);
        }
    }

    #[test]
    fn no_two_things_overlap() {
        let geometry = Geometry::for_payload(40).0;
        assert_eq!(geometry.slot_at(N_SLOTS - 1) + 8, geometry.claims_at(0).0);
        let (last, stride) = geometry.claims_at(N_SLOTS - 1);
        assert_eq!(last + stride, geometry.cell_at(0));
        assert!(geometry.claim_at(0, geometry.n_cells() - 1).0 < geometry.claims_at(1).0);
        assert_eq!(Some(geometry.cell_at(geometry.n_cells())), geometry.total());
    }
}
