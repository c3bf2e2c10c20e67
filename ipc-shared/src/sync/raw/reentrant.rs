//! The reentrant mutex: a mutex that knows which thread has it, and how often.
//!
//! The mutex names the process; `owner` and `thread` name the thread in it. They are written while the mutex is held: `thread`
//! and `depth` first, `owner` last; and `owner` is taken back before the mutex is freed. So `owner` names a living process
//! only together with the thread that has the lock. A dead owner leaves all three behind. The number of its thread may be
//! that of a thread of the next owner: it is `owner`, which still names the dead, that keeps this thread from taking the
//! lock for its own.
//!
//! | killed after | a survivor finds |
//! | --- | --- |
//! | any store here | the mutex of a dead owner: the next locker is told, and writes all three anew |

use super::mutex::{Acquired, RawLockError, RawMutex};
use super::shim::{self, AtomicU32, AtomicU64};
use super::{Id, Peers};
use ipc_sys::clock::Deadline;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// A lock that its owner can take again. All zero is a fresh one; any other bytes are a reentrant mutex, too.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct RawReentrant {
    mutex: RawMutex,
    owner: AtomicU64,
    thread: AtomicU32,
    depth: AtomicU32,
}

#[cfg(not(all(test, loom)))]
const _: () = {
    assert!(size_of::<RawReentrant>() == 32 && align_of::<RawReentrant>() == 8);
    assert!(std::mem::offset_of!(RawReentrant, owner) == 16);
    assert!(std::mem::offset_of!(RawReentrant, thread) == 24);
    assert!(std::mem::offset_of!(RawReentrant, depth) == 28);
};

/// Why the lock was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RawReentrantError {
    /// As for the mutex.
    Lock(RawLockError),
    /// The thread has it 2^32 - 1 times.
    TooDeep,
}

/// What `owner` holds while nobody has the lock.
const NOBODY: u64 = 0;

impl RawReentrant {
    /// A free one.
    #[cfg(test)]
    pub(crate) fn new() -> RawReentrant {
        RawReentrant {
            mutex: RawMutex::new(),
            owner: AtomicU64::new(NOBODY),
            thread: AtomicU32::new(0),
            depth: AtomicU32::new(0),
        }
    }

    /// Takes the lock, once more if this thread has it, or waits for it until the deadline.
    pub(crate) fn lock(&self, peers: &impl Peers, deadline: Deadline) -> Result<Acquired, RawReentrantError> {
        let me = peers.me().ok_or(RawReentrantError::Lock(RawLockError::Forked))?;
        if self.is_held_by_this_thread(me) {
            let depth = self.depth.load(Relaxed).checked_add(1).ok_or(RawReentrantError::TooDeep)?;
            self.depth.store(depth, Relaxed);
            return Ok(Acquired { me, state: self.mutex.state() });
        }
        let acquired = self.mutex.lock(peers, deadline).map_err(RawReentrantError::Lock)?;
        self.thread.store(shim::thread_number(), Relaxed);
        self.depth.store(1, Relaxed);
        // Release: pairs with the acquire in `is_held_by_this_thread`; who sees the name sees the thread.
        self.owner.store(acquired.me.get(), Release);
        Ok(acquired)
    }

    /// Undoes one `lock` of this thread; the last one frees the lock. Does nothing for a thread that does not have it.
    pub(crate) fn unlock(&self, me: Id) {
        if !self.is_held_by_this_thread(me) {
            return;
        }
        let depth = self.depth.load(Relaxed);
        if depth > 1 {
            self.depth.store(depth - 1, Relaxed);
        } else {
            self.owner.store(NOBODY, Relaxed);
            self.mutex.unlock(me);
        }
    }

    /// Whether the calling thread of the process `me` has the lock.
    pub(crate) fn is_held_by_this_thread(&self, me: Id) -> bool {
        self.owner.load(Acquire) == me.get() && self.thread.load(Relaxed) == shim::thread_number()
    }

    /// The mutex, for its health.
    pub(crate) fn mutex(&self) -> &RawMutex {
        &self.mutex
    }
}

#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(all(test, loom))]
mod model;
