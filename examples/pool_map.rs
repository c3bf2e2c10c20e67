//! A pool maps a function over a row of numbers.
//!
//! `cargo run --release --example pool_map -- [--workers N] [--numbers N] [--method spawn|fork|forkserver]`

#[path = "support/args.rs"]
mod args;

use args::{Args, Opt};
use multiproc::Pool;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

const HELP: &str = "\
A pool of processes squares the numbers from 0 on, each process some of them.

usage: pool_map [--workers N] [--numbers N] [--method spawn|fork|forkserver]

  --workers N  how many processes, 1 to 64; else 4
  --numbers N  how many numbers, 1 to 1,000,000; else 10
  --method M   how the processes are started: spawn (else), fork,
               forkserver
  --help       print this

exit code: 0 all squares are right, 1 one is not, 2 wrong usage, 3 the pool or the
output failed";

const OPTIONS: [Opt; 2] = [
    Opt::Number { name: "--workers", allowed: 1..=64, default: 4 },
    Opt::Number { name: "--numbers", allowed: 1..=1_000_000, default: 10 },
];

fn main() -> ExitCode {
    multiproc::init();
    args::main(HELP, &OPTIONS, run)
}

fn square(number: u64) -> u64 {
    number * number
}

fn run(args: Args) -> Result<bool, Box<dyn Error>> {
    let (workers, numbers) = (args.values[0] as usize, args.values[1]);
    let pool = Pool::builder().workers(workers).method(args.method).build()?;
    let squares = pool.map(square, 0..numbers).into_iter().collect::<Result<Vec<u64>, _>>()?;
    let first: Vec<_> = squares.iter().take(10).map(u64::to_string).collect();
    let more = if numbers > 10 { ", ..." } else { "" };
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "[{}{more}]", first.join(", "))?;
    // A function of several arguments takes the elements of tuples.
    let sum =
        pool.starmap(|a: u64, b: u64| a + b, [(1, 2), (3, 4)]).into_iter().collect::<Result<Vec<_>, _>>()?;
    writeln!(stdout, "{sum:?}")?;
    Ok(squares.into_iter().eq((0..numbers).map(square)) && sum == [3, 7])
}
