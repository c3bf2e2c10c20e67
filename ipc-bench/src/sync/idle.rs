//! What it costs to wait: the processor time of processes that are blocked.

use super::forked::{Forked, cpu_time};
use crate::measure::Effort;
use crate::row::Row;
use ipc_shared::sync::{Condvar, Event, Mutex, Semaphore};
use std::error::Error;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// The most that is 0.0 when it is printed, in per cent.
const NOTHING: f64 = 0.05;

/// Between the starts, so that those who look again do it at different times. Who comes right after another finds the
/// processor awake and the caches warm, and uses half as much.
const APART: Duration = Duration::from_millis(12);

/// Measures every kind of waiting, all of them at the same time.
pub(super) fn rows(effort: Effort) -> Result<Vec<Row>, Box<dyn Error>> {
    let duration = match effort {
        Effort::Quick => Duration::from_secs(2),
        Effort::Full => Duration::from_secs(10),
    };
    let waiters = [mutex()?, event()?, condvar()?, semaphore()?];
    std::thread::sleep(duration);
    waiters.into_iter().map(Waiter::end).collect()
}

fn mutex() -> Result<Waiter, Box<dyn Error>> {
    let mutex = Mutex::new(())?;
    let theirs = mutex.clone();
    // The lock stays where it is, so that the guard can go along with the waiter.
    let guard = Box::leak(Box::new(mutex)).lock().map_err(|error| error.to_string())?;
    let wait = move || theirs.lock().map(drop).map_err(|error| error.to_string().into());
    Waiter::start("S14a", "a process that waits for a Mutex", wait, || drop(guard))
}

fn event() -> Result<Waiter, Box<dyn Error>> {
    let event = Event::new()?;
    let theirs = event.clone();
    let wait = move || if theirs.wait() { Ok(()) } else { Err("the event was not set".into()) };
    Waiter::start("S14b", "a process that waits for an Event", wait, move || event.set())
}

fn condvar() -> Result<Waiter, Box<dyn Error>> {
    let (condvar, mutex) = (Condvar::new()?, Mutex::new(())?);
    let theirs = condvar.clone();
    let wait = move || {
        let guard = mutex.lock().map_err(|error| error.to_string())?;
        theirs.wait(guard).map(drop).map_err(|error| error.to_string().into())
    };
    Waiter::start("S14c", "a process that waits for a Condvar", wait, move || {
        condvar.notify_one();
    })
}

fn semaphore() -> Result<Waiter, Box<dyn Error>> {
    let semaphore = Semaphore::new(0)?;
    let theirs = semaphore.clone();
    let wait = move || Ok(theirs.acquire().map(drop)?);
    Waiter::start("S14d", "a process that waits for a Semaphore", wait, move || {
        // If it could not, the waiter would not end, and the program would hang, which says it as well.
        let _ = semaphore.add_permits(1);
    })
}

/// A process that waits until it is told.
struct Waiter {
    id: &'static str,
    work: &'static str,
    start: Instant,
    process: Forked,
    line: UnixStream,
    end: Box<dyn FnOnce()>,
}

impl Waiter {
    /// Starts a process that is in `wait` until `end` was called here.
    fn start(
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
    fn end(mut self) -> Result<Row, Box<dyn Error>> {
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
