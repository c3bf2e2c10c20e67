//! Types that may lie over bytes which other processes write.
//!
//! # Safety
//!
//! The implementations say that a type keeps what [`Overlay`] asks for.
#![allow(unsafe_code)]

use crate::sync::MAX_WAITERS;
use crate::sync::raw::{
    Cell, RawBarrier, RawCondvar, RawEvent, RawMutex, RawReentrant, RawRwLock, RawSemaphore,
};
use std::sync::atomic::{AtomicU32, AtomicU64};

/// Something that can lie over shared bytes.
///
/// # Safety
///
/// Its layout is fixed, it has no padding, all its bytes belong to atomics, any bytes are a valid value, and it means the
/// same in every process.
pub unsafe trait Overlay: Sync {}

// SAFETY: an atomic of a plain number.
unsafe impl Overlay for AtomicU32 {}
// SAFETY: an atomic of a plain number.
unsafe impl Overlay for AtomicU64 {}
// SAFETY: `repr(C)`, atomics without padding.
unsafe impl Overlay for RawMutex {}
// SAFETY: `repr(C)`, a mutex and atomics without padding.
unsafe impl Overlay for RawReentrant {}
// SAFETY: `repr(C)`, one atomic.
unsafe impl Overlay for RawEvent {}
// SAFETY: `repr(C)`, a mutex, atomics, and cells of atomics, without padding.
unsafe impl<const N: usize> Overlay for RawCondvar<N> {}
// SAFETY: `repr(C)`, two words.
unsafe impl Overlay for Cell {}
// SAFETY: `repr(C)`, a mutex and atomics without padding.
unsafe impl Overlay for RawSemaphore {}
// SAFETY: as above.
unsafe impl Overlay for RawRwLock {}
// SAFETY: as above.
unsafe impl Overlay for RawBarrier {}

/// The sizes of all types that stand in segments, for the fingerprint of the layout.
pub(super) const SIZES: [usize; 9] = [
    size_of::<AtomicU64>(),
    size_of::<RawMutex>(),
    size_of::<RawReentrant>(),
    size_of::<RawEvent>(),
    size_of::<RawCondvar<MAX_WAITERS>>(),
    size_of::<Cell>(),
    size_of::<RawSemaphore>(),
    size_of::<RawRwLock>(),
    size_of::<RawBarrier>(),
];
