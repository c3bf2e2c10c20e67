//! The command line.

use multiproc::StartMethod;
use std::fmt;
use std::ops::RangeInclusive;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Several processes add to one number, under its lock and in one step, and sort one
array in parts.

usage: shared_counter [--workers N] [--rounds M] [--method spawn|fork|forkserver]

  --workers N   how many processes, 1 to 256; else 4
  --rounds M    how often each of them adds, 1 to 100,000,000; else 100,000
  --method M    how they are started: spawn (else), fork, forkserver
  --help        print this

exit code: 0 all results are exact, 1 one is not, 2 wrong usage, 3 a worker or the
output failed";

/// More workers than this are a slip of the finger and not a wish.
const WORKERS: RangeInclusive<u64> = 1..=256;
/// A few minutes at most.
const ROUNDS: RangeInclusive<u64> = 1..=100_000_000;

/// What the command line asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Command {
    Help,
    Run(Args),
}

/// How many add how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Args {
    pub(crate) workers: u64,
    pub(crate) rounds: u64,
    pub(crate) method: StartMethod,
}

/// A command line that says nothing this program knows.
#[derive(Debug)]
pub(crate) struct UsageError(String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; see --help", self.0)
    }
}

/// Reads the words after the name of the program.
pub(crate) fn parse(words: impl IntoIterator<Item = String>) -> Result<Command, UsageError> {
    let mut args = Args { workers: 4, rounds: 100_000, method: StartMethod::default() };
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (&*word, None),
        };
        let mut value = || {
            value.clone().or_else(|| words.next()).ok_or_else(|| UsageError(format!("{name} needs a value")))
        };
        match name {
            "--workers" => args.workers = number(name, &value()?, WORKERS)?,
            "--rounds" => args.rounds = number(name, &value()?, ROUNDS)?,
            "--method" => args.method = value()?.parse().map_err(|error| UsageError(format!("{error}")))?,
            _ if word == "--help" || word == "-h" => return Ok(Command::Help),
            _ => return Err(UsageError(format!("unknown argument {word}"))),
        }
    }
    Ok(Command::Run(args))
}

fn number(option: &str, value: &str, range: RangeInclusive<u64>) -> Result<u64, UsageError> {
    let (least, most) = (range.start(), range.end());
    value
        .parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| UsageError(format!("{option} takes a number from {least} to {most}, not {value:?}")))
}
