//! A pool runs tasks while the program does something else, and calls back.
//!
//! `cargo run --release --example pool_async -- [--workers N] [--tasks N] [--method spawn|fork|forkserver]`

#[path = "support/args.rs"]
mod args;

use args::{Args, Opt};
use multiproc::process::GetError;
use multiproc::{Pool, TaskError};
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

const HELP: &str = "\
A pool of processes runs tasks: their results are waited for, awaited for a while,
and told to callbacks.

usage: pool_async [--workers N] [--tasks N] [--method spawn|fork|forkserver]

  --workers N  how many processes, 1 to 64; else 2
  --tasks N    how many tasks call back, 1 to 10,000; else 4
  --method M   how the processes are started: spawn (else), fork,
               forkserver
  --help       print this

exit code: 0 all results are right, 1 one is not, 2 wrong usage, 3 the pool or the
output failed";

const OPTIONS: [Opt; 2] = [
    Opt::Number { name: "--workers", allowed: 1..=64, default: 2 },
    Opt::Number { name: "--tasks", allowed: 1..=10_000, default: 4 },
];

fn main() -> ExitCode {
    multiproc::init();
    args::main(HELP, &OPTIONS, run)
}

fn run(args: Args) -> Result<bool, Box<dyn Error>> {
    let (workers, n_tasks) = (args.values[0] as usize, args.values[1]);
    let pool = Pool::builder().workers(workers).method(args.method).build()?;
    let mut stdout = io::stdout().lock();

    // One result, whenever it is there.
    let task = pool.apply_async(|number: u64| number * number, 20);
    writeln!(stdout, "20 squared is {}", task.get()?)?;

    // For as long as it may take, and no longer.
    let slow = pool.apply_async(|seconds: u64| std::thread::sleep(Duration::from_secs(seconds)), 600);
    match slow.get_timeout(Duration::from_millis(20)) {
        Err(GetError::TimedOut(_)) => writeln!(stdout, "the slow one goes on without us")?,
        _ => return Ok(false),
    }

    // Without waiting at all, on the other workers if there are some.
    let pool_of_one = workers == 1;
    if pool_of_one {
        pool.workers()[0].kill()?;
    }
    let (told, results) = mpsc::channel();
    for number in 0..n_tasks {
        let (value, error) = (told.clone(), told.clone());
        let half = |number: u64| if number % 2 == 0 { number / 2 } else { panic!("{number} is odd") };
        pool.apply_async(half, number).then(
            move |half| value.send(Ok(half)).expect("somebody listens"),
            move |failed| {
                error.send(Err(matches!(failed, TaskError::Panicked(_)))).expect("somebody listens")
            },
        );
    }
    drop(told);
    let results: Vec<Result<u64, bool>> = results.into_iter().collect();
    let n_halves = results.iter().filter(|result| result.is_ok()).count() as u64;
    let n_panics = results.iter().filter(|result| matches!(result, Err(true))).count() as u64;
    writeln!(stdout, "{n_halves} callbacks got a half, {n_panics} were told of a panic")?;
    Ok(n_halves == n_tasks.div_ceil(2) && n_panics == n_tasks / 2)
}
