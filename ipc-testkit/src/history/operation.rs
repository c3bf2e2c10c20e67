//! One call of a worker: what it asked, what it was told, and when.

use std::fmt;

/// What a worker asks of a queue.
///
/// The values of a history are all different: a test numbers them, and puts its worker's number in front.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// To put one value.
    Put(u64),
    /// To put these values, in this order. A worker that dies in it may have put the first few, or all.
    PutMany(Vec<u64>),
    /// To get one value.
    Get,
    /// To get as many values as are there, up to this number. A worker that dies in it may have taken so many.
    GetMany(usize),
}

/// What a worker was told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// All that was to be put is in.
    Done,
    /// So many were put, the first ones; the others came back.
    DonePartly(usize),
    /// This value came out.
    Got(u64),
    /// These values came out, in this order.
    GotMany(Vec<u64>),
    /// There was nothing to get, at once or until the time was over.
    Empty,
    /// There was no room, at once or until the time was over. Nothing was put.
    Full,
    /// Nothing has happened, for a reason that says nothing about what is in the queue. It may be closed.
    Refused,
}

/// A call of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    /// Who has called: the number of its writer. A worker does one thing after the other.
    pub worker: usize,
    /// What it asked.
    pub op: Op,
    /// When it called, in nanoseconds of one clock for all workers.
    pub call: u64,
    /// When it was told, in nanoseconds of the same clock. Without an outcome this is when the worker died, after which
    /// it has no effect any more, or [`u64::MAX`] if it has not.
    pub end: u64,
    /// What it was told. `None` if it never was: then it may have happened or not.
    pub outcome: Option<Outcome>,
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Put(value) => write!(f, "put {value}"),
            Op::PutMany(values) => write!(f, "put many {values:?}"),
            Op::Get => write!(f, "get"),
            Op::GetMany(max) => write!(f, "get up to {max}"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Done => write!(f, "done"),
            Outcome::DonePartly(n_put) => write!(f, "the first {n_put} done"),
            Outcome::Got(value) => write!(f, "got {value}"),
            Outcome::GotMany(values) => write!(f, "got {values:?}"),
            Outcome::Empty => write!(f, "empty"),
            Outcome::Full => write!(f, "full"),
            Outcome::Refused => write!(f, "refused"),
        }
    }
}

/// `worker 3 from 100 to 250: get, got 7`; the times as they are.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Operation { worker, op, call, end, outcome } = self;
        write!(f, "worker {worker} from {call} ")?;
        match (outcome, *end) {
            (Some(outcome), _) => write!(f, "to {end}: {op}, {outcome}"),
            (None, u64::MAX) => write!(f, "on: {op}, no answer"),
            (None, _) => write!(f, "to its end at {end}: {op}, no answer"),
        }
    }
}
