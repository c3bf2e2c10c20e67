//! Results as they come, of inputs taken as they are needed.

use super::flow::Flow;
use super::task_error::TaskError;
use ipc_codec::Limits;
use ipc_sys::clock::Deadline;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;

/// The iterator behind [`Pool::imap_unordered`](super::Pool::imap_unordered).
pub(super) struct ImapUnordered<'pool, I, R> {
    flow: Flow<'pool, I>,
    limits: Limits,
    /// Decoded, and not asked for yet.
    ready: VecDeque<(usize, Result<R, TaskError>)>,
}

impl<'pool, I: Iterator<Item: Serialize>, R: DeserializeOwned> ImapUnordered<'pool, I, R> {
    pub(super) fn new(flow: Flow<'pool, I>, limits: Limits) -> Self {
        ImapUnordered { flow, limits, ready: VecDeque::new() }
    }
}

impl<I: Iterator<Item: Serialize>, R: DeserializeOwned> Iterator for ImapUnordered<'_, I, R> {
    type Item = (usize, Result<R, TaskError>);

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() {
            let batch = self.flow.next_batch(Deadline::NEVER)?;
            let (ready, mut index) = (&mut self.ready, batch.first);
            batch.for_each(&self.limits, |result| {
                ready.push_back((index, result));
                index += 1;
            });
        }
        self.ready.pop_front()
    }
}
