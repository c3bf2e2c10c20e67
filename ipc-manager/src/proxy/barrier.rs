//! Barriers.

use super::{no_args, no_reply, proxy, waits};
use crate::error::CallError;
use crate::wire::Op;
use ipc_sys::clock::Deadline;

proxy! {
    /// A place where all wait for each other. Made by [`Host::barrier`](crate::Host::barrier).
    ///
    /// # Other processes
    ///
    /// When one that waits ends, or its time is over, the barrier is broken: all who wait and who come later get
    /// [`CallError::Broken`], until it is [reset](Barrier::reset).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_manager::{CallError, Manager};
    /// # ipc_process::init();
    ///
    /// let manager = Manager::start()?;
    /// let barrier = manager.barrier(2)?;
    /// let mut places = std::thread::scope(|scope| {
    ///     let other = scope.spawn(|| barrier.wait());
    ///     Ok::<_, CallError>([barrier.wait()?, other.join().unwrap()?])
    /// })?;
    /// places.sort();
    /// assert_eq!(places, [0, 1]);
    /// barrier.abort()?;
    /// assert!(matches!(barrier.wait(), Err(CallError::Broken)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    Barrier<> of Barrier
}

/// A barrier at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BarrierState {
    /// How many have to come.
    pub parties: usize,
    /// How many wait.
    pub waiting: usize,
    /// Whether it is broken.
    pub is_broken: bool,
}

impl Barrier {
    waits! {
        /// Waits until all have come. Each gets another number, from zero on: who has zero can do what one has to do for all.
        ///
        /// # Blocking
        ///
        /// Until all have come, or it is broken.
        ///
        /// # Errors
        ///
        /// [`CallError::Broken`]. Whose time is over breaks it, and gets [`CallError::TimedOut`].
        wait, try_wait, wait_timeout, wait_deadline () -> usize = wait_until
    }

    /// Breaks it.
    pub fn abort(&self) -> Result<(), CallError> {
        self.call(Op::Abort, no_args, no_reply)
    }

    /// Makes it as new. Those who wait get [`CallError::Broken`].
    pub fn reset(&self) -> Result<(), CallError> {
        self.call(Op::Reset, no_args, no_reply)
    }

    /// How it is.
    pub fn state(&self) -> Result<BarrierState, CallError> {
        self.call(Op::State, no_args, |reply| {
            Ok(BarrierState { parties: reply.count()?, waiting: reply.count()?, is_broken: reply.bool()? })
        })
    }

    fn wait_until(&self, deadline: Deadline) -> Result<usize, CallError> {
        let write = |request: &mut crate::client::Request<'_>| {
            request.deadline(deadline);
            Ok(())
        };
        self.call(Op::Wait, write, |reply| reply.count())
    }
}
