//! The parent's side of a running process, whatever its result: the words of the child, and its end.

use crate::attached::Attached;
use crate::children::{self, Member};
use crate::entry::Outcome;
use crate::error::{JoinError, SpawnError};
use crate::wire::{FromChild, Refusal};
use crate::words::Words;
use ipc_codec::{Limits, Message};
use ipc_pipe::{RecvError, TryRecvError};
use ipc_sys::clock::Deadline;
use ipc_sys::process::{ExitStatus, Signal};
use std::sync::Arc;
use std::time::Duration;

/// How long a child that has closed its channel may take to begin to end before it counts as one that goes on without it.
const CLOSING: Duration = Duration::from_millis(100);

/// A process, and the channel to it.
#[derive(Debug)]
pub(crate) struct Running {
    limits: Limits,
    /// Until when the child has to say its first word; `None` if it does not say one.
    start_deadline: Option<Deadline>,
    words: Arc<Words>,
    /// Taken out by `drop` alone.
    member: Option<Arc<Member>>,
}

impl Running {
    pub(crate) fn new(
        limits: Limits,
        start_deadline: Option<Deadline>,
        member: Arc<Member>,
        words: Arc<Words>,
    ) -> Self {
        Running { limits, start_deadline, words, member: Some(member) }
    }

    pub(crate) fn name(&self) -> &str {
        self.member().name()
    }

    pub(crate) fn is_daemon(&self) -> bool {
        self.member().is_daemon()
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn child(&self) -> &Attached {
        self.member().child()
    }

    fn member(&self) -> &Member {
        self.member.as_ref().expect("taken out by drop alone")
    }

    /// Waits for the first word of the child, if it says one; kills a child that does not.
    pub(crate) fn wait_until_started(&self) -> Result<(), SpawnError> {
        let Some(deadline) = self.start_deadline else { return Ok(()) };
        let word = self.next_word(deadline);
        let is_closed = matches!(word, Ok(Word::Closed));
        let failed = match word {
            Ok(Word::Said(FromChild::Ready)) => return Ok(()),
            Ok(Word::Said(FromChild::Refused(refusal))) => refusal.into(),
            Ok(Word::Said(FromChild::Born(..) | FromChild::Ended(_))) => {
                SpawnError::ImageDiffers { reason: "it said twice that it is there".into() }
            }
            // It panicked while it decoded the arguments.
            Ok(Word::Said(FromChild::Done(outcome))) => SpawnError::Arguments { reason: reason_of(outcome) },
            Ok(Word::Ended(status)) => return Err(SpawnError::Died { status }),
            Ok(Word::Closed) => SpawnError::ImageDiffers { reason: "it closed its channel unused".into() },
            Ok(Word::TimedOut) => SpawnError::TimedOut,
            Err(JoinError::Os(source)) => SpawnError::Os { call: "waiting for the child", source },
            Err(error) => SpawnError::ImageDiffers { reason: crate::entry::chain(&error) },
        };
        // Whatever it is doing, it is not what was asked for. It cannot escape the kill, so the wait ends.
        let _ = self.child().signal(Signal::Kill);
        match self.child().wait(Deadline::NEVER) {
            // It was on its way out all the time.
            Ok(Some(status)) if is_closed && status.signal().is_none() => Err(SpawnError::Died { status }),
            _ => Err(failed),
        }
    }

    /// Waits for the end of the process and takes its encoded result; `None` when the deadline passed first.
    pub(crate) fn finish(&self, deadline: Deadline) -> Result<Option<Message>, JoinError> {
        // The child never waits for its words to be taken, so one wait, for its end, is enough.
        if !self.child().wait_for_end(deadline).map_err(JoinError::Os)? {
            return Ok(None);
        }
        loop {
            return match self.words.try_next() {
                Ok(FromChild::Born(..) | FromChild::Ready | FromChild::Ended(_)) => continue,
                Ok(FromChild::Done(Outcome::Returned(result))) => Ok(Some(result)),
                Ok(FromChild::Done(Outcome::Panicked(report))) => Err(JoinError::Panicked(report)),
                Ok(FromChild::Done(outcome)) => Err(JoinError::Encode { reason: reason_of(outcome) }),
                Ok(FromChild::Refused(refusal)) => {
                    Err(JoinError::Arguments { reason: crate::entry::chain(&SpawnError::from(refusal)) })
                }
                // Somebody else may hold a copy of the child's end; the child itself says nothing any more.
                Err(TryRecvError::Empty | TryRecvError::Recv(RecvError::Eof)) => {
                    Err(self.child().wait_for_ever().map_err(JoinError::Os)?.into())
                }
                Err(TryRecvError::Recv(error)) => Err(error.into()),
                Err(error) => Err(JoinError::Os(std::io::Error::other(error))),
            };
        }
    }

    /// The next thing that the child says, or its end once it has nothing more to say.
    fn next_word(&self, deadline: Deadline) -> Result<Word, JoinError> {
        loop {
            let has_ended = self.words.wait_or(self.child().handle(), deadline).map_err(JoinError::Os)?;
            let is_closed = match self.words.try_next() {
                Ok(word) => return Ok(Word::Said(word)),
                Err(TryRecvError::Empty) => false,
                Err(TryRecvError::Recv(RecvError::Eof)) => true,
                Err(TryRecvError::Recv(error)) => return Err(error.into()),
                Err(error) => return Err(JoinError::Os(std::io::Error::other(error))),
            };
            // The end of the process counts, and not that of the channel: the child may have closed its end, and somebody
            // else may hold a copy of it. What the child said before its end is here by now.
            if has_ended {
                let status = self.child().wait(deadline).map_err(JoinError::Os)?;
                return Ok(status.map_or(Word::TimedOut, Word::Ended));
            }
            if is_closed {
                // No word can come any more. The end of a process closes its channel a moment before it shows, and how long that is
                // depends on who else wants the processor.
                let closing = self.child().wait(Deadline::after(CLOSING));
                let status = match closing.map_err(JoinError::Os)? {
                    None if self.child().is_ending() => self.child().wait(deadline).map_err(JoinError::Os)?,
                    status => status,
                };
                return Ok(status.map_or(Word::Closed, Word::Ended));
            }
            if deadline.is_over() {
                return Ok(Word::TimedOut);
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(member) = self.member.take() {
            children::adopt(member);
        }
    }
}

/// What [`Running::next_word`] found.
enum Word {
    Said(FromChild),
    Ended(ExitStatus),
    /// It goes on, and has let go of its channel.
    Closed,
    TimedOut,
}

impl From<Refusal> for SpawnError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::ImageDiffers(reason) => SpawnError::ImageDiffers { reason },
            Refusal::Arguments(reason) => SpawnError::Arguments { reason },
            Refusal::Setup(reason) => SpawnError::Setup { reason },
        }
    }
}

/// Why an outcome is no result.
fn reason_of(outcome: Outcome) -> String {
    match outcome {
        Outcome::Returned(_) => "there is a result".into(),
        Outcome::Panicked(report) => report.to_string(),
        Outcome::ArgumentsRefused(reason)
        | Outcome::ResultRefused(reason)
        | Outcome::ImageDiffers(reason) => reason,
    }
}
