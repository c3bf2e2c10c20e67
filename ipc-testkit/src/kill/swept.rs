//! What a sweep or a storm has counted.

use super::Row;
use super::forked::Ending;
use super::route::Arrival;

/// What was swept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// How many instructions the call has; of several calls, those of all ways that were written down.
    pub steps: u64,
    /// At how many of them, or of their pairs or chains, a child was killed or stopped.
    pub points: u64,
    /// How many children were killed for it; where children are stopped and not killed, how many those were.
    pub kills: u64,
    /// How many points were missed: a child took another way and ended before it, and was killed after the call.
    pub missed: u64,
    /// How many different states the kills have left, where they are told apart.
    pub states: u64,
    /// How many calls did not end within some seconds although they should have. The second one ends the sweep.
    pub hangs: u64,
    /// How many calls panicked, or ended their process otherwise, although they should have returned.
    pub failed: u64,
}

/// Hangs of some seconds each: the first one may be a machine that is busy, and a third one would prove the same again.
const MOST_HANGS: u64 = 2;

impl Sweep {
    /// The counts as the row of a scenario, to which the caller adds what its checks have found.
    ///
    /// It is good as long as no call has failed and at most a tenth of the points were missed: some children take another
    /// way, by the time or by what the allocator has at hand, and the rest must be enough.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_testkit::kill::Sweep;
    ///
    /// let swept = Sweep { points: 100, kills: 100, missed: 1, ..Sweep::default() };
    /// assert!(swept.row("put").passed());
    /// assert!(!Sweep { missed: 50, ..swept }.row("put").passed());
    /// assert!(!Sweep { hangs: 1, ..swept }.row("put").passed());
    /// ```
    pub fn row(&self, scenario: &str) -> Row {
        let ok = self.failed == 0 && self.missed <= self.points / 10;
        Row { points: self.points, kills: self.kills, hangs: self.hangs, ok, ..Row::new(scenario) }
    }

    /// Counts a child that was led to a point.
    pub(super) fn arrived(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::There => {}
            Arrival::Elsewhere => self.missed += 1,
            Arrival::Late => self.hangs += 1,
        }
    }

    /// Counts a child that went to its end.
    pub(super) fn ended(&mut self, ending: Ending) {
        match ending {
            Ending::Returned => {}
            Ending::Failed => self.failed += 1,
            Ending::Hung => self.hangs += 1,
        }
    }

    /// Whether there were enough hangs to know.
    pub(super) fn is_over(&self) -> bool {
        self.hangs >= MOST_HANGS
    }
}
