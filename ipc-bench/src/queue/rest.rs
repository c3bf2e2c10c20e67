//! What a queue costs while nothing happens: the processor time of who waits, memory, and descriptors.

use super::crew::Outcome;
use crate::measure::Effort;
use crate::row::Row;
use crate::taken::Taken;
use crate::waiter::{Waiter, duration};
use ipc_queue::Queue;

/// So many queues are made to see what one takes.
const COUNT: u64 = 50;
/// Their capacity.
const CAPACITY: usize = 1024;
/// The most descriptors for a queue.
const MOST_DESCRIPTORS: f64 = 4.0;

/// A receiver that waits, for as long as nothing comes.
pub(super) fn idle(effort: Effort) -> Outcome<Row> {
    let queue = Queue::<u64>::bounded(CAPACITY)?;
    let theirs = queue.clone();
    let wait = move || Ok(theirs.get().map(drop)?);
    let waiter = Waiter::start("S14e", "a process that waits in Queue::get", wait, move || {
        // If it could not, the waiter would not end, and the program would hang, which says it as well.
        let _ = queue.put(1);
    })?;
    std::thread::sleep(duration(effort));
    waiter.end()
}

/// What queues take, by many of them: descriptors, and memory after as many items as there is room for.
pub(super) fn size() -> Outcome<Vec<Row>> {
    let before = Taken::now()?;
    let queues: Vec<Queue<u64>> = (0..COUNT).map(|_| Queue::bounded(CAPACITY)).collect::<Result<_, _>>()?;
    let made = Taken::now()?;
    for queue in &queues {
        (0..CAPACITY as u64).try_for_each(|number| queue.put(number))?;
    }
    let full = Taken::now()?;
    let each = |after: u64, before: u64| (after - before) as f64 / COUNT as f64;
    let note = format!("by {COUNT} of them");
    let descriptors = each(made.descriptors, before.descriptors);
    let row = |id, work, bytes| Row {
        id,
        work,
        ratio: bytes / (CAPACITY * size_of::<u64>()) as f64,
        ours: bytes,
        peer: (CAPACITY * size_of::<u64>()) as f64,
        unit: "B",
        target: String::from("none"),
        met: true,
        note: format!("{note}; the peer is the items alone"),
    };
    Ok(vec![
        Row::of_limit("Z2a", "descriptors for a Queue", (descriptors, MOST_DESCRIPTORS), "fd", note.clone()),
        row("Z2b", "memory of a new Queue for 1024 u64", each(made.bytes, before.bytes)),
        row("Z2c", "memory of a full Queue of 1024 u64", each(full.bytes, before.bytes)),
    ])
}
