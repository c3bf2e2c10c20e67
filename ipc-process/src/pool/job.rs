//! Tasks that were handed in together, and what came of them so far, still encoded.

use super::run::{self, HEAD, ON_LINE, OUTCOME, VALUE};
use super::task_error::TaskError;
use crate::entry::Outcome;
use crate::wire::channel_limits;
use ipc_codec::{EncodeError, Limits, Message};
use ipc_sys::process::ExitStatus;
use serde::de::DeserializeOwned;
use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

/// Tasks of one function, and what came of them.
pub(super) struct Job {
    /// The record that names the function, as the workers get it.
    pub(super) name: Arc<[u8]>,
    inbox: Mutex<Inbox>,
}

#[derive(Default)]
struct Inbox {
    batches: VecDeque<Batch>,
    /// How many tasks have ended, those included that were taken out.
    n_ended: usize,
    /// Woken at every batch.
    waker: Option<Waker>,
}

/// What came of some tasks in a row.
pub(super) struct Batch {
    /// The number of the first one in its job.
    pub(super) first: usize,
    pub(super) n_tasks: usize,
    pub(super) content: Content,
}

pub(super) enum Content {
    /// Records as the worker wrote them, and the outcomes that came by the line.
    Results { records: Vec<u8>, letters: VecDeque<Outcome> },
    /// All of them ended in the same way.
    Failed(Failure),
    /// The arguments of the one task could not be encoded. None once that is told.
    Refused(Option<EncodeError>),
    /// The encoder of the arguments of the one task panicked with this, which goes on where the result is asked for.
    Panicked(Option<Box<dyn Any + Send>>),
}

/// What came of the tasks of a batch, decoded as it is asked for. What panics then is passed.
pub(super) struct Unread {
    /// The number of the next task in its job.
    next: usize,
    n_left: usize,
    content: Content,
    /// Where the record of the next task begins.
    at: usize,
}

/// Why tasks ended without a word of their worker.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    Died(ExitStatus),
    TimedOut(Duration),
    Closed,
    Cancelled,
    Broken(String),
    Unsent(String),
    NoSuchFunction,
}

impl From<Failure> for TaskError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Died(status) => TaskError::WorkerDied { status },
            Failure::TimedOut(limit) => TaskError::TimedOut { limit },
            Failure::Closed => TaskError::Closed,
            Failure::Cancelled => TaskError::Cancelled,
            Failure::Broken(reason) => TaskError::Broken { reason },
            Failure::Unsent(reason) => TaskError::Arguments { reason },
            Failure::NoSuchFunction => TaskError::NoSuchFunction,
        }
    }
}

impl Job {
    pub(super) fn new(name: Arc<[u8]>) -> Arc<Self> {
        Arc::new(Job { name, inbox: Mutex::default() })
    }

    /// Puts in what came of some tasks; who is to be woken for it.
    pub(super) fn put(&self, batch: Batch) -> Option<Waker> {
        let mut inbox = self.lock();
        inbox.n_ended += batch.n_tasks;
        inbox.batches.push_back(batch);
        inbox.waker.clone()
    }

    pub(super) fn take(&self) -> Option<Batch> {
        self.lock().batches.pop_front()
    }

    pub(super) fn has_news(&self) -> bool {
        !self.lock().batches.is_empty()
    }

    /// How many tasks have ended.
    pub(super) fn n_ended(&self) -> usize {
        self.lock().n_ended
    }

    /// Whether any of the batches that are there tells of a task without a result.
    pub(super) fn has_failed(&self) -> bool {
        self.lock().batches.iter().any(|batch| batch.n_failed() > 0)
    }

    /// Sets who is woken from now on.
    pub(super) fn set_waker(&self, waker: &Waker) {
        let mut inbox = self.lock();
        if !inbox.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            inbox.waker = Some(waker.clone());
        }
    }

    /// Nobody is woken any more.
    pub(super) fn forget_waker(&self) {
        let waker = self.lock().waker.take();
        // Code of the user, perhaps.
        drop(waker);
    }

    fn lock(&self) -> MutexGuard<'_, Inbox> {
        // What is stored under it is whole at any time.
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").finish_non_exhaustive()
    }
}

impl Batch {
    /// For tasks that all ended in this way.
    pub(super) fn failed(first: usize, n_tasks: usize, failure: Failure) -> Self {
        Batch { first, n_tasks, content: Content::Failed(failure) }
    }

    /// Decodes what came of each task, one after the other.
    #[inline]
    pub(super) fn decode<R: DeserializeOwned>(
        self,
        limits: &Limits,
    ) -> impl Iterator<Item = Result<R, TaskError>> {
        let (n_tasks, mut unread, mut other) = (self.n_tasks, self.into_unread(), None);
        // An iterator of which a vector knows that it has this length writes each result where it will be.
        (0..n_tasks).map(move |_| unread.decode(limits, &mut other))
    }

    /// Decodes what came of each task when it is asked for.
    pub(super) fn into_unread(self) -> Unread {
        Unread { next: self.first, n_left: self.n_tasks, content: self.content, at: 0 }
    }

    /// How many of the tasks have no result, by what the worker said.
    pub(super) fn n_failed(&self) -> usize {
        let Content::Results { records, letters } = &self.content else { return self.n_tasks };
        let is_outcome = |kind: &u32| *kind == OUTCOME;
        let kinds = std::iter::successors(run::next_record(records), |(.., rest)| run::next_record(rest));
        let is_none = |outcome: &&Outcome| !matches!(outcome, Outcome::Returned(_));
        kinds.map(|(kind, ..)| kind).filter(is_outcome).count() + letters.iter().filter(is_none).count()
    }
}

impl Unread {
    /// The results of no tasks, before the first one of a job.
    pub(super) fn none() -> Self {
        Batch::failed(0, 0, Failure::Closed).into_unread()
    }

    /// The number of the next task in its job, be it of this batch or not.
    pub(super) fn next_index(&self) -> usize {
        self.next
    }

    /// Decodes what came of the next task; its number in the job, and the result.
    pub(super) fn next<R: DeserializeOwned>(
        &mut self,
        limits: &Limits,
    ) -> Option<(usize, Result<R, TaskError>)> {
        self.n_left = self.n_left.checked_sub(1)?;
        Some((self.next, self.decode(limits, &mut None)))
    }

    #[inline]
    fn decode<R: DeserializeOwned>(
        &mut self,
        limits: &Limits,
        other: &mut Option<Result<R, TaskError>>,
    ) -> Result<R, TaskError> {
        let at = self.at;
        let records = self.content.records(at);
        // Before anything is decoded, which may panic.
        self.next += 1;
        self.at += run::next_record(records).map_or(0, |(_, payload, _)| HEAD + payload.len());
        // In place, and on a way of its own: most are numbers and the like.
        if let Some(value) = short_value(records, limits) {
            return Ok(value);
        }
        // By way of a place that both share, so that a short one need not be in memory before it is where it will be.
        self.content.decode(at, limits, other);
        other.take().unwrap_or(Err(TaskError::Cancelled))
    }
}

impl Content {
    /// The records from `at` on, if there are any.
    #[inline]
    fn records(&self, at: usize) -> &[u8] {
        match self {
            Content::Results { records, .. } => records.get(at..).unwrap_or_default(),
            Content::Failed(_) | Content::Refused(_) | Content::Panicked(_) => &[],
        }
    }

    /// What came of the next task, whose record, if it has one, begins at `at`.
    #[inline(never)]
    fn decode<R: DeserializeOwned>(
        &mut self,
        at: usize,
        limits: &Limits,
        result: &mut Option<Result<R, TaskError>>,
    ) {
        *result = Some(match self {
            Content::Failed(failure) => Err(failure.clone().into()),
            Content::Refused(error) => Err(error.take().map_or_else(lost, TaskError::Encode)),
            Content::Panicked(panic) => Err(panic.take().map_or_else(lost, |panic| resume_unwind(panic))),
            Content::Results { records, letters } => {
                any_result(records.get(at..).unwrap_or_default(), letters, limits)
            }
        });
    }
}

/// The value of the first record, if it is a short one.
#[inline]
fn short_value<R: DeserializeOwned>(records: &[u8], limits: &Limits) -> Option<R> {
    let word = records.get(HEAD..)?.first_chunk()?;
    match run::next_record(records)? {
        (VALUE, payload, _) if payload.len() <= word.len() => {
            ipc_codec::decode_word(word, payload.len(), limits).ok()
        }
        _ => None,
    }
}

/// What the first record says.
fn any_result<R: DeserializeOwned>(
    records: &[u8],
    letters: &mut VecDeque<Outcome>,
    limits: &Limits,
) -> Result<R, TaskError> {
    match run::next_record(records) {
        Some((VALUE, payload, _)) => {
            ipc_codec::decode(payload, Vec::new(), limits).map_err(TaskError::Decode)
        }
        record => unusual(record, letters).and_then(|result| Ok(result.decode(limits)?)),
    }
}

/// What a record says that is not a result in itself.
#[cold]
fn unusual(
    record: Option<(u32, &[u8], &[u8])>,
    letters: &mut VecDeque<Outcome>,
) -> Result<Message, TaskError> {
    let outcome = match record {
        Some((OUTCOME, payload, _)) => ipc_codec::decode(payload, Vec::new(), &channel_limits()).ok(),
        Some((ON_LINE, ..)) => letters.pop_front(),
        _ => None,
    };
    outcome.map_or_else(|| Err(lost()), Into::into)
}

fn lost() -> TaskError {
    TaskError::Result { reason: "it was lost on its way".into() }
}
