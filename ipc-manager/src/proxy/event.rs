//! Events.

use super::{no_args, no_reply, proxy, waits};
use crate::error::CallError;
use crate::wire::Op;
use ipc_sys::clock::Deadline;

proxy! {
    /// A flag to wait for. Made by [`Host::event`](crate::Host::event).
    ///
    /// # Examples
    ///
    /// ```
    /// # ipc_process::init();
    /// let manager = ipc_manager::Manager::start()?;
    /// let event = manager.event()?;
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| event.set());
    ///     event.wait()
    /// })?;
    /// assert!(event.is_set()?);
    /// event.clear()?;
    /// assert!(event.wait_timeout(std::time::Duration::from_millis(10)).unwrap_err().is_timeout());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    Event<> of Event
}

impl Event {
    waits! {
        /// Waits until it is set.
        ///
        /// # Blocking
        ///
        /// Until it is set.
        ///
        /// # Errors
        ///
        /// [`CallError`].
        wait, try_wait, wait_timeout, wait_deadline () -> () = wait_until
    }

    /// Sets it. All who wait go on.
    pub fn set(&self) -> Result<(), CallError> {
        self.call(Op::Set, no_args, no_reply)
    }

    /// Has the next ones wait.
    pub fn clear(&self) -> Result<(), CallError> {
        self.call(Op::Clear, no_args, no_reply)
    }

    /// Whether it is set.
    pub fn is_set(&self) -> Result<bool, CallError> {
        self.call(Op::State, no_args, |reply| reply.bool())
    }

    fn wait_until(&self, deadline: Deadline) -> Result<(), CallError> {
        let write = |request: &mut crate::client::Request<'_>| {
            request.deadline(deadline);
            Ok(())
        };
        self.call(Op::Wait, write, no_reply)
    }
}
