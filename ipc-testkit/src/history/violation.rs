//! What is wrong with a history, shown by the calls that cannot be true together.

use super::Operation;
use std::error::Error;
use std::fmt;

/// What a queue never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// To give a value that nobody has put, or not yet.
    Invented,
    /// To give a value twice.
    Duplicated,
    /// To give an earlier value after a later one.
    Order,
    /// To lose a value that no call to get can have taken which was cut short.
    Lost,
    /// To be empty while it holds a value.
    Empty,
    /// To be full while there is room.
    Full,
    /// To hold more than its capacity.
    Overfull,
    /// No single rule: the calls do not fit together. Only [`Fifo::check_exhaustively`](super::Fifo::check_exhaustively)
    /// says so.
    Whole,
}

/// Why a history is not that of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What the queue should not have done.
    pub rule: Rule,
    /// What has happened, with the values.
    pub what: String,
    /// The calls that cannot be true together.
    pub operations: Vec<Operation>,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rule::Invented => "invented",
            Rule::Duplicated => "duplicated",
            Rule::Order => "order",
            Rule::Lost => "lost",
            Rule::Empty => "empty",
            Rule::Full => "full",
            Rule::Overfull => "overfull",
            Rule::Whole => "as a whole",
        })
    }
}

/// The rule and what has happened, then a line for each call.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.rule, self.what)?;
        self.operations.iter().try_for_each(|operation| writeln!(f, "  {operation}"))
    }
}

impl Error for Violation {}
