//! A child, whoever collects its remains: this process, or the fork server that made it.

use crate::words::Words;
use ipc_sys::clock::Deadline;
use ipc_sys::handle::BorrowedHandle;
use ipc_sys::process::{Child, ExitStatus, Signal};
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a fork server may take to tell the status of a child that has ended. It says so at once, but on a machine where fifty others
/// want each processor that has taken more than a second.
const PATIENCE: Duration = Duration::from_secs(5);

/// A child process with the way to its status.
#[derive(Debug)]
pub(crate) struct Attached {
    child: Child,
    /// Where the fork server tells the status, if it is the parent.
    served: Option<Served>,
}

#[derive(Debug)]
struct Served {
    words: Arc<Words>,
    status: Mutex<Option<ExitStatus>>,
}

/// [`ExitStatus`] as it travels.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum WireStatus {
    Exited(i32),
    Signaled { signal: i32, core_dumped: bool },
    Unknown,
}

impl Attached {
    /// A child of this process.
    pub(crate) fn own(child: Child) -> Self {
        Attached { child, served: None }
    }

    /// A child of a fork server, which says how it ended when it has collected the child.
    pub(crate) fn served(child: Child, words: Arc<Words>) -> Self {
        Attached { child, served: Some(Served { words, status: Mutex::new(None) }) }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.pid()
    }

    pub(crate) fn handle(&self) -> BorrowedHandle<'_> {
        self.child.handle()
    }

    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        self.child.signal(signal)
    }

    /// Waits for the end of the process.
    pub(crate) fn wait_for_ever(&self) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.wait(Deadline::NEVER)? {
                return Ok(status);
            }
        }
    }

    /// Waits for the end of the process, however it is; whether it came before the deadline.
    pub(crate) fn wait_for_end(&self, deadline: Deadline) -> io::Result<bool> {
        match &self.served {
            // A child of one's own has to be collected.
            None => Ok(self.child.wait(deadline)?.is_some()),
            // The server does that, and nobody has to wait for it.
            Some(_) => self.child.has_ended(deadline),
        }
    }

    /// Whether the process has ended, or is on its way out.
    pub(crate) fn is_ending(&self) -> bool {
        self.child.is_ending()
    }

    /// Waits for the end of the process; `None` when the deadline passed first.
    pub(crate) fn wait(&self, deadline: Deadline) -> io::Result<Option<ExitStatus>> {
        match &self.served {
            None => self.child.wait(deadline),
            Some(served) => served.wait(&self.child, deadline),
        }
    }
}

impl Served {
    fn wait(&self, child: &Child, deadline: Deadline) -> io::Result<Option<ExitStatus>> {
        if !child.has_ended(deadline)? {
            return Ok(None);
        }
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        if status.is_none() {
            // The child has ended, so the server says so at once; and if the server is gone, this is the end of file. Only a
            // server that somebody stopped says nothing. That the child is dead is known without it.
            *status = match self.words.ended_within(PATIENCE) {
                Some(status) => Some(status.into()),
                // Newer systems keep the status for whoever has a handle, once somebody has collected the child.
                None => Some(child.wait(Deadline::NOW)?.unwrap_or(ExitStatus::Unknown)),
            };
        }
        Ok(*status)
    }
}

impl From<ExitStatus> for WireStatus {
    fn from(status: ExitStatus) -> Self {
        match status {
            ExitStatus::Exited(code) => WireStatus::Exited(code),
            ExitStatus::Signaled { signal, core_dumped } => WireStatus::Signaled { signal, core_dumped },
            ExitStatus::Unknown => WireStatus::Unknown,
        }
    }
}

impl From<WireStatus> for ExitStatus {
    fn from(status: WireStatus) -> Self {
        match status {
            WireStatus::Exited(code) => ExitStatus::Exited(code),
            WireStatus::Signaled { signal, core_dumped } => ExitStatus::Signaled { signal, core_dumped },
            WireStatus::Unknown => ExitStatus::Unknown,
        }
    }
}
