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

/// After so many sleeps in a row nothing seems to be coming.
const RESTLESS_SLEEPS: u32 = 3;

impl WaitingPlace<'_> {
    /// Goes on with a wait, after some looks, until something has changed, or the deadline has passed; sleeps no longer than `longest` without another look.
    /// Before each sleep `see` is asked whether the wait makes sense, and told whether there was a sleep before. The result is
    /// whether there was one.
    ///
    /// After some sleeps `doze` may sleep in another way, which takes longer to wake from and needs fewer looks. It is told how to
    /// look for a change, and returns false if it did not sleep. Whatever wakes it for nothing, the next sleep is one on the bell.
    pub(crate) fn wait<E>(
        &self,
        deadline: Deadline,
        longest: Duration,
        mut has_changed: impl FnMut() -> bool,
        see: impl Fn(bool) -> Result<(), E>,
        mut doze: impl FnMut(&mut dyn FnMut() -> bool) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let mut pause = self.eagerness.go_on();
        while !has_changed() && !shim::is_over(deadline) && pause.spend() {}
        // A bell that somebody rings all the time would keep this loop going.
        let (mut patience, mut n_sleeps, mut heard) = (Patience::default(), 0, None);
        while !has_changed() && !shim::is_over(deadline) {
            patience.turn();
            if n_sleeps >= RESTLESS_SLEEPS && doze(&mut has_changed)? {
                (n_sleeps, heard) = (RESTLESS_SLEEPS - 1, None);
                continue;
            }
            let bell = self.lock.listen(self.wishes, heard);
            heard = Some(bell);
            if has_changed() {
                break;
            }
            see(n_sleeps > 0)?;
            n_sleeps = n_sleeps.saturating_add(1);
            self.lock.sleep(bell, deadline, longest);
        }
        pause.end();
        Ok(n_sleeps > 0)
    }
}
