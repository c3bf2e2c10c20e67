//! What each process does with what all of them share.

use multiproc::shared::array::ElementError;
use multiproc::{Array, RawArray, RawValue, Value};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What all processes share. In a child it arrives as handles to the same memory.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Shared {
    /// Everybody adds to it, under its lock.
    pub(crate) locked: Value<u64>,
    /// Everybody adds to it, in one step.
    pub(crate) raw: RawValue<u64>,
    /// Who has done how many rounds.
    pub(crate) done: Array<u64>,
    /// Everybody sorts a part of it.
    pub(crate) numbers: RawArray<u64>,
}

/// Adds so many times to each number, and sorts its part of the array.
pub(crate) fn work((shared, number, rounds): (Shared, u64, u64)) -> Result<(), String> {
    try_work(&shared, number, rounds).map_err(|error| format!("worker {number}: {error}"))
}

fn try_work(shared: &Shared, number: u64, rounds: u64) -> Result<(), ElementError> {
    for _ in 0..rounds {
        shared.locked.update(|total| *total += 1)?;
        shared.raw.fetch_add(1);
    }
    shared.done.set(number as usize, rounds)?;

    let part = part(number, shared.done.len() as u64, shared.numbers.len());
    let mut mine = vec![0; part.len()];
    shared.numbers.read_range(part.start, &mut mine)?;
    mine.sort_unstable();
    shared.numbers.write_range(part.start, &mine)?;
    Ok(())
}

/// Which part of an array is whose.
pub(crate) fn part(number: u64, n_workers: u64, len: usize) -> Range<usize> {
    let border = |number: u64| (len as u64 * number / n_workers) as usize;
    border(number)..border(number + 1)
}
