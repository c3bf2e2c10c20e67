//! A pool that has nothing to do, and how much of a processor it takes, owner and workers together.

use crate::measure::Effort;
use crate::row::Row;
use crate::waiter;
use ipc_process::Pool;
use std::error::Error;
use std::time::Instant;

/// The most that is 0.0 when it is printed, in per cent.
const NOTHING: f64 = 0.05;

/// Measures it.
pub(super) fn row(effort: Effort) -> Result<Row, Box<dyn Error>> {
    let pool = Pool::new(2)?;
    pool.map(|n: u64| n + 1, 0..1000).into_iter().try_for_each(|result| result.map(drop))?;
    let pids: Vec<u32> =
        pool.workers().iter().map(|worker| worker.pid()).chain([std::process::id()]).collect();
    std::thread::sleep(waiter::duration(Effort::Quick) / 4);
    let (start, before) = (Instant::now(), used(&pids)?);
    std::thread::sleep(waiter::duration(effort));
    let (waited, used) = (start.elapsed().as_secs_f64(), (used(&pids)? - before) as f64 / 1e9);
    let note = format!("{:.2} ms of processor time in {waited:.1} s", used * 1e3);
    Ok(Row::of_limit("S14p", "Pool(2) with nothing to do", (100.0 * used / waited, NOTHING), "%", note))
}

/// How long the threads of these processes have run, in nanoseconds.
fn used(pids: &[u32]) -> Result<u64, Box<dyn Error>> {
    let mut sum = 0;
    for pid in pids {
        for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
            let schedule = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            sum += schedule.split(' ').next().ok_or("no time")?.parse::<u64>()?;
        }
    }
    Ok(sum)
}
