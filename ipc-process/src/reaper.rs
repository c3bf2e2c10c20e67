//! Children whose handle was dropped before they ended: somebody has to collect them.

use crate::attached::Attached;
use ipc_sys::clock::Deadline;
use std::sync::{Mutex, MutexGuard, PoisonError};

static DETACHED: Mutex<Vec<Attached>> = Mutex::new(Vec::new());

/// Takes over a child that nobody waits for any more.
pub(crate) fn adopt(child: Attached) {
    let mut detached = DETACHED.lock().unwrap_or_else(PoisonError::into_inner);
    detached.push(child);
    collect(&mut detached);
}

/// Collects the detached children that have ended; called whenever a process is started.
pub(crate) fn sweep() {
    collect(&mut DETACHED.lock().unwrap_or_else(PoisonError::into_inner));
}

/// The list, held still across a fork.
pub(crate) fn hold() -> HeldChildren {
    HeldChildren(DETACHED.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The detached children, locked.
pub(crate) struct HeldChildren(MutexGuard<'static, Vec<Attached>>);

impl HeldChildren {
    /// In a forked child: the children of its parent are not its own.
    pub(crate) fn forget_parents(mut self) {
        self.0.clear();
    }
}

fn collect(detached: &mut Vec<Attached>) {
    // A wait that fails says nothing about the child; the next sweep asks again.
    detached.retain(|child| !matches!(child.wait(Deadline::NOW), Ok(Some(_))));
}
