//! A global allocator that counts, per thread, what is allocated and what was allocated at most.
//!
//! # Safety
//!
//! Every call is passed on to the system's allocator unchanged; the counters are plain cells of the thread,
//! which need no memory and no destructor.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

/// The allocator of the system, with counters. A test binary that wants to know what something takes names it as its own:
///
/// ```
/// #[global_allocator]
/// static COUNTING: ipc_testkit::Counting = ipc_testkit::Counting;
///
/// # fn main() {
/// let (bytes, peak) = ipc_testkit::peak_of(|| vec![0_u8; 1000]);
/// assert_eq!(peak, bytes.len());
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Counting;

/// Runs `f`, and returns how many more bytes than before it were allocated by this thread at the worst
/// moment.
///
/// # Panics
///
/// If the global allocator is not [`Counting`], since any amount would be 0 then.
///
/// # Examples
///
/// ```
/// #[global_allocator]
/// static COUNTING: ipc_testkit::Counting = ipc_testkit::Counting;
///
/// # fn main() {
/// let (kept, peak) = ipc_testkit::peak_of(|| String::from_utf8(vec![b'x'; 300]).map(|text| text.len()));
/// assert_eq!((kept, peak), (Ok(300), 300));
/// # }
/// ```
pub fn peak_of<R>(f: impl FnOnce() -> R) -> (R, usize) {
    let n_calls = CALLS.get();
    drop(std::hint::black_box(Box::new(0_u8)));
    assert!(
        CALLS.get() > n_calls,
        "name `ipc_testkit::Counting` as the global allocator of this test binary"
    );
    let before = LIVE.get();
    PEAK.set(before);
    let result = f();
    (result, (PEAK.get() - before) as usize)
}

fn add(size: isize) {
    CALLS.set(CALLS.get().wrapping_add(1));
    let live = LIVE.get() + size;
    LIVE.set(live);
    PEAK.set(PEAK.get().max(live));
}

// SAFETY: the methods do what `System` does, which is an allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc`, which is that of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        add(-(layout.size() as isize));
        // SAFETY: `ptr` came from `System` with this layout, since all methods pass it on.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // Both blocks exist for a moment, unless the allocator can do better; the count assumes that it
        // cannot.
        add(new_size as isize);
        add(-(layout.size() as isize));
        // SAFETY: as for `dealloc`.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}
