//! The command line of the examples: numbers, words, and a start method.

// Each example uses the kinds of options that it has.
#![allow(dead_code)]

use multiproc::StartMethod;
use std::fmt::Display;
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::process::ExitCode;

/// A result is not what it should be.
const EXIT_WRONG: u8 = 1;
/// The command line is wrong.
const EXIT_USAGE: u8 = 2;
/// A process or the output failed.
const EXIT_FAILED: u8 = 3;

/// An option besides `--method` and `--help`, which all examples have.
pub(crate) enum Opt {
    /// `--workers 4`.
    Number { name: &'static str, allowed: RangeInclusive<u64>, default: u64 },
    /// `--end channel`: one of these words; the first if the command line does not say. Its value is its place.
    Word { name: &'static str, words: &'static [&'static str] },
}

/// What the command line asks for.
#[derive(Clone)]
pub(crate) struct Args {
    pub(crate) method: StartMethod,
    /// In the order of the options.
    pub(crate) values: Vec<u64>,
}

/// Reads the command line, runs the example, which says whether its results are right, and makes that an exit code.
pub(crate) fn main<E: Display>(
    help: &str,
    options: &[Opt],
    run: impl FnOnce(Args) -> Result<bool, E>,
) -> ExitCode {
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    match parse(words, options) {
        Ok(None) if writeln!(io::stdout(), "{help}").is_ok() => ExitCode::SUCCESS,
        Ok(None) => EXIT_FAILED.into(),
        Ok(Some(args)) => match run(args) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => EXIT_WRONG.into(),
            Err(error) => {
                complain(&error);
                EXIT_FAILED.into()
            }
        },
        Err(problem) => {
            complain(&format!("{problem}; see --help"));
            EXIT_USAGE.into()
        }
    }
}

/// None for help.
fn parse(words: impl Iterator<Item = String>, options: &[Opt]) -> Result<Option<Args>, String> {
    let defaults = options.iter().map(Opt::default).collect();
    let mut args = Args { method: StartMethod::default(), values: defaults };
    let mut words = words;
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (&*word, None),
        };
        if word == "--help" || word == "-h" {
            return Ok(None);
        }
        let option = options.iter().position(|option| option.name() == name);
        if option.is_none() && name != "--method" {
            return Err(format!("unknown argument {word}"));
        }
        let value = value.or_else(|| words.next()).ok_or_else(|| format!("{name} needs a value"))?;
        match option {
            Some(idx) => args.values[idx] = options[idx].read(&value)?,
            None => args.method = value.parse().map_err(|error| format!("{error}"))?,
        }
    }
    Ok(Some(args))
}

impl Opt {
    fn name(&self) -> &'static str {
        match self {
            Opt::Number { name, .. } | Opt::Word { name, .. } => name,
        }
    }

    fn default(&self) -> u64 {
        match self {
            Opt::Number { default, .. } => *default,
            Opt::Word { .. } => 0,
        }
    }

    fn read(&self, value: &str) -> Result<u64, String> {
        let name = self.name();
        match self {
            Opt::Number { allowed, .. } => {
                let (least, most) = (allowed.start(), allowed.end());
                let found = value.parse().ok().filter(|number| allowed.contains(number));
                found.ok_or_else(|| format!("{name} takes a number from {least} to {most}, not {value:?}"))
            }
            Opt::Word { words, .. } => {
                let found = words.iter().position(|word| *word == value).map(|idx| idx as u64);
                found.ok_or_else(|| format!("{name} takes {}, not {value:?}", words.join(" or ")))
            }
        }
    }
}

fn complain(problem: &dyn Display) {
    // If nobody reads it, nobody reads it.
    let _ = writeln!(io::stderr(), "error: {problem}");
}
