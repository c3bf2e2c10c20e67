//! What it costs to wait: the processor time of processes that are blocked.

use crate::measure::Effort;
use crate::row::Row;
use crate::waiter::{Waiter, duration};
use ipc_shared::sync::{Condvar, Event, Mutex, Semaphore};
use std::error::Error;

/// Measures every kind of waiting, all of them at the same time.
pub(super) fn rows(effort: Effort) -> Result<Vec<Row>, Box<dyn Error>> {
    let waiters = [mutex()?, event()?, condvar()?, semaphore()?];
    std::thread::sleep(duration(effort));
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
