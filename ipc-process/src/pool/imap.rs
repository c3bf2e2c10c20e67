//! Results one by one, of inputs taken as they are needed.

use super::flow::Flow;
use super::task_error::TaskError;
use super::tasks::Meter;
use ipc_codec::Limits;
use ipc_sys::clock::Deadline;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, VecDeque};

/// The iterator behind [`Pool::imap_unordered`](super::Pool::imap_unordered).
pub(super) struct ImapUnordered<'a, I, R> {
    flow: Flow<'a, I>,
    limits: Limits,
    meter: Meter<'a>,
    /// Decoded, and not asked for yet.
    ready: VecDeque<(usize, Result<R, TaskError>)>,
}

/// The iterator behind [`Pool::imap`](super::Pool::imap).
pub(super) struct Imap<'a, I, R> {
    unordered: ImapUnordered<'a, I, R>,
    /// How many were asked for.
    n_yielded: usize,
    /// Those that came before their turn.
    early: BTreeMap<usize, Result<R, TaskError>>,
}

impl<'a, I: Iterator<Item: Serialize>, R: DeserializeOwned> ImapUnordered<'a, I, R> {
    pub(super) fn new(flow: Flow<'a, I>, limits: Limits, meter: Meter<'a>) -> Self {
        ImapUnordered { flow, limits, meter, ready: VecDeque::new() }
    }
}

impl<I: Iterator<Item: Serialize>, R: DeserializeOwned> Iterator for ImapUnordered<'_, I, R> {
    type Item = (usize, Result<R, TaskError>);

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() {
            let batch = self.flow.next_batch(Deadline::NEVER)?;
            // Whoever asked may be away for long.
            self.flow.leave();
            self.meter.count(&self.flow, &batch);
            self.ready.extend((batch.first..).zip(batch.decode(&self.limits)));
        }
        self.ready.pop_front()
    }
}

impl<'a, I: Iterator<Item: Serialize>, R: DeserializeOwned> Imap<'a, I, R> {
    pub(super) fn new(flow: Flow<'a, I>, limits: Limits, meter: Meter<'a>) -> Self {
        Imap { unordered: ImapUnordered::new(flow, limits, meter), n_yielded: 0, early: BTreeMap::new() }
    }
}

impl<I: Iterator<Item: Serialize>, R: DeserializeOwned> Iterator for Imap<'_, I, R> {
    type Item = Result<R, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        // What waits for its turn was asked for by nobody: it counts as under way.
        self.unordered.flow.hold(self.early.len());
        let result = loop {
            if let Some(result) = self.early.remove(&self.n_yielded) {
                break result;
            }
            let (index, result) = self.unordered.next()?;
            self.early.insert(index, result);
            self.unordered.flow.hold(self.early.len());
        };
        self.n_yielded += 1;
        Some(result)
    }
}
