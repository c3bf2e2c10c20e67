//! The real words, and the futex of the system.

use ipc_sys::clock::Deadline;
use std::time::Duration;

pub(crate) use ipc_sys::futex::{wait, wait_low, wake_all, wake_low_one, wake_one};
pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64};

/// Whether the deadline has passed.
pub(crate) fn is_over(deadline: Deadline) -> bool {
    deadline.is_over()
}

/// Sleeps, whatever the others do.
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// The number of this thread among those of its process, never zero.
///
/// It tells the threads of one process apart and means nothing in another. After 2^32 threads numbers come again.
pub(crate) fn thread_number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    thread_local! {
        static NUMBER: u32 = loop {
            let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if number != 0 {
                break number;
            }
        };
    }
    NUMBER.with(|number| *number)
}
