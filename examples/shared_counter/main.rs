//! Several processes add to one number, under its lock and in one step, and sort one array in parts.
//!
//! `cargo run --release --example shared_counter -- [--workers N] [--rounds M] [--method spawn|fork|forkserver]`
//!
//! | file | what |
//! | --- | --- |
//! | `args` | the command line |
//! | `worker` | what each process does |
//! | `main` | what there is to share, and whether the results are exact |

mod args;
mod worker;

use args::{Args, Command};
use multiproc::{Array, Builder, RawArray, RawValue, Value};
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use worker::{Shared, work};

/// A result is not what it should be.
const EXIT_WRONG: u8 = 1;
/// The command line is wrong.
const EXIT_USAGE: u8 = 2;
/// A worker failed, or there is nobody to print the results for.
const EXIT_FAILED: u8 = 3;

/// How many numbers are sorted.
const N_NUMBERS: u64 = 100_000;

fn main() -> ExitCode {
    multiproc::init();
    let result =
        match args::parse(std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned())) {
            Ok(Command::Help) => writeln!(io::stdout(), "{}", args::HELP).map(|()| true).map_err(Into::into),
            Ok(Command::Run(args)) => run(args),
            Err(error) => {
                complain(&error);
                return EXIT_USAGE.into();
            }
        };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => EXIT_WRONG.into(),
        Err(error) => {
            complain(&*error);
            EXIT_FAILED.into()
        }
    }
}

/// Shares, lets the workers work, and prints; whether all results are exact.
fn run(args: Args) -> Result<bool, Box<dyn Error>> {
    let numbers: Vec<u64> = (0..N_NUMBERS).map(scatter).collect();
    let shared = Shared {
        locked: Value::new(0)?,
        raw: RawValue::new(0)?,
        done: Array::zeroed(args.workers as usize)?,
        numbers: RawArray::new(&numbers)?,
    };
    let workers: Result<Vec<_>, _> = (0..args.workers)
        .map(|number| {
            let name = format!("adder-{number}");
            Builder::new().name(&name).method(args.method).spawn(work, (shared.clone(), number, args.rounds))
        })
        .collect();
    for worker in workers? {
        worker.join()??;
    }
    report(args, &shared, numbers)
}

/// Prints the results, each with what it should be if it is not.
fn report(args: Args, shared: &Shared, mut numbers: Vec<u64>) -> Result<bool, Box<dyn Error>> {
    let mut stdout = io::stdout().lock();
    let total = args.workers * args.rounds;
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

    let sorted = merge(&shared.numbers, args.workers);
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

/// Writes a line to standard error. There is no place to say that nobody listens there.
fn complain(what: &(impl std::fmt::Display + ?Sized)) {
    let _ = writeln!(io::stderr(), "shared_counter: {what}");
}
