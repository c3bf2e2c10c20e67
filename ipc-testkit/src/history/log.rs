//! A log of calls in memory that outlives those who write it.

use super::record::{self, Event, WORDS_PER_CALL};
use super::{History, Op, Operation, Outcome};
use crate::kill::words::Words;
use rustix::time::{ClockId, clock_gettime};
use std::ops::Range;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};
use std::sync::atomic::fence;

/// The words in front of the records of a writer, a cache line: whether it is taken, and when its process died.
const HEAD: usize = 8;
const TAKEN: usize = 0;
const DEATH: usize = 1;

/// What workers have called and were told, in memory that a process has in common with its forks.
///
/// The parent makes it, then forks the workers, or starts threads. Each worker takes one writer and notes each of its calls
/// before and after. A worker that is killed, at any instruction, leaves every record that it has finished, and nothing of
/// the one at which it was. The parent notes each death, and makes a [`History`] of it all in the end.
///
/// # Other processes
///
/// It is in common with the forks of the process that has made it, and with nobody else. A killed worker leaves nothing to
/// clean up; its writer stays taken.
///
/// # Examples
///
/// ```
/// use ipc_testkit::history::{Fifo, Log, Op, Outcome};
/// use std::sync::mpsc;
///
/// let log = Log::create(2, 10);
/// let (sender, receiver) = mpsc::channel();
/// let (mut first, mut second) = (log.writer(0), log.writer(1));
///
/// let call = first.call(Op::Put(7));
/// sender.send(7).expect("the other end is there");
/// call.ret(Outcome::Done);
///
/// let call = second.call(Op::Get);
/// let value = receiver.recv().expect("there is one");
/// call.ret(Outcome::Got(value));
///
/// assert!(Fifo::unbounded().check(&log.history()).is_ok());
/// ```
pub struct Log {
    words: Words,
    n_writers: usize,
    /// The words of a writer, its head included.
    stride: usize,
}

impl Log {
    /// Makes an empty log, for so many writers, with room for so many calls and answers of each. A value of a call or answer
    /// that has many of them takes a sixth of that room.
    ///
    /// # Panics
    ///
    /// If there is no memory for it.
    pub fn create(n_writers: usize, n_calls: usize) -> Log {
        let stride = (HEAD + n_calls * WORDS_PER_CALL).next_multiple_of(HEAD);
        Log { words: Words::new((n_writers * stride).max(1)), n_writers, stride }
    }

    /// Takes a writer, for one thread of one process, until it ends: a worker that takes the place of a dead one has
    /// another writer.
    ///
    /// # Panics
    ///
    /// If somebody has taken it already, or if there are not so many.
    pub fn writer(&self, idx: usize) -> Writer<'_> {
        let was_taken = self.words.word(self.head(idx) + TAKEN).swap(1, AcqRel) != 0;
        assert!(!was_taken, "writer {idx} is taken");
        Writer { log: self, free: self.records(idx) }
    }

    /// Notes that the process with this writer is dead: its last call has no effect any more.
    ///
    /// To be called by whoever has collected the process, and not before: from then on nothing of it can run. The first
    /// note counts.
    pub fn died(&self, idx: usize) {
        let word = self.words.word(self.head(idx) + DEATH);
        let _ = word.compare_exchange(0, now(), Relaxed, Relaxed);
    }

    /// What was noted until now. A call that is not answered, of a worker whose death is not noted, has no end.
    pub fn history(&self) -> History {
        let operations = (0..self.n_writers).flat_map(|idx| self.operations(idx));
        History::from(operations.collect::<Vec<_>>())
    }

    fn operations(&self, worker: usize) -> Vec<Operation> {
        let death = self.words.word(self.head(worker) + DEATH).load(Acquire);
        let last_end = if death == 0 { u64::MAX } else { death };
        let mut operations: Vec<Operation> = Vec::new();
        let mut rest = self.records(worker);
        while let Some((event, time, n_words)) = record::read(&self.words, rest.clone()) {
            rest.start += n_words;
            let outcome = match event {
                Event::Call(op) => {
                    operations.push(Operation { worker, op, call: time, end: last_end, outcome: None });
                    continue;
                }
                Event::Answer(outcome) => Some(outcome),
                Event::Abandoned => None,
            };
            let operation = operations.last_mut().expect("an answer follows a call");
            (operation.end, operation.outcome) = (time, outcome);
        }
        operations
    }

    fn head(&self, idx: usize) -> usize {
        assert!(idx < self.n_writers, "there are {} writers", self.n_writers);
        idx * self.stride
    }

    fn records(&self, idx: usize) -> Range<usize> {
        let head = self.head(idx);
        head + HEAD..head + self.stride
    }
}

/// The part of a log that one worker writes.
pub struct Writer<'a> {
    log: &'a Log,
    free: Range<usize>,
}

impl<'l> Writer<'l> {
    /// Notes that a call begins. The call itself comes next, and then [`Call::ret`].
    ///
    /// Nothing of the call happens before the time that is noted, on no processor; that takes a full fence.
    ///
    /// # Panics
    ///
    /// If the log is full.
    pub fn call(&mut self, op: Op) -> Call<'_, 'l> {
        self.write(now(), &Event::Call(op));
        // The store of the time needs the time, and what follows waits for the store.
        fence(SeqCst);
        Call { writer: self, is_answered: false }
    }

    /// How many plain calls with their answers have room.
    pub fn room(&self) -> usize {
        self.free.len() / WORDS_PER_CALL
    }

    fn write(&mut self, time: u64, event: &Event) {
        let n_words =
            record::write(&self.log.words, self.free.clone(), time, event).expect("the log is full");
        self.free.start += n_words;
    }
}

/// A call that goes on. Dropped without an answer, as by a panic, it ends there, and may have had its effect or not.
#[must_use = "a call has an answer"]
pub struct Call<'w, 'l> {
    writer: &'w mut Writer<'l>,
    is_answered: bool,
}

impl Call<'_, '_> {
    /// Notes what the call was told. It comes next after the call.
    ///
    /// All of the call has happened before the time that is noted, on every processor; that takes a full fence.
    ///
    /// # Panics
    ///
    /// If the log is full.
    pub fn ret(mut self, outcome: Outcome) {
        self.end(&Event::Answer(outcome));
    }

    fn end(&mut self, event: &Event) {
        // What the call has stored is seen by others before the time is read.
        fence(SeqCst);
        self.is_answered = true;
        self.writer.write(now(), event);
    }
}

impl Drop for Call<'_, '_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.end(&Event::Abandoned);
        }
    }
}

/// Nanoseconds of the clock that all processes have in common and nobody sets.
fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
