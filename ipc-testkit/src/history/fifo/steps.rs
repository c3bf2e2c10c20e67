//! How many of many spans of time hold at an instant, and at most within a span.

use super::case::NEVER;

/// A count that changes with time.
///
/// Between the instants that a clock can tell are others. So an instant has an even number here, twice the time, and what is
/// between it and the next one has the odd number between them.
pub(super) struct Steps {
    /// From which number on the count is what.
    steps: Vec<(u64, usize)>,
    /// The greatest count among 2^row steps from each on.
    greatest: Vec<Vec<usize>>,
}

impl Steps {
    /// Counts spans that include their two times.
    pub(super) fn closed(spans: impl Iterator<Item = (u64, u64)>) -> Steps {
        Steps::new(spans.map(|(from, to)| (number(from), number(to) + 1)))
    }

    /// Counts spans that do not include their two times.
    pub(super) fn open(spans: impl Iterator<Item = (u64, u64)>) -> Steps {
        Steps::new(spans.map(|(from, to)| (number(from) + 1, number(to))))
    }

    /// Each span holds from one number on, until before the other.
    fn new(spans: impl Iterator<Item = (u64, u64)>) -> Steps {
        let (mut begins, mut ends): (Vec<u64>, Vec<u64>) = spans.filter(|(from, to)| from < to).unzip();
        begins.sort_unstable();
        ends.sort_unstable();
        let mut numbers: Vec<u64> = begins.iter().chain(&ends).copied().chain([0]).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let (mut n_begun, mut n_ended) = (0, 0);
        let mut count = |number: u64| {
            n_begun += begins[n_begun..].iter().take_while(|&&begin| begin <= number).count();
            n_ended += ends[n_ended..].iter().take_while(|&&end| end <= number).count();
            (number, n_begun - n_ended)
        };
        let steps: Vec<(u64, usize)> = numbers.into_iter().map(&mut count).collect();
        let mut greatest = vec![steps.iter().map(|&(_, count)| count).collect::<Vec<_>>()];
        let mut width = 1;
        while 2 * width <= steps.len() {
            let half = &greatest[greatest.len() - 1];
            greatest.push((0..=steps.len() - 2 * width).map(|idx| half[idx].max(half[idx + width])).collect());
            width *= 2;
        }
        Steps { steps, greatest }
    }

    /// The greatest count within a span, its two times included.
    pub(super) fn most_within(&self, from: u64, to: u64) -> usize {
        let (first, last) = (self.step(number(from)), self.step(number(to)));
        let row = (last + 1 - first).ilog2() as usize;
        self.greatest[row][first].max(self.greatest[row][last + 1 - (1 << row)])
    }

    /// The first instant, this one or later, at which the count is less.
    pub(super) fn first_below(&self, bound: usize, time: u64) -> u64 {
        let step = self.step(number(time));
        if self.steps[step].1 < bound {
            return time;
        }
        self.steps[step..].iter().find(|(_, count)| *count < bound).map_or(NEVER, |(number, _)| number.div_ceil(2))
    }

    /// The last instant, this one or earlier, at which the count is less.
    pub(super) fn last_below(&self, bound: usize, time: u64) -> u64 {
        let step = self.step(number(time));
        if self.steps[step].1 < bound {
            return time;
        }
        // Before the first span the count is 0.
        let n_steps = self.steps[..=step].iter().rposition(|(_, count)| *count < bound).map_or(0, |last| last + 1);
        self.steps[n_steps].0.saturating_sub(1) / 2
    }

    fn step(&self, number: u64) -> usize {
        self.steps.partition_point(|&(from, _)| from <= number) - 1
    }
}

fn number(time: u64) -> u64 {
    time.min(NEVER / 2 - 1) * 2
}
