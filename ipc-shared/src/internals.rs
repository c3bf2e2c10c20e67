//! What the crates of the family build on: a place in shared memory, and who takes part in it.
//!
//! For them alone. Nothing in here is promised to others, and it changes in any version.

pub use crate::arena::{Held, Kind, N_SLOTS, Object, Overlay, Segment, Shape, slot_of};
pub use crate::sync::raw::{Id, Patience, Peers};
