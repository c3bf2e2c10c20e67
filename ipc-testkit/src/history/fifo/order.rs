//! What was put first comes out first.
//!
//! A value is put before another one if its call was over before the other began, or if one worker has put both; and the
//! same goes for coming out. Two values that came out against the order in which they were put show best what is wrong, and
//! mostly there are two. The rest is found by `circle`.

use super::case::{Case, Item};
use crate::history::{Rule, Violation};
use std::collections::HashMap;

/// Looks for two values that were put in one order and came out in the other.
pub(super) fn check(case: &Case<'_>) -> Result<(), Violation> {
    let wrong = by_the_clock(case).or_else(|| by_the_producer(case)).or_else(|| by_the_consumer(case));
    let Some((first, second)) = wrong else { return Ok(()) };
    let what = format!("{} was put before {}, and got after it", first.value, second.value);
    let got = |item: Item| item.got.expect("only values that came out are compared");
    Err(case.violation(Rule::Order, what, &[first.put, second.put, got(second), got(first)]))
}

/// Both orders are told by the clock.
fn by_the_clock(case: &Case<'_>) -> Option<(Item, Item)> {
    let mut by_end = got(case);
    by_end.sort_by_key(|item| item.in_by);
    let mut by_begin = by_end.clone();
    by_begin.sort_by_key(|item| item.in_from);
    let mut earlier = by_end.into_iter().peekable();
    // Of all that were put before the one at hand, the one whose way out began last.
    let mut last_out: Option<Item> = None;
    for item in by_begin {
        while let Some(before) = earlier.next_if(|before| before.in_by < item.in_from) {
            last_out = last_out.filter(|last| last.out_from >= before.out_from).or(Some(before));
        }
        if let Some(last) = last_out.filter(|last| item.out_by < last.out_from) {
            return Some((last, item));
        }
    }
    None
}

/// One worker has put both.
fn by_the_producer(case: &Case<'_>) -> Option<(Item, Item)> {
    // Of all that a worker has put later, the one whose way out ended first.
    let mut first_out: HashMap<usize, Item> = HashMap::new();
    for item in got(case).into_iter().rev() {
        let first = first_out.entry(case.atoms[item.put].worker).or_insert(item);
        if first.out_by < item.out_from {
            return Some((item, *first));
        }
        if item.out_by < first.out_by {
            *first = item;
        }
    }
    None
}

/// One worker has got both.
fn by_the_consumer(case: &Case<'_>) -> Option<(Item, Item)> {
    // Of all that a worker has got earlier, the one whose way in began last; and from each producer, the last one put.
    let mut last_in: HashMap<usize, Item> = HashMap::new();
    let mut last_of_producer: HashMap<(usize, usize), Item> = HashMap::new();
    for (get, idx) in case.item_of.iter().enumerate() {
        let Some(item) = idx.map(|idx| case.items[idx]).filter(|item| item.got == Some(get)) else {
            continue;
        };
        let consumer = case.atoms[get].worker;
        let last = last_in.entry(consumer).or_insert(item);
        if item.in_by < last.in_from {
            return Some((item, *last));
        }
        if item.in_from > last.in_from {
            *last = item;
        }
        let last = last_of_producer.entry((consumer, case.atoms[item.put].worker)).or_insert(item);
        if item.put < last.put {
            return Some((item, *last));
        }
        *last = item;
    }
    None
}

/// The values that came out, in the order of the calls that have put them.
fn got(case: &Case<'_>) -> Vec<Item> {
    case.items.iter().filter(|item| item.got.is_some()).copied().collect()
}
