//! A queue holds no more than its capacity, and is full only when it can hold as much.

use super::bounds::held;
use super::case::{Case, Item};
use super::steps::Steps;
use crate::history::atom::Action;
use crate::history::{Rule, Violation};

/// Looks for an instant with too many values for sure, for a value that had no time to go in, and for a call that found the
/// queue full when not enough values can have been there.
pub(super) fn check(case: &Case<'_>, capacity: usize) -> Result<(), Violation> {
    let is_impossible = |item: &&Item| item.is_sure && (item.in_from > item.in_by || item.out_from > item.out_by);
    if let Some(item) = case.items.iter().find(is_impossible) {
        return Err(overfull(case, item, capacity));
    }
    let held = held(case);
    let is_too_much = |item: &&Item| item.is_sure && held.most_within(item.in_by, item.in_by.saturating_add(1)) > capacity;
    if let Some(item) = case.items.iter().find(is_too_much) {
        return Err(overfull(case, item, capacity));
    }
    let possible = Steps::closed(case.items.iter().map(|item| (item.in_from, item.out_by)));
    let is_wrong = |&atom: &usize| {
        let atom = case.atoms[atom];
        atom.action == Action::Full && possible.most_within(atom.from, atom.by) < capacity
    };
    let Some(atom) = (0..case.atoms.len()).find(is_wrong) else { return Ok(()) };
    let what = format!("the queue has room for {capacity}, and was full with less");
    Err(case.violation(Rule::Full, what, &[atom]))
}

fn overfull(case: &Case<'_>, item: &Item, capacity: usize) -> Violation {
    let others = case.items.iter().filter(|other| {
        other.is_sure && other.value != item.value && other.in_by <= item.in_by && other.out_from > item.in_from
    });
    let shown: Vec<usize> = [item.put].into_iter().chain(others.map(|other| other.put)).collect();
    let what = format!("the queue has room for {capacity}, and took {} as well", item.value);
    case.violation(Rule::Overfull, what, &shown)
}
