//! Results as they come, of inputs taken as they are needed.

use super::handle::Pool;
use super::inbox::Item;
use super::result::{TaskError, TaskResult};
use crate::entry::Entry;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::sync::mpsc;

/// The iterator behind [`Pool::imap_unordered`].
pub(super) struct ImapUnordered<'pool, I, A, R> {
    pool: &'pool Pool,
    inputs: Option<I>,
    entry: Option<Entry>,
    n_submitted: usize,
    n_finished: usize,
    results_tx: mpsc::Sender<(usize, TaskResult)>,
    results_rx: mpsc::Receiver<(usize, TaskResult)>,
    types: PhantomData<fn(A) -> R>,
}

impl<'pool, I, A, R> ImapUnordered<'pool, I, A, R>
where
    I: Iterator<Item = A>,
    A: Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    pub(super) fn new(pool: &'pool Pool, function: fn(A) -> R, inputs: I) -> Self {
        let (results_tx, results_rx) = mpsc::channel();
        ImapUnordered {
            pool,
            inputs: Some(inputs),
            entry: Entry::of(function),
            n_submitted: 0,
            n_finished: 0,
            results_tx,
            results_rx,
            types: PhantomData,
        }
    }

    /// Takes inputs and hands them in, until enough are under way or there are no more.
    fn submit(&mut self) {
        while self.n_submitted - self.n_finished < self.pool.window() {
            let Some(input) = self.inputs.as_mut().and_then(Iterator::next) else {
                // An iterator that has ended is not asked again.
                self.inputs = None;
                return;
            };
            let index = self.n_submitted;
            self.n_submitted += 1;
            let results = self.results_tx.clone();
            // Whoever drops the iterator does not want the rest.
            let reply = Box::new(move |result| drop(results.send((index, result))));
            let args = match ipc_codec::encode(&input, self.pool.limits()) {
                Ok(args) => args,
                Err(error) => {
                    reply(Err(TaskError::Encode(error)));
                    continue;
                }
            };
            match self.entry {
                Some(entry) => self.pool.submit(Item::new(entry, args, reply)),
                None => reply(Err(TaskError::NoSuchFunction)),
            }
        }
    }
}

impl<I, A, R> Iterator for ImapUnordered<'_, I, A, R>
where
    I: Iterator<Item = A>,
    A: Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    type Item = (usize, Result<R, TaskError>);

    fn next(&mut self) -> Option<Self::Item> {
        self.submit();
        if self.n_finished == self.n_submitted {
            return None;
        }
        // Never closed: this value holds a sender. Each task that was handed in is answered once.
        let (index, result) = self.results_rx.recv().ok()?;
        self.n_finished += 1;
        let result = result.and_then(|result| Ok(result.decode(self.pool.limits())?));
        Some((index, result))
    }
}
