//! Many tasks of one function: inputs are taken as there is room for them, and what comes of them is taken as it comes.

use super::chunk::{Args, Chunk, MOST_ARGS, MOST_TASKS, Packed, Packer, SMALL_ARGS};
use super::handle::Pool;
use super::job::{Batch, Content, Failure, Job};
use ipc_sys::clock::Deadline;
use serde::Serialize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

/// How many chunks a worker should get of an input whose length is known.
const CHUNKS_PER_WORKER: usize = 4;

/// How many chunks are handed in at a time.
const CHUNKS_AT_ONCE: usize = 16;

/// How inputs are cut into chunks, and how many are under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// How many tasks a chunk has; as is best if it is none.
    pub(super) chunk_size: Option<usize>,
    /// How many tasks are under way at most; as many as keep the workers busy if it is none.
    pub(super) window: Option<usize>,
}

/// The tasks of one function.
pub(super) struct Flow<'pool, I> {
    pool: &'pool Pool,
    /// None once they have ended: an iterator that has ended is not asked again.
    inputs: Option<I>,
    /// Whether the function can be named.
    has_name: bool,
    job: Arc<Job>,
    packer: Packer,
    /// Whether the encoder of an input is running, which may panic.
    is_packing: bool,
    chunks: Vec<Chunk>,
    cut: Cut,
    /// How many tasks the next chunk has.
    size: usize,
    n_taken: usize,
    n_answered: usize,
    /// How many of those that were answered count as under way all the same.
    n_held: usize,
}

impl<'pool, I: Iterator<Item: Serialize>> Flow<'pool, I> {
    pub(super) fn new(pool: &'pool Pool, name: Option<Arc<[u8]>>, inputs: I, cut: Cut) -> Self {
        let by_length = inputs.size_hint().0 / (CHUNKS_PER_WORKER * pool.n_workers());
        let size = cut.chunk_size.unwrap_or(by_length).clamp(1, MOST_TASKS);
        let single = cut.chunk_size == Some(1);
        Flow {
            pool,
            inputs: Some(inputs),
            has_name: name.is_some(),
            job: Job::new(name.unwrap_or_default()),
            packer: Packer::new(if single { SMALL_ARGS } else { MOST_ARGS }, 0),
            is_packing: false,
            chunks: Vec::new(),
            cut,
            size,
            n_taken: 0,
            n_answered: 0,
            n_held: 0,
        }
    }

    /// How many tasks the inputs make in all, if that is known.
    pub(super) fn total(&self) -> Option<usize> {
        match &self.inputs {
            None => Some(self.n_taken),
            Some(inputs) => match inputs.size_hint() {
                (least, Some(most)) if least == most => Some(self.n_taken.saturating_add(least)),
                _ => None,
            },
        }
    }

    /// Waits for what came of some tasks. None at the end.
    pub(super) fn next_batch(&mut self, deadline: Deadline) -> Option<Batch> {
        loop {
            self.feed();
            if let Some(batch) = self.job.take() {
                self.n_answered += batch.n_tasks;
                return Some(batch);
            }
            if self.n_answered == self.n_taken {
                return None;
            }
            let is_patient = self.cut.window.is_none();
            if !self.pool.engine().wait(deadline, is_patient, &|| self.job.has_news()) {
                return None;
            }
        }
    }

    /// Hands in everything, whether there is room for it or not: the job, and how many tasks it has.
    pub(super) fn submit_all(mut self) -> (Arc<Job>, usize) {
        while self.inputs.is_some() {
            self.pack_at_most(usize::MAX);
            self.submit();
        }
        self.pool.engine().leave();
        self.n_answered = self.n_taken;
        (Arc::clone(&self.job), self.n_taken)
    }

    /// Takes inputs and hands them in, until enough are under way or there are no more.
    fn feed(&mut self) {
        loop {
            while self.inputs.is_some() && self.room() > 0 && self.chunks.len() < CHUNKS_AT_ONCE {
                self.pack_at_most(self.room());
            }
            if self.chunks.is_empty() {
                return;
            }
            let n_queued = self.submit();
            if self.inputs.is_none() || n_queued > 0 {
                return;
            }
        }
    }

    /// How many more tasks may be under way. The next one that is asked for always may.
    fn room(&self) -> usize {
        let n_under_way = self.n_taken - self.n_answered;
        let most = self.cut.window.unwrap_or(usize::MAX).saturating_sub(self.n_held);
        most.max(usize::from(n_under_way == 0)).saturating_sub(n_under_way)
    }

    /// Has so many of those that were answered count as under way.
    pub(super) fn hold(&mut self, n_held: usize) {
        self.n_held = n_held;
    }

    /// The tasks that are under way are looked after, though nobody waits for them now.
    pub(super) fn leave(&self) {
        if !self.pool.engine().is_copy() {
            self.pool.engine().leave();
        }
    }

    /// Hands in the chunks that are made; how many wait.
    fn submit(&mut self) -> usize {
        self.pool.engine().submit(self.chunks.drain(..))
    }

    /// Makes a chunk of the next inputs. One whose encoder panics is a task of its own, which ends so.
    fn pack_at_most(&mut self, most: usize) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.pack_inputs(most))) {
            if !std::mem::take(&mut self.is_packing) {
                // That of whoever makes the inputs: there is no such input.
                resume_unwind(panic);
            }
            self.end_next(Content::Panicked(Some(panic)));
        }
    }

    fn pack_inputs(&mut self, most: usize) {
        let size = self.size.min(most) as u32;
        // There are some already if an input has panicked.
        while self.packer.n_tasks() < size {
            let Some(input) = self.inputs.as_mut().and_then(Iterator::next) else {
                self.inputs = None;
                break;
            };
            self.is_packing = true;
            let packed = self.packer.pack(&input, self.pool.limits());
            self.is_packing = false;
            match packed {
                Ok(Packed::Added) => self.n_taken += 1,
                Ok(Packed::Alone(args)) => {
                    self.cut_here();
                    self.push(1, args);
                    // That was a chunk, if perhaps of another size.
                    return self.n_taken += 1;
                }
                Err(error) => return self.end_next(Content::Refused(Some(error))),
            }
        }
        self.cut_here();
        if self.cut.chunk_size.is_none()
            && self.inputs.as_ref().is_some_and(|inputs| inputs.size_hint().0 == 0)
        {
            // It may be long; if tasks are, the idle take from the others.
            self.size = (self.size * 2).min(MOST_TASKS);
        }
    }

    /// Ends the next task before it is handed in.
    fn end_next(&mut self, content: Content) {
        self.cut_here();
        self.job.put(Batch { first: self.n_taken, n_tasks: 1, content });
        self.n_taken += 1;
    }

    /// Makes a chunk of what is packed.
    fn cut_here(&mut self) {
        if self.packer.n_tasks() > 0 {
            let (args, n_tasks) = self.packer.take();
            self.n_taken -= n_tasks as usize;
            self.push(n_tasks, args);
            self.n_taken += n_tasks as usize;
        }
    }

    /// Adds a chunk whose first task is the next one.
    fn push(&mut self, n_tasks: u32, args: Args) {
        let chunk = Chunk::new(&self.job, self.n_taken, n_tasks, args);
        if self.has_name {
            self.chunks.push(chunk);
        } else {
            chunk.fail(Failure::NoSuchFunction);
        }
    }
}

impl<I> Drop for Flow<'_, I> {
    fn drop(&mut self) {
        // What is under way goes on.
        if self.n_answered < self.n_taken && !self.pool.engine().is_copy() {
            self.pool.engine().leave();
        }
    }
}
