//! The command line of the examples with a pool: numbers and a start method.

use multiproc::StartMethod;
use std::fmt::Display;
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::process::ExitCode;

/// A result is not what it should be.
const EXIT_WRONG: u8 = 1;
/// The command line is wrong.
const EXIT_USAGE: u8 = 2;
/// The pool or the output failed.
const EXIT_FAILED: u8 = 3;

/// An option that takes a number.
pub(crate) struct Number {
    pub(crate) name: &'static str,
    pub(crate) allowed: RangeInclusive<u64>,
    /// What it is if the command line does not say.
    pub(crate) default: u64,
}

/// What the command line asks for.
pub(crate) struct Args {
    pub(crate) method: StartMethod,
    /// In the order of the options.
    pub(crate) numbers: Vec<u64>,
}

/// Reads the command line, runs the example, which says whether its results are right, and makes that an exit code.
pub(crate) fn main<E: Display>(
    help: &str,
    options: &[Number],
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
fn parse(words: impl Iterator<Item = String>, options: &[Number]) -> Result<Option<Args>, String> {
    let defaults = options.iter().map(|option| option.default).collect();
    let mut args = Args { method: StartMethod::default(), numbers: defaults };
    let mut words = words;
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (word.clone(), None),
        };
        if word == "--help" {
            return Ok(None);
        }
        let option = options.iter().position(|option| option.name == name);
        if option.is_none() && name != "--method" {
            return Err(format!("unknown argument {word}"));
        }
        let value = value.or_else(|| words.next()).ok_or_else(|| format!("{name} needs a value"))?;
        match option {
            Some(index) => args.numbers[index] = number(&options[index], &value)?,
            None => args.method = value.parse().map_err(|error| format!("{error}"))?,
        }
    }
    Ok(Some(args))
}

fn number(option: &Number, value: &str) -> Result<u64, String> {
    let (least, most) = (option.allowed.start(), option.allowed.end());
    let found = value.parse().ok().filter(|number| option.allowed.contains(number));
    found.ok_or_else(|| format!("{} takes a number from {least} to {most}, not {value:?}", option.name))
}

fn complain(problem: &dyn Display) {
    // If nobody reads it, nobody reads it.
    let _ = writeln!(io::stderr(), "error: {problem}");
}
