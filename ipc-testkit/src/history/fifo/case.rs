//! The values of a history: when each was put, and when it came out.

use crate::history::atom::{Action, Atom, atoms, values_of};
use crate::history::{History, Passed, Rule, Violation};
use std::collections::HashMap;

/// No time that comes: when what never happens happens.
pub(super) const NEVER: u64 = u64::MAX;

/// A value that was put, or may have been.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) value: u64,
    /// The atom that has put it.
    pub(super) put: usize,
    /// The atom that has got it, and been told so.
    pub(super) got: Option<usize>,
    /// Whether it was put for sure.
    pub(super) is_sure: bool,
    /// It was put at this time or later.
    pub(super) in_from: u64,
    /// It was put at this time or earlier.
    pub(super) in_by: u64,
    /// It came out, or was lost, at this time or later.
    pub(super) out_from: u64,
    /// It came out, or was lost, at this time or earlier.
    pub(super) out_by: u64,
}

pub(super) struct Case<'a> {
    pub(super) history: &'a History,
    pub(super) atoms: Vec<Atom>,
    /// In the order of the atoms that have put them.
    pub(super) items: Vec<Item>,
    /// Which item each atom is about.
    pub(super) item_of: Vec<Option<usize>>,
}

impl<'a> Case<'a> {
    /// Finds for each value who has put and who has got it: exactly one, and that one first.
    pub(super) fn new(history: &'a History) -> Result<Case<'a>, Violation> {
        let atoms = atoms(history);
        let item_of = vec![None; atoms.len()];
        let mut case = Case { history, atoms, items: Vec::new(), item_of };
        let by_value = case.add_puts();
        for get in 0..case.atoms.len() {
            if let Action::Get(value) = case.atoms[get].action {
                case.add_get(get, value, by_value.get(&value).copied())?;
            }
        }
        case.add_what_came_before();
        Ok(case)
    }

    /// A violation, shown by these atoms.
    pub(super) fn violation(&self, rule: Rule, what: String, atoms: &[usize]) -> Violation {
        let mut operations: Vec<usize> = atoms.iter().map(|&atom| self.atoms[atom].operation).collect();
        operations.dedup();
        let operations = operations.into_iter().map(|idx| self.history.operations()[idx].clone()).collect();
        Violation { rule, what, operations }
    }

    pub(super) fn passed(&self, lost: usize) -> Passed {
        let put = self.items.iter().filter(|item| item.is_sure).count();
        let got = self.items.iter().filter(|item| item.got.is_some()).count();
        Passed { put, got, lost, left: put - got - lost }
    }

    fn add_puts(&mut self) -> HashMap<u64, usize> {
        let mut by_value = HashMap::new();
        for (put, atom) in self.atoms.iter().enumerate() {
            let Action::Put(value) = atom.action else { continue };
            let idx = self.items.len();
            assert!(by_value.insert(value, idx).is_none(), "the history puts {value} twice");
            self.item_of[put] = Some(idx);
            let (in_from, in_by) = (atom.from, atom.by);
            let (is_sure, got) = (atom.is_sure, None);
            self.items.push(Item {
                value,
                put,
                got,
                is_sure,
                in_from,
                in_by,
                out_from: NEVER,
                out_by: NEVER,
            });
        }
        by_value
    }

    fn add_get(&mut self, get: usize, value: u64, item: Option<usize>) -> Result<(), Violation> {
        let Some(idx) = item else {
            return Err(self.put_by_nobody(get, value));
        };
        let item = self.items[idx];
        if let Some(other) = item.got {
            let what = format!("{value} was got twice");
            return Err(self.violation(Rule::Duplicated, what, &[item.put, other, get]));
        }
        if self.atoms[get].is_before(&self.atoms[item.put], get < item.put) {
            let what = format!("{value} was got before it was put");
            return Err(self.violation(Rule::Invented, what, &[get, item.put]));
        }
        self.item_of[get] = Some(idx);
        let (out_from, out_by) = (self.atoms[get].from, self.atoms[get].by);
        self.items[idx] = Item { got: Some(get), is_sure: true, out_from, out_by, ..item };
        Ok(())
    }

    fn put_by_nobody(&self, get: usize, value: u64) -> Violation {
        let mut violation = self.violation(Rule::Invented, format!("{value} was got and never put"), &[get]);
        let refused =
            self.history.operations().iter().filter(|operation| values_of(&operation.op).contains(&value));
        violation.operations.extend(refused.cloned());
        violation
    }

    /// Of a call that has put many and was cut short, everything before what came out was put as well.
    pub(super) fn add_what_came_before(&mut self) {
        for idx in (1..self.items.len()).rev() {
            if self.items[idx].is_sure && self.atoms[self.items[idx].put].is_chained {
                self.items[idx - 1].is_sure = true;
            }
        }
    }
}
