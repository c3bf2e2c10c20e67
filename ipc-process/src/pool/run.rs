//! The run of one chunk in a worker: the arguments one by one, a claim before each task, a result after it.
//!
//! A record is a head of four bytes and a payload. In a chunk the head is the length; among the results its two highest bits say what
//! the payload is.

use super::desk::{Desk, Done, Place};
use super::worker::{Letter, Reply};
use crate::entry::{self, Outcome};
use crate::wire::channel_limits;
use ipc_codec::{DecodeError, EncodeError, Limits, Message, Scratch};
use ipc_pipe::SendError;
use ipc_pipe::internals::Line;
use ipc_sys::handle::OwnedHandle;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The size of the head of a record.
pub(super) const HEAD: usize = 4;

/// What a record of a result is: the encoded result,
pub(super) const VALUE: u32 = 0;
/// an encoded [`Outcome`],
pub(super) const OUTCOME: u32 = 1;
/// or nothing, since the outcome is on the line.
pub(super) const ON_LINE: u32 = 2;

/// As many bytes of a result are written as fast as one.
const SHORT: usize = 8;

const KIND_SHIFT: u32 = 30;
const LENGTH: u32 = (1 << KIND_SHIFT) - 1;

/// The head of a record of a result.
#[inline]
pub(super) fn head(kind: u32, size: usize) -> [u8; HEAD] {
    (kind << KIND_SHIFT | size as u32).to_le_bytes()
}

/// Takes the first record off: its kind, its payload, and the rest. None when the bytes are no records.
#[inline]
pub(super) fn next_record(bytes: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
    let head = u32::from_le_bytes(*head);
    let (payload, rest) = rest.split_at_checked((head & LENGTH) as usize)?;
    Some((head >> KIND_SHIFT, payload, rest))
}

/// Takes the first record of a chunk off, which the owner of this process wrote: its payload, and the rest.
#[inline]
pub(super) fn split_record(bytes: &[u8]) -> (&[u8], &[u8]) {
    next_record(bytes).map_or((&[], &[]), |(_, payload, rest)| (payload, rest))
}

/// How often this process was copied from another one, in a line of ancestors that began somewhere.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Has forks counted from now on, in the copies.
pub(super) fn note_forks() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let count = || _ = GENERATION.fetch_add(1, Ordering::Relaxed);
        ipc_sys::at_fork::register(|| (), || (), count).expect("memory for a few pointers");
    });
}

/// The desk of this process, if it is a worker, and the chunk that it is at.
static DESK: Mutex<Option<Arc<Desk>>> = Mutex::new(None);
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// This process is a worker, and this is its desk.
pub(super) fn at_desk(desk: &Arc<Desk>) {
    *DESK.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(desk));
}

/// Whether the task that calls this, in a worker of a pool, has taken longer than the soft limit of the pool.
///
/// The task decides what to do about it: to end with what it has so far, say. False in a process that is no worker, and in a pool
/// [without a soft limit](crate::PoolBuilder::soft_limit). Costs some 20 ns.
///
/// # Examples
///
/// ```
/// use ipc_process::{Pool, task_is_overdue};
/// use std::time::Duration;
/// # ipc_process::init();
///
/// let pool = Pool::builder().workers(1).soft_limit(Duration::from_millis(5)).build()?;
/// // As many steps as there is time for.
/// let steps = pool.apply(|(): ()| (0_u64..).find(|_| task_is_overdue()), ())?;
/// assert!(steps > Some(0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn task_is_overdue() -> bool {
    // Held only while somebody looks, but for a copy that was forked meanwhile.
    let Ok(desk) = DESK.try_lock() else { return false };
    let number = NUMBER.load(Ordering::Relaxed);
    desk.as_ref().is_some_and(|desk| desk.is_overdue(number, desk.turn(number).begun))
}

/// The arguments of a task.
pub(crate) struct TaskArgs<'a> {
    bytes: &'a [u8],
    /// These bytes, and what stands behind them, up to eight.
    word: Option<&'a [u8; 8]>,
    handles: Vec<OwnedHandle>,
}

impl TaskArgs<'_> {
    #[inline]
    pub(crate) fn decode<A: DeserializeOwned>(self, limits: &Limits) -> Result<A, DecodeError> {
        match self.word {
            Some(word) if self.bytes.len() <= word.len() => {
                ipc_codec::decode_word(word, self.bytes.len(), limits)
            }
            _ => ipc_codec::decode(self.bytes, self.handles, limits),
        }
    }
}

/// A chunk that is being run.
pub(crate) struct Run<'a> {
    desk: &'a Desk,
    line: &'a Line<Reply, Letter>,
    number: u32,
    place: Place,
    scratch: &'a mut Scratch,
    /// The records that were not taken yet, or the letter.
    args: &'a [u8],
    handles: Option<Vec<OwnedHandle>>,
    done: Done,
    generation: u32,
}

impl<'a> Run<'a> {
    /// The arguments are records, or those of a letter, with its handles.
    pub(super) fn new(
        (desk, line): (&'a Desk, &'a Line<Reply, Letter>),
        (number, place): (u32, Place),
        scratch: &'a mut Scratch,
        args: &'a [u8],
        handles: Option<Vec<OwnedHandle>>,
    ) -> Self {
        NUMBER.store(number, Ordering::Relaxed);
        let done = Done { n_results: 0, n_bytes: 0 };
        let generation = GENERATION.load(Ordering::Relaxed);
        Run { desk, line, number, place, scratch, args, handles, done, generation }
    }

    /// Whether there was a letter for a task that was taken back.
    pub(super) fn skips_letter(&self) -> bool {
        self.handles.is_some()
    }

    /// Begins the next task, if there is one: its arguments.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<TaskArgs<'a>> {
        self.desk.begin(self.number)?;
        if self.place.is_letter {
            return Some(self.open_letter());
        }
        let records = self.args;
        let (args, rest) = split_record(records);
        self.args = rest;
        let word = records.get(HEAD..HEAD + 8).and_then(|bytes| bytes.first_chunk());
        Some(TaskArgs { bytes: args, word, handles: Vec::new() })
    }

    #[cold]
    fn open_letter(&mut self) -> TaskArgs<'a> {
        // A pool that is gone is noticed at the end of the chunk.
        let _ = self.line.send(Reply::Begun(self.number));
        TaskArgs { bytes: self.args, word: None, handles: self.handles.take().unwrap_or_default() }
    }

    /// The function has returned, or panicked.
    #[inline]
    pub(crate) fn returned(&self) {
        if GENERATION.load(Ordering::Relaxed) != self.generation {
            // The task forked, and this is the copy. It is nobody's worker, and the task is not its to answer.
            ipc_sys::process::exit_now(0);
        }
    }

    /// Ends the task with a result. If it cannot be encoded the task has not ended.
    #[inline]
    pub(crate) fn end_with<R: Serialize>(&mut self, result: &R, limits: &Limits) -> Result<(), EncodeError> {
        match ipc_codec::encode_word(result, limits) {
            Some((bytes, size)) if self.has_room(bytes.len()) => {
                let mut record = [0; HEAD + 8];
                record[..HEAD].copy_from_slice(&head(VALUE, size));
                record[HEAD..].copy_from_slice(&bytes);
                // As many as that have room, so all are written at once.
                self.desk.write_result(&self.place, self.done.n_bytes as usize, &record);
                self.commit(size);
            }
            _ => self.end_with_any(result, limits)?,
        }
        Ok(())
    }

    fn end_with_any<R: Serialize>(&mut self, result: &R, limits: &Limits) -> Result<(), EncodeError> {
        self.scratch.encode(result, limits)?;
        if self.scratch.handles().is_empty() && self.has_room(self.scratch.size()) {
            let at = self.done.n_bytes as usize;
            let size = self.scratch.size();
            let head = head(VALUE, size);
            if size <= SHORT && at + HEAD + SHORT <= self.place.results_size as usize {
                // In one piece, with whatever stands behind it: the next result goes over that.
                let mut record = [0; HEAD + SHORT];
                record[..HEAD].copy_from_slice(&head);
                record[HEAD..].copy_from_slice(&self.scratch.first_bytes());
                self.desk.write_result(&self.place, at, &record);
            } else {
                self.desk.write_result(&self.place, at, &head);
                self.desk.write_result(&self.place, at + HEAD, self.scratch.bytes());
            }
            self.commit(size);
        } else {
            let handles = self.scratch.take_handles();
            self.send(Outcome::Returned(Message::from_parts(self.scratch.bytes().to_vec(), handles)));
        }
        Ok(())
    }

    /// Ends the task with an outcome that is no result.
    #[cold]
    pub(crate) fn end(&mut self, outcome: Outcome) {
        match ipc_codec::encode(&outcome, &channel_limits()) {
            Ok(message) if message.handles().is_empty() && self.has_room(message.bytes().len()) => {
                let (at, bytes) = (self.done.n_bytes as usize, message.bytes());
                self.desk.write_result(&self.place, at, &head(OUTCOME, bytes.len()));
                self.desk.write_result(&self.place, at + HEAD, bytes);
                self.commit(bytes.len());
            }
            _ => self.send(outcome),
        }
    }

    /// Ends all tasks without a call: this process does not have the function.
    pub(crate) fn refuse(&mut self, reason: &str) {
        while self.next().is_some() {
            self.end(Outcome::ImageDiffers(reason.into()));
        }
    }

    /// Whether there is room for a payload, and for the heads of the results to come.
    #[inline]
    fn has_room(&self, size: usize) -> bool {
        let n_after = self.place.n_tasks - self.done.n_results - 1;
        let heads = (n_after as usize + 1) * HEAD;
        size.saturating_add(heads) <= self.place.results_size as usize - self.done.n_bytes as usize
    }

    #[inline]
    fn commit(&mut self, size: usize) {
        self.done.n_results += 1;
        self.done.n_bytes += (HEAD + size) as u32;
        self.desk.commit(self.number, self.done);
    }

    /// Sends an outcome by the line.
    #[cold]
    fn send(&mut self, outcome: Outcome) {
        let sent = match self.line.send(Reply::Result(outcome)) {
            Ok(()) => true,
            Err(SendError::Closed(_)) => false,
            // No memory for a large result, say. The task ran, and its result is lost; the pool has to know that.
            Err(error) => {
                let reason = entry::chain(&error);
                self.line.send(Reply::Result(Outcome::ResultRefused(reason))).is_ok()
            }
        };
        if !sent {
            // The pool is gone, or this process has lost its line: it cannot say how the task went.
            ipc_sys::process::exit_now(1);
        }
        self.desk.count_letter(self.number);
        self.desk.write_result(&self.place, self.done.n_bytes as usize, &head(ON_LINE, 0));
        self.commit(0);
    }
}
