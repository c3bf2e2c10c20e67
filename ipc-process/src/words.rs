//! What is said of a child: by itself, and by a fork server of its end.
//!
//! Both come by one channel, in the order in which they were said. Who waits for the end takes what comes before it out of the
//! channel, and leaves it here for who wants the result.

use crate::attached::WireStatus;
use crate::wire::{FromChild, ParentEnd};
use ipc_pipe::{RecvError, RecvTimeoutError, TryRecvError};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, BorrowedHandle};
use ipc_sys::readiness::{Interest, Watch, wait};
use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The channel to a child, and what was taken out of it.
#[derive(Debug)]
pub(crate) struct Words {
    channel: ParentEnd,
    inbox: Mutex<Inbox>,
}

#[derive(Debug, Default)]
struct Inbox {
    said: VecDeque<Result<FromChild, RecvError>>,
    ended: Option<WireStatus>,
}

impl Words {
    pub(crate) fn new(channel: ParentEnd) -> Self {
        Words { channel, inbox: Mutex::default() }
    }

    /// The next thing that the child says, waiting for at most `timeout`.
    pub(crate) fn recv_timeout(&self, timeout: Duration) -> Result<FromChild, RecvTimeoutError> {
        self.channel.recv_timeout(timeout)
    }

    /// The next thing that the child has said.
    pub(crate) fn try_next(&self) -> Result<FromChild, TryRecvError> {
        let mut inbox = self.inbox();
        if let Some(word) = inbox.said.pop_front() {
            return word.map_err(TryRecvError::Recv);
        }
        match self.channel.try_recv() {
            Ok(FromChild::Ended(status)) => {
                inbox.ended = Some(status);
                Err(TryRecvError::Empty)
            }
            word => word,
        }
    }

    /// Waits until the child says something or `other` is readable; whether the latter is.
    pub(crate) fn wait_or(&self, other: BorrowedHandle<'_>, deadline: Deadline) -> io::Result<bool> {
        // What is in the inbox is there to be taken.
        let deadline = if self.inbox().said.is_empty() { deadline } else { Deadline::NOW };
        let mut watches =
            [Watch::new(self.channel.as_fd(), Interest::Read), Watch::new(other, Interest::Read)];
        wait(&mut watches, deadline)?;
        Ok(watches[1].is_ready())
    }

    /// How the child ended, as its fork server says; `None` if it does not say so in time, or never will.
    pub(crate) fn ended_within(&self, timeout: Duration) -> Option<WireStatus> {
        let mut inbox = self.inbox();
        while inbox.ended.is_none() {
            match self.channel.recv_timeout(timeout) {
                Ok(FromChild::Ended(status)) => inbox.ended = Some(status),
                Ok(word) => inbox.said.push_back(Ok(word)),
                Err(RecvTimeoutError::TimedOut | RecvTimeoutError::Recv(RecvError::Eof)) => break,
                // A word that cannot be read is still a word, and its reader is told.
                Err(RecvTimeoutError::Recv(error)) => {
                    let is_over = matches!(error, RecvError::Os(_));
                    inbox.said.push_back(Err(error));
                    if is_over {
                        break;
                    }
                }
                Err(_) => break,
            }
        }
        inbox.ended
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
