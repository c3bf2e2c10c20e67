//! What it costs to have processes that do nothing: the processor time of an idle pool, an idle fork server, and who joins.

use crate::measure::Effort;
use crate::row::Row;
use crate::taken::processor_time;
use crate::waiter::{NOTHING, duration};
use ipc_process::{Builder, Pool, StartMethod, stop_forkserver};
use std::error::Error;
use std::fs;
use std::time::{Duration, Instant};

/// How long those who have just worked may take to come to rest.
const SETTLING: Duration = Duration::from_millis(500);

/// Measures all of them at the same time.
pub(super) fn rows(effort: Effort) -> Result<Vec<Row>, Box<dyn Error>> {
    // The one of the rows before would not be told from others.
    stop_forkserver();
    let before = children()?;
    let builder = || Builder::new().method(StartMethod::ForkServer);
    builder().spawn(|(): ()| (), ())?.join()?;
    let server = children()?.into_iter().filter(|pid| !before.contains(pid)).collect::<Vec<_>>();
    let joining = builder().daemon(true).spawn(join_a_sleeper, ())?;
    let pool = Pool::new(2)?;
    pool.map(|n: u64| n + 1, 0..10).into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut in_pool: Vec<u32> = pool.workers().iter().map(|worker| worker.pid()).collect();
    // The thread of the pool, in this process, whose main thread sleeps.
    in_pool.push(std::process::id());
    std::thread::sleep(SETTLING);
    let groups = [
        ("S14j", "an idle pool of 2, with its thread", in_pool),
        ("S14k", "an idle fork server", server),
        ("S14l", "a process that joins another", vec![joining.pid()]),
    ];
    let used_before = groups.each_ref().map(|(_, _, pids)| processor_time(pids));
    let start = Instant::now();
    std::thread::sleep(duration(effort));
    let waited = start.elapsed().as_secs_f64();
    let rows = groups.into_iter().zip(used_before).map(|((id, work, pids), before)| {
        let used = (processor_time(&pids)? - before?).as_secs_f64();
        let note =
            format!("{:.2} ms of processor time in {waited:.1} s, {} processes", used * 1e3, pids.len());
        Ok(Row::of_limit(id, work, (100.0 * used / waited, NOTHING), "%", note))
    });
    let rows = rows.collect();
    joining.kill()?;
    joining.wait()?;
    stop_forkserver();
    rows
}

/// Waits for a process that sleeps for ever.
fn join_a_sleeper((): ()) {
    let sleep = |(): ()| std::thread::sleep(Duration::MAX);
    if let Ok(process) = Builder::new().method(StartMethod::Fork).daemon(true).spawn(sleep, ()) {
        let _ = process.join();
    }
}

fn children() -> Result<Vec<u32>, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/thread-self/children")?;
    text.split_whitespace().map(|pid| Ok(pid.parse()?)).collect()
}
