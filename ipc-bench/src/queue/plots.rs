//! The pictures of the area.

use super::CAPACITY;
use super::bytes::Socket;
use super::crew::{Crew, Outcome};
use super::crossbeam::Crossbeam;
use super::messages::{Copied, Loaned};
use super::ours::Ours;
use super::ring::Ring;
use super::sizes::{N_BYTES, room};
use super::work::{anywhere, apart, ping_pong, stream};
use crate::measure::{Effort, median};
use crate::plot::Plot;

/// How many pairs of processes there are in each point of the picture.
const PAIRS: [usize; 5] = [1, 2, 4, 8, 16];
/// How many numbers all of them pass on in a run.
const N_NUMBERS: u64 = 160_000;
/// The sizes of the messages.
const SIZES: [usize; 9] = [16, 64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20];
/// How often a message goes back and forth in a run, if it is small.
const N_ROUNDS: u64 = 500;
/// How many messages go one way in a run at most.
const MOST_MESSAGES: usize = 100_000;

/// What is measured for a point: who does it, and what the time becomes.
type Point<'a> = &'a dyn Fn(usize) -> Outcome<Crew>;

/// Draws all of them.
pub(super) fn draw(effort: Effort) -> Outcome {
    let n_runs = match effort {
        Effort::Quick => 3,
        Effort::Full => 15,
    };
    by_processes(n_runs)?;
    latency_by_size(n_runs)?;
    throughput_by_size(n_runs)
}

fn by_processes(n_runs: usize) -> Outcome {
    let of = |make: Point<'_>| {
        line(&PAIRS, n_runs, make, |n_pairs, seconds| (2.0 * n_pairs, N_NUMBERS as f64 / seconds / 1e6))
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

fn latency_by_size(n_runs: usize) -> Outcome {
    let of = |make: Point<'_>| {
        line(&SIZES, n_runs, make, |size, seconds| (size, 1e6 * seconds / n_rounds(size as usize) as f64))
    };
    let copied = of(&|size| ping_pong(|| Copied::new(size, room(size)), n_rounds(size)))?;
    let loaned = of(&|size| ping_pong(|| Loaned::new(size), n_rounds(size)))?;
    let ring = of(&|size| ping_pong(|| Ring::new(size, room(size)), n_rounds(size)))?;
    let socket = of(&|size| ping_pong(|| Socket::new(size), n_rounds(size)))?;
    #[cfg_attr(not(feature = "iceoryx2"), expect(unused_mut))]
    let mut lines = vec![
        ("ipc_queue", copied),
        ("ipc_queue, loans", loaned),
        ("bare ring", ring),
        ("Unix socket", socket),
    ];
    #[cfg(feature = "iceoryx2")]
    lines.push((
        "iceoryx2, loans",
        of(&|size| ping_pong(|| Ok(super::iceoryx::IceoryxLoans::new(size)), n_rounds(size)))?,
    ));
    let plot = Plot { title: "a message back and forth", x: "bytes", y: "us", lines };
    Ok(plot.write("queue-latency-by-size")?)
}

fn throughput_by_size(n_runs: usize) -> Outcome {
    let n_messages = |size: usize| (N_BYTES / size).min(MOST_MESSAGES) as u64;
    let of = |make: Point<'_>| {
        line(&SIZES, n_runs, make, |size, seconds| {
            (size, 1e-9 * size * n_messages(size as usize) as f64 / seconds)
        })
    };
    let copied = of(&|size| stream(Copied::new(size, room(size))?, 1, n_messages(size), apart))?;
    let ring = of(&|size| stream(Ring::new(size, room(size))?, 1, n_messages(size), apart))?;
    let socket = of(&|size| stream(Socket::new(size)?, 1, n_messages(size), apart))?;
    let plot = Plot {
        title: "messages one way",
        x: "bytes",
        y: "GB/s",
        lines: vec![("ipc_queue", copied), ("bare ring", ring), ("Unix socket", socket)],
    };
    Ok(plot.write("queue-throughput-by-size")?)
}

/// Fewer for large ones, which take long.
fn n_rounds(size: usize) -> u64 {
    (N_BYTES / 4 / size).min(N_ROUNDS as usize) as u64
}

/// A point for each of the numbers along the axis, from the median time of a run in seconds.
fn line(
    along: &[usize],
    n_runs: usize,
    make: Point<'_>,
    point: impl Fn(f64, f64) -> (f64, f64),
) -> Outcome<Vec<(f64, f64)>> {
    let of = |&at: &usize| Ok(point(at as f64, median(&mut make(at)?, n_runs)?.as_secs_f64()));
    along.iter().map(of).collect()
}
