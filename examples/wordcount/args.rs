//! The command line.

use multiproc::StartMethod;
use std::ffi::{OsStr, OsString};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::{fmt, thread};

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Counts the words of files in several processes.

usage: wordcount [PATH...] [--workers N] [--method spawn|fork|forkserver] [--chaos] [--json]

  PATH          files, and folders with all files below them; else the sources of
                the crates that cargo has downloaded, else this project
  --workers N   how many processes count, 1 to 1024; else one for each processor
  --method M    how they are started: spawn (else), fork, forkserver
  --chaos       kill a random one of them several times a second; the counts stay
                the same
  --json        print one JSON object instead of the table
  --help        print this

A word is a run of letters and digits of any script, in lower case. Bytes that are
not UTF-8 stand between words. The same is counted once more in this process alone,
to compare both the counts and the time.

exit code: 0 done, 1 something could not be read and the rest was counted, 2 wrong
usage, 3 the two counts differ, 4 the workers or the output failed";

/// More workers than this are a slip of the finger and not a wish.
const MAX_WORKERS: usize = 1024;

/// How large a piece of a file is. Small enough for a task of some milliseconds, which is all that a killed worker loses.
const PIECE_SIZE: u64 = 1 << 20;

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Count(Args),
}

/// What to count, and how.
#[derive(Debug, PartialEq)]
pub(crate) struct Args {
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) workers: usize,
    pub(crate) method: StartMethod,
    pub(crate) chaos: bool,
    pub(crate) json: bool,
    /// Where big files are cut, in bytes. Not in the help: it is there for tests, which cut small files.
    pub(crate) piece_size: u64,
}

/// A command line that says nothing this program knows.
#[derive(Debug, PartialEq)]
pub(crate) struct UsageError(String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; see --help", self.0)
    }
}

/// Reads the words after the name of the program.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Command, UsageError> {
    let mut args = Args {
        paths: Vec::new(),
        workers: thread::available_parallelism().map_or(1, NonZeroUsize::get),
        method: StartMethod::default(),
        chaos: false,
        json: false,
        piece_size: PIECE_SIZE,
    };
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word == "--" {
            args.paths.extend(words.by_ref().map(PathBuf::from));
            break;
        }
        if !word.as_encoded_bytes().starts_with(b"-") || word == "-" {
            args.paths.push(word.into());
            continue;
        }
        // No option has letters beyond ASCII, so that nothing is taken for one by the conversion.
        let text = word.to_string_lossy();
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(OsString::from(value))),
            None => (&*text, None),
        };
        let takes_value = matches!(name, "--workers" | "--method" | "--piece-size");
        if value.is_some() && !takes_value {
            return Err(UsageError(format!("unknown option {text}")));
        }
        let mut value = || {
            value.clone().or_else(|| words.next()).ok_or_else(|| UsageError(format!("{name} needs a value")))
        };
        match name {
            "--help" | "-h" => return Ok(Command::Help),
            "--chaos" => args.chaos = true,
            "--json" => args.json = true,
            "--workers" => args.workers = number(name, &value()?, MAX_WORKERS as u64)? as usize,
            "--piece-size" => args.piece_size = number(name, &value()?, u64::MAX)?,
            "--method" => {
                let method = value()?;
                args.method =
                    method.to_string_lossy().parse().map_err(|error| UsageError(format!("{error}")))?;
            }
            _ => return Err(UsageError(format!("unknown option {text}"))),
        }
    }
    Ok(Command::Count(args))
}

/// A number from 1 to `most`.
fn number(option: &str, value: &OsStr, most: u64) -> Result<u64, UsageError> {
    let number = value.to_str().and_then(|text| text.parse().ok());
    number
        .filter(|number| (1..=most).contains(number))
        .ok_or_else(|| UsageError(format!("{option} takes a number from 1 to {most}, not {value:?}")))
}
