//! The lifeline of this process, which its daemons hang on.

use crate::per_process::{Held, PerProcess};
use ipc_sys::handle::{OwnedHandle, duplicate};
use ipc_sys::liveness::{Keeper, Lifeline, lifeline};
use std::io;

/// One for all daemons of a process, made for the first. It is never dropped, so that the end of the process cuts it and
/// nothing else does.
static LIFE: PerProcess<(Keeper, Lifeline)> = PerProcess::new();

/// A lifeline that is cut when this process ends, to hand to a child.
pub(crate) fn own() -> io::Result<OwnedHandle> {
    let mut life = LIFE.hold();
    let (_, lifeline) = life.get_or_try(lifeline)?;
    duplicate(lifeline.handle())
}

/// The lifeline, held still across a fork.
pub(crate) fn hold() -> Held<'static, (Keeper, Lifeline)> {
    LIFE.hold()
}
