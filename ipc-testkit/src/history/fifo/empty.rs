//! A queue is empty only while it holds nothing for sure.

use super::case::{Case, Item};
use crate::history::atom::{Action, Atom};
use crate::history::{Rule, Violation};

/// Looks for a call that found the queue empty although it held something all the time.
pub(super) fn check(case: &Case<'_>) -> Result<(), Violation> {
    let emptiness = Emptiness::new(case.items.iter().filter(|item| item.is_sure));
    for (idx, atom) in empties(case) {
        if emptiness.around(atom.from).is_some_and(|(_, to)| atom.by < to) {
            let what = "the queue was empty while it held a value at every instant".to_owned();
            let mut shown = vec![idx];
            shown.extend(chain(case, atom).iter().flat_map(|item| [Some(item.put), item.got]).flatten());
            return Err(case.violation(Rule::Empty, what, &shown));
        }
    }
    Ok(())
}

/// The calls that found the queue empty.
fn empties<'a>(case: &'a Case<'_>) -> impl Iterator<Item = (usize, &'a Atom)> {
    case.atoms.iter().enumerate().filter(|(_, atom)| atom.action == Action::Empty)
}

/// Values of which the queue held one or the other all through the call; each is there until the next one is.
fn chain(case: &Case<'_>, empty: &Atom) -> Vec<Item> {
    let mut chain = Vec::new();
    let mut time = empty.from;
    loop {
        let is_there = |item: &&Item| item.is_sure && item.in_by < time && time < item.out_from;
        let Some(last) = case.items.iter().filter(is_there).max_by_key(|item| item.out_from) else { break };
        chain.push(*last);
        time = last.out_from;
        if empty.by < time {
            break;
        }
    }
    chain
}

/// When a queue may be empty: at all times that are not within one of these spans.
pub(super) struct Emptiness {
    /// Between the two times, both excluded, it holds something. Sorted, and apart from each other.
    held: Vec<(u64, u64)>,
}

impl Emptiness {
    /// As far as these values tell.
    pub(super) fn new<'a>(items: impl Iterator<Item = &'a Item>) -> Emptiness {
        let spans = items.map(|item| (item.in_by, item.out_from));
        let mut spans: Vec<(u64, u64)> = spans.filter(|(from, to)| from < to).collect();
        spans.sort_unstable();
        let mut held: Vec<(u64, u64)> = Vec::new();
        for (from, to) in spans {
            match held.last_mut().filter(|last| from < last.1) {
                Some(last) => last.1 = last.1.max(to),
                None => held.push((from, to)),
            }
        }
        Emptiness { held }
    }

    /// The first and the last instant at which each call can have found the queue empty, and the call.
    pub(super) fn instants(&self, case: &Case<'_>) -> Vec<(u64, u64, usize)> {
        let instants = |(idx, atom): (usize, &Atom)| {
            let first = self.around(atom.from).map_or(atom.from, |(_, to)| to);
            let last = self.around(atom.by).map_or(atom.by, |(from, _)| from);
            (first, last, idx)
        };
        empties(case).map(instants).filter(|(first, last, _)| first <= last).collect()
    }

    /// The span that the time is within.
    fn around(&self, time: u64) -> Option<(u64, u64)> {
        let n_begun = self.held.partition_point(|&(from, _)| from < time);
        n_begun.checked_sub(1).map(|last| self.held[last]).filter(|&(_, to)| time < to)
    }
}
