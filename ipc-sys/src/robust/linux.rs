//! Robust locks on Linux: a process-shared, robust, error-checking `pthread_mutex_t`.
//!
//! # Safety
//!
//! Calls of the C library on an address; the invariants stand in the parent module.
#![allow(unsafe_code)]

use crate::clock::Deadline;
use crate::futex::RECHECK;
use std::io;
use std::mem::MaybeUninit;

pub(super) const SIZE: usize = size_of::<libc::pthread_mutex_t>().next_multiple_of(64);
pub(super) const ALIGN: usize = align_of::<libc::pthread_mutex_t>();

/// # Safety
///
/// `address` points to `SIZE` bytes, aligned, that nobody else uses.
pub(super) unsafe fn init(address: *mut u8) -> io::Result<()> {
    let mut attributes = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
    let attributes = attributes.as_mut_ptr();
    // SAFETY: the attributes are this function's own.
    check(unsafe { libc::pthread_mutexattr_init(attributes) })?;
    // SAFETY: initialised by the call above, as for the next two.
    check(unsafe { libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED) })?;
    // SAFETY: see above.
    check(unsafe { libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST) })?;
    // SAFETY: see above.
    check(unsafe { libc::pthread_mutexattr_settype(attributes, libc::PTHREAD_MUTEX_ERRORCHECK) })?;
    // SAFETY: the caller's promise.
    check(unsafe { libc::pthread_mutex_init(address.cast(), attributes) })?;
    // SAFETY: initialised above and not used any more.
    check(unsafe { libc::pthread_mutexattr_destroy(attributes) })
}

/// Whether the owner before died, or `None` when the deadline passed.
///
/// # Safety
///
/// `address` holds a lock made by [`init`].
pub(super) unsafe fn lock(address: *mut u8, deadline: Deadline) -> io::Result<Option<bool>> {
    let mutex = address.cast();
    // SAFETY: the caller's promise, as for all calls on the mutex below.
    let mut result = unsafe { libc::pthread_mutex_trylock(mutex) };
    while result == libc::EBUSY || result == libc::ETIMEDOUT {
        if deadline.is_over() {
            return Ok(None);
        }
        // The C library counts this timeout on the wall clock. In slices, a step of that clock costs one slice.
        let until = wall_clock_after(deadline.remaining_at_most(RECHECK));
        // SAFETY: see above.
        result = unsafe { libc::pthread_mutex_timedlock(mutex, &until) };
    }
    match result {
        0 => Ok(Some(false)),
        libc::EOWNERDEAD => {
            // SAFETY: this thread owns the mutex, in the state that the call is for.
            check(unsafe { libc::pthread_mutex_consistent(mutex) })?;
            Ok(Some(true))
        }
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// # Safety
///
/// `address` holds a lock that this thread owns.
pub(super) unsafe fn unlock(address: *mut u8) {
    // SAFETY: the caller's promise.
    let result = unsafe { libc::pthread_mutex_unlock(address.cast()) };
    debug_assert_eq!(result, 0);
}

fn wall_clock_after(timeout: std::time::Duration) -> libc::timespec {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    let nanoseconds = now.tv_nsec + i64::from(timeout.subsec_nanos());
    libc::timespec {
        tv_sec: now.tv_sec + timeout.as_secs() as i64 + nanoseconds / 1_000_000_000,
        tv_nsec: nanoseconds % 1_000_000_000,
    }
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(result)) }
}
