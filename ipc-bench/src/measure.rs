//! The one loop that runs all contenders, so that it cannot favour one.

use crate::row::{Row, short};
use std::error::Error;
use std::time::{Duration, Instant};

/// Something that can be done once more, by us or by a peer.
pub(crate) trait Contender {
    /// How it is called in the notes.
    fn name(&self) -> &'static str;

    /// Does it once, or as often as the comparison says, and checks that it was done.
    fn run_once(&mut self) -> Result<(), Box<dyn Error>>;

    /// Does it once, and says how long it took. Who starts others for it leaves out the start.
    fn timed(&mut self) -> Result<Duration, Box<dyn Error>> {
        let start = Instant::now();
        self.run_once()?;
        Ok(start.elapsed())
    }
}

/// How much to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    Quick,
    Full,
}

/// The fewest runs that have a median which says something.
const FEWEST: usize = 5;

/// What is printed of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// The time itself; less is better.
    Time,
    /// Millions of operations in a second; more is better.
    Millions,
    /// Gigabytes in a second, when each operation moves so many bytes; more is better.
    Gigabytes(usize),
}

/// What is compared, and what for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comparison {
    pub(crate) id: &'static str,
    pub(crate) work: &'static str,
    /// The highest ratio that is good, if there is one; the lowest where more is better.
    pub(crate) target: Option<f64>,
    /// How often the work is done in one run; what is printed is the time of one, or how many there are in a time.
    pub(crate) n_operations: u64,
    pub(crate) shown: Shown,
    /// By how much fewer runs there are than of short work.
    pub(crate) fewer: usize,
}

impl Effort {
    /// How often each contender runs when its work is short.
    fn rounds(self) -> usize {
        match self {
            Effort::Quick => 50,
            Effort::Full => 1000,
        }
    }
}

/// A contender that does less than the others by so much, and is counted as if it had done as much.
pub(crate) struct Fewer<C>(pub(crate) C, pub(crate) u32);

impl<C: Contender> Contender for Fewer<C> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn run_once(&mut self) -> Result<(), Box<dyn Error>> {
        self.0.run_once()
    }

    fn timed(&mut self) -> Result<Duration, Box<dyn Error>> {
        Ok(self.0.timed()? * self.1)
    }
}

impl Comparison {
    /// Of work that is long enough to be timed by itself.
    pub(crate) fn once(id: &'static str, work: &'static str, target: f64) -> Comparison {
        Comparison { id, work, target: Some(target), n_operations: 1, shown: Shown::Time, fewer: 1 }
    }

    /// Runs both in turn, so that whatever else the machine does meets both alike, and compares the medians.
    pub(crate) fn run(
        self,
        ours: &mut dyn Contender,
        peer: &mut dyn Contender,
        effort: Effort,
    ) -> Result<Row, Box<dyn Error>> {
        let n_rounds = (effort.rounds() / self.fewer).max(FEWEST);
        for _ in 0..(n_rounds / 10).max(1) {
            ours.run_once()?;
            peer.run_once()?;
        }
        let mut our_times = Vec::with_capacity(n_rounds);
        let mut peer_times = Vec::with_capacity(n_rounds);
        for _ in 0..n_rounds {
            our_times.push(ours.timed()?);
            peer_times.push(peer.timed()?);
        }
        our_times.sort_unstable();
        peer_times.sort_unstable();
        Ok(self.row((ours.name(), &our_times), (peer.name(), &peer_times)))
    }

    /// Runs something that has no peer, but a least rate in the unit of the row.
    pub(crate) fn at_least(
        self,
        least: f64,
        ours: &mut dyn Contender,
        effort: Effort,
    ) -> Result<Row, Box<dyn Error>> {
        let n_rounds = (effort.rounds() / self.fewer).max(FEWEST);
        let median = self.figure(&[median(ours, n_rounds)?], 0);
        Ok(Row {
            id: self.id,
            work: self.work,
            ratio: median / least,
            ours: median,
            peer: least,
            unit: self.unit(),
            target: format!(">= {least}"),
            met: median >= least,
            note: format!("{n_rounds} times {}", self.n_operations),
        })
    }

    /// The row for the times of both, each in order.
    fn row(self, (our_name, ours): (&str, &[Duration]), (peer_name, peer): (&str, &[Duration])) -> Row {
        let (p50, peer_p50) = (self.figure(ours, 50), self.figure(peer, 50));
        let ratio = p50 / peer_p50;
        let is_less_better = self.shown == Shown::Time;
        let sign = if is_less_better { "<=" } else { ">=" };
        let is_good = |target| if is_less_better { ratio <= target } else { ratio >= target };
        Row {
            id: self.id,
            work: self.work,
            ratio,
            ours: p50,
            peer: peer_p50,
            unit: self.unit(),
            target: self.target.map_or_else(|| String::from("none"), |target| format!("{sign} {target}")),
            met: self.target.is_none_or(is_good),
            note: format!(
                "{} times {} each in turn; p5 and p95 by time {}, {} {our_name}, {}, {} {peer_name}",
                ours.len(),
                self.n_operations,
                short(self.figure(ours, 5)),
                short(self.figure(ours, 95)),
                short(self.figure(peer, 5)),
                short(self.figure(peer, 95)),
            ),
        }
    }

    /// What is printed of the time that is so many per cent from the shortest to the longest.
    fn figure(self, times: &[Duration], per_cent: usize) -> f64 {
        let seconds = times[times.len() * per_cent / 100].as_secs_f64() / self.n_operations as f64;
        match self.shown {
            Shown::Time if self.n_operations == 1 => seconds * 1e6,
            Shown::Time => seconds * 1e9,
            Shown::Millions => 1e-6 / seconds,
            Shown::Gigabytes(size) => 1e-9 * size as f64 / seconds,
        }
    }

    fn unit(self) -> &'static str {
        match self.shown {
            // Work that is done many times in a run takes nanoseconds.
            Shown::Time if self.n_operations == 1 => "us",
            Shown::Time => "ns",
            Shown::Millions => "M/s",
            Shown::Gigabytes(_) => "GB/s",
        }
    }
}

/// The middle one of so many times, after one more that is not counted.
pub(crate) fn median(contender: &mut dyn Contender, n_runs: usize) -> Result<Duration, Box<dyn Error>> {
    contender.run_once()?;
    let mut times = (0..n_runs).map(|_| contender.timed()).collect::<Result<Vec<_>, _>>()?;
    times.sort_unstable();
    Ok(times[n_runs / 2])
}
