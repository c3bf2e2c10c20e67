//! Several who do a part each at the same time: processes, or threads of one. This process only tells them when.

use crate::forked::{Forked, Pinned};
use crate::measure::Contender;
use ipc_shared::SharedMemory;
use std::error::Error;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Where it is counted who is ready. Each part has a block of its own after it.
const READY_AT: usize = 0;
/// Further apart than any two things that are fetched together.
const BLOCK: usize = 256;
/// What is in a block: when the part began and ended, what it measured itself, and the sum of what it got and put.
const BEGIN_AT: usize = 0;
const END_AT: usize = 8;
const MEASURED_AT: usize = 16;
const SUM_AT: usize = 24;

/// What is said to who sleeps between two runs, and by whom has done its part.
const RUN: u8 = 1;
const END: u8 = 0;

/// A run that takes longer has lost somebody.
const PATIENCE: Duration = Duration::from_secs(60);

/// The result of what may fail in its own way with each contender.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// What one of them does in each run.
pub(crate) type Part = Box<dyn FnMut() -> Outcome<Report>>;

/// Makes a part where it is done: in its process, and on its processor.
pub(crate) type MakePart = Box<dyn FnOnce() -> Outcome<Part> + Send>;

/// What a part has to say after a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Report {
    /// What it measured itself, if the crew goes by that.
    pub(crate) measured: Duration,
    /// All it got, less all it put. What was put is what was got, if those of all parts come to zero.
    pub(crate) sum: u64,
}

/// What they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Processes,
    Threads,
}

/// What is the time of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timing {
    /// From when the first began until the last ended.
    Whole,
    /// What the parts have measured, together.
    Measured,
}

/// The processor that a part is bound to, if it is bound, counted around.
pub(crate) type Place = Option<usize>;

/// Those who do the parts. They sleep between two runs.
pub(crate) struct Crew {
    name: &'static str,
    timing: Timing,
    board: Arc<SharedMemory>,
    members: Vec<Member>,
    /// Whether somebody has not come back from a run, and so would not come back at the end.
    is_lost: bool,
}

struct Member {
    line: UnixStream,
    /// Until it has ended.
    life: Option<Life>,
}

enum Life {
    Process(Forked),
    Thread(JoinHandle<()>),
}

/// What one of them has of the whole.
struct Seat {
    board: Arc<SharedMemory>,
    line: UnixStream,
    index: usize,
    n_members: usize,
    /// The same moment for all, from which they count.
    epoch: Instant,
}

impl Crew {
    /// Starts one for each of the parts.
    pub(crate) fn start(
        name: &'static str,
        kind: Kind,
        timing: Timing,
        parts: Vec<(Place, MakePart)>,
    ) -> Outcome<Crew> {
        let n_members = parts.len();
        let board = Arc::new(SharedMemory::unnamed((n_members + 1) * BLOCK)?);
        let mut crew = Crew { name, timing, board, members: Vec::new(), is_lost: false };
        let epoch = Instant::now();
        for (index, (place, make)) in parts.into_iter().enumerate() {
            let (line, theirs) = UnixStream::pair()?;
            line.set_read_timeout(Some(PATIENCE))?;
            let board = Arc::clone(&crew.board);
            let seat = Seat { board, line: theirs, index, n_members, epoch };
            let body = move || {
                let _pinned = place.map(Pinned::to).transpose()?;
                seat.play(make()?)
            };
            let life = match kind {
                Kind::Processes => Life::Process(Forked::start(body)?),
                Kind::Threads => Life::Thread(std::thread::spawn(|| body().expect("does its part"))),
            };
            crew.members.push(Member { line, life: Some(life) });
        }
        Ok(crew)
    }

    fn word(&self, index: usize, at: usize) -> Outcome<u64> {
        Ok(word(&self.board, (index + 1) * BLOCK + at)?.load(Acquire))
    }

    /// How long the run took that has just ended.
    fn time(&self) -> Outcome<Duration> {
        let words = |at| (0..self.members.len()).map(move |index| self.word(index, at));
        if words(SUM_AT).try_fold(0_u64, |sum, word| word.map(|word| sum.wrapping_add(word)))? != 0 {
            return Err(format!("{}: what was got is not what was put", self.name).into());
        }
        let total = match self.timing {
            Timing::Whole => {
                let first = words(BEGIN_AT).collect::<Outcome<Vec<_>>>()?.into_iter().min();
                let last = words(END_AT).collect::<Outcome<Vec<_>>>()?.into_iter().max();
                last.zip(first).map_or(0, |(last, first)| last - first)
            }
            Timing::Measured => words(MEASURED_AT).sum::<Outcome<u64>>()?,
        };
        Ok(Duration::from_nanos(total))
    }
}

impl Contender for Crew {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run_once(&mut self) -> Outcome {
        self.timed().map(drop)
    }

    fn timed(&mut self) -> Outcome<Duration> {
        word(&self.board, READY_AT)?.store(0, Relaxed);
        for member in &mut self.members {
            member.line.write_all(&[RUN])?;
        }
        for member in &mut self.members {
            let mut said = [END];
            if let Err(error) = member.line.read_exact(&mut said) {
                self.is_lost = true;
                return Err(format!("{} is lost: {error}", self.name).into());
            }
        }
        self.time()
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for member in &mut self.members {
            // Who is not there any more has ended, and has said why.
            let _ = member.line.write_all(&[END]);
        }
        for member in &mut self.members {
            match member.life.take() {
                Some(Life::Process(process)) if self.is_lost => drop(process.kill()),
                Some(Life::Process(process)) => drop(process.join()),
                // A lost thread ends with the program.
                Some(Life::Thread(thread)) if !self.is_lost => drop(thread.join()),
                _ => {}
            }
        }
    }
}

impl Seat {
    /// Sleeps until it is told, waits until all are there, and does the part; again and again.
    fn play(mut self, mut part: Part) -> Outcome {
        let mut said = [END];
        // The line ends with the process at its other side.
        while self.line.read(&mut said)? == 1 && said == [RUN] {
            self.wait_for_all()?;
            let begin = self.now();
            let report = part()?;
            let end = self.now();
            let measured = report.measured.as_nanos() as u64;
            for (at, value) in
                [(BEGIN_AT, begin), (END_AT, end), (MEASURED_AT, measured), (SUM_AT, report.sum)]
            {
                word(&self.board, (self.index + 1) * BLOCK + at)?.store(value, Relaxed);
            }
            self.line.write_all(&[RUN])?;
        }
        Ok(())
    }

    fn wait_for_all(&self) -> Outcome {
        let ready = word(&self.board, READY_AT)?;
        ready.fetch_add(1, AcqRel);
        let give_up = Instant::now() + PATIENCE;
        while ready.load(Acquire) < self.n_members as u64 {
            if Instant::now() > give_up {
                return Err("somebody is lost".into());
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }
}

fn word(board: &SharedMemory, at: usize) -> Outcome<&std::sync::atomic::AtomicU64> {
    Ok(board.atomic_u64(at)?)
}
