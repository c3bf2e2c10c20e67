//! Tracer and child on one processor.
//!
//! They never run at the same time: each step of the child is a pause of the tracer. On two processors each of these pauses
//! lets one of them fall asleep, which costs more than twice as much as the step itself.
//!
//! # Safety
//!
//! The calls take pointers to values of this module and tell or set a property of the calling thread.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::mem::{MaybeUninit, size_of};

thread_local! {
    /// How many of them there are, and the processors that were allowed before.
    static PINNED: Cell<(usize, Option<libc::cpu_set_t>)> = const { Cell::new((0, None)) };
}

/// As long as there is one, this process, and what it forks, stays on the processor on which the first one was made.
pub(super) struct Pin;

impl Pin {
    pub(super) fn new() -> Pin {
        let (count, before) = PINNED.get();
        let before = if count == 0 { pin() } else { before };
        PINNED.set((count + 1, before));
        Pin
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let (count, before) = PINNED.get();
        if let (1, Some(before)) = (count, before) {
            set(&before);
        }
        PINNED.set((count - 1, before));
    }
}

/// Stays where it is. Returns where it might have been, or nothing if the system does not let it: then it is only slower.
fn pin() -> Option<libc::cpu_set_t> {
    let mut before = MaybeUninit::uninit();
    // SAFETY: the pointer is that of a local variable, and the size is that of its type.
    let found = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), before.as_mut_ptr()) };
    if found != 0 {
        return None;
    }
    // SAFETY: the call has filled it.
    let before: libc::cpu_set_t = unsafe { before.assume_init() };
    let mut here = before;
    // SAFETY: the pointer is that of a local variable.
    unsafe { libc::CPU_ZERO(&mut here) };
    // SAFETY: the call takes nothing.
    let number = unsafe { libc::sched_getcpu() };
    // SAFETY: the pointer is that of a local variable, and a number that is too large is a panic.
    unsafe { libc::CPU_SET(usize::try_from(number).ok()?, &mut here) };
    set(&here).then_some(before)
}

fn set(allowed: &libc::cpu_set_t) -> bool {
    // SAFETY: the pointer is that of a value that lives, and the size is that of its type.
    unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), allowed) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n_allowed() -> usize {
        std::thread::available_parallelism().expect("there is one").get()
    }

    #[test]
    fn the_last_one_lets_go_whatever_the_order() {
        crate::isolated(|| {
            let before = n_allowed();
            let (first, second) = (Pin::new(), Pin::new());
            drop(first);
            assert_eq!(n_allowed(), 1);
            drop(second);
            assert_eq!(n_allowed(), before);
        });
    }
}
