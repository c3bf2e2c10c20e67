//! What it costs to wait: the processor time of a process that is blocked.

use super::forked::{Forked, cpu_time};
use crate::measure::Effort;
use crate::row::Row;
use ipc_shared::sync::Mutex;
use std::error::Error;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// 0.0 %, as it would be printed.
const NOTHING: f64 = 0.05;

/// Measures every kind of waiting.
pub(super) fn rows(effort: Effort) -> Result<Vec<Row>, Box<dyn Error>> {
    Ok(vec![lock(effort)?])
}

fn lock(effort: Effort) -> Result<Row, Box<dyn Error>> {
    let mutex = Mutex::new(0_u64)?;
    let guard = mutex.lock().map_err(|error| error.to_string())?;
    let theirs = mutex.clone();
    let wait = move || theirs.lock().map(drop).map_err(|error| error.to_string().into());
    blocked("S14a", "waits for a Mutex", effort, wait, || drop(guard))
}

/// The row of a process that is in `wait` until `end` was called here.
fn blocked(
    id: &'static str,
    work: &'static str,
    effort: Effort,
    wait: impl FnOnce() -> Result<(), Box<dyn Error>>,
    end: impl FnOnce(),
) -> Result<Row, Box<dyn Error>> {
    let duration = match effort {
        Effort::Quick => Duration::from_secs(2),
        Effort::Full => Duration::from_secs(10),
    };
    let (mut line, mut theirs) = UnixStream::pair()?;
    let process = Forked::start(move || {
        let before = cpu_time()?;
        theirs.write_all(&[0; 16])?;
        wait()?;
        let used = cpu_time()? - before;
        Ok(theirs.write_all(&used.as_nanos().to_le_bytes())?)
    })?;
    let mut answer = [0; 16];
    line.read_exact(&mut answer)?;
    let start = Instant::now();
    std::thread::sleep(duration);
    line.set_nonblocking(true)?;
    if line.read(&mut answer).is_ok() {
        return Err("the process did not wait".into());
    }
    line.set_nonblocking(false)?;
    end();
    line.read_exact(&mut answer)?;
    let waited = start.elapsed();
    process.join()?;
    let used = Duration::from_nanos(u64::try_from(u128::from_le_bytes(answer))?);
    let percent = 100.0 * used.as_secs_f64() / waited.as_secs_f64();
    let note =
        format!("{:.2} ms of processor time in {:.1} s", used.as_secs_f64() * 1e3, waited.as_secs_f64());
    Ok(Row::of_limit(id, work, (percent, NOTHING), "%", note))
}
