//! Area `pipe`: the pipe beside what the system, other programs and Python have between two processes, and beside the queue.
//!
//! The contenders and what is done with them are those of the area `queue`.

mod ours;
mod plots;
mod rest;

use crate::measure::{Comparison, Contender, Effort, Shown};
use crate::queue::bytes::{Pipe, Socket};
use crate::queue::crew::{Crew, Outcome};
use crate::queue::crossbeam::Crossbeam;
use crate::queue::futex::Futex;
use crate::queue::messages::Copied;
use crate::queue::ours::Ours;
use crate::queue::python::Python;
use crate::queue::ring::Ring;
use crate::queue::servo::Servo;
use crate::queue::work::{apart, ping_pong, stream, wake_each_other};
use crate::row::Row;
use ours::{Numbers, Strings};

/// The capacity of everything that has one.
const CAPACITY: usize = 1024;
/// How often a number goes back and forth in one run of who is fast, and of who is slow.
const N_ROUNDS: u64 = 4000;
const N_SLOW_ROUNDS: u64 = 250;
/// How often two wake each other in one run.
const N_WAKES: u64 = 1;
/// The sizes of messages, and how many bytes go one way in a run.
const SMALL: usize = 4 << 10;
const LARGE: usize = 1 << 20;
const N_BYTES: usize = 128 << 20;
/// As many bytes in a run of Python's.
const N_SLOW_BYTES: usize = 32 << 20;

/// Measures everything of the area.
pub(crate) fn rows(effort: Effort) -> Outcome<Vec<Row>> {
    let mut rows = latency(effort)?;
    rows.extend(one_way(effort)?);
    rows.push(rest::idle(effort)?);
    rows.extend(rest::size()?);
    plots::draw(effort)?;
    Ok(rows)
}

/// Ping-pong: of who is busy, and of who is asleep.
fn latency(effort: Effort) -> Outcome<Vec<Row>> {
    let compare = |id, work, target, n_operations, fewer| Comparison {
        id,
        work,
        target,
        n_operations,
        shown: Shown::Time,
        fewer,
    };
    let ours = |n_rounds| ping_pong(Numbers::new, n_rounds);
    let mut rows =
        vec![compare("S1p", "Pipe, ping-pong of a u64, by crossbeam", Some(1.0), N_ROUNDS, 5).run(
            &mut ours(N_ROUNDS)?,
            &mut ping_pong(|| Ok(Crossbeam::new(CAPACITY)), N_ROUNDS)?,
            effort,
        )?];
    rows.push(compare("S1q", "Pipe, ping-pong of a u64, by Queue", None, N_ROUNDS, 5).run(
        &mut ours(N_ROUNDS)?,
        &mut ping_pong(|| Ours::new(CAPACITY), N_ROUNDS)?,
        effort,
    )?);
    let mut beside = |id, work, mut peer: Box<dyn Contender>| {
        let comparison = compare(id, work, None, N_SLOW_ROUNDS, 10);
        rows.push(comparison.run(&mut ours(N_SLOW_ROUNDS)?, &mut *peer, effort)?);
        Outcome::Ok(())
    };
    let peer = Box::new(ping_pong(Servo::new, N_SLOW_ROUNDS)?);
    beside("S1r", "Pipe, ping-pong of a u64, by ipc-channel", peer)?;
    let peer = Box::new(ping_pong(|| Pipe::new(size_of::<u64>()), N_SLOW_ROUNDS)?);
    beside("S1s", "Pipe, ping-pong of a u64, by OS pipes", peer)?;
    let peer = Box::new(ping_pong(|| Socket::new(size_of::<u64>()), N_SLOW_ROUNDS)?);
    beside("S1t", "Pipe, ping-pong of a u64, by Unix sockets", peer)?;
    if let Some(python) = Python::start_pipe("ping-pong", N_SLOW_ROUNDS) {
        beside("S1u", "Pipe, ping-pong of a u64, by Python's", Box::new(python))?;
    }
    rows.push(compare("S2p", "Pipe, a u64 to who sleeps, by a futex", Some(1.15), 2 * N_WAKES, 2).run(
        &mut wake_each_other(Numbers::new, N_WAKES)?,
        &mut wake_each_other(Futex::new, N_WAKES)?,
        effort,
    )?);
    Ok(rows)
}

/// Byte strings one way, each received into a buffer. There is as much room in the pipe as in the ring and in the queue.
fn one_way(effort: Effort) -> Outcome<Vec<Row>> {
    let run = |id, work, target, size, n_bytes: usize, mut peer: Box<dyn Contender>| {
        let n_messages = (n_bytes / size) as u64;
        let shown = Shown::Gigabytes(size);
        let comparison = Comparison { id, work, target, n_operations: n_messages, shown, fewer: 40 };
        let mut ours = stream(Strings::with_room(size, room(size))?, 1, n_messages, apart)?;
        comparison.run(&mut ours, &mut *peer, effort)
    };
    let boxed = |crew: Outcome<Crew>| crew.map(|crew| Box::new(crew) as Box<dyn Contender>);
    let n_messages = |size| (N_BYTES / size) as u64;
    let socket = |size| boxed(stream(Socket::new(size)?, 1, n_messages(size), apart));
    let pipe = |size| boxed(stream(Pipe::new(size)?, 1, n_messages(size), apart));
    let ring = |size| boxed(stream(Ring::new(size, room(size))?, 1, n_messages(size), apart));
    let usual = |size| boxed(stream(Strings::new(size)?, 1, n_messages(size), apart));
    let queue = |size| boxed(stream(Copied::new(size, room(size))?, 1, n_messages(size), apart));
    let mut rows = vec![
        run("S6p", "Pipe, 4 KiB one way, by Unix sockets", Some(2.0), SMALL, N_BYTES, socket(SMALL)?)?,
        run("S6q", "Pipe, 4 KiB one way, by a bare ring", Some(0.8), SMALL, N_BYTES, ring(SMALL)?)?,
        run("S6r", "Pipe, 4 KiB one way, by OS pipes", None, SMALL, N_BYTES, pipe(SMALL)?)?,
        run("S6s", "Pipe, 4 KiB one way, by Queue", None, SMALL, N_BYTES, queue(SMALL)?)?,
        run("S6z", "Pipe, 4 KiB one way, by one of usual size", None, SMALL, N_BYTES, usual(SMALL)?)?,
        run("S6t", "Pipe, 1 MiB one way, by Unix sockets", Some(2.0), LARGE, N_BYTES, socket(LARGE)?)?,
        run("S6u", "Pipe, 1 MiB one way, by a bare ring", Some(0.8), LARGE, N_BYTES, ring(LARGE)?)?,
        run("S6v", "Pipe, 1 MiB one way, by OS pipes", None, LARGE, N_BYTES, pipe(LARGE)?)?,
        run("S6w", "Pipe, 1 MiB one way, by Queue", None, LARGE, N_BYTES, queue(LARGE)?)?,
    ];
    let python = |size: usize| Python::start_pipe(&format!("bytes {size}"), (N_SLOW_BYTES / size) as u64);
    if let (Some(small), Some(large)) = (python(SMALL), python(LARGE)) {
        let (small, large) = (Box::new(small), Box::new(large));
        rows.push(run("S6x", "Pipe, 4 KiB one way, by Python's", None, SMALL, N_SLOW_BYTES, small)?);
        rows.push(run("S6y", "Pipe, 1 MiB one way, by Python's", None, LARGE, N_SLOW_BYTES, large)?);
    }
    Ok(rows)
}

/// Room for as many bytes with every contender that can be told: eight of the larger messages.
fn room(size: usize) -> usize {
    (8 * LARGE).max(2 * size)
}
