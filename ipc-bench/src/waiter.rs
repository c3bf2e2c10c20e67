//! A process that waits for something, and how much of a processor that costs.

use crate::forked::{Forked, cpu_time};
use crate::measure::Effort;
use crate::row::Row;
use std::error::Error;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// The most that is 0.0 when it is printed, in per cent.
pub(crate) const NOTHING: f64 = 0.05;

/// Between the starts, so that those who look again do it at different times. Who comes right after another finds the
/// processor awake and the caches warm, and uses half as much.
const APART: Duration = Duration::from_millis(12);

/// How long to watch them.
pub(crate) fn duration(effort: Effort) -> Duration {
    match effort {
        Effort::Quick => Duration::from_secs(2),
        Effort::Full => Duration::from_secs(10),
    }
}

/// A process that waits until it is told.
pub(crate) struct Waiter {
    id: &'static str,
    work: &'static str,
    start: Instant,
    process: Forked,
    line: UnixStream,
    end: Box<dyn FnOnce()>,
}

impl Waiter {
    /// Starts a process that is in `wait` until `end` was called here.
    pub(crate) fn start(
        id: &'static str,
        work: &'static str,
        wait: impl FnOnce() -> Result<(), Box<dyn Error>>,
        end: impl FnOnce() + 'static,
    ) -> Result<Waiter, Box<dyn Error>> {
        let (mut line, mut theirs) = UnixStream::pair()?;
        let process = Forked::start(move || {
            let before = cpu_time()?;
            theirs.write_all(&[0; 16])?;
            wait()?;
            let used = cpu_time()? - before;
            Ok(theirs.write_all(&used.as_nanos().to_le_bytes())?)
        })?;
        line.read_exact(&mut [0; 16])?;
        std::thread::sleep(APART);
        Ok(Waiter { id, work, start: Instant::now(), process, line, end: Box::new(end) })
    }

    /// Lets it go on, and asks what it has used until then.
    pub(crate) fn end(mut self) -> Result<Row, Box<dyn Error>> {
        let mut answer = [0; 16];
        self.line.set_nonblocking(true)?;
        if self.line.read(&mut answer).is_ok() {
            return Err("the process did not wait".into());
        }
        self.line.set_nonblocking(false)?;
        (self.end)();
        self.line.read_exact(&mut answer)?;
        let waited = self.start.elapsed().as_secs_f64();
        self.process.join()?;
        let used = u128::from_le_bytes(answer) as f64 / 1e9;
        let note = format!("{:.2} ms of processor time in {waited:.1} s", used * 1e3);
        Ok(Row::of_limit(self.id, self.work, (100.0 * used / waited, NOTHING), "%", note))
    }
}
