//! What the pool does, and what one process does alone.

use crate::measure::Contender;
use ipc_process::Pool;
use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

const N_WORKERS: usize = 2;

/// How many rounds of [`spin`] are tried to learn how long one takes.
const N_TRIED: u64 = 20_000_000;

/// One `map`, in chunks of so many.
pub(super) struct Map {
    pool: Pool,
    n_tasks: u64,
    chunk_size: Option<usize>,
}

/// One `apply` after the other.
pub(super) struct Apply {
    pool: Pool,
    n_tasks: u64,
}

/// One `map` of tasks of a millisecond.
pub(super) struct Busy {
    pool: Pool,
    n_tasks: u64,
    n_rounds: u64,
}

/// The same tasks, without a pool.
pub(super) struct Alone {
    n_tasks: u64,
    n_rounds: u64,
}

fn successor(number: u64) -> u64 {
    number + 1
}

/// Work of the same length each time.
fn spin(n_rounds: u64) -> u64 {
    (0..n_rounds).fold(1, |sum, round| black_box(sum ^ round))
}

/// How many rounds take a millisecond.
pub(super) fn millisecond() -> u64 {
    let start = Instant::now();
    black_box(spin(black_box(N_TRIED)));
    let each = start.elapsed().as_secs_f64() / N_TRIED as f64;
    (Duration::from_millis(1).as_secs_f64() / each) as u64
}

impl Map {
    pub(super) fn new(n_tasks: u64, chunk_size: Option<usize>) -> Result<Map, Box<dyn Error>> {
        Ok(Map { pool: Pool::new(N_WORKERS)?, n_tasks, chunk_size })
    }
}

impl Contender for Map {
    fn name(&self) -> &'static str {
        "Pool"
    }

    fn run_once(&mut self) -> Result<(), Box<dyn Error>> {
        self.timed().map(drop)
    }

    fn timed(&mut self) -> Result<Duration, Box<dyn Error>> {
        let start = Instant::now();
        let results = match self.chunk_size {
            None => self.pool.map(successor, 0..self.n_tasks),
            Some(size) => self.pool.tasks().chunk_size(size).map(successor, 0..self.n_tasks),
        };
        let taken = start.elapsed();
        check(results.len() as u64 == self.n_tasks)?;
        for (index, result) in results.into_iter().enumerate() {
            check(result? == index as u64 + 1)?;
        }
        Ok(taken)
    }
}

impl Apply {
    pub(super) fn new(n_tasks: u64) -> Result<Apply, Box<dyn Error>> {
        Ok(Apply { pool: Pool::new(N_WORKERS)?, n_tasks })
    }
}

impl Contender for Apply {
    fn name(&self) -> &'static str {
        "Pool"
    }

    fn run_once(&mut self) -> Result<(), Box<dyn Error>> {
        (0..self.n_tasks).try_for_each(|number| check(self.pool.apply(successor, number)? == number + 1))
    }
}

impl Busy {
    pub(super) fn new(n_tasks: u64, n_rounds: u64) -> Result<Busy, Box<dyn Error>> {
        Ok(Busy { pool: Pool::new(N_WORKERS)?, n_tasks, n_rounds })
    }
}

impl Contender for Busy {
    fn name(&self) -> &'static str {
        "Pool"
    }

    fn run_once(&mut self) -> Result<(), Box<dyn Error>> {
        let inputs = (0..self.n_tasks).map(|_| self.n_rounds);
        let results: Result<Vec<u64>, _> = self.pool.map(spin, inputs).into_iter().collect();
        check(results?.len() as u64 == self.n_tasks)
    }
}

impl Alone {
    pub(super) fn new(n_tasks: u64, n_rounds: u64) -> Alone {
        Alone { n_tasks, n_rounds }
    }
}

impl Contender for Alone {
    fn name(&self) -> &'static str {
        "one process"
    }

    fn run_once(&mut self) -> Result<(), Box<dyn Error>> {
        (0..self.n_tasks).for_each(|_| _ = black_box(spin(black_box(self.n_rounds))));
        Ok(())
    }
}

fn check(is_right: bool) -> Result<(), Box<dyn Error>> {
    if is_right { Ok(()) } else { Err("a wrong result".into()) }
}
