//! Workers that append to one list and fill one dict, which a manager holds for them.
//!
//! `cargo run --release --example process_manager -- [--workers N] [--method spawn|fork|forkserver]`
//!
//! What they share are objects of the manager's process, and what they have in their hands are proxies: plain values, which are passed to a
//! worker like any other argument, and put into other objects.

#[path = "support/args.rs"]
mod args;

use args::{Args, Opt};
use multiproc::manager::{CallError, Dict, List};
use multiproc::{Builder, Manager};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

const HELP: &str = "\
Workers append to a list and fill a dict, which a manager holds for all of them.

usage: process_manager [--workers N] [--method spawn|fork|forkserver]

  --workers N  how many workers, 1 to 64; else 5
  --method M   how the processes are started: spawn (else), fork,
               forkserver
  --help       print this

exit code: 0 all of them are found in list and dict, 1 one is not, 2 wrong usage,
3 a process or the output failed";

const OPTIONS: [Opt; 1] = [Opt::Number { name: "--workers", allowed: 1..=64, default: 5 }];

/// What the workers have in common.
#[derive(Clone, Serialize, Deserialize)]
struct Shared {
    names: List<String>,
    squares: Dict<u64, u64>,
    /// Lists in a dict.
    groups: Dict<String, List<u64>>,
    total: Dict<String, u64>,
}

fn main() -> ExitCode {
    multiproc::init();
    args::main(HELP, &OPTIONS, run)
}

/// Whether list and dict are as they should be.
fn run(args: Args) -> Result<bool, Box<dyn Error>> {
    let workers = 1..=args.values[0];
    let manager = Manager::builder().method(args.method).start()?;
    let shared = share(&manager)?;
    let start = |number| Builder::new().method(args.method).spawn(work, (number, shared.clone()));
    for worker in workers.clone().map(start).collect::<Result<Vec<_>, _>>()? {
        worker.join()?.map_err(|error| format!("a worker failed: {error}"))?;
    }
    let Shared { names, squares, groups, total } = shared;

    // Snapshots, each by one call. The workers came in any order.
    let (mut names, mut squares) = (names.to_vec()?, squares.to_vec()?);
    names.sort_unstable();
    squares.sort_unstable();
    let mut out = io::stdout().lock();
    writeln!(out, "list: {}", names.join(", "))?;
    writeln!(out, "dict: {squares:?}")?;
    for (group, numbers) in groups.iter().collect::<Result<Vec<_>, _>>()? {
        writeln!(out, "{group}: {} workers", numbers.len()?)?;
    }
    let (sum, largest) = (total.get("sum")?.unwrap_or(0), total.get("largest")?.unwrap_or(0));
    writeln!(out, "sum {sum}, largest {largest}")?;
    let sum_of_squares = squares.iter().map(|(_, square)| square).sum::<u64>();
    Ok(squares.iter().copied().eq(workers.map(|number| (number, number * number)))
        && names.len() == squares.len()
        && sum == sum_of_squares)
}

fn share(manager: &Manager) -> Result<Shared, CallError> {
    let groups = manager.dict()?;
    groups.set("odd", &manager.list()?)?;
    groups.set("even", &manager.list()?)?;
    Ok(Shared { names: manager.list()?, squares: manager.dict()?, groups, total: manager.dict()? })
}

/// In a worker; its error is told to the parent as a text.
fn work((number, shared): (u64, Shared)) -> Result<(), String> {
    record(number, &shared).map_err(|error| error.to_string())
}

fn record(number: u64, shared: &Shared) -> Result<(), CallError> {
    let square = number * number;
    shared.names.push(&format!("worker {number}"))?;
    shared.squares.set(&number, &square)?;

    // What comes out of the dict is the list itself, not a copy of it: all see what is pushed.
    let group = if number % 2 == 0 { "even" } else { "odd" };
    if let Some(numbers) = shared.groups.get(group)? {
        numbers.push(&number)?;
    }

    // To get the sum and to set it would be two calls, and what another worker adds in between would be lost. This is one step,
    shared.total.fetch_add("sum", square)?;
    // and so is whatever a function does, which runs where the dict is.
    shared.total.update("largest", |largest, square: u64| *largest = (*largest).max(Some(square)), square)
}
