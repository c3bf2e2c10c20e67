//! A word to the processor or to the system about what comes.
//!
//! # Safety
//!
//! 1. A hint changes nothing that a program sees, at whatever address.
#![allow(unsafe_code)]

use super::imp;
use std::mem::MaybeUninit;

/// Below so many bytes [`expect_to_fill`] does nothing: two large pages of the usual size.
const LARGE: usize = 4 << 20;

/// Has the system take large pages for room that will be filled, if it is some megabytes and the system has such pages.
///
/// Memory that is fresh from the system comes page by page, each at its first touch: for a vector of some megabytes, thousands of times.
///
/// # Examples
///
/// ```
/// let mut numbers: Vec<u64> = Vec::with_capacity(1 << 20);
/// ipc_sys::memory::expect_to_fill(numbers.spare_capacity_mut());
/// numbers.extend(0..1 << 20);
/// ```
pub fn expect_to_fill<T>(room: &mut [MaybeUninit<T>]) {
    if size_of_val(room) >= LARGE {
        imp::expect_to_fill(room.as_mut_ptr().cast(), size_of_val(room));
    }
}

/// Has the cache line of a place fetched to be written, where the processor knows a hint for that.
///
/// A line that another processor has read has to come from its cache. A processor waits for that at the next step that has to be one
/// for all, such as an exchange, unless the line was asked for early enough.
///
/// # Examples
///
/// ```
/// use ipc_sys::memory::{SharedMapping, expect_to_write};
///
/// let memory = SharedMapping::create(1024)?;
/// for line in (0..1024).step_by(64) {
///     // Some lines ahead of the one that is written now.
///     expect_to_write(memory.atomic_u64((line + 256).min(1016)));
///     memory.write(line, &[7; 64]);
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[inline]
pub fn expect_to_write<T>(place: &T) {
    let address = std::ptr::from_ref(place);
    // SAFETY: by Invariant 1.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
