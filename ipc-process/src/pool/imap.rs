//! Results one by one, of inputs taken as they are needed.

use super::flow::Flow;
use super::job::{Batch, Unread};
use super::task_error::TaskError;
use super::tasks::Meter;
use ipc_codec::Limits;
use ipc_sys::clock::Deadline;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::marker::PhantomData;

/// The iterator behind [`Pool::imap_unordered`](super::Pool::imap_unordered).
pub(super) struct ImapUnordered<'a, I, R> {
    source: Source<'a, I>,
    limits: Limits,
    /// What nobody has asked for yet.
    ready: Unread,
    results: PhantomData<fn() -> R>,
}

/// The iterator behind [`Pool::imap`](super::Pool::imap).
pub(super) struct Imap<'a, I, R> {
    source: Source<'a, I>,
    limits: Limits,
    /// Those whose turn it is.
    ready: Unread,
    /// Those that came before their turn, by the number of their first task.
    early: BTreeMap<usize, Batch>,
    /// How many tasks those are.
    n_early: usize,
    results: PhantomData<fn() -> R>,
}

/// Where what came of tasks comes from.
struct Source<'a, I> {
    flow: Flow<'a, I>,
    meter: Meter<'a>,
}

impl<I: Iterator<Item: Serialize>> Source<'_, I> {
    fn next_batch(&mut self) -> Option<Batch> {
        let batch = self.flow.next_batch(Deadline::NEVER)?;
        // Whoever asked may be away for long.
        self.flow.leave();
        self.meter.count(&self.flow, &batch);
        Some(batch)
    }
}

impl<'a, I: Iterator<Item: Serialize>, R: DeserializeOwned> ImapUnordered<'a, I, R> {
    pub(super) fn new(flow: Flow<'a, I>, limits: Limits, meter: Meter<'a>) -> Self {
        ImapUnordered { source: Source { flow, meter }, limits, ready: Unread::none(), results: PhantomData }
    }
}

impl<I: Iterator<Item: Serialize>, R: DeserializeOwned> Iterator for ImapUnordered<'_, I, R> {
    type Item = (usize, Result<R, TaskError>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(next) = self.ready.next(&self.limits) {
                return Some(next);
            }
            self.ready = self.source.next_batch()?.into_unread();
        }
    }
}

impl<'a, I: Iterator<Item: Serialize>, R: DeserializeOwned> Imap<'a, I, R> {
    pub(super) fn new(flow: Flow<'a, I>, limits: Limits, meter: Meter<'a>) -> Self {
        let (source, early) = (Source { flow, meter }, BTreeMap::new());
        Imap { source, limits, ready: Unread::none(), early, n_early: 0, results: PhantomData }
    }
}

impl<I: Iterator<Item: Serialize>, R: DeserializeOwned> Iterator for Imap<'_, I, R> {
    type Item = Result<R, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((_, result)) = self.ready.next(&self.limits) {
                return Some(result);
            }
            if let Some(batch) = self.early.remove(&self.ready.next_index()) {
                self.n_early -= batch.n_tasks;
                self.ready = batch.into_unread();
                continue;
            }
            // What waits for its turn was asked for by nobody: it counts as under way.
            self.source.flow.hold(self.n_early);
            let batch = self.source.next_batch()?;
            self.n_early += batch.n_tasks;
            self.early.insert(batch.first, batch);
        }
    }
}
