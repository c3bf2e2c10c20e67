//! The keepers of this process, so that no forked child keeps a copy of one, whoever called the fork.

use super::imp;
use crate::at_fork;
use crate::handle::OwnedHandle;
use std::cell::RefCell;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

static KEEPERS: Mutex<Vec<RawFd>> = Mutex::new(Vec::new());

/// A keeper in the list. Dropped before the keeper is closed.
#[derive(Debug)]
pub(super) struct Listed(RawFd);

impl Listed {
    /// Takes a keeper into the list. The caller holds the family's forks back.
    pub(super) fn new(keeper: &OwnedHandle) -> Self {
        lock().push(keeper.as_raw_fd());
        Listed(keeper.as_raw_fd())
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        lock().retain(|&keeper| keeper != self.0);
    }
}

/// Sees to it that forks are noticed. To be called before the first keeper.
pub(super) fn notice_forks() -> io::Result<()> {
    static NOTICED: OnceLock<()> = OnceLock::new();
    if NOTICED.get().is_none() {
        // Registered twice by two threads at once, the second call finds nothing to do.
        at_fork::register(before_fork, after_fork_in_parent, after_fork_in_child)?;
        let _ = NOTICED.set(());
    }
    Ok(())
}

thread_local! {
    /// The list, held still for the fork that this thread is in.
    static HELD: RefCell<Option<MutexGuard<'static, Vec<RawFd>>>> = const { RefCell::new(None) };
}

fn before_fork() {
    HELD.with_borrow_mut(|held| {
        if held.is_none() {
            *held = Some(lock());
        }
    });
}

fn after_fork_in_parent() {
    HELD.take();
}

fn after_fork_in_child() {
    if let Some(mut keepers) = HELD.take() {
        keepers.iter().for_each(|&keeper| imp::replace(keeper));
        keepers.clear();
    }
}

fn lock() -> MutexGuard<'static, Vec<RawFd>> {
    // A panic cannot leave a list of numbers half changed.
    KEEPERS.lock().unwrap_or_else(PoisonError::into_inner)
}
