//! What was put first comes out first, for any number of values.
//!
//! Calls with many values can order them in a circle in which no two of them are in the wrong order: 1, 2 and 3, 4 were put,
//! and 2, 3 and 4, 1 came out. So all that is known to be first is made into a graph, and that has no circle if there is an
//! order for all. By the clock a value is before each of very many; to have few arrows, those pass along a chain of the times
//! when the others begin.

use super::case::{Case, Item};
use crate::history::{Rule, Violation};
use std::collections::HashMap;

/// Looks for values each of which is before the next, and the last before the first.
pub(super) fn check(case: &Case<'_>) -> Result<(), Violation> {
    let Some(circle) = Graph::new(case).circle() else { return Ok(()) };
    // A circle passes through times, too, and those are after all values.
    let items: Vec<Item> =
        circle.into_iter().filter(|&node| node < case.items.len()).map(|idx| case.items[idx]).collect();
    let values: Vec<String> = items.iter().map(|item| item.value.to_string()).collect();
    let what = format!(
        "each of {} was put or got before the next, and the last before the first",
        values.join(", ")
    );
    let shown: Vec<usize> = items.iter().flat_map(|item| [Some(item.put), item.got]).flatten().collect();
    Err(case.violation(Rule::Order, what, &shown))
}

/// Arrows from what is first to what is later. The first nodes are the values.
struct Graph {
    arrows: Vec<Vec<usize>>,
}

/// What a search knows of a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    /// It is on the way to the node at hand.
    OnTheWay,
    Done,
}

impl Graph {
    fn new(case: &Case<'_>) -> Graph {
        let mut graph = Graph { arrows: vec![Vec::new(); case.items.len()] };
        let got: Vec<usize> = (0..case.items.len()).filter(|&idx| case.items[idx].got.is_some()).collect();
        let ins = |idx: usize| (case.items[idx].in_from, case.items[idx].in_by);
        let outs = |idx: usize| (case.items[idx].out_from, case.items[idx].out_by);
        graph.add_clock(&got, ins);
        graph.add_clock(&got, outs);
        graph.add_workers(&got, |idx| Some(case.atoms[case.items[idx].put].worker));
        let mut by_get = got;
        by_get.sort_by_key(|&idx| case.items[idx].got);
        graph.add_workers(&by_get, |idx| case.items[idx].got.map(|get| case.atoms[get].worker));
        graph
    }

    /// Whose span is over is before all whose spans begin later.
    fn add_clock(&mut self, items: &[usize], span: impl Fn(usize) -> (u64, u64)) {
        let mut by_begin = items.to_vec();
        by_begin.sort_by_key(|&idx| span(idx).0);
        let first_time = self.arrows.len();
        for (place, &idx) in by_begin.iter().enumerate() {
            let time = first_time + place;
            let next = (place + 1 < by_begin.len()).then_some(time + 1);
            self.arrows.push([idx].into_iter().chain(next).collect());
        }
        for &idx in items {
            let n_begun = by_begin.partition_point(|&other| span(other).0 <= span(idx).1);
            if n_begun < by_begin.len() {
                self.arrows[idx].push(first_time + n_begun);
            }
        }
    }

    /// A worker does one after the other.
    fn add_workers(&mut self, order: &[usize], worker: impl Fn(usize) -> Option<usize>) {
        let mut last = HashMap::new();
        for &idx in order {
            if let Some(before) = worker(idx).and_then(|worker| last.insert(worker, idx)) {
                self.arrows[before].push(idx);
            }
        }
    }

    /// Nodes each of which has an arrow to the next, and the last one to the first.
    fn circle(&self) -> Option<Vec<usize>> {
        let mut marks = vec![Mark::New; self.arrows.len()];
        (0..self.arrows.len()).find_map(|start| self.circle_from(start, &mut marks))
    }

    fn circle_from(&self, start: usize, marks: &mut [Mark]) -> Option<Vec<usize>> {
        // The nodes on the way, and how many arrows of each were followed.
        let mut way = if marks[start] == Mark::New { vec![(start, 0)] } else { Vec::new() };
        while let Some((node, n_followed)) = way.last_mut() {
            marks[*node] = Mark::OnTheWay;
            let Some(&next) = self.arrows[*node].get(*n_followed) else {
                marks[*node] = Mark::Done;
                way.pop();
                continue;
            };
            *n_followed += 1;
            match marks[next] {
                Mark::New => way.push((next, 0)),
                Mark::OnTheWay => {
                    return Some(
                        way.into_iter().map(|(node, _)| node).skip_while(|&node| node != next).collect(),
                    );
                }
                Mark::Done => {}
            }
        }
        None
    }
}
