//! Calls taken apart into what happens at one instant each.

use super::{History, Op, Operation, Outcome};

/// What happens at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Put(u64),
    Get(u64),
    /// A value is taken, and nobody is told which.
    Take,
    Empty,
    Full,
}

/// One effect of a call, which happens between its beginning and its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Atom {
    pub(super) worker: usize,
    pub(super) action: Action,
    /// It happens at this time or later.
    pub(super) from: u64,
    /// It happens at this time or earlier.
    pub(super) by: u64,
    /// Whether it has happened. Otherwise it may have.
    pub(super) is_sure: bool,
    /// Whether it happens only if the atom before it has happened, too.
    pub(super) is_chained: bool,
    /// Which call it is of.
    pub(super) operation: usize,
}

impl Atom {
    /// Whether it is over before the other one begins, by the clock or because one worker does both.
    ///
    /// `self` stands before `other` in the list of all atoms if one worker does both and it does `self` first.
    pub(super) fn is_before(&self, other: &Atom, stands_before: bool) -> bool {
        self.by < other.from || (self.worker == other.worker && stands_before)
    }
}

/// The atoms of a history. Those of one worker stand in their order.
pub(super) fn atoms(history: &History) -> Vec<Atom> {
    let operations = history.operations();
    let n_values = operations.iter().map(|operation| values_of(&operation.op).len()).sum();
    operations.iter().enumerate().flat_map(|(idx, operation)| atoms_of(operation, idx, n_values)).collect()
}

/// The values that are to be put.
pub(super) fn values_of(op: &Op) -> &[u64] {
    match op {
        Op::Put(value) => std::slice::from_ref(value),
        Op::PutMany(values) => values,
        Op::Get | Op::GetMany(_) => &[],
    }
}

/// # Panics
///
/// If the answer is not one to this call.
fn atoms_of(operation: &Operation, idx: usize, n_values: usize) -> Vec<Atom> {
    let values = values_of(&operation.op);
    let is_put = matches!(operation.op, Op::Put(_) | Op::PutMany(_));
    let is_sure = operation.outcome.is_some();
    let actions: Vec<Action> = match (&operation.outcome, is_put) {
        (Some(Outcome::Done) | None, true) => values.iter().copied().map(Action::Put).collect(),
        (Some(Outcome::DonePartly(n_put)), true) => {
            values[..*n_put].iter().copied().map(Action::Put).collect()
        }
        (Some(Outcome::Full), true) => vec![Action::Full],
        (Some(Outcome::Got(value)), false) => vec![Action::Get(*value)],
        (Some(Outcome::GotMany(values)), false) => values.iter().copied().map(Action::Get).collect(),
        (Some(Outcome::Empty), false) => vec![Action::Empty],
        // More than there are values, nobody can take.
        (None, false) => vec![Action::Take; most_taken(&operation.op).min(n_values)],
        (Some(Outcome::Refused), _) => Vec::new(),
        (Some(_), _) => panic!("a history has an answer that is none to its call: {operation}"),
    };
    let atom = |(place, action)| Atom {
        worker: operation.worker,
        action,
        from: operation.call,
        by: operation.end,
        is_sure,
        is_chained: place > 0,
        operation: idx,
    };
    actions.into_iter().enumerate().map(atom).collect()
}

fn most_taken(op: &Op) -> usize {
    match op {
        Op::GetMany(max) => *max,
        _ => 1,
    }
}
