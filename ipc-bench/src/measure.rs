//! The one loop that runs all contenders, so that it cannot favour one.

use crate::row::Row;
use std::error::Error;
use std::time::{Duration, Instant};

/// Something that can be done once more, by us or by a peer.
pub(crate) trait Contender {
    /// How it is called in the notes.
    fn name(&self) -> &'static str;

    /// Does it once, and checks that it was done.
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
    /// The highest ratio that is good.
    pub(crate) target: f64,
}

impl Effort {
    /// How often each contender runs.
    fn rounds(self) -> usize {
        match self {
            Effort::Quick => 50,
            Effort::Full => 1000,
        }
    }
}

impl Comparison {
    /// Runs both in turn, so that whatever else the machine does meets both alike, and compares the medians.
    pub(crate) fn run(
        self,
        ours: &mut dyn Contender,
        peer: &mut dyn Contender,
        effort: Effort,
    ) -> Result<Row, Box<dyn Error>> {
        let n_rounds = effort.rounds();
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
        let ratio = in_us(median(&our_times)) / in_us(median(&peer_times));
        let p95 = |times: &[Duration]| in_us(times[times.len() * 95 / 100]);
        Ok(Row {
            id: self.id,
            work: self.work,
            ratio,
            ours: in_us(median(&our_times)),
            peer: in_us(median(&peer_times)),
            unit: "us",
            target: format!("<= {}", self.target),
            met: ratio <= self.target,
            note: format!(
                "{n_rounds} times each in turn; p95 {:.1} {}, {:.1} {}",
                p95(&our_times),
                ours.name(),
                p95(&peer_times),
                peer.name(),
            ),
        })
    }
}

fn timed(contender: &mut dyn Contender) -> Result<Duration, Box<dyn Error>> {
    let start = Instant::now();
    contender.run_once()?;
    Ok(start.elapsed())
}

/// Of times in order.
fn median(times: &[Duration]) -> Duration {
    times[times.len() / 2]
}

fn in_us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
