//! The peer between processes: a robust mutex of the C library in shared memory.
//!
//! # Safety
//!
//! 1. `place` points to a mutex and a number in anonymous shared memory, which is mapped for as long as a handle is there,
//!    at the same address in forked copies.
//! 2. The mutex was made before the first handle, and is destroyed by nobody: its memory just goes.
//! 3. The number is accessed by the owner of the mutex only.
#![allow(unsafe_code)]

use super::counter::Counter;
use std::cell::UnsafeCell;
use std::error::Error;
use std::hint::black_box;
use std::io;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::Arc;

/// A number under a robust, process-shared mutex of the C library.
#[derive(Clone)]
pub(super) struct Pthread(Arc<Place>);

struct Place(NonNull<Shared>);

#[repr(C)]
struct Shared {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    number: UnsafeCell<u64>,
}

// SAFETY: the mutex is made for several threads, and the number is its owner's (Invariant 3).
unsafe impl Send for Place {}
// SAFETY: as above.
unsafe impl Sync for Place {}

impl Pthread {
    pub(super) fn new() -> io::Result<Pthread> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping at an address of the kernel's choice touches no other.
        let address =
            unsafe { libc::mmap(std::ptr::null_mut(), size_of::<Shared>(), protection, flags, -1, 0) };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let place = NonNull::new(address.cast()).ok_or_else(|| io::Error::other("mapped at zero"))?;
        let pthread = Pthread(Arc::new(Place(place)));
        pthread.init()?;
        Ok(pthread)
    }

    fn init(&self) -> io::Result<()> {
        let mut attr = MaybeUninit::uninit();
        // SAFETY: fills the attributes.
        checked(unsafe { libc::pthread_mutexattr_init(attr.as_mut_ptr()) })?;
        // SAFETY: they were filled.
        checked(unsafe {
            libc::pthread_mutexattr_setpshared(attr.as_mut_ptr(), libc::PTHREAD_PROCESS_SHARED)
        })?;
        // SAFETY: as above.
        checked(unsafe { libc::pthread_mutexattr_setrobust(attr.as_mut_ptr(), libc::PTHREAD_MUTEX_ROBUST) })?;
        // SAFETY: nobody has the memory yet.
        checked(unsafe { libc::pthread_mutex_init(self.shared().mutex.get(), attr.as_ptr()) })
    }

    #[inline]
    fn shared(&self) -> &Shared {
        // SAFETY: by Invariant 1; both parts are cells, and all zero is valid.
        unsafe { self.0.0.as_ref() }
    }

    /// Runs `f` on the number as the owner of the mutex.
    #[inline]
    fn with<R>(&self, f: impl FnOnce(&mut u64) -> R) -> io::Result<R> {
        let shared = self.shared();
        // SAFETY: by Invariant 2.
        checked(unsafe { libc::pthread_mutex_lock(shared.mutex.get()) })?;
        // SAFETY: by Invariant 3; the reference ends before the unlock.
        let result = f(unsafe { &mut *shared.number.get() });
        // SAFETY: this thread has it.
        checked(unsafe { libc::pthread_mutex_unlock(shared.mutex.get()) })?;
        Ok(result)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // SAFETY: no handle is left in this process (Invariant 1).
        let _ = unsafe { libc::munmap(self.0.as_ptr().cast(), size_of::<Shared>()) };
    }
}

impl Counter for Pthread {
    fn name(&self) -> &'static str {
        "pthread_mutex_t"
    }

    fn add(&self, n: u64) -> Result<(), Box<dyn Error>> {
        for _ in 0..n {
            black_box(self).with(|number| *number += 1)?;
        }
        Ok(())
    }

    fn total(&self) -> Result<u64, Box<dyn Error>> {
        Ok(self.with(|number| *number)?)
    }
}

#[inline]
fn checked(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(result)) }
}
