//! The one loop that runs all contenders, so that it cannot favour one.

use crate::row::Row;
use std::error::Error;
use std::time::{Duration, Instant};

/// Something that can be done once more, by us or by a peer.
pub(crate) trait Contender {
    /// How it is called in the notes.
    fn name(&self) -> &'static str;

    /// Does it once, or as often as the comparison says, and checks that it was done.
    fn run_once(&mut self) -> Result<(), Box<dyn Error>>;
}

/// How much to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    Quick,
    Full,
}

/// What is compared, and what for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comparison {
    pub(crate) id: &'static str,
    pub(crate) work: &'static str,
    /// The highest ratio that is good, if there is one.
    pub(crate) target: Option<f64>,
    /// How often the work is done in one run; what is printed is the time of one.
    pub(crate) n_operations: u64,
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

impl Comparison {
    /// Of work that is long enough to be timed by itself.
    pub(crate) fn once(id: &'static str, work: &'static str, target: f64) -> Comparison {
        Comparison { id, work, target: Some(target), n_operations: 1, fewer: 1 }
    }

    /// Runs both in turn, so that whatever else the machine does meets both alike, and compares the medians.
    pub(crate) fn run(
        self,
        ours: &mut dyn Contender,
        peer: &mut dyn Contender,
        effort: Effort,
    ) -> Result<Row, Box<dyn Error>> {
        let n_rounds = effort.rounds() / self.fewer;
        for _ in 0..n_rounds / 10 {
            ours.run_once()?;
            peer.run_once()?;
        }
        let mut our_times = Vec::with_capacity(n_rounds);
        let mut peer_times = Vec::with_capacity(n_rounds);
        for _ in 0..n_rounds {
            our_times.push(timed(ours)?);
            peer_times.push(timed(peer)?);
        }
        our_times.sort_unstable();
        peer_times.sort_unstable();
        Ok(self.row((ours.name(), &our_times), (peer.name(), &peer_times)))
    }

    /// The row for the times of both, each in order.
    fn row(self, (our_name, ours): (&str, &[Duration]), (peer_name, peer): (&str, &[Duration])) -> Row {
        // Work that is done many times in a run takes nanoseconds.
        let (unit, factor) =
            if self.n_operations == 1 { ("us", 1e6) } else { ("ns", 1e9 / self.n_operations as f64) };
        let p50 = |times: &[Duration]| times[times.len() / 2].as_secs_f64() * factor;
        let p95 = |times: &[Duration]| times[times.len() * 95 / 100].as_secs_f64() * factor;
        let ratio = p50(ours) / p50(peer);
        Row {
            id: self.id,
            work: self.work,
            ratio,
            ours: p50(ours),
            peer: p50(peer),
            unit,
            target: self.target.map_or_else(|| String::from("none"), |target| format!("<= {target}")),
            met: self.target.is_none_or(|target| ratio <= target),
            note: format!(
                "{} times {} each in turn; p95 {:.1} {our_name}, {:.1} {peer_name}",
                ours.len(),
                self.n_operations,
                p95(ours),
                p95(peer),
            ),
        }
    }
}

fn timed(contender: &mut dyn Contender) -> Result<Duration, Box<dyn Error>> {
    let start = Instant::now();
    contender.run_once()?;
    Ok(start.elapsed())
}
