//! The worker's side: take a chunk from the desk, run its tasks, leave the results there, until the pool lets go.

use super::board::{Board, Knock};
use super::desk::Desk;
use super::pause::Eagerness;
use super::run::{self, Run};
use crate::entry::{self, Entry, ManyCallee, ManyEntry, Outcome};
use crate::wire::{WireLimits, channel_limits};
use ipc_codec::{Limits, Message, Scratch};
use ipc_pipe::internals::Line;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// What a worker is started with.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WorkerStart {
    pub(super) line: Line<Reply, Letter>,
    #[serde(with = "shared")]
    pub(super) desk: Arc<Desk>,
    /// Shared by all workers and the owner.
    #[serde(with = "shared")]
    pub(super) board: Arc<Board>,
    pub(super) limits: WireLimits,
    pub(super) initializer: Option<Initializer>,
    /// How much memory it may have after a chunk, in bytes.
    pub(super) max_memory: Option<u64>,
}

/// What a worker calls before its first task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Initializer {
    pub(super) entry: Entry,
    #[serde(with = "shared")]
    pub(super) args: Arc<Message>,
}

/// The arguments of a task that hold handles, or are too large for the desk. They are sent before their chunk is published.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Letter {
    /// Shared with the owner, which keeps them until the task has begun.
    #[serde(with = "shared")]
    pub(super) args: Arc<Message>,
}

/// What a worker says on its line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    /// It has started, and takes tasks.
    Hello,
    /// The initializer failed; it ends.
    Unfit(String),
    /// There is something on the desk.
    News,
    /// It has begun the chunk of this number, whose arguments came as a letter and are its own now.
    Begun(u32),
    /// It has passed by a letter whose task was taken back.
    Skipped,
    /// What came of a task, where that has no room on the desk.
    Result(Outcome),
}

/// The function that a worker process runs.
pub(super) fn work(start: WorkerStart) {
    let WorkerStart { line, desk, board, limits, initializer, max_memory } = start;
    let line = line.with_limits(channel_limits());
    let limits = limits.into();
    run::note_forks();
    if let Some(reason) = initializer.and_then(|initializer| failure_of(initializer, &limits)) {
        // A pool that is gone does not care.
        let _ = line.send(Reply::Unfit(reason));
        return;
    }
    run::at_desk(&desk);
    let scratch = Scratch::new();
    let mut worker = Worker {
        line,
        desk,
        board,
        limits,
        max_memory,
        scratch,
        records: Vec::new(),
        last: None,
        callees: HashMap::new(),
    };
    if worker.line.send(Reply::Hello).is_ok() {
        worker.work();
    }
}

/// Why the initializer failed, if it did.
fn failure_of(initializer: Initializer, limits: &Limits) -> Option<String> {
    let callee = match initializer.entry.resolve() {
        Ok(callee) => callee,
        Err(error) => return Some(error.to_string()),
    };
    // Just received, so nobody shares them.
    let args = Arc::into_inner(initializer.args).unwrap_or_default();
    match callee.call(args, limits, &mut || {}) {
        Outcome::Returned(_) => None,
        Outcome::Panicked(report) => Some(report.to_string()),
        Outcome::ArgumentsRefused(reason)
        | Outcome::ResultRefused(reason)
        | Outcome::ImageDiffers(reason) => Some(reason),
    }
}

struct Worker {
    line: Line<Reply, Letter>,
    desk: Arc<Desk>,
    board: Arc<Board>,
    limits: Limits,
    max_memory: Option<u64>,
    /// Of the result at hand.
    scratch: Scratch,
    /// Of the chunk at hand.
    records: Vec<u8>,
    /// The function of the last chunk, and its name as it came.
    last: Option<(Vec<u8>, ManyCallee)>,
    /// Functions that were found before; most pools call few.
    callees: HashMap<ManyEntry, ManyCallee>,
}

impl Worker {
    fn work(&mut self) {
        let eagerness = Eagerness::default();
        let mut number = 0_u32;
        loop {
            if self.desk.has(number) {
                self.run(number);
                if self.desk.pass(number) && !self.tell_news() {
                    return;
                }
                number = number.wrapping_add(1);
                continue;
            }
            if self.desk.is_let_go() {
                return;
            }
            let desk = &self.desk;
            let is_called = || desk.has(number) || desk.is_let_go();
            if !eagerness.look_until(is_called) {
                let since = Instant::now();
                while !is_called() {
                    desk.sleep(number);
                }
                eagerness.learn(since.elapsed());
            }
        }
    }

    /// Tells the owner that there is something on the desk, if it waits for that; whether the pool is still there.
    fn tell_news(&self) -> bool {
        match self.board.knock() {
            Knock::No => true,
            Knock::ByLine => self.line.send(Reply::News).is_ok(),
        }
    }

    /// Runs the tasks of a chunk, as many as are not taken back.
    fn run(&mut self, number: u32) {
        let place = self.desk.place(number);
        let (letter, handles) = match place.is_letter {
            true => {
                let (bytes, handles) = self.receive().into_parts();
                (bytes, Some(handles))
            }
            false => (Vec::new(), None),
        };
        let mut records = std::mem::take(&mut self.records);
        self.desk.read_args(&place, &mut records);
        let (name, rest) = run::split_record(&records);
        let callee = self.find(name);
        let args = if place.is_letter { &letter } else { rest };
        let mut run = Run::new((&self.desk, &self.line), (number, place), &mut self.scratch, args, handles);
        match callee {
            Ok(callee) => callee.call(&mut run, &self.limits),
            Err(reason) => run.refuse(&reason),
        }
        if run.skips_letter() {
            // A pool that is gone is noticed at the next word.
            let _ = self.line.send(Reply::Skipped);
        }
        self.records = records;
        let is_over = |most| ipc_sys::process::resident_memory().is_ok_and(|memory| memory > most);
        if self.max_memory.is_some_and(is_over) {
            self.desk.tell_full();
        }
    }

    /// The arguments that were sent for the chunk.
    fn receive(&self) -> Message {
        match self.line.recv() {
            // Just received, so nobody shares them.
            Ok(letter) => Arc::into_inner(letter.args).unwrap_or_default(),
            // A task that cannot be received was never begun. It is not lost: the pool finds this worker gone.
            Err(error) => panic!("a task could not be received: {}", entry::chain(&error)),
        }
    }

    fn find(&mut self, name: &[u8]) -> Result<ManyCallee, String> {
        if let Some((_, callee)) = self.last.as_ref().filter(|(last, _)| last == name) {
            return Ok(*callee);
        }
        let entry: ManyEntry =
            ipc_codec::decode(name, Vec::new(), &channel_limits()).map_err(|error| entry::chain(&error))?;
        let callee = match self.callees.get(&entry) {
            Some(callee) => *callee,
            None => entry.resolve().map_err(|error| error.to_string())?,
        };
        self.callees.insert(entry, callee);
        self.last = Some((name.to_vec(), callee));
        Ok(callee)
    }
}

/// Serde for what is behind an `Arc`, which travels as the thing itself.
mod shared {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::sync::Arc;

    pub(super) fn serialize<T: Serialize, S: Serializer>(value: &Arc<T>, to: S) -> Result<S::Ok, S::Error> {
        T::serialize(value, to)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(from).map(Arc::new)
    }
}
