//! Area `pool`: a pool of two workers beside Python's, and beside one process. What an idle one takes is in the area `process`.

mod work;

use crate::measure::{Comparison, Effort, Fewer, Shown};
use crate::queue::python::Python;
use crate::row::Row;
use std::error::Error;
use work::{Alone, Apply, Busy, Map};

/// What Python runs.
const PROGRAM: &str = include_str!("python.py");

/// How many tasks there are in a run.
const N_TASKS: u64 = 1_000_000;
/// How many of them there are where each is handed out alone.
const N_SINGLE: u64 = 100_000;
/// How many there are in turn.
const N_IN_TURN: u64 = 20_000;
/// By how much fewer Python does where it is slow.
const SLOWER: u64 = 20;
/// How many tasks of a millisecond.
const N_BUSY: u64 = 400;

/// Measures the pool.
pub(crate) fn rows(effort: Effort) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut rows = Vec::new();
    let python = |work: &str, n_tasks: u64| Python::run(PROGRAM, "multiprocessing.Pool", work, n_tasks);
    let beside = |id, work, target, n_operations| Comparison {
        id,
        work,
        target: Some(target),
        n_operations,
        shown: Shown::Millions,
        fewer: 50,
    };
    if let Some(mut peer) = python("map", N_TASKS) {
        let row = beside("S11a", "Pool(2): map of trivial tasks", 10.0, N_TASKS);
        rows.push(row.run(&mut Map::new(N_TASKS, None)?, &mut peer, effort)?);
    }
    if let Some(peer) = python("single", N_SINGLE / SLOWER) {
        let row = beside("S11b", "Pool(2): map of them, each a chunk", 30.0, N_SINGLE);
        rows.push(row.run(&mut Map::new(N_SINGLE, Some(1))?, &mut Fewer(peer, SLOWER as u32), effort)?);
    }
    if let Some(peer) = python("apply", N_IN_TURN / SLOWER) {
        let row = beside("S11c", "Pool(2): apply, one after the other", 10.0, N_IN_TURN);
        rows.push(row.run(&mut Apply::new(N_IN_TURN)?, &mut Fewer(peer, SLOWER as u32), effort)?);
    }
    let busy = beside("S12", "Pool(2): map of tasks of 1 ms, by one process", 1.95, N_BUSY);
    let n_rounds = work::millisecond();
    let (mut pool, mut alone) = (Busy::new(N_BUSY, n_rounds)?, Alone::new(N_BUSY, n_rounds));
    rows.push(busy.run(&mut pool, &mut alone, effort)?);
    Ok(rows)
}
