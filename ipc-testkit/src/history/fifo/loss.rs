//! What was put comes out, unless a call to get was cut short that can have taken it.
//!
//! A value that nobody got may still be in the queue, as long as nothing came out that was put after it, and nobody has found
//! the queue empty since. Otherwise it was lost within a span of time: after everything came out that was put before it,
//! before anything came out that was put after it. Each lost value has a call of its own that was cut short and whose
//! span meets that of the value.

use super::case::{Case, Item, NEVER};
use super::empty::Emptiness;
use crate::history::atom::{Action, Atom};
use crate::history::{Rule, Violation};
use std::collections::HashMap;

/// Finds who has taken what is lost, and how many values are. Narrows the time when each value that nobody got can have left.
pub(super) fn check(case: &mut Case<'_>) -> Result<usize, Violation> {
    let takers: Vec<Atom> = case.atoms.iter().filter(|atom| atom.action == Action::Take).copied().collect();
    let mut known: Vec<Item> = case.items.iter().filter(|item| item.got.is_some()).copied().collect();
    loop {
        let spans = Spans::new(case, &known).of_all(case);
        let lost: Vec<Span> = spans.iter().filter(|span| span.by != NEVER).copied().collect();
        if let Some(span) = without_taker(&lost, &takers) {
            return Err(violation(case, &span, &takers));
        }
        let has_changed =
            spans.iter().filter(|span| leave_within(&mut case.items[span.item], span, &takers)).count() > 0;
        if !has_changed {
            return Ok(lost.len());
        }
        // A value that was not lost yet puts off the instant when the queue was empty, until which others are lost then.
        known = case.items.iter().filter(|item| item.is_sure).copied().collect();
    }
}

/// Notes when a value can have left, and tells whether that is news.
fn leave_within(item: &mut Item, span: &Span, takers: &[Atom]) -> bool {
    let before = (item.out_from, item.out_by);
    let first = takers.iter().filter(|taker| span.meets(taker)).map(|taker| taker.from).min();
    item.out_from = first.map_or(NEVER, |first| first.max(span.from));
    item.out_by = span.by;
    before != (item.out_from, item.out_by)
}

fn violation(case: &Case<'_>, span: &Span, takers: &[Atom]) -> Violation {
    let item = case.items[span.item];
    let why = match takers.iter().filter(|taker| span.meets(taker)).count() {
        0 => "no call to get was cut short that can have taken it".to_owned(),
        n_takers => {
            format!("each of the {n_takers} calls to get that can have taken it has taken another one")
        }
    };
    let what = format!("{} was put and never came out, and {why}", item.value);
    let mut shown = vec![item.put];
    match case.item_of[span.witness].map(|witness| case.items[witness]) {
        Some(later) => shown.extend([later.put].into_iter().chain(later.got)),
        None => shown.push(span.witness),
    }
    case.violation(Rule::Lost, what, &shown)
}

/// When a value that nobody got can have left.
#[derive(Clone, Copy, Debug)]
struct Span {
    item: usize,
    from: u64,
    /// [`NEVER`] if it need not have left.
    by: u64,
    /// The atom that shows that it has left by then.
    witness: usize,
}

impl Span {
    fn meets(&self, taker: &Atom) -> bool {
        self.from <= taker.by && taker.from <= self.by
    }
}

/// Tables from which a span is found by a search.
struct Spans {
    /// When they were put at the earliest, and the earliest end of a way out among those put at that time or later.
    later: Vec<(u64, Item)>,
    /// When they were put at the latest, and the latest begin of a way out among those put at that time or earlier.
    earlier: Vec<(u64, u64)>,
    /// When the queue was empty at the earliest, and the earliest last instant of all calls from there on, with the call.
    empty: Vec<(u64, u64, usize)>,
}

impl Spans {
    /// The queue was empty when none of the known values was in it.
    fn new(case: &Case<'_>, known: &[Item]) -> Spans {
        let mut got: Vec<Item> = case.items.iter().filter(|item| item.got.is_some()).copied().collect();
        got.sort_by_key(|item| item.in_from);
        let mut later: Vec<(u64, Item)> = got.iter().map(|&item| (item.in_from, item)).collect();
        for idx in (1..later.len()).rev() {
            if later[idx].1.out_by < later[idx - 1].1.out_by {
                later[idx - 1].1 = later[idx].1;
            }
        }
        got.sort_by_key(|item| item.in_by);
        let mut latest = 0;
        let mut fold = |item: &Item| {
            latest = item.out_from.max(latest);
            (item.in_by, latest)
        };
        let earlier = got.iter().map(&mut fold).collect();
        let empty = first_of_later(Emptiness::new(known.iter()).instants(case));
        Spans { later, earlier, empty }
    }

    /// The spans of all values that were put and that nobody got.
    fn of_all(&self, case: &Case<'_>) -> Vec<Span> {
        let missing = |(_, item): &(usize, &Item)| item.is_sure && item.got.is_none();
        let mut spans: Vec<Span> =
            case.items.iter().enumerate().filter(missing).map(|(idx, item)| self.of(idx, item)).collect();
        after_own(case, &mut spans);
        before_own(case, &mut spans);
        spans
    }

    /// The span of one value by the clock.
    fn of(&self, idx: usize, item: &Item) -> Span {
        let mut span = Span { item: idx, from: item.in_from, by: NEVER, witness: item.put };
        let n_before = self.earlier.partition_point(|&(in_by, _)| in_by < item.in_from);
        if let Some(&(_, out_from)) = n_before.checked_sub(1).map(|last| &self.earlier[last]) {
            span.from = span.from.max(out_from);
        }
        let after = self.later.partition_point(|&(in_from, _)| in_from <= item.in_by);
        if let Some((_, later)) = self.later.get(after) {
            (span.by, span.witness) = (later.out_by, later.put);
        }
        let after = self.empty.partition_point(|&(first, ..)| first <= item.in_by);
        if let Some(&(_, last, atom)) = self.empty.get(after).filter(|&&(_, last, _)| last < span.by) {
            (span.by, span.witness) = (last, atom);
        }
        span
    }
}

/// The instants at which the queue was empty by the first of each call; the last of each is the earliest one from there on.
fn first_of_later(mut empty: Vec<(u64, u64, usize)>) -> Vec<(u64, u64, usize)> {
    empty.sort_unstable();
    for idx in (1..empty.len()).rev() {
        if empty[idx].1 < empty[idx - 1].1 {
            (empty[idx - 1].1, empty[idx - 1].2) = (empty[idx].1, empty[idx].2);
        }
    }
    empty
}

/// A value leaves after those that its worker has put before it, whatever the clock says.
fn after_own(case: &Case<'_>, spans: &mut [Span]) {
    let mut last_out: HashMap<usize, u64> = HashMap::new();
    let mut spans = spans.iter_mut().peekable();
    for (idx, item) in case.items.iter().enumerate() {
        let last = last_out.entry(case.atoms[item.put].worker).or_default();
        if item.got.is_some() {
            *last = item.out_from.max(*last);
        } else if let Some(span) = spans.next_if(|span| span.item == idx) {
            span.from = span.from.max(*last);
        }
    }
}

/// A value leaves before those that its worker has put after it.
fn before_own(case: &Case<'_>, spans: &mut [Span]) {
    let mut first_out: HashMap<usize, Item> = HashMap::new();
    let mut spans = spans.iter_mut().rev().peekable();
    for (idx, item) in case.items.iter().enumerate().rev() {
        let worker = case.atoms[item.put].worker;
        if item.got.is_some() {
            let first = first_out.entry(worker).or_insert(*item);
            if item.out_by < first.out_by {
                *first = *item;
            }
        } else if let Some(span) = spans.next_if(|span| span.item == idx) {
            if let Some(first) = first_out.get(&worker).filter(|first| first.out_by < span.by) {
                (span.by, span.witness) = (first.out_by, first.put);
            }
        }
    }
}

/// A lost value for which no taker is left when each takes one. `None` if there is one for all.
///
/// This is Kuhn's search for a matching: a value may take the taker of another one that finds a new one.
fn without_taker(lost: &[Span], takers: &[Atom]) -> Option<Span> {
    let mut taken: Vec<Option<usize>> = vec![None; takers.len()];
    (0..lost.len())
        .find(|&span| !find_taker(span, lost, takers, &mut taken, &mut vec![false; takers.len()]))
        .map(|span| lost[span])
}

fn find_taker(
    span: usize,
    lost: &[Span],
    takers: &[Atom],
    taken: &mut [Option<usize>],
    is_seen: &mut [bool],
) -> bool {
    for taker in 0..takers.len() {
        if is_seen[taker] || !lost[span].meets(&takers[taker]) {
            continue;
        }
        is_seen[taker] = true;
        let is_free = taken[taker].is_none_or(|other| find_taker(other, lost, takers, taken, is_seen));
        if is_free {
            taken[taker] = Some(span);
            return true;
        }
    }
    false
}
