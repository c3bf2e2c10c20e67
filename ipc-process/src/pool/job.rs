//! Tasks that were handed in together, and what came of them so far, still encoded.

use super::run::{self, HEAD, ON_LINE, OUTCOME, VALUE};
use super::task_error::TaskError;
use crate::entry::Outcome;
use crate::wire::channel_limits;
use ipc_codec::{EncodeError, Limits, Message};
use ipc_sys::process::ExitStatus;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::fmt;
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
    /// The arguments of the one task could not be encoded.
    Refused(EncodeError),
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

    /// Decodes what came of each task, and hands it on.
    #[inline]
    pub(super) fn for_each<R: DeserializeOwned>(
        self,
        limits: &Limits,
        mut each: impl FnMut(Result<R, TaskError>),
    ) {
        match self.content {
            Content::Failed(failure) => (0..self.n_tasks).for_each(|_| each(Err(failure.clone().into()))),
            Content::Refused(error) => each(Err(TaskError::Encode(error))),
            Content::Results { records, mut letters } => {
                let mut rest = records.as_slice();
                for _ in 0..self.n_tasks {
                    // In place, and each on a way of its own: most are numbers and the like.
                    match short_value(rest, limits) {
                        Some((value, behind)) => {
                            rest = behind;
                            each(Ok(value));
                        }
                        None => each(any_result(&mut rest, &mut letters, limits)),
                    }
                }
            }
        }
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

/// The value of the first record, and what is behind it, if it is a short one.
#[inline]
fn short_value<'a, R: DeserializeOwned>(records: &'a [u8], limits: &Limits) -> Option<(R, &'a [u8])> {
    let word = records.get(HEAD..)?.first_chunk()?;
    match run::next_record(records)? {
        (VALUE, payload, rest) if payload.len() <= word.len() => {
            ipc_codec::decode_word(word, payload.len(), limits).ok().map(|value| (value, rest))
        }
        _ => None,
    }
}

/// What the first record says, which is passed.
fn any_result<R: DeserializeOwned>(
    records: &mut &[u8],
    letters: &mut VecDeque<Outcome>,
    limits: &Limits,
) -> Result<R, TaskError> {
    let record = run::next_record(records);
    *records = record.map_or(&[], |(_, _, rest)| rest);
    match record {
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
    let lost = || Outcome::ResultRefused("it was lost on its way".into());
    outcome.unwrap_or_else(lost).into()
}
