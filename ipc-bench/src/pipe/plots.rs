//! The pictures of the area: pipe, queue and the system's own, by the size of the messages.

use super::ours::Strings;
use super::{N_BYTES, room};
use crate::measure::{Effort, median};
use crate::plot::Plot;
use crate::queue::bytes::{Pipe, Socket};
use crate::queue::crew::{Crew, Outcome};
use crate::queue::messages::Copied;
use crate::queue::ring::Ring;
use crate::queue::work::{apart, ping_pong, stream};

/// The sizes of the messages.
const SIZES: [usize; 9] = [16, 64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20];
/// How often a message goes back and forth in a run, if it is small.
const N_ROUNDS: u64 = 500;
/// How many messages go one way in a run at most.
const MOST_MESSAGES: usize = 100_000;

/// Draws all of them.
pub(super) fn draw(effort: Effort) -> Outcome {
    let n_runs = match effort {
        Effort::Quick => 3,
        Effort::Full => 15,
    };
    latency_by_size(n_runs)?;
    throughput_by_size(n_runs)
}

fn latency_by_size(n_runs: usize) -> Outcome {
    // Fewer for large ones, which take long.
    let n_rounds = |size: usize| (N_BYTES / 4 / size).min(N_ROUNDS as usize) as u64;
    let of = |make: &dyn Fn(usize) -> Outcome<Crew>| {
        line(n_runs, make, |size, seconds| 1e6 * seconds / n_rounds(size) as f64)
    };
    let lines = vec![
        ("ipc_pipe", of(&|size| ping_pong(|| Strings::new(size), n_rounds(size)))?),
        ("ipc_queue", of(&|size| ping_pong(|| Copied::new(size, room(size)), n_rounds(size)))?),
        ("bare ring", of(&|size| ping_pong(|| Ring::new(size, room(size)), n_rounds(size)))?),
        ("Unix socket", of(&|size| ping_pong(|| Socket::new(size), n_rounds(size)))?),
        ("OS pipe", of(&|size| ping_pong(|| Pipe::new(size), n_rounds(size)))?),
    ];
    let plot = Plot { title: "a message back and forth", x: "bytes", y: "us", lines };
    Ok(plot.write("pipe-latency-by-size")?)
}

fn throughput_by_size(n_runs: usize) -> Outcome {
    let n_messages = |size: usize| (N_BYTES / size).min(MOST_MESSAGES) as u64;
    let of = |make: &dyn Fn(usize) -> Outcome<Crew>| {
        line(n_runs, make, |size, seconds| 1e-9 * (size as u64 * n_messages(size)) as f64 / seconds)
    };
    let lines = vec![
        ("ipc_pipe", of(&|size| stream(Strings::new(size)?, 1, n_messages(size), apart))?),
        (
            "ipc_pipe, room",
            of(&|size| stream(Strings::with_room(size, room(size))?, 1, n_messages(size), apart))?,
        ),
        ("ipc_queue", of(&|size| stream(Copied::new(size, room(size))?, 1, n_messages(size), apart))?),
        ("bare ring", of(&|size| stream(Ring::new(size, room(size))?, 1, n_messages(size), apart))?),
        ("Unix socket", of(&|size| stream(Socket::new(size)?, 1, n_messages(size), apart))?),
        ("OS pipe", of(&|size| stream(Pipe::new(size)?, 1, n_messages(size), apart))?),
    ];
    let plot = Plot { title: "messages one way", x: "bytes", y: "GB/s", lines };
    Ok(plot.write("pipe-throughput-by-size")?)
}

/// A point for each of the sizes, from the median time of a run in seconds.
fn line(
    n_runs: usize,
    make: &dyn Fn(usize) -> Outcome<Crew>,
    value: impl Fn(usize, f64) -> f64,
) -> Outcome<Vec<(f64, f64)>> {
    let of = |&size: &usize| Ok((size as f64, value(size, median(&mut make(size)?, n_runs)?.as_secs_f64())));
    SIZES.iter().map(of).collect()
}
