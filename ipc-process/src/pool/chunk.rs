//! Tasks in a row that wait for a worker.

use super::job::{Batch, Failure, Job};
use super::run::{self, HEAD};
use ipc_codec::{EncodeError, Limits, Message};
use ipc_sys::handle::OwnedHandle;
use serde::Serialize;
use std::sync::Arc;
use std::task::Waker;

/// The largest arguments that go over the desk, in bytes. A chunk of several tasks has no more than that, too.
pub(super) const MOST_ARGS: usize = 16 << 10;

/// How many bytes of arguments have room in any chunk.
pub(super) const SMALL_ARGS: usize = 512;

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

impl Args {
    /// Those of one task.
    fn alone(bytes: Vec<u8>, handles: Vec<OwnedHandle>) -> Self {
        if bytes.len() <= MOST_ARGS && handles.is_empty() {
            Args::Records([&(bytes.len() as u32).to_le_bytes(), bytes.as_slice()].concat())
        } else {
            Args::Letter(Arc::new(Message::from_parts(bytes, handles)))
        }
    }
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
    /// How large the last arguments were that had no room: the next ones are, too, perhaps.
    large: usize,
}

impl Packer {
    /// For chunks of at most so many bytes, when the last arguments that had no room were so large.
    pub(super) fn new(most: usize, large: usize) -> Self {
        Packer { buffer: vec![0; most + HEAD], size: 0, n_tasks: 0, far: Vec::new(), large }
    }

    /// How large the last arguments were that had no room.
    pub(super) fn large(&self) -> usize {
        self.large
    }

    /// How many tasks there are.
    #[inline]
    pub(super) fn n_tasks(&self) -> u32 {
        self.n_tasks
    }

    /// Encodes the arguments of one more task.
    #[inline]
    pub(super) fn pack<A: Serialize>(&mut self, args: &A, limits: &Limits) -> Result<Packed, EncodeError> {
        if self.large > 0 {
            return self.pack_large(args, limits);
        }
        let room = self.buffer.get_mut(self.size..).and_then(|room| room.first_chunk_mut::<{ HEAD + 8 }>());
        if let Some((record, (bytes, size))) =
            room.and_then(|room| Some((room, ipc_codec::encode_word(args, limits)?)))
        {
            record[HEAD..].copy_from_slice(&bytes);
            self.add(size);
            return Ok(Packed::Added);
        }
        let mut handles = Vec::new();
        let room = self.buffer.get_mut(self.size + HEAD..).unwrap_or_default();
        let n_room = room.len();
        let size = ipc_codec::encode_near(args, room, &mut self.far, &mut handles, limits)?;
        if size <= n_room && handles.is_empty() {
            self.add(size);
            return Ok(Packed::Added);
        }
        let bytes = if size <= n_room { &self.buffer[self.size + HEAD..][..size] } else { &self.far };
        self.large = if size > SMALL_ARGS { size } else { 0 };
        Ok(Packed::Alone(Args::alone(bytes.to_vec(), handles)))
    }

    /// Encodes arguments that are large, probably, where they grow at ease.
    #[inline(never)]
    fn pack_large<A: Serialize>(&mut self, args: &A, limits: &Limits) -> Result<Packed, EncodeError> {
        let (mut bytes, mut handles) = (Vec::with_capacity(self.large), Vec::new());
        ipc_codec::encode_into(args, &mut bytes, &mut handles, limits)?;
        self.large = if bytes.len() > SMALL_ARGS { bytes.len() } else { 0 };
        let room = self.buffer.get_mut(self.size + HEAD..).and_then(|room| room.get_mut(..bytes.len()));
        if let Some(room) = room.filter(|_| handles.is_empty()) {
            room.copy_from_slice(&bytes);
            self.add(bytes.len());
            return Ok(Packed::Added);
        }
        Ok(Packed::Alone(Args::alone(bytes, handles)))
    }

    #[inline]
    fn add(&mut self, size: usize) {
        self.buffer[self.size..self.size + HEAD].copy_from_slice(&(size as u32).to_le_bytes());
        self.size += HEAD + size;
        self.n_tasks += 1;
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
        let mut packer = Packer::new(100, 0);
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
        let mut packer = Packer::new(10, 0);
        assert!(matches!(packer.pack(&"short", &limits), Ok(Packed::Added)));
        let alone = packer.pack(&"too long for the rest", &limits).expect("no error");
        assert!(matches!(alone, Packed::Alone(Args::Records(records)) if records.len() == 4 + 22));
        let alone = packer.pack(&"x".repeat(MOST_ARGS), &limits).expect("no error");
        assert!(matches!(alone, Packed::Alone(Args::Letter(_))));
        assert_eq!(packer.take().1, 1);
    }
}
