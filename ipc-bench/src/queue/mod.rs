//! Area `queue`: the queue beside the channels of one process, and beside what other programs use between processes.
//!
//! Two who work are pinned to two processors. More of them are spread evenly, those who put and those who get, for both
//! sides alike; where it says so, they run where the system likes. Both sides have the same capacity, and the same numbers.

mod batches;
pub(crate) mod bytes;
pub(crate) mod crew;
pub(crate) mod crossbeam;
pub(crate) mod futex;
#[cfg(feature = "iceoryx2")]
mod iceoryx;
pub(crate) mod messages;
pub(crate) mod ours;
mod plots;
pub(crate) mod python;
mod rest;
pub(crate) mod ring;
pub(crate) mod servo;
mod sizes;
pub(crate) mod way;
pub(crate) mod work;

use crate::measure::{Comparison, Contender, Effort, Shown};
use crate::row::Row;
use batches::{BATCH, Batches};
use bytes::{Pipe, Socket};
use crew::Outcome;
use crossbeam::Crossbeam;
use futex::Futex;
use ours::Ours;
use python::Python;
use servo::Servo;
use work::{anywhere, apart, evenly, ping_pong, stream, wake_each_other};

/// The capacity of everything that has one.
const CAPACITY: usize = 1024;
/// How often a number goes back and forth in one run of who is fast, and of who is slow.
const N_ROUNDS: u64 = 4000;
const N_SLOW_ROUNDS: u64 = 250;
/// How often two wake each other in one run. A run is short, so that the median is that of single messages.
const N_WAKES: u64 = 1;
/// How many numbers go one way in one run of who is fast, and of who is slow.
const N_NUMBERS: u64 = 400_000;
const N_SLOW_NUMBERS: u64 = 20_000;
/// How many millions of numbers should go in a second when they go a hundred at a time.
const LEAST_IN_BATCHES: f64 = 100.0;

/// Measures everything of the area.
pub(crate) fn rows(effort: Effort) -> Outcome<Vec<Row>> {
    let mut rows = latency(effort)?;
    rows.extend(one_way(effort)?);
    rows.extend(many(effort)?);
    rows.push(batches(effort)?);
    rows.extend(sizes::rows(effort)?);
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
    let ours = |n_rounds| ping_pong(|| Ours::new(CAPACITY), n_rounds);
    let mut rows =
        vec![compare("S1a", "Queue, ping-pong of a u64, by crossbeam", Some(1.0), N_ROUNDS, 5).run(
            &mut ours(N_ROUNDS)?,
            &mut ping_pong(|| Ok(Crossbeam::new(CAPACITY)), N_ROUNDS)?,
            effort,
        )?];
    #[cfg(feature = "iceoryx2")]
    rows.push(compare("S1b", "Queue, ping-pong of a u64, by iceoryx2", None, N_ROUNDS, 5).run(
        &mut ours(N_ROUNDS)?,
        &mut ping_pong(|| Ok(iceoryx::Iceoryx::new(CAPACITY)), N_ROUNDS)?,
        effort,
    )?);
    let slow = |id, work| compare(id, work, None, N_SLOW_ROUNDS, 10);
    let mut beside = |id, work, mut peer: Box<dyn Contender>| {
        rows.push(slow(id, work).run(&mut ours(N_SLOW_ROUNDS)?, &mut *peer, effort)?);
        Outcome::Ok(())
    };
    let peer = Box::new(ping_pong(Servo::new, N_SLOW_ROUNDS)?);
    beside("S1c", "Queue, ping-pong of a u64, by ipc-channel", peer)?;
    beside(
        "S1d",
        "Queue, ping-pong of a u64, by pipes",
        Box::new(ping_pong(|| Pipe::new(size_of::<u64>()), N_SLOW_ROUNDS)?),
    )?;
    let peer = Box::new(ping_pong(|| Socket::new(size_of::<u64>()), N_SLOW_ROUNDS)?);
    beside("S1e", "Queue, ping-pong of a u64, by Unix sockets", peer)?;
    if let Some(python) = Python::start("ping-pong", N_SLOW_ROUNDS) {
        beside("S1f", "Queue, ping-pong of a u64, by Python's", Box::new(python))?;
    }
    rows.push(compare("S2", "Queue, a u64 to who sleeps, by a futex", Some(1.15), 2 * N_WAKES, 2).run(
        &mut wake_each_other(|| Ours::new(CAPACITY), N_WAKES)?,
        &mut wake_each_other(Futex::new, N_WAKES)?,
        effort,
    )?);
    Ok(rows)
}

/// One who puts, one who gets.
fn one_way(effort: Effort) -> Outcome<Vec<Row>> {
    let compare = |id, work, target, n_operations, fewer| Comparison {
        id,
        work,
        target,
        n_operations,
        shown: Shown::Millions,
        fewer,
    };
    let ours = |n_numbers| stream(Ours::new(CAPACITY)?, 1, n_numbers, apart);
    let mut rows = vec![compare("S3a", "Queue, 1 to 1, u64, by crossbeam", Some(1.0), N_NUMBERS, 20).run(
        &mut ours(N_NUMBERS)?,
        &mut stream(Crossbeam::new(CAPACITY), 1, N_NUMBERS, apart)?,
        effort,
    )?];
    let slow = |id, work| compare(id, work, None, N_SLOW_NUMBERS, 20);
    let mut beside = |id, work, mut peer: Box<dyn Contender>| {
        rows.push(slow(id, work).run(&mut ours(N_SLOW_NUMBERS)?, &mut *peer, effort)?);
        Outcome::Ok(())
    };
    #[cfg(feature = "iceoryx2")]
    beside(
        "S3b",
        "Queue, 1 to 1, u64, by iceoryx2",
        Box::new(stream(iceoryx::Iceoryx::new(CAPACITY), 1, N_SLOW_NUMBERS, apart)?),
    )?;
    let peer = Box::new(stream(Servo::new()?, 1, N_SLOW_NUMBERS, apart)?);
    beside("S3c", "Queue, 1 to 1, u64, by ipc-channel", peer)?;
    if let Some(python) = Python::start("one way", N_SLOW_NUMBERS) {
        beside("S3d", "Queue, 1 to 1, u64, by Python's", Box::new(python))?;
    }
    Ok(rows)
}

/// Several who put, and as many who get.
fn many(effort: Effort) -> Outcome<Vec<Row>> {
    let compare = |id, work, target| Comparison {
        id,
        work,
        target,
        n_operations: N_NUMBERS,
        shown: Shown::Millions,
        fewer: 20,
    };
    let ours = |n_pairs| stream(Ours::new(CAPACITY)?, n_pairs, N_NUMBERS, evenly);
    Ok(vec![
        compare("S4a", "Queue, 2 to 2, u64, by crossbeam", Some(1.0)).run(
            &mut ours(2)?,
            &mut stream(Crossbeam::new(CAPACITY), 2, N_NUMBERS, evenly)?,
            effort,
        )?,
        compare("S4b", "the same, where the system likes", None).run(
            &mut stream(Ours::new(CAPACITY)?, 2, N_NUMBERS, anywhere)?,
            &mut stream(Crossbeam::new(CAPACITY), 2, N_NUMBERS, anywhere)?,
            effort,
        )?,
        compare("S15", "Queue, 8 to 8, u64, by 2 to 2", Some(0.8)).run(
            &mut ours(8)?,
            &mut ours(2)?,
            effort,
        )?,
    ])
}

/// One who puts, one who gets, a hundred at a time.
fn batches(effort: Effort) -> Outcome<Row> {
    let comparison = Comparison {
        id: "S5",
        work: "Queue, put_many and get_many of 100 u64",
        target: None,
        n_operations: N_NUMBERS,
        shown: Shown::Millions,
        fewer: 20,
    };
    const { assert!(N_NUMBERS % BATCH as u64 == 0) };
    comparison.at_least(LEAST_IN_BATCHES, &mut stream(Batches::new(CAPACITY)?, 1, N_NUMBERS, apart)?, effort)
}
