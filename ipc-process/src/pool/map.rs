//! All results in the order of the inputs.

use super::flow::Flow;
use super::job::Batch;
use super::task_error::TaskError;
use ipc_codec::Limits;
use ipc_sys::clock::Deadline;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// The most results that room is made for before they come: the inputs may promise more than they have.
const MOST_ROOM: usize = 1 << 22;

/// Puts batches in their order.
pub(super) struct InOrder<R> {
    pub(super) results: Vec<Result<R, TaskError>>,
    /// Those that came before their turn, by the number of their first task.
    early: BTreeMap<usize, Batch>,
}

impl<R: DeserializeOwned> InOrder<R> {
    pub(super) fn with_room(n_results: usize) -> Self {
        let mut results = Vec::with_capacity(n_results.min(MOST_ROOM));
        ipc_sys::memory::expect_to_fill(results.spare_capacity_mut());
        InOrder { results, early: BTreeMap::new() }
    }

    /// Adds what came of some tasks.
    pub(super) fn add(&mut self, batch: Batch, limits: &Limits) {
        self.early.insert(batch.first, batch);
        while let Some(next) = self.early.remove(&self.results.len()) {
            self.results.extend(next.decode(limits));
        }
    }
}

/// Waits for all results, and tells each batch to `progress` before.
pub(super) fn collect<I, R>(
    mut flow: Flow<'_, I>,
    limits: &Limits,
    mut progress: impl FnMut(&Flow<'_, I>, &Batch),
) -> Vec<Result<R, TaskError>>
where
    I: Iterator<Item: Serialize>,
    R: DeserializeOwned,
{
    let mut in_order = InOrder::with_room(flow.total().unwrap_or(0));
    while let Some(batch) = flow.next_batch(Deadline::NEVER) {
        progress(&flow, &batch);
        in_order.add(batch, limits);
    }
    in_order.results
}
