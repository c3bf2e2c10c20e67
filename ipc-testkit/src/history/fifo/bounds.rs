//! Narrower times, from what must have been before and after.
//!
//! Order and emptiness need none of this, but counting does: the closer it is known when a value was in the queue, the more
//! can be said about how many were.

use super::case::{Case, Item, NEVER};
use super::steps::Steps;
use std::collections::HashMap;

/// Rounds after which what is left to narrow is left.
const MOST_ROUNDS: usize = 20;

/// Narrows the times of all values that were put for sure, without losing an order in which all may have happened.
pub(super) fn tighten(case: &mut Case<'_>, capacity: usize) {
    for _ in 0..MOST_ROUNDS {
        let before = times(case);
        of_one_item(case);
        by_the_clock(case);
        by_the_worker(case);
        by_the_capacity(case, capacity);
        if times(case) == before {
            break;
        }
    }
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

/// Nothing goes in while the queue is full for sure.
fn by_the_capacity(case: &mut Case<'_>, capacity: usize) {
    let held = held(case);
    for item in sure(case) {
        item.in_from = held.first_below(capacity, item.in_from);
        item.in_by = held.last_below(capacity, item.in_by);
    }
}

/// How many values the queue holds for sure.
pub(super) fn held(case: &Case<'_>) -> Steps {
    Steps::open(case.items.iter().filter(|item| item.is_sure).map(|item| (item.in_by, item.out_from)))
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
