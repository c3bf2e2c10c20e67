//! The count in worker processes: tasks out, tallies in, and tasks of dead workers out again.

use crate::chaos::Chaos;
use crate::corpus::{Input, Problem};
use crate::counts::Counts;
use crate::pieces::{self, Batch};
use crate::tally::Tally;
use crate::task::count_batch;
use multiproc::codec::Limits;
use multiproc::{Pool, PoolError, StartMethod, TaskError};
use std::{error, fmt};

/// A task that killed this many workers in a row is not tried again. When chance kills them, a task is not that unlucky.
const MAX_ATTEMPTS: usize = 20;

/// How to count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) workers: usize,
    pub(crate) method: StartMethod,
    pub(crate) chaos: bool,
    pub(crate) piece_size: u64,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) counts: Counts,
    pub(crate) problems: Vec<Problem>,
    /// How many workers died.
    pub(crate) killed: u64,
}

/// Why there is no result.
#[derive(Debug)]
pub(crate) enum Failure {
    Pool(PoolError),
    Task(TaskError),
}

/// Counts the files in `options.workers` processes; says how many bytes are done as it goes.
pub(crate) fn count(
    inputs: &[Input],
    options: Options,
    mut done: impl FnMut(u64),
) -> Result<Outcome, Failure> {
    // A file without a single space is one word, and comes back as such. The workers are no strangers.
    let limits = Limits::with_max_frame(u32::MAX as usize);
    let pool = Pool::builder().workers(options.workers).method(options.method).limits(limits).build()?;
    let (batches, problems) = pieces::plan(inputs, options.piece_size, options.workers);
    let mut outcome = Outcome { counts: Counts::default(), problems, killed: 0 };
    let chaos = options.chaos.then(Chaos::new);
    std::thread::scope(|scope| {
        if let Some(chaos) = &chaos {
            scope.spawn(|| chaos.kill_workers(&pool));
        }
        // Dropped on every way out, so that the scope never waits for a thread that goes on.
        let _end = chaos.as_ref().map(Chaos::end_on_drop);
        run(&pool, &batches, &mut outcome, &mut done)
    })?;
    outcome.killed = pool.deaths();
    pool.join();
    Ok(outcome)
}

/// Runs all batches, each until a worker has survived it.
fn run(
    pool: &Pool,
    batches: &[Batch],
    outcome: &mut Outcome,
    done: &mut impl FnMut(u64),
) -> Result<(), Failure> {
    let mut to_do: Vec<usize> = (0..batches.len()).collect();
    let mut last_death = None;
    for _ in 0..MAX_ATTEMPTS {
        let mut again = Vec::new();
        // The batches are copied as they are handed out, which is a few at a time.
        for (index, tally) in
            pool.imap_unordered(count_batch, to_do.iter().map(|&batch| batches[batch].clone()))
        {
            let batch = to_do[index];
            match tally {
                Ok(tally) => {
                    done(tally.bytes());
                    add(tally, &batches[batch], outcome);
                }
                // The worker may have done its work and died before it said so, and only this program knows that counting
                // twice does no harm as long as it adds once. So it is this program that says: once more.
                Err(death @ TaskError::WorkerDied { .. }) => {
                    last_death = Some(death);
                    again.push(batch);
                }
                Err(error) => return Err(error.into()),
            }
        }
        to_do = again;
        if to_do.is_empty() {
            return Ok(());
        }
    }
    Err(Failure::Task(last_death.expect("only a death makes a batch come again")))
}

/// Adds a tally, and what its worker could not read.
fn add(tally: Tally, batch: &Batch, outcome: &mut Outcome) {
    tally.add_to(&mut outcome.counts);
    let failures = tally.failures.into_iter();
    let problems = failures.map(|(piece, reason)| Problem { path: batch[piece].path.clone().into(), reason });
    outcome.problems.extend(problems);
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        Failure::Pool(error)
    }
}

impl From<TaskError> for Failure {
    fn from(error: TaskError) -> Self {
        Failure::Task(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Pool(_) => f.write_str("the workers could not be started"),
            Failure::Task(TaskError::WorkerDied { .. }) => {
                write!(f, "a batch of files was given up after the death of {MAX_ATTEMPTS} workers")
            }
            Failure::Task(_) => f.write_str("a batch of files could not be counted"),
        }
    }
}

impl error::Error for Failure {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Failure::Pool(error) => Some(error),
            Failure::Task(error) => Some(error),
        }
    }
}
