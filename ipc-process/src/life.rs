//! The lifeline of this process, which its daemons hang on.

use ipc_sys::handle::{OwnedHandle, duplicate};
use ipc_sys::liveness::{Keeper, Lifeline, lifeline};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One for all daemons of a process, made for the first. It is never dropped, so that the end of the process cuts it and
/// nothing else does.
static LIFE: Mutex<Option<(Keeper, Lifeline)>> = Mutex::new(None);

/// A lifeline that is cut when this process ends, to hand to a child.
pub(crate) fn own() -> io::Result<OwnedHandle> {
    let mut life = LIFE.lock().unwrap_or_else(PoisonError::into_inner);
    if life.is_none() {
        *life = Some(lifeline()?);
    }
    let (_, lifeline) = life.as_ref().expect("made above");
    duplicate(lifeline.handle())
}

/// The lifeline, held still across a fork.
pub(crate) fn hold() -> HeldLife {
    HeldLife(LIFE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The lifeline of this process, locked.
pub(crate) struct HeldLife(MutexGuard<'static, Option<(Keeper, Lifeline)>>);

impl HeldLife {
    /// In a forked child: the copy of the parent's lifeline is not its own.
    pub(crate) fn forget_parents(mut self) {
        *self.0 = None;
    }
}
