//! A queue holds no more than its capacity, and is full only when it can hold as much.

use super::bounds::{held, possible, tighten};
use super::case::{Case, Item};
use super::empty;
use crate::history::atom::Action;
use crate::history::{Rule, Violation};

/// Looks for an instant with too many values, and for a call that found the queue full when not enough can have been there.
pub(super) fn check(case: &mut Case<'_>, capacity: usize) -> Result<(), Violation> {
    if let Some(item) = tighten(case, capacity) {
        return Err(overfull(case, &item, capacity));
    }
    empty::check(case)?;
    for held in held(case) {
        let is_too_much =
            |item: &&Item| held.most_within(item.in_by, item.in_by.saturating_add(1)) > capacity as isize;
        if let Some(item) = case.items.iter().filter(|item| item.is_sure).find(is_too_much) {
            return Err(overfull(case, item, capacity));
        }
    }
    let possible = possible(case);
    let is_wrong = |&atom: &usize| {
        let atom = case.atoms[atom];
        atom.action == Action::Full && possible.most_within(atom.from, atom.by) < capacity as isize
    };
    let Some(atom) = (0..case.atoms.len()).find(is_wrong) else { return Ok(()) };
    let what = format!("the queue has room for {capacity}, and was full with less");
    Err(case.violation(Rule::Full, what, &[atom]))
}

/// The value had no time to go in, with what was there.
fn overfull(case: &Case<'_>, item: &Item, capacity: usize) -> Violation {
    let others = case.items.iter().filter(|other| {
        other.is_sure
            && other.value != item.value
            && other.in_by <= item.in_by
            && other.out_from > item.in_from
    });
    let shown: Vec<usize> = [item.put].into_iter().chain(others.map(|other| other.put)).collect();
    let what = format!("the queue has room for {capacity}, and took {} as well", item.value);
    case.violation(Rule::Overfull, what, &shown)
}
