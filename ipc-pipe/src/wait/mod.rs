//! Waiting for the first of many things: pipe ends, queues, processes, events, whatever has a handle.

mod error;
mod family;
mod links;
mod rounds;
mod system;
mod waitable;

pub use error::WaitError;
pub use system::Readable;
pub use waitable::{Look, Waitable};

use ipc_sys::clock::Deadline;
use std::time::{Duration, Instant};

/// Waits until at least one of the objects is ready, and returns the places of all that are, in ascending order.
///
/// What ready means is said by each type, under its [`Waitable`]: mostly that there is something to receive, or the end. The
/// readiness is true: an alarm that turns out to be for nothing does not end the wait. An object that another thread or process
/// receives from, too, may be empty again by the time that it is asked, so ask it with a `try_` call.
///
/// The same object may be given more than once. Nothing is registered anywhere: when the call has returned, the objects are as
/// they were, but that a queue or pipe has three descriptors more from the first time that somebody has slept for it.
///
/// # Blocking
///
/// Until one is ready, which includes that its other side is gone, in whatever way it went. Signals do not end the wait. It uses
/// no processor, but for objects without a handle, as events: for these it looks at intervals that grow from 50 microseconds to
/// 10 milliseconds.
///
/// # Errors
///
/// [`WaitError`]: there is nothing to wait for, or the system refuses.
///
/// # Other processes
///
/// Who is killed in here has taken nothing. The death of whoever was to make an object ready is noticed as far as the object
/// notices it: the end of a pipe or a channel is; that nobody puts into a queue or sets an event is not, so wait for the process,
/// too.
///
/// # Platform
///
/// Linux: `ppoll`, so that there is no limit but that on the descriptors of the process, neither in their number nor in their
/// values. A call takes time in proportion to the number of objects.
///
/// # Examples
///
/// How does one receive from whoever speaks first?
///
/// ```
/// use ipc_pipe::{simplex, wait};
/// use ipc_queue::Queue;
///
/// let ((tx, rx), queue) = (simplex::<String>()?, Queue::<u32>::bounded(10)?);
/// queue.put(7)?;
/// assert_eq!(wait(&[&rx, &queue])?, [1]);
/// drop(tx);
/// assert_eq!(wait(&[&rx, &queue])?, [0, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// And from many of a kind, until all have ended?
///
/// ```
/// use ipc_pipe::{RecvError, Waitable, simplex, wait};
///
/// let (senders, mut receivers): (Vec<_>, Vec<_>) =
///     (0..4).map(|_| simplex::<u32>()).collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
/// for (number, sender) in (1..).zip(senders) {
///     std::thread::spawn(move || (0..10).try_for_each(|_| sender.send(number)));
/// }
/// let mut sum = 0;
/// while !receivers.is_empty() {
///     let ready = wait(&receivers.iter().map(|receiver| receiver as _).collect::<Vec<_>>())?;
///     // From behind, so that what is removed moves none of the others.
///     for place in ready.into_iter().rev() {
///         match receivers[place].recv() {
///             Ok(number) => sum += number,
///             Err(RecvError::Eof) => drop(receivers.remove(place)),
///             Err(error) => return Err(error.into()),
///         }
///     }
/// }
/// assert_eq!(sum, 100);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn wait(objects: &[&dyn Waitable]) -> Result<Vec<usize>, WaitError> {
    if objects.is_empty() {
        return Err(WaitError::Nothing);
    }
    rounds::wait_until(objects, Deadline::NEVER)
}

/// The places of all objects that are ready now; none if none is.
///
/// # Errors
///
/// [`WaitError`]. That there are no objects is no error here: none of them is ready.
///
/// # Examples
///
/// ```
/// let (tx, rx) = ipc_pipe::simplex::<u8>()?;
/// assert!(ipc_pipe::try_wait(&[&rx])?.is_empty());
/// tx.send(1)?;
/// assert_eq!(ipc_pipe::try_wait(&[&rx])?, [0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn try_wait(objects: &[&dyn Waitable]) -> Result<Vec<usize>, WaitError> {
    rounds::wait_until(objects, Deadline::NOW)
}

/// As [`wait()`], for at most `timeout`; nothing if none was ready in that time.
///
/// What is ready is returned also if the timeout is zero. Without objects this sleeps, as Python's does: a loop over objects that
/// come and go does not spin while there are none.
///
/// # Errors
///
/// [`WaitError`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let (_tx, rx) = ipc_pipe::simplex::<u8>()?;
/// let ready = ipc_pipe::wait_timeout(&[&rx], Duration::from_millis(10))?;
/// assert!(ready.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn wait_timeout(objects: &[&dyn Waitable], timeout: Duration) -> Result<Vec<usize>, WaitError> {
    rounds::wait_until(objects, Deadline::after(timeout))
}

/// As [`wait()`], until `deadline`; nothing if none was ready by then.
///
/// What is ready is returned also if the deadline has passed. Without objects this sleeps.
///
/// # Errors
///
/// [`WaitError`].
///
/// # Examples
///
/// ```
/// use ipc_shared::sync::Event;
/// use std::time::{Duration, Instant};
///
/// let (stop, (_tx, rx)) = (Event::new()?, ipc_pipe::simplex::<u8>()?);
/// stop.set();
/// let ready = ipc_pipe::wait_deadline(&[&rx, &stop], Instant::now() + Duration::from_secs(60))?;
/// assert_eq!(ready, [1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn wait_deadline(objects: &[&dyn Waitable], deadline: Instant) -> Result<Vec<usize>, WaitError> {
    rounds::wait_until(objects, Deadline::at(deadline))
}
