//! What the algorithms stand on: atomic words, sleeping on them, and the time; real ones, those of a test, or those of a model.

#[cfg(all(test, loom))]
mod modelled;
#[cfg(not(test))]
mod real;
#[cfg(all(test, not(loom)))]
mod tested;

#[cfg(all(test, loom))]
use modelled as imp;
#[cfg(not(test))]
use real as imp;
#[cfg(all(test, not(loom)))]
use tested as imp;

pub(crate) use imp::{
    AtomicU32, AtomicU64, fence, is_over, load_owned, store_before_look, wait_at_most, wake, wake_all,
};
