//! Conditions.

use super::{no_args, proxy, thread, waits};
use crate::client::Request;
use crate::error::CallError;
use crate::wire::Op;
use ipc_sys::clock::Deadline;

proxy! {
    /// A condition: a lock, and waiting for a change of what it protects. Made by [`Host::condition`](crate::Host::condition).
    ///
    /// # Examples
    ///
    /// ```
    /// # ipc_process::init();
    /// let manager = ipc_manager::Manager::start()?;
    /// let (condition, jobs) = (manager.condition()?, manager.list::<u32>()?);
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         let guard = condition.lock().unwrap();
    ///         jobs.push(&7).unwrap();
    ///         guard.notify_all().unwrap();
    ///     });
    ///     let guard = condition.lock()?;
    ///     guard.wait_while(|| jobs.is_empty())?;
    ///     assert_eq!(jobs.pop()?, Some(7));
    ///     Ok::<(), ipc_manager::CallError>(())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    Condition<> of Condition
}

/// The lock of a condition, which is held until this is dropped, but for the time in which it waits.
#[derive(Debug)]
#[must_use = "the lock is free again when the guard is dropped"]
pub struct ConditionGuard<'a> {
    condition: &'a Condition,
    token: u64,
    was_abandoned: bool,
}

impl Condition {
    waits! {
        /// Takes the lock of the condition.
        ///
        /// # Blocking
        ///
        /// Until it is free.
        ///
        /// # Errors
        ///
        /// [`CallError`].
        lock, try_lock, lock_timeout, lock_deadline () -> ConditionGuard<'_> = lock_until
    }

    /// Whether somebody has the lock.
    pub fn is_locked(&self) -> Result<bool, CallError> {
        self.call(Op::State, no_args, |reply| reply.bool())
    }

    fn lock_until(&self, deadline: Deadline) -> Result<ConditionGuard<'_>, CallError> {
        let write = |request: &mut Request<'_>| {
            request.deadline(deadline);
            request.word(thread())
        };
        let (token, was_abandoned) =
            self.call(Op::Take, write, |reply| Ok((reply.from.u64()?, reply.bool()?)))?;
        Ok(ConditionGuard { condition: self, token, was_abandoned })
    }
}

impl ConditionGuard<'_> {
    /// Whether the one who had the lock before ended without a release.
    pub fn was_abandoned(&self) -> bool {
        self.was_abandoned
    }

    /// Lets go of the lock until somebody notifies, and takes it again.
    ///
    /// # Blocking
    ///
    /// Until it was notified, and then until the lock is free.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub fn wait(&self) -> Result<(), CallError> {
        self.wait_until(Deadline::NEVER).map(drop)
    }

    /// The same, for at most `timeout`; whether it was notified. The lock is taken again in either case, however long that takes.
    pub fn wait_timeout(&self, timeout: std::time::Duration) -> Result<bool, CallError> {
        self.wait_until(Deadline::after(timeout))
    }

    /// The same, until `deadline`.
    pub fn wait_deadline(&self, deadline: std::time::Instant) -> Result<bool, CallError> {
        self.wait_until(Deadline::at(deadline))
    }

    /// Waits as long as something is so, which it asks after each notification.
    pub fn wait_while(&self, mut is_so: impl FnMut() -> Result<bool, CallError>) -> Result<(), CallError> {
        while is_so()? {
            self.wait()?;
        }
        Ok(())
    }

    /// The same, for at most `timeout`; whether it is over.
    pub fn wait_while_timeout(
        &self,
        mut is_so: impl FnMut() -> Result<bool, CallError>,
        timeout: std::time::Duration,
    ) -> Result<bool, CallError> {
        let deadline = Deadline::after(timeout);
        while is_so()? {
            if deadline.is_over() {
                return Ok(false);
            }
            self.wait_until(deadline)?;
        }
        Ok(true)
    }

    /// Wakes up to so many of those who wait; how many.
    pub fn notify(&self, most: usize) -> Result<usize, CallError> {
        let write = |request: &mut Request<'_>| {
            request.to.u64(self.token);
            request.number(most)
        };
        self.condition.call(Op::Notify, write, |reply| reply.count())
    }

    /// Wakes all who wait; how many.
    pub fn notify_all(&self) -> Result<usize, CallError> {
        self.notify(usize::MAX >> 1)
    }

    fn wait_until(&self, deadline: Deadline) -> Result<bool, CallError> {
        let write = |request: &mut Request<'_>| {
            request.deadline(deadline);
            request.word(self.token)
        };
        self.condition.call(Op::Wait, write, |reply| reply.bool())
    }
}

impl Drop for ConditionGuard<'_> {
    fn drop(&mut self) {
        // The server is gone, and the lock with it.
        let _ = self.condition.object.hand_back(Op::Release, self.condition.type_id, self.token);
    }
}
