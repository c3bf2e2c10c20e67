//! What the algorithms stand on: atomic words and sleeping on them, real ones or those of a model.

#[cfg(all(test, loom))]
mod modelled;
#[cfg(not(all(test, loom)))]
mod real;

#[cfg(all(test, loom))]
use modelled as imp;
#[cfg(not(all(test, loom)))]
use real as imp;

#[allow(unused_imports)]
pub(crate) use imp::{
    AtomicU32, AtomicU64, is_over, pause, thread_number, wait, wait_low, wake_all, wake_low_one, wake_one,
};
