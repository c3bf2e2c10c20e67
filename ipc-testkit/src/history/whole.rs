//! All calls of all workers.

use super::{Op, Operation, Outcome};
use std::fmt;

/// What workers have done, from a [`Log`](super::Log) or made by hand.
///
/// # Examples
///
/// ```
/// use ipc_testkit::history::{Fifo, History, Op, Outcome};
///
/// let mut history = History::new();
/// history.push(0, Op::Put(7), 10, 20, Outcome::Done);
/// history.push(1, Op::Get, 30, 40, Outcome::Got(7));
/// // Worker 1 was killed in another one, and was collected at 90.
/// history.push_pending(1, Op::Get, 50, 90);
/// assert_eq!(history.operations().len(), 3);
/// assert_eq!(Fifo::unbounded().check(&history).expect("that is a queue").got, 1);
/// println!("{history}");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    operations: Vec<Operation>,
}

impl History {
    /// A history in which nothing has happened.
    pub fn new() -> History {
        History::default()
    }

    /// Adds a call and what it was told. The calls of one worker are added in their order.
    pub fn push(&mut self, worker: usize, op: Op, call: u64, end: u64, outcome: Outcome) {
        self.operations.push(Operation { worker, op, call, end, outcome: Some(outcome) });
    }

    /// Adds a call that was never told anything, the last one of its worker. It has no effect after `end`: the time when
    /// the worker was dead, or [`u64::MAX`].
    pub fn push_pending(&mut self, worker: usize, op: Op, call: u64, end: u64) {
        self.operations.push(Operation { worker, op, call, end, outcome: None });
    }

    /// The calls; those of one worker in their order.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }
}

impl From<Vec<Operation>> for History {
    /// Those of one worker stand in their order.
    fn from(operations: Vec<Operation>) -> History {
        History { operations }
    }
}

/// A call a line, by the time of the call.
impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut operations: Vec<&Operation> = self.operations.iter().collect();
        operations.sort_by_key(|operation| operation.call);
        operations.into_iter().try_for_each(|operation| writeln!(f, "{operation}"))
    }
}
