//! Stages with queues between them, each in processes of its own, and one number that all of them count in.
//!
//! `cargo run --release --example pipeline -- [--items N] [--workers N] [--method spawn|fork|forkserver]`

#[path = "support/args.rs"]
mod args;

use args::{Args, Opt};
use multiproc::queue::{Receiver, Sender};
use multiproc::{Builder, Process, Value};
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

const HELP: &str = "\
Numbers go through three stages: one process makes them, several square them, one
adds them up. There is a queue between the stages, and a counter that all share.

usage: pipeline [--items N] [--workers N] [--method spawn|fork|forkserver]

  --items N    how many numbers, 1 to 1,000,000; else 1000
  --workers N  how many processes square, 1 to 64; else 2
  --method M   how the processes are started: spawn (else), fork,
               forkserver
  --help       print this

exit code: 0 sum and counter are right, 1 they are not, 2 wrong usage, 3 a process
or the output failed";

const OPTIONS: [Opt; 2] = [
    Opt::Number { name: "--items", allowed: 1..=1_000_000, default: 1000 },
    Opt::Number { name: "--workers", allowed: 1..=64, default: 2 },
];

/// How many items may wait between two stages.
const CAPACITY: usize = 64;

/// How many steps all stages have done.
type Steps = Value<u64>;

fn main() -> ExitCode {
    multiproc::init();
    args::main(HELP, &OPTIONS, run)
}

/// A stage ends when the one before it has, in whatever way: then nobody has a sender any more.
fn make((n_items, numbers, steps): (u64, Sender<u64>, Steps)) -> Result<(), String> {
    for number in 1..=n_items {
        numbers.send(number).map_err(|error| error.to_string())?;
        count(&steps)?;
    }
    Ok(())
}

fn square((numbers, squares, steps): (Receiver<u64>, Sender<u64>, Steps)) -> Result<(), String> {
    for number in numbers.iter() {
        let number = number.map_err(|error| error.to_string())?;
        squares.send(number * number).map_err(|error| error.to_string())?;
        count(&steps)?;
    }
    Ok(())
}

fn add((squares, steps): (Receiver<u64>, Steps)) -> Result<u64, String> {
    let mut sum = 0;
    for square in squares.iter() {
        sum += square.map_err(|error| error.to_string())?;
        count(&steps)?;
    }
    Ok(sum)
}

fn count(steps: &Steps) -> Result<(), String> {
    *steps.lock().map_err(|error| error.to_string())? += 1;
    Ok(())
}

fn run(args: Args) -> Result<bool, Box<dyn Error>> {
    let (n_items, n_workers) = (args.values[0], args.values[1]);
    let builder = |name: &str| Builder::new().name(name).method(args.method);
    let steps = Steps::new(0)?;
    let (numbers_tx, numbers) = multiproc::channel(CAPACITY)?;
    let (squares_tx, squares) = multiproc::channel(CAPACITY)?;
    let adder = builder("adder").spawn(add, (squares, steps.clone()))?;
    let squarers = (0..n_workers)
        .map(|_| builder("squarer").spawn(square, (numbers.clone(), squares_tx.clone(), steps.clone())))
        .collect::<Result<Vec<Process<_>>, _>>()?;
    let maker = builder("maker").spawn(make, (n_items, numbers_tx, steps.clone()))?;
    // The ends are the stages' alone from here on.
    drop((numbers, squares_tx));
    maker.join()??;
    squarers.into_iter().try_for_each(|squarer| -> Result<(), Box<dyn Error>> { Ok(squarer.join()??) })?;
    let (sum, n_steps) = (adder.join()??, steps.get()?);
    writeln!(io::stdout(), "{n_items} squares sum up to {sum}, in {n_steps} steps")?;
    Ok(sum == n_items * (n_items + 1) * (2 * n_items + 1) / 6 && n_steps == 3 * n_items)
}
