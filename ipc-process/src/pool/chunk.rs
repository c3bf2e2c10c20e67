//! Tasks in a row that wait for a worker.

use super::job::{Batch, Failure, Job};
use super::run::{self, HEAD};
use ipc_codec::{EncodeError, Limits, Message};
use serde::Serialize;
use std::sync::Arc;
use std::task::Waker;

/// The largest arguments that go over the desk, in bytes. A chunk of several tasks has no more than that, too.
pub(super) const MOST_ARGS: usize = 16 << 10;

/// The most tasks in a chunk.
pub(super) const MOST_TASKS: usize = 4096;

/// Tasks in a row of one job.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) job: Arc<Job>,
    /// The number of the first one in the job.
    pub(super) first: usize,
    pub(super) n_tasks: u32,
    pub(super) args: Args,
    /// How many workers ended by themselves when this was the next thing for them.
    pub(super) n_refusals: u32,
}

/// The encoded arguments of a chunk.
#[derive(Debug)]
pub(super) enum Args {
    /// A record for each task.
    Records(Vec<u8>),
    /// Those of the one task, which are too large for the desk or hold handles.
    Letter(Arc<Message>),
}

/// What came of [`Packer::pack`].
#[derive(Debug)]
pub(super) enum Packed {
    /// The arguments stand behind the others.
    Added,
    /// They are a chunk of their own.
    Alone(Args),
}

/// Encodes arguments one behind the other.
#[derive(Debug)]
pub(super) struct Packer {
    /// As long as it may get; what is behind `size` is rubbish.
    buffer: Vec<u8>,
    size: usize,
    n_tasks: u32,
    far: Vec<u8>,
}

impl Packer {
    /// For chunks of at most so many bytes.
    pub(super) fn new(most: usize) -> Self {
        Packer { buffer: vec![0; most + HEAD], size: 0, n_tasks: 0, far: Vec::new() }
    }

    /// How many tasks there are.
    #[inline]
    pub(super) fn n_tasks(&self) -> u32 {
        self.n_tasks
    }

    /// Encodes the arguments of one more task.
    #[inline]
    pub(super) fn pack<A: Serialize>(&mut self, args: &A, limits: &Limits) -> Result<Packed, EncodeError> {
        let mut handles = Vec::new();
        let room = self.buffer.get_mut(self.size + HEAD..).unwrap_or_default();
        let n_room = room.len();
        let size = ipc_codec::encode_near(args, room, &mut self.far, &mut handles, limits)?;
        if size <= n_room && handles.is_empty() {
            self.buffer[self.size..self.size + HEAD].copy_from_slice(&(size as u32).to_le_bytes());
            self.size += HEAD + size;
            self.n_tasks += 1;
            return Ok(Packed::Added);
        }
        let bytes = if size <= n_room { &self.buffer[self.size + HEAD..][..size] } else { &self.far };
        Ok(Packed::Alone(if size <= MOST_ARGS && handles.is_empty() {
            Args::Records([&(size as u32).to_le_bytes(), bytes].concat())
        } else {
            Args::Letter(Arc::new(Message::from_parts(bytes.to_vec(), handles)))
        }))
    }

    /// Takes the records that are there.
    pub(super) fn take(&mut self) -> (Args, u32) {
        let records = self.buffer[..self.size].to_vec();
        self.size = 0;
        (Args::Records(records), std::mem::take(&mut self.n_tasks))
    }
}

impl Chunk {
    pub(super) fn new(job: &Arc<Job>, first: usize, n_tasks: u32, args: Args) -> Self {
        Chunk { job: Arc::clone(job), first, n_tasks, args, n_refusals: 0 }
    }

    /// Whether handles are among the arguments.
    pub(super) fn has_handles(&self) -> bool {
        matches!(&self.args, Args::Letter(message) if !message.handles().is_empty())
    }

    /// Keeps the first `n_kept` tasks, and returns the others.
    pub(super) fn split_off(&mut self, n_kept: u32) -> Chunk {
        let Args::Records(records) = &mut self.args else { unreachable!("a letter is one task") };
        let mut at = 0;
        for _ in 0..n_kept {
            let (payload, _) = run::split_record(&records[at..]);
            at += HEAD + payload.len();
        }
        let rest = Args::Records(records.split_off(at));
        let other = Chunk::new(&self.job, self.first + n_kept as usize, self.n_tasks - n_kept, rest);
        self.n_tasks = n_kept;
        other
    }

    /// Ends all its tasks in this way.
    pub(super) fn fail(self, failure: Failure) -> Option<Waker> {
        self.job.put(Batch::failed(self.first, self.n_tasks as usize, failure))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_split_between_tasks() {
        let limits = Limits::default();
        let mut packer = Packer::new(100);
        for text in ["a", "longer", ""] {
            assert!(matches!(packer.pack(&text, &limits), Ok(Packed::Added)));
        }
        let (args, n_tasks) = packer.take();
        let mut chunk = Chunk::new(&Job::new(Arc::from([])), 10, n_tasks, args);
        let rest = chunk.split_off(1);
        assert_eq!((chunk.first, chunk.n_tasks, rest.first, rest.n_tasks), (10, 1, 11, 2));
        let Args::Records(records) = rest.args else { panic!("records") };
        assert_eq!(records, b"\x07\0\0\0\x06longer\x01\0\0\0\0");
    }

    #[test]
    fn what_has_no_room_stands_alone() {
        let limits = Limits::default();
        let mut packer = Packer::new(10);
        assert!(matches!(packer.pack(&"short", &limits), Ok(Packed::Added)));
        let alone = packer.pack(&"too long for the rest", &limits).expect("no error");
        assert!(matches!(alone, Packed::Alone(Args::Records(records)) if records.len() == 4 + 22));
        let alone = packer.pack(&"x".repeat(MOST_ARGS), &limits).expect("no error");
        assert!(matches!(alone, Packed::Alone(Args::Letter(_))));
        assert_eq!(packer.take().1, 1);
    }
}
