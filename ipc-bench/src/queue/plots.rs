//! The pictures of the area.

use super::CAPACITY;
use super::crew::{Crew, Outcome};
use super::crossbeam::Crossbeam;
use super::ours::Ours;
use super::work::{anywhere, stream};
use crate::measure::{Effort, median};
use crate::plot::Plot;

/// How many pairs of processes there are in each point of the picture.
const PAIRS: [usize; 5] = [1, 2, 4, 8, 16];
/// How many numbers all of them pass on in a run.
const N_NUMBERS: u64 = 160_000;

/// Draws all of them.
pub(super) fn draw(effort: Effort) -> Outcome {
    let n_runs = match effort {
        Effort::Quick => 3,
        Effort::Full => 15,
    };
    let of = |make: &dyn Fn(usize) -> Outcome<Crew>| {
        let point = |n_pairs: usize| {
            let time = median(&mut make(n_pairs)?, n_runs)?;
            Ok((2.0 * n_pairs as f64, N_NUMBERS as f64 / time.as_secs_f64() / 1e6))
        };
        PAIRS.into_iter().map(point).collect::<Outcome<Vec<_>>>()
    };
    let ours = of(&|n_pairs| stream(Ours::new(CAPACITY)?, n_pairs, N_NUMBERS, anywhere))?;
    let crossbeam = of(&|n_pairs| stream(Crossbeam::new(CAPACITY), n_pairs, N_NUMBERS, anywhere))?;
    let plot = Plot {
        title: "u64 through one queue, half of all put, half get",
        x: "processes, or threads of crossbeam-channel",
        y: "million/s",
        lines: vec![("ipc_queue", ours), ("crossbeam-channel", crossbeam)],
    };
    Ok(plot.write("queue-throughput-by-processes")?)
}
