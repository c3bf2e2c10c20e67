//! Locks that keep a cell for each process: how many cells they get, and how they come from a message.

use super::raw::Cell;
use crate::arena::{AllocError, Arena, Held, Kind, N_SLOTS, Object, Shape, room_for};
use serde::de::{Deserializer, Error as _};

/// How many processes have room at least if nobody says how many.
pub(super) const DEFAULT_HOLDERS: usize = 48;

/// What a lock with cells consists of: `fixed` bytes, and the cells. How many these are is the length of its shape, which each
/// process keeps to itself.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) kind: Kind,
    /// The size of the data that is protected.
    pub(super) data_size: usize,
    /// How many bytes there are beside the cells, the data among them.
    pub(super) fixed: usize,
}

impl Plan {
    /// Makes one with as many cells, or some more if there is room for them: the memory is that of a power of two. No more
    /// than the processes that can take part.
    pub(super) fn create(self, arena: &Arena, n_wanted: usize) -> Result<Object, AllocError> {
        let too_large = AllocError::TooLarge { size: self.data_size };
        let n_wanted = n_wanted.clamp(1, N_SLOTS as usize);
        let n_cells = room_for(self.size(n_wanted)).saturating_sub(self.fixed) / size_of::<Cell>();
        let shape = Shape::new(self.kind, self.data_size, n_cells).ok_or(too_large)?;
        Object::create(arena, shape, self.size(n_cells))
    }

    /// Decodes a handle to one, however many cells it has.
    pub(super) fn receive<'de, D: Deserializer<'de>>(self, deserializer: D) -> Result<Object, D::Error> {
        let shape = Shape::new(self.kind, self.data_size, 0);
        let shape = shape.ok_or_else(|| D::Error::custom("the data is too large"))?;
        Object::receive_from(shape, true, |n_cells| Some(self.size(n_cells)), deserializer)
    }

    fn size(self, n_cells: usize) -> usize {
        self.fixed + n_cells * size_of::<Cell>()
    }
}

/// The cells, which begin at an offset of the payload.
pub(super) fn cells_at(object: &Held, offset: usize) -> &[Cell] {
    object.get_slice(offset, object.shape().len())
}
