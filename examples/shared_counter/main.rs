//! Several processes add to one number, under its lock and in one step, and sort one array in parts.
//!
//! `cargo run --release --example shared_counter -- [--workers N] [--rounds M] [--method spawn|fork|forkserver]`
//!
//! | file | what |
//! | --- | --- |
//! | `worker` | what each process does |
//! | `main` | what there is to share, and whether the results are exact |

#[path = "../support/args.rs"]
mod args;
mod worker;

use args::{Args, Opt};
use multiproc::{Array, Builder, RawArray, RawValue, Value};
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use worker::{Shared, work};

const HELP: &str = "\
Several processes add to one number, under its lock and in one step, and sort one
array in parts.

usage: shared_counter [--workers N] [--rounds M] [--method spawn|fork|forkserver]

  --workers N   how many processes, 1 to 256; else 4
  --rounds M    how often each of them adds, 1 to 100,000,000; else 100,000
  --method M    how they are started: spawn (else), fork, forkserver
  --help        print this

exit code: 0 all results are exact, 1 one is not, 2 wrong usage, 3 a worker or the
output failed";

const OPTIONS: [Opt; 2] = [
    // More workers than this are a slip of the finger and not a wish.
    Opt::Number { name: "--workers", allowed: 1..=256, default: 4 },
    // A few minutes at most.
    Opt::Number { name: "--rounds", allowed: 1..=100_000_000, default: 100_000 },
];

/// How many numbers are sorted.
const N_NUMBERS: u64 = 100_000;

fn main() -> ExitCode {
    multiproc::init();
    args::main(HELP, &OPTIONS, run)
}

/// Shares, lets the workers work, and prints; whether all results are exact.
fn run(args: Args) -> Result<bool, Box<dyn Error>> {
    let (workers, rounds) = (args.values[0], args.values[1]);
    let numbers: Vec<u64> = (0..N_NUMBERS).map(scatter).collect();
    let shared = Shared {
        locked: Value::new(0)?,
        raw: RawValue::new(0)?,
        done: Array::zeroed(workers as usize)?,
        numbers: RawArray::new(&numbers)?,
    };
    let processes: Result<Vec<_>, _> = (0..workers)
        .map(|number| {
            let name = format!("adder-{number}");
            Builder::new().name(&name).method(args.method).spawn(work, (shared.clone(), number, rounds))
        })
        .collect();
    for process in processes? {
        process.join()??;
    }
    report(workers, rounds, &shared, numbers)
}

/// Prints the results, each with what it should be if it is not.
fn report(workers: u64, rounds: u64, shared: &Shared, mut numbers: Vec<u64>) -> Result<bool, Box<dyn Error>> {
    let mut stdout = io::stdout().lock();
    let total = workers * rounds;
    let mut exact = true;
    let mut line = |what: &str, found: u64, expected: u64| {
        exact &= found == expected;
        let verdict = if found == expected { "exact".to_owned() } else { format!("WRONG, not {expected}") };
        writeln!(stdout, "{what:<24} {found:>14}  {verdict}")
    };
    line("added under the lock", shared.locked.get()?, total)?;
    line("added in one step", shared.raw.load(), total)?;
    line(
        "rounds of all workers",
        shared.done.lock().map_err(|error| error.without_guard())?.iter().sum(),
        total,
    )?;

    let sorted = merge(&shared.numbers, workers);
    numbers.sort_unstable();
    let n_right = sorted.iter().zip(&numbers).filter(|(found, expected)| found == expected).count();
    line("numbers in their place", n_right as u64, N_NUMBERS)?;
    Ok(exact)
}

/// Merges the parts, of which each worker has sorted its own.
fn merge(numbers: &RawArray<u64>, n_workers: u64) -> Vec<u64> {
    let all = numbers.to_vec();
    let mut parts: Vec<&[u64]> =
        (0..n_workers).map(|number| &all[worker::part(number, n_workers, all.len())]).collect();
    let mut merged = Vec::with_capacity(all.len());
    while let Some((least, part)) = parts.iter_mut().filter_map(|part| Some((*part.first()?, part))).min() {
        merged.push(least);
        *part = &part[1..];
    }
    merged
}

/// Numbers without any order.
fn scatter(number: u64) -> u64 {
    (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29) % 1_000_003
}
