//! Waiting for a change that the other side makes.

use super::lock::{Lock, Wishes};
use super::pause::Eagerness;
use super::shim;
use ipc_shared::internals::Patience;
use ipc_sys::clock::Deadline;
use std::time::Duration;

/// Where somebody waits, and for what.
pub(crate) struct WaitingPlace<'a> {
    /// Whose owner makes the change.
    pub(crate) lock: &'a Lock,
    pub(crate) eagerness: &'a Eagerness,
    pub(crate) wishes: Wishes,
}

impl WaitingPlace<'_> {
    /// Goes on with a wait, after some looks, until something has changed, or the deadline has passed; sleeps no longer than `longest` without another look.
    /// Before each sleep `see` is asked whether the wait makes sense, and told whether there was a sleep before. The result is
    /// whether there was one.
    pub(crate) fn wait<E>(
        &self,
        deadline: Deadline,
        longest: Duration,
        mut has_changed: impl FnMut() -> bool,
        see: impl Fn(bool) -> Result<(), E>,
    ) -> Result<bool, E> {
        let mut pause = self.eagerness.go_on();
        while !has_changed() && !shim::is_over(deadline) && pause.spend() {}
        // A bell that somebody rings all the time would keep this loop going.
        let (mut patience, mut has_slept) = (Patience::default(), false);
        while !has_changed() && !shim::is_over(deadline) {
            patience.turn();
            let heard = self.lock.listen(self.wishes);
            if has_changed() {
                break;
            }
            see(has_slept)?;
            has_slept = true;
            self.lock.sleep(heard, deadline, longest);
        }
        pause.end();
        Ok(has_slept)
    }
}
