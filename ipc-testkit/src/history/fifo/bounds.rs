//! Narrower times, from what must have been before and after.
//!
//! Order and emptiness need none of this, but counting does: the closer it is known when a value was in the queue, the more
//! can be said about how many were.

use super::case::{Case, Item, NEVER};
use super::empty::Emptiness;
use super::steps::Steps;
use crate::history::atom::Action;
use std::collections::HashMap;

/// Rounds after which what is left to narrow is left.
const MOST_ROUNDS: usize = 20;

/// Narrows the times of all values that were put for sure, without losing an order in which all may have happened. An item
/// that is left with no time is one that cannot be.
pub(super) fn tighten(case: &mut Case<'_>, capacity: usize) -> Option<Item> {
    for _ in 0..MOST_ROUNDS {
        let before = times(case);
        of_one_item(case);
        by_the_clock(case);
        by_the_worker(case);
        by_emptiness(case);
        by_the_capacity(case, capacity as isize);
        by_fullness(case, capacity);
        let is_impossible = |item: &&mut Item| item.in_from > item.in_by || item.out_from > item.out_by;
        if let Some(item) = sure(case).find(is_impossible) {
            return Some(*item);
        }
        if times(case) == before {
            break;
        }
    }
    None
}

fn times(case: &Case<'_>) -> Vec<[u64; 4]> {
    case.items.iter().map(|item| [item.in_from, item.in_by, item.out_from, item.out_by]).collect()
}

/// A value goes in before it comes out.
fn of_one_item(case: &mut Case<'_>) {
    for item in sure(case) {
        item.in_by = item.in_by.min(item.out_by);
        item.out_from = item.out_from.max(item.in_from);
    }
}

/// What went in before has come out before, and the other way round.
fn by_the_clock(case: &mut Case<'_>) {
    let ins: Vec<(u64, u64)> = sure(case).map(|item| (item.in_from, item.in_by)).collect();
    let outs: Vec<(u64, u64)> = sure(case).map(|item| (item.out_from, item.out_by)).collect();
    let (order_of_ins, order_of_outs) = (Order::new(&ins, &outs), Order::new(&outs, &ins));
    for item in sure(case) {
        let (in_from, in_by) = (item.in_from, item.in_by);
        let (out_from, out_by) = order_of_ins.narrow((in_from, in_by), (item.out_from, item.out_by));
        (item.in_from, item.in_by) = order_of_outs.narrow((item.out_from, item.out_by), (in_from, in_by));
        (item.out_from, item.out_by) = (out_from, out_by);
    }
}

/// One worker puts one value after the other, and gets one after the other.
fn by_the_worker(case: &mut Case<'_>) {
    let producer = |case: &Case<'_>, idx: usize| Some(case.atoms[case.items[idx].put].worker);
    let consumer = |case: &Case<'_>, idx: usize| case.items[idx].got.map(|got| case.atoms[got].worker);
    let by_put: Vec<usize> = (0..case.items.len()).filter(|&idx| case.items[idx].is_sure).collect();
    let mut by_got = by_put.clone();
    by_got.sort_by_key(|&idx| case.items[idx].got);
    along(case, &by_put, producer);
    along(case, &by_got, consumer);
}

fn along(case: &mut Case<'_>, order: &[usize], worker: impl Fn(&Case<'_>, usize) -> Option<usize>) {
    let mut last: HashMap<usize, Item> = HashMap::new();
    for &idx in order {
        let Some(worker) = worker(case, idx) else { continue };
        let item = &mut case.items[idx];
        if let Some(before) = last.get(&worker) {
            item.in_from = item.in_from.max(before.in_from);
            item.out_from = item.out_from.max(before.out_from);
        }
        last.insert(worker, *item);
    }
    last.clear();
    for &idx in order.iter().rev() {
        let Some(worker) = worker(case, idx) else { continue };
        let item = &mut case.items[idx];
        if let Some(after) = last.get(&worker) {
            item.in_by = item.in_by.min(after.in_by);
            item.out_by = item.out_by.min(after.out_by);
        }
        last.insert(worker, *item);
    }
}

/// What was in before the queue was empty has come out by then.
fn by_emptiness(case: &mut Case<'_>) {
    let instants = Emptiness::new(case.items.iter().filter(|item| item.is_sure)).instants(case);
    let spans: Vec<(u64, u64)> = instants.iter().map(|&(first, last, _)| (first, last)).collect();
    // A call that finds the queue empty is like a value that goes in and out at one instant.
    let order = Order::new(&spans, &spans);
    for item in sure(case) {
        let (_, by) = order.narrow((0, item.in_by), (0, item.out_by));
        let (from, _) = order.narrow((item.out_from, NEVER), (item.in_from, NEVER));
        (item.out_by, item.in_from) = (by, from);
    }
}

/// Nothing goes in while the queue is full for sure.
fn by_the_capacity(case: &mut Case<'_>, capacity: isize) {
    for held in held(case) {
        for item in sure(case) {
            item.in_from = held.first(item.in_from, |count| count < capacity);
            item.in_by = held.last(item.in_by, |count| count < capacity);
        }
    }
}

/// If the queue was full, and only as many values as it has room for can have been there, they were.
fn by_fullness(case: &mut Case<'_>, capacity: usize) {
    let possible = possible(case);
    let mut by_begin: Vec<usize> = (0..case.items.len()).collect();
    by_begin.sort_by_key(|&idx| case.items[idx].in_from);
    let mut ends: Vec<u64> = case.items.iter().map(|item| item.out_by).collect();
    ends.sort_unstable();
    for atom in case.atoms.iter().filter(|atom| atom.action == Action::Full) {
        let first = possible.first(atom.from, |count| count >= capacity as isize);
        let last = possible.last(atom.by, |count| count >= capacity as isize);
        let n_begun = by_begin.partition_point(|&idx| case.items[idx].in_from <= last);
        let n_ended = ends.partition_point(|&end| end < first);
        if n_begun.checked_sub(n_ended) != Some(capacity) {
            continue;
        }
        // They are found soon: what is in a queue are the last values that were put.
        let of_them = |idx: &&usize| case.items[**idx].out_by >= first;
        let there: Vec<usize> =
            by_begin[..n_begun].iter().rev().filter(of_them).take(capacity).copied().collect();
        for idx in there {
            let item = &mut case.items[idx];
            item.in_by = item.in_by.min(last);
            // Of a value that may not have been put nothing was known yet; it may be lost from now on.
            item.out_from = if item.is_sure { item.out_from.max(first) } else { first };
            item.is_sure = true;
        }
    }
}

/// How many values the queue can have held at most.
pub(super) fn possible(case: &Case<'_>) -> Steps {
    Steps::closed(case.items.iter().map(|item| (item.in_from, item.out_by)))
}

/// How many values the queue holds at least. The first count knows when each value can have been lost, the other one that
/// each call that was cut short has taken only one of them.
pub(super) fn held(case: &Case<'_>) -> [Steps; 2] {
    let sure = || case.items.iter().filter(|item| item.is_sure);
    let one_by_one = sure().map(|item| (item.in_by, item.out_from));
    let together = sure().map(|item| (item.in_by, if item.got.is_some() { item.out_from } else { NEVER }));
    let takers = case.atoms.iter().filter(|atom| atom.action == Action::Take).map(|atom| atom.from);
    [Steps::open(one_by_one, std::iter::empty()), Steps::open(together, takers)]
}

fn sure<'a>(case: &'a mut Case<'_>) -> impl Iterator<Item = &'a mut Item> {
    case.items.iter_mut().filter(|item| item.is_sure)
}

/// What the order on one side of the queue says about the times on the other.
struct Order {
    /// When the others were over on this side, and the latest begin on the other side until then.
    latest: Vec<(u64, u64)>,
    /// When the others began on this side, and the earliest end on the other side from then on.
    earliest: Vec<(u64, u64)>,
}

impl Order {
    fn new(here: &[(u64, u64)], there: &[(u64, u64)]) -> Order {
        let both = || here.iter().zip(there);
        let mut latest: Vec<(u64, u64)> = both().map(|(here, there)| (here.1, there.0)).collect();
        latest.sort_unstable();
        for idx in 1..latest.len() {
            latest[idx].1 = latest[idx].1.max(latest[idx - 1].1);
        }
        let mut earliest: Vec<(u64, u64)> = both().map(|(here, there)| (here.0, there.1)).collect();
        earliest.sort_unstable();
        for idx in (1..earliest.len()).rev() {
            earliest[idx - 1].1 = earliest[idx - 1].1.min(earliest[idx].1);
        }
        Order { latest, earliest }
    }

    /// The times there of one whose times here are known.
    fn narrow(&self, here: (u64, u64), there: (u64, u64)) -> (u64, u64) {
        let n_before = self.latest.partition_point(|&(over, _)| over < here.0);
        let n_not_after = self.earliest.partition_point(|&(begin, _)| begin <= here.1);
        let latest = n_before.checked_sub(1).map_or(0, |last| self.latest[last].1);
        let earliest = self.earliest.get(n_not_after).map_or(NEVER, |&(_, end)| end);
        (there.0.max(latest), there.1.min(earliest))
    }
}
