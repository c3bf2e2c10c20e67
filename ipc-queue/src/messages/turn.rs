//! Whose turn it is among the threads of a process: one message at a time goes in parts.
//!
//! A mutex that a fork has copied while some thread had it stays locked in the child for ever. So here the owner is known by the
//! name of its process, which a forked child does not share.

use ipc_shared::internals::Id;
use ipc_sys::clock::Deadline;
use ipc_sys::futex;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Duration;

/// After so long who waits looks again, though nobody may have woken it.
const LOOK: Duration = Duration::from_millis(100);

/// Zero, or the name of the process one of whose threads has its turn; and a bell for those who wait.
#[derive(Debug, Default)]
pub(super) struct Turn {
    owner: AtomicU64,
    bell: AtomicU32,
}

/// Ends the turn when it is dropped.
#[derive(Debug)]
#[must_use = "the turn ends when this is dropped"]
pub(super) struct TurnGuard<'a>(&'a Turn);

impl Turn {
    /// Waits until it is the turn of this thread of the process with this name; nothing when the deadline passed before.
    pub(super) fn wait(&self, me: Id, deadline: Deadline) -> Option<TurnGuard<'_>> {
        loop {
            let heard = self.bell.load(Acquire);
            let owner = self.owner.load(Relaxed);
            // A name that is not this process's was copied by a fork, and its owner with it was not.
            if owner != me.get() && self.owner.compare_exchange(owner, me.get(), AcqRel, Relaxed).is_ok() {
                return Some(TurnGuard(self));
            }
            if deadline.is_over() {
                return None;
            }
            futex::wait_at_most(&self.bell, heard, deadline, LOOK);
        }
    }
}

impl Drop for TurnGuard<'_> {
    fn drop(&mut self) {
        self.0.owner.store(0, Release);
        self.0.bell.fetch_add(1, Release);
        futex::wake_one(&self.0.bell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thread_at_a_time_has_its_turn() {
        let (turn, me) = (Turn::default(), Id::new(0x1_0001).expect("a name"));
        let (inside, rounds) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let guard = turn.wait(me, Deadline::NEVER).expect("there is time");
                        assert_eq!(inside.fetch_add(1, AcqRel), 0);
                        rounds.fetch_add(1, Relaxed);
                        inside.fetch_sub(1, AcqRel);
                        drop(guard);
                    }
                });
            }
        });
        assert_eq!(rounds.into_inner(), 2000);
    }

    #[test]
    fn a_deadline_ends_the_wait_and_a_fork_the_turn() {
        let (turn, parent) = (Turn::default(), Id::new(0x1_0001).expect("a name"));
        let _forgotten =
            std::mem::ManuallyDrop::new(turn.wait(parent, Deadline::NOW).expect("nobody has it"));
        assert!(turn.wait(parent, Deadline::after(Duration::from_millis(5))).is_none());
        let child = Id::new(0x1_0002).expect("a name");
        assert!(turn.wait(child, Deadline::NOW).is_some());
    }
}
