//! A process that waits for something, and how much of a processor that costs.

use crate::forked::{Forked, cpu_time};
use crate::measure::Effort;
use crate::row::Row;
use std::error::Error;
use std::io::{ErrorKind, Read, Write};
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

/// How often who waits may look again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A process that waits until it is told, and beside it one that does what is allowed: it sleeps in one call of the system, and
/// looks again every 100 ms.
pub(crate) struct Waiter {
    id: &'static str,
    work: &'static str,
    ours: Watched,
    bare: Watched,
    end: Box<dyn FnOnce()>,
}

/// A process that tells at its end what it has used.
struct Watched {
    start: Instant,
    process: Forked,
    line: UnixStream,
}

impl Waiter {
    /// Starts a process that is in `wait` until `end` was called here.
    pub(crate) fn start(
        id: &'static str,
        work: &'static str,
        wait: impl FnOnce() -> Result<(), Box<dyn Error>>,
        end: impl FnOnce() + 'static,
    ) -> Result<Waiter, Box<dyn Error>> {
        let ours = Watched::start(|_line| wait())?;
        let bare = Watched::start(look_now_and_then)?;
        Ok(Waiter { id, work, ours, bare, end: Box::new(end) })
    }

    /// Lets both go on, and asks what they have used until then.
    pub(crate) fn end(self) -> Result<Row, Box<dyn Error>> {
        self.ours.check()?;
        self.bare.check()?;
        (self.end)();
        let (ours, note) = self.ours.used()?;
        (&self.bare.line).write_all(&[0])?;
        let (bare, _) = self.bare.used()?;
        Ok(Row {
            id: self.id,
            work: self.work,
            ratio: ours / bare,
            ours,
            peer: bare,
            unit: "%",
            target: format!("<= 1 or {NOTHING} %"),
            met: ours <= bare.max(NOTHING),
            note: format!("{note}; the peer is a bare read that looks again every 100 ms"),
        })
    }
}

impl Watched {
    fn start(
        wait: impl FnOnce(&UnixStream) -> Result<(), Box<dyn Error>>,
    ) -> Result<Watched, Box<dyn Error>> {
        let (mut line, mut theirs) = UnixStream::pair()?;
        let process = Forked::start(move || {
            let before = cpu_time()?;
            theirs.write_all(&[0; 16])?;
            wait(&theirs)?;
            let used = cpu_time()? - before;
            Ok(theirs.write_all(&used.as_nanos().to_le_bytes())?)
        })?;
        line.read_exact(&mut [0; 16])?;
        std::thread::sleep(APART);
        Ok(Watched { start: Instant::now(), process, line })
    }

    /// Whether it still waits.
    fn check(&self) -> Result<(), Box<dyn Error>> {
        self.line.set_nonblocking(true)?;
        if (&self.line).read(&mut [0; 16]).is_ok() {
            return Err("the process did not wait".into());
        }
        Ok(self.line.set_nonblocking(false)?)
    }

    /// How many per cent of a processor it has used until it was told to go on, and in words.
    fn used(self) -> Result<(f64, String), Box<dyn Error>> {
        let mut answer = [0; 16];
        (&self.line).read_exact(&mut answer)?;
        let waited = self.start.elapsed().as_secs_f64();
        self.process.join()?;
        let used = u128::from_le_bytes(answer) as f64 / 1e9;
        Ok((100.0 * used / waited, format!("{:.2} ms of processor time in {waited:.1} s", used * 1e3)))
    }
}

/// Waits for a byte.
fn look_now_and_then(mut line: &UnixStream) -> Result<(), Box<dyn Error>> {
    line.set_read_timeout(Some(LOOK_AGAIN))?;
    loop {
        match line.read(&mut [0]) {
            Ok(_) => return Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
