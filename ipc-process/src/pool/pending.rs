//! Tasks that were handed in and whose end somebody may wait for.

use super::engine::Engine;
use super::job::Job;
use ipc_codec::Limits;
use ipc_sys::clock::Deadline;
use std::sync::Arc;
use std::task::Context;

/// Why nothing comes of a task in a forked copy of the owner.
pub(super) const IS_COPY: &str = "this process is a copy of the one that made the pool";

/// A job of a known number of tasks, and who drives it.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) engine: Arc<Engine>,
    pub(super) job: Arc<Job>,
    pub(super) n_tasks: usize,
    pub(super) limits: Limits,
}

impl Pending {
    /// Waits until all tasks have ended; whether they have.
    pub(super) fn wait(&self, deadline: Deadline) -> bool {
        if self.has_ended() {
            return true;
        }
        !self.engine.is_copy() && self.engine.wait(deadline, self.n_tasks > 1, &|| self.has_ended())
    }

    /// Whether all tasks have ended; has the task of this context woken when something ends, if they have not.
    pub(super) fn poll(&self, context: &Context<'_>) -> bool {
        if self.has_ended() || self.engine.is_copy() {
            return true;
        }
        self.job.set_waker(context.waker());
        self.engine.attend();
        // It may have ended before there was a waker.
        self.has_ended()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.job.n_ended() >= self.n_tasks
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.job.forget_waker();
    }
}
