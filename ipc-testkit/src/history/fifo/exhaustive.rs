//! Every order in which the effects of a short history can have happened.

use crate::history::atom::{Action, Atom, atoms};
use crate::history::{History, Rule, Violation};
use std::collections::{HashSet, VecDeque};

/// One bit for each atom.
const MOST_ATOMS: usize = 64;

/// Tries all orders.
///
/// # Source
///
/// Wing and Gong (Testing and Verifying Concurrent Objects, 1993), with what Lowe added: no state is looked at twice.
pub(super) fn check(history: &History, capacity: Option<usize>) -> Result<(), Violation> {
    let atoms = atoms(history);
    assert!(atoms.len() <= MOST_ATOMS, "{} effects are too many to try all orders", atoms.len());
    let mut search = Search { atoms, capacity: capacity.unwrap_or(usize::MAX), seen: HashSet::new() };
    if search.succeeds(0, &mut VecDeque::new()) {
        return Ok(());
    }
    let what = "there is no order in which all this can have happened".to_owned();
    Err(Violation { rule: Rule::Whole, what, operations: history.operations().to_vec() })
}

struct Search {
    atoms: Vec<Atom>,
    capacity: usize,
    /// What has happened and what is in the queue then, in vain.
    seen: HashSet<(u64, VecDeque<u64>)>,
}

impl Search {
    /// Whether all that is left can happen, after these atoms, with this in the queue.
    fn succeeds(&mut self, done: u64, queue: &mut VecDeque<u64>) -> bool {
        if (0..self.atoms.len()).all(|idx| is_in(done, idx) || !self.atoms[idx].is_sure) {
            return true;
        }
        if !self.seen.insert((done, queue.clone())) {
            return false;
        }
        (0..self.atoms.len()).any(|idx| self.may_be_next(done, idx) && self.succeeds_with(done, idx, queue))
    }

    fn succeeds_with(&mut self, done: u64, idx: usize, queue: &VecDeque<u64>) -> bool {
        let mut queue = queue.clone();
        self.act(idx, &mut queue) && self.succeeds(done | 1 << idx, &mut queue)
    }

    /// Whether nothing that has not happened was to happen before, and nothing that has happened was to happen after.
    fn may_be_next(&self, done: u64, idx: usize) -> bool {
        let atom = &self.atoms[idx];
        let is_before = |a: usize, b: usize| self.atoms[a].is_before(&self.atoms[b], a < b);
        let is_in_time = |other: usize| match is_in(done, other) {
            true => !is_before(idx, other),
            false => !(self.atoms[other].is_sure && is_before(other, idx)),
        };
        let has_what_it_needs = !atom.is_chained || is_in(done, idx - 1);
        !is_in(done, idx)
            && has_what_it_needs
            && (0..self.atoms.len()).all(|other| other == idx || is_in_time(other))
    }

    /// What it does to the queue; false if a queue does not do so.
    fn act(&self, idx: usize, queue: &mut VecDeque<u64>) -> bool {
        match self.atoms[idx].action {
            Action::Put(value) => {
                queue.push_back(value);
                queue.len() <= self.capacity
            }
            Action::Get(value) => queue.pop_front() == Some(value),
            Action::Take => queue.pop_front().is_some(),
            Action::Empty => queue.is_empty(),
            // Without a capacity nobody knows what it means.
            Action::Full => self.capacity == usize::MAX || queue.len() >= self.capacity,
        }
    }
}

fn is_in(done: u64, idx: usize) -> bool {
    done >> idx & 1 == 1
}
