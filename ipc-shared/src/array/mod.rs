//! Arrays in shared memory: [`Array`] with a lock, [`RawArray`] without.
//!
//! What their elements may be is told [with the values](crate::value#types).

mod error;
mod locked;
mod raw;

pub use error::{BoundsError, ElementError};
pub use locked::Array;
pub use raw::RawArray;
