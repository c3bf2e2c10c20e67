//! Which copy of the program's memory this is: a forked child has another number than its parent.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

static ERA: AtomicU32 = AtomicU32::new(0);

/// The number of this copy.
#[inline]
pub(crate) fn now() -> u32 {
    ERA.load(Relaxed)
}

/// Has forks counted from now on.
pub(super) fn watch() -> io::Result<()> {
    static WATCHED: OnceLock<()> = OnceLock::new();
    if WATCHED.get().is_none() {
        // Twice if two threads come here at once, which counts a fork twice and does no harm.
        ipc_sys::at_fork::register(|| {}, || {}, begin)?;
        let _ = WATCHED.set(());
    }
    Ok(())
}

/// In a child, before anything else.
fn begin() {
    ERA.fetch_add(1, Relaxed);
}
