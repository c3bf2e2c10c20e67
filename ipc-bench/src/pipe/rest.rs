//! What a pipe costs while nothing happens: the processor time of who waits, memory, and descriptors.

use crate::measure::Effort;
use crate::queue::crew::Outcome;
use crate::row::Row;
use crate::taken::Taken;
use crate::waiter::{Waiter, duration};

/// So many pipes are made to see what one takes.
const COUNT: u64 = 50;
/// The most descriptors for an end.
const MOST_DESCRIPTORS: f64 = 4.0;

/// A receiver that waits, for as long as nothing comes.
pub(super) fn idle(effort: Effort) -> Outcome<Row> {
    let (sender, receiver) = ipc_pipe::simplex::<u64>()?;
    let wait = move || Ok(receiver.recv().map(drop)?);
    let waiter = Waiter::start("S14p", "a process that waits in Receiver::recv", wait, move || {
        // If it could not, the waiter would not end, and the program would hang, which says it as well.
        let _ = sender.send(1);
    })?;
    std::thread::sleep(duration(effort));
    waiter.end()
}

/// What pipes take, by many of them.
pub(super) fn size() -> Outcome<Vec<Row>> {
    let before = Taken::now()?;
    let pipes = (0..COUNT).map(|_| ipc_pipe::simplex::<u64>()).collect::<Result<Vec<_>, _>>()?;
    let made = Taken::now()?;
    let note = format!("by {COUNT} of them that go one way");
    // Both ends of each are here.
    let descriptors = (made.descriptors - before.descriptors) as f64 / (2 * COUNT) as f64;
    drop(pipes);
    let limited = (descriptors, MOST_DESCRIPTORS);
    Ok(vec![Row::of_limit("Z3", "descriptors for an end of a Pipe", limited, "fd", note)])
}
