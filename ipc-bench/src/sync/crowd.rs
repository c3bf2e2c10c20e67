//! Several who add to one number at the same time: processes, or threads of one.

use super::counter::{Counter, expect};
use crate::forked::{Forked, Pinned};
use crate::measure::Contender;
use ipc_shared::SharedMemory;
use std::error::Error;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Where the words stand by which a run begins and ends, each in a cache line of its own.
const READY_AT: usize = 0;
const GO_AT: usize = 128;
const DONE_AT: usize = 256;
const BOARD_SIZE: usize = 4096;

/// What is said to who sleeps between two runs.
const RUN: u8 = 1;
const END: u8 = 0;

/// A run that takes longer has lost somebody.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the others are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Processes,
    Threads,
}

/// Those who add, this process included.
pub(super) struct Crowd<C> {
    counter: C,
    /// How often each of them adds in a run.
    n_each: u64,
    board: Arc<SharedMemory>,
    others: Vec<Other>,
    n_runs: u64,
}

struct Other {
    line: UnixStream,
    /// Until it has ended.
    life: Option<Life>,
}

enum Life {
    Process(Forked),
    Thread(JoinHandle<()>),
}

impl<C: Counter> Crowd<C> {
    /// So many, each on the next processor. The caller is on the first one.
    pub(super) fn pinned(counter: C, kind: Kind, count: usize, n_each: u64) -> Result<Self, Box<dyn Error>> {
        Crowd::new(counter, kind, n_each, (1..count).map(Some))
    }

    /// So many, where the system likes.
    pub(super) fn free(counter: C, kind: Kind, count: usize, n_each: u64) -> Result<Self, Box<dyn Error>> {
        Crowd::new(counter, kind, n_each, (1..count).map(|_| None))
    }

    fn new(
        counter: C,
        kind: Kind,
        n_each: u64,
        processors: impl Iterator<Item = Option<usize>>,
    ) -> Result<Self, Box<dyn Error>> {
        let board = Arc::new(SharedMemory::unnamed(BOARD_SIZE)?);
        let mut crowd = Crowd { counter, n_each, board, others: Vec::new(), n_runs: 0 };
        for processor in processors {
            let other = crowd.start(kind, processor)?;
            crowd.others.push(other);
        }
        Ok(crowd)
    }

    fn start(&self, kind: Kind, processor: Option<usize>) -> Result<Other, Box<dyn Error>> {
        let (line, theirs) = UnixStream::pair()?;
        let (counter, n_each, board) = (self.counter.clone(), self.n_each, Arc::clone(&self.board));
        let body = move || {
            let _pinned = processor.map(Pinned::to).transpose()?;
            add_when_told(&counter, n_each, &board, theirs)
        };
        let life = match kind {
            Kind::Processes => Life::Process(Forked::start(body)?),
            Kind::Threads => Life::Thread(std::thread::spawn(|| {
                body().expect("adds when told");
            })),
        };
        Ok(Other { line, life: Some(life) })
    }
}

impl<C: Counter> Contender for Crowd<C> {
    fn name(&self) -> &'static str {
        self.counter.name()
    }

    fn run_once(&mut self) -> Result<(), Box<dyn Error>> {
        let before = self.counter.total()?;
        self.n_runs += 1;
        for other in &mut self.others {
            other.line.write_all(&[RUN])?;
        }
        let all = self.n_runs * self.others.len() as u64;
        wait_for(&self.board, READY_AT, all)?;
        self.board.atomic_u64(GO_AT)?.store(self.n_runs, Release);
        self.counter.add(self.n_each)?;
        wait_for(&self.board, DONE_AT, all)?;
        let n_all = self.n_each * (self.others.len() as u64 + 1);
        expect(self.counter.total()?.wrapping_sub(before), n_all)
    }
}

impl<C> Drop for Crowd<C> {
    fn drop(&mut self) {
        for other in &mut self.others {
            // Who is not there any more has ended, and has said why.
            let _ = other.line.write_all(&[END]);
            match other.life.take() {
                Some(Life::Process(process)) => drop(process.join()),
                Some(Life::Thread(thread)) => drop(thread.join()),
                None => {}
            }
        }
    }
}

/// What each of the others does: sleeps until it is told, and adds when all are there.
fn add_when_told(
    counter: &impl Counter,
    n_each: u64,
    board: &SharedMemory,
    mut line: UnixStream,
) -> Result<(), Box<dyn Error>> {
    let mut said = [END];
    for run in 1.. {
        // The line ends with the process at its other side.
        if line.read(&mut said)? == 0 || said == [END] {
            break;
        }
        board.atomic_u64(READY_AT)?.fetch_add(1, AcqRel);
        wait_for(board, GO_AT, run)?;
        counter.add(n_each)?;
        board.atomic_u64(DONE_AT)?.fetch_add(1, AcqRel);
    }
    Ok(())
}

/// Looks at a word until it has come to a number, and lets others run meanwhile.
fn wait_for(board: &SharedMemory, offset: usize, number: u64) -> Result<(), Box<dyn Error>> {
    let word = board.atomic_u64(offset)?;
    let end = Instant::now() + PATIENCE;
    while word.load(Acquire) < number {
        if Instant::now() > end {
            return Err("somebody is lost".into());
        }
        std::thread::yield_now();
    }
    Ok(())
}
