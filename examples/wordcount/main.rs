//! Counts the words of files in several processes, also while they are killed.
//!
//! `cargo run --release --example wordcount -- [PATH...] [--workers N] [--chaos] [--json]`
//!
//! | file | what |
//! | --- | --- |
//! | `args` | the command line |
//! | `corpus` | the files |
//! | `pieces` | cutting them into tasks, and why the words stay the same |
//! | `task`, `tokens` | what a worker does |
//! | `tally` | what it sends back |
//! | `parallel` | the pool |
//! | `chaos` | killing workers |
//! | `plain` | the same count in one process, to compare |
//! | `counts`, `hash` | the table of words |
//! | `progress`, `report` | what one sees |

mod args;
mod chaos;
mod corpus;
mod counts;
mod hash;
mod parallel;
mod pieces;
mod plain;
mod progress;
mod report;
mod tally;
mod task;
mod tokens;

use args::{Args, Command};
use corpus::{Input, Problem};
use progress::Progress;
use report::{Report, Run};
use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Something could not be read, or there is nothing; what there is was counted.
const EXIT_INCOMPLETE: u8 = 1;
/// The command line is wrong.
const EXIT_USAGE: u8 = 2;
/// The workers and the plain count do not agree.
const EXIT_DIFFERS: u8 = 3;
/// There is no result, or nobody to print it for.
const EXIT_FAILED: u8 = 4;

fn main() -> ExitCode {
    multiproc::init();
    match args::parse(std::env::args_os().skip(1)) {
        Ok(Command::Help) => exit_code(writeln!(io::stdout(), "{}", args::HELP).map(|()| 0)),
        Ok(Command::Count(args)) => exit_code(run(&args)),
        Err(error) => {
            complain(&error);
            EXIT_USAGE.into()
        }
    }
}

/// Counts and prints; returns the exit code.
fn run(args: &Args) -> Result<u8, Box<dyn Error>> {
    let paths = if args.paths.is_empty() { corpus::default_paths() } else { args.paths.clone() };
    let (inputs, mut problems) = corpus::find(&paths);
    let n_bytes = inputs.iter().map(|input| input.size).sum();

    // The workers come first: if the files have to be fetched from the disk, it is not they who profit.
    let options = parallel::Options {
        workers: args.workers,
        method: args.method,
        chaos: args.chaos,
        piece_size: args.piece_size,
    };
    let (outcome, parallel) = timed(|| {
        let progress = Progress::new("workers", n_bytes);
        parallel::count(&inputs, options, |n_bytes| progress.add(n_bytes))
    });
    let outcome = outcome?;
    let ((plain_counts, plain_problems), plain) = timed(|| {
        let progress = Progress::new("plain", n_bytes);
        plain::count(&inputs, |n_bytes| progress.add(n_bytes))
    });

    let failed = paths_of(&outcome.problems);
    let files = inputs.iter().filter(|input| !failed.contains(&*input.path)).count();
    let run = Run { files, workers: args.workers, killed: outcome.killed, parallel, plain };
    let report = Report::new(&outcome.counts, run);
    let mut stdout = io::stdout().lock();
    if args.json { report.print_json(&mut stdout) } else { report.print_table(&mut stdout) }?;

    let differs = outcome.counts != plain_counts || failed != paths_of(&plain_problems);
    problems.extend(outcome.problems);
    // In the same order in every run, and each once, however many pieces of a file have failed.
    problems.sort();
    problems.dedup();
    Ok(judge(&inputs, &problems, differs))
}

/// Says what went wrong, and returns the exit code for it.
fn judge(inputs: &[Input], problems: &[Problem], differs: bool) -> u8 {
    for problem in problems {
        complain(problem);
    }
    if inputs.is_empty() {
        complain(&"there is no file to count");
    }
    if differs {
        complain(&"the workers and the plain count do not agree; did a file change meanwhile?");
        EXIT_DIFFERS
    } else if inputs.is_empty() || !problems.is_empty() {
        EXIT_INCOMPLETE
    } else {
        0
    }
}

fn paths_of(problems: &[Problem]) -> BTreeSet<&Path> {
    problems.iter().map(|problem| &*problem.path).collect()
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

/// The exit code of a run that may have failed.
fn exit_code(result: Result<u8, impl Into<Box<dyn Error>>>) -> ExitCode {
    result.map_or_else(
        |error| {
            let error = error.into();
            let mut message = error.to_string();
            let mut source = error.source();
            while let Some(error) = source {
                message.push_str(&format!(": {error}"));
                source = error.source();
            }
            complain(&message);
            EXIT_FAILED.into()
        },
        ExitCode::from,
    )
}

/// Writes a line to standard error. There is no place to say that nobody listens there.
fn complain(what: &dyn std::fmt::Display) {
    let _ = writeln!(io::stderr(), "wordcount: {what}");
}
