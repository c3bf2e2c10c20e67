//! How many of many spans of time hold at an instant, and at most within a span.

use super::case::NEVER;

/// A count that changes with time.
///
/// Between the instants that a clock can tell are others. So an instant has an even number here, twice the time, and what is
/// between it and the next one has the odd number between them.
pub(super) struct Steps {
    /// From which number on the count is what.
    steps: Vec<(u64, isize)>,
    /// The greatest count among 2^row steps from each on.
    greatest: Vec<Vec<isize>>,
}

impl Steps {
    /// Counts spans that include their two times.
    pub(super) fn closed(spans: impl Iterator<Item = (u64, u64)>) -> Steps {
        Steps::new(changes(spans.map(|(from, to)| (number(from), number(to) + 1))))
    }

    /// Counts spans that do not include their two times, less one from each of these times on.
    pub(super) fn open(spans: impl Iterator<Item = (u64, u64)>, less: impl Iterator<Item = u64>) -> Steps {
        let mut changes = changes(spans.map(|(from, to)| (number(from) + 1, number(to))));
        changes.extend(less.map(|time| (number(time), -1)));
        Steps::new(changes)
    }

    /// The count changes by so much at each number. It is 0 before.
    fn new(mut changes: Vec<(u64, isize)>) -> Steps {
        changes.sort_unstable();
        let mut steps = vec![(0, 0)];
        for (number, change) in changes {
            let (last, count) = steps[steps.len() - 1];
            if last == number {
                steps.pop();
            }
            steps.push((number, count + change));
        }
        let mut greatest = vec![steps.iter().map(|&(_, count)| count).collect::<Vec<_>>()];
        let mut width = 1;
        while 2 * width <= steps.len() {
            let half = &greatest[greatest.len() - 1];
            greatest
                .push((0..=steps.len() - 2 * width).map(|idx| half[idx].max(half[idx + width])).collect());
            width *= 2;
        }
        Steps { steps, greatest }
    }

    /// The greatest count within a span, its two times included.
    pub(super) fn most_within(&self, from: u64, to: u64) -> isize {
        let (first, last) = (self.step(number(from)), self.step(number(to)));
        let row = (last + 1 - first).ilog2() as usize;
        self.greatest[row][first].max(self.greatest[row][last + 1 - (1 << row)])
    }

    /// The first instant, this one or later, at which the count is as asked.
    pub(super) fn first(&self, time: u64, is_asked: impl Fn(isize) -> bool) -> u64 {
        let step = self.step(number(time));
        if is_asked(self.steps[step].1) {
            return time;
        }
        self.steps[step..]
            .iter()
            .find(|(_, count)| is_asked(*count))
            .map_or(NEVER, |(number, _)| number.div_ceil(2))
    }

    /// The last instant, this one or earlier, at which the count is as asked.
    pub(super) fn last(&self, time: u64, is_asked: impl Fn(isize) -> bool) -> u64 {
        let step = self.step(number(time));
        if is_asked(self.steps[step].1) {
            return time;
        }
        let last = self.steps[..=step].iter().rposition(|(_, count)| is_asked(*count));
        last.map_or(0, |last| (self.steps[last + 1].0 - 1) / 2)
    }

    fn step(&self, number: u64) -> usize {
        self.steps.partition_point(|&(from, _)| from <= number) - 1
    }
}

/// Each span adds one from its first number on, until before its last.
fn changes(spans: impl Iterator<Item = (u64, u64)>) -> Vec<(u64, isize)> {
    spans.filter(|(from, to)| from < to).flat_map(|(from, to)| [(from, 1), (to, -1)]).collect()
}

fn number(time: u64) -> u64 {
    time.min(NEVER / 2 - 1) * 2
}
