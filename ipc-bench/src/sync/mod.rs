//! Area `sync`: locks and values beside those of one process and those of the C library, waiting, and memory.
//!
//! Every ratio is of times, ours by the peer's: one of 1 or less is a throughput that is no worse.

mod counter;
mod crowd;
mod idle;
mod pthread;
mod size;

use crate::forked::Pinned;
use crate::measure::{Comparison, Contender, Effort, Shown};
use crate::row::Row;
use counter::{Alone, Atomic, Ours, ParkingLot, Raw};
use crowd::{Crowd, Kind};
use pthread::Pthread;
use std::error::Error;

/// How often a lock is taken, or a number added to, in one run.
const N_OPERATIONS: u64 = 20_000;
/// The same where several contend, for each of them: so often that the start of a run does not count.
const N_CONTENDED: u64 = 50_000;
/// The same for each of many.
const N_CROWDED: u64 = 5_000;
/// More than there are processors.
const CROWD: usize = 8;
/// A ratio of 1 between two times that are the same, on a machine that does other things, too.
const SAME: f64 = 1.05;

/// Measures everything of the area.
pub(crate) fn rows(effort: Effort) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut rows = alone(effort)?;
    rows.extend(in_pairs(effort)?);
    rows.push(in_a_crowd(effort)?);
    rows.extend(idle::rows(effort)?);
    rows.extend(size::rows()?);
    Ok(rows)
}

/// One process, nobody else.
fn alone(effort: Effort) -> Result<Vec<Row>, Box<dyn Error>> {
    let compare = |id, work, target| Comparison {
        id,
        work,
        target: Some(target),
        n_operations: N_OPERATIONS,
        shown: Shown::Time,
        fewer: 1,
    };
    let run = |comparison: Comparison, ours: &mut dyn Contender, peer: &mut dyn Contender| {
        comparison.run(ours, peer, effort)
    };
    let mutex = || Ok::<_, Box<dyn Error>>(Alone(Ours::new()?, N_OPERATIONS));
    Ok(vec![
        run(
            compare("S8a", "Mutex lock + unlock, by parking_lot", 1.5),
            &mut mutex()?,
            &mut Alone(ParkingLot::new(), N_OPERATIONS),
        )?,
        run(
            compare("S8b", "Mutex lock + unlock, by a robust pthread mutex", 1.0),
            &mut mutex()?,
            &mut Alone(Pthread::new()?, N_OPERATIONS),
        )?,
        run(
            compare("S9", "RawValue<u64>::fetch_add, by AtomicU64", SAME),
            &mut Alone(Raw::new()?, N_OPERATIONS),
            &mut Alone(Atomic::new(), N_OPERATIONS),
        )?,
    ])
}

/// Two that contend, each on a processor of its own.
fn in_pairs(effort: Effort) -> Result<Vec<Row>, Box<dyn Error>> {
    let _pinned = Pinned::to(0)?;
    let compare = |id, work, target| Comparison {
        id,
        work,
        target,
        n_operations: 2 * N_CONTENDED,
        shown: Shown::Time,
        fewer: 5,
    };
    let pthread = compare("S8c", "Mutex, 2 processes, by a robust pthread mutex", Some(1.0));
    let parking_lot = compare("S8d", "Mutex, 2 threads, by parking_lot", None);
    Ok(vec![
        pthread.run(
            &mut Crowd::pinned(Ours::new()?, Kind::Processes, 2, N_CONTENDED)?,
            &mut Crowd::pinned(Pthread::new()?, Kind::Processes, 2, N_CONTENDED)?,
            effort,
        )?,
        parking_lot.run(
            &mut Crowd::pinned(Ours::new()?, Kind::Threads, 2, N_CONTENDED)?,
            &mut Crowd::pinned(ParkingLot::new(), Kind::Threads, 2, N_CONTENDED)?,
            effort,
        )?,
    ])
}

/// More processes than processors: who spins takes the time of who has the lock. The peer never spins.
fn in_a_crowd(effort: Effort) -> Result<Row, Box<dyn Error>> {
    let comparison = Comparison {
        id: "S8e",
        work: "Mutex, 8 processes, by a robust pthread mutex",
        target: Some(1.25),
        n_operations: CROWD as u64 * N_CROWDED,
        shown: Shown::Time,
        fewer: 10,
    };
    comparison.run(
        &mut Crowd::free(Ours::new()?, Kind::Processes, CROWD, N_CROWDED)?,
        &mut Crowd::free(Pthread::new()?, Kind::Processes, CROWD, N_CROWDED)?,
        effort,
    )
}
