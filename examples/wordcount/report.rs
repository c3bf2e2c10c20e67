//! What is printed at the end.

use crate::counts::Counts;
use serde::Serialize;
use std::io::{self, Write};
use std::time::Duration;

/// How many words are listed.
const TOP: usize = 20;

/// All that is told about a run; the names are those of the JSON object.
#[derive(Debug, Serialize)]
pub(crate) struct Report<'a> {
    files: usize,
    bytes: u64,
    skipped: u64,
    words: u64,
    distinct: usize,
    top: Vec<(&'a str, u64)>,
    workers: usize,
    killed: u64,
    seconds: f64,
    speedup: f64,
}

/// What is to be told beside the counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) files: usize,
    pub(crate) workers: usize,
    pub(crate) killed: u64,
    /// The time that the workers took.
    pub(crate) parallel: Duration,
    /// The time of the same count in one process.
    pub(crate) plain: Duration,
}

impl<'a> Report<'a> {
    pub(crate) fn new(counts: &'a Counts, run: Run) -> Self {
        Report {
            files: run.files,
            bytes: counts.bytes,
            skipped: counts.skipped,
            words: counts.total(),
            distinct: counts.distinct(),
            top: counts.top(TOP),
            workers: run.workers,
            killed: run.killed,
            seconds: run.parallel.as_secs_f64(),
            speedup: run.plain.as_secs_f64() / run.parallel.as_secs_f64(),
        }
    }

    /// Prints one JSON object on a line.
    pub(crate) fn print_json(&self, mut out: impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut out, self)?;
        writeln!(out)
    }

    /// Prints it for people.
    pub(crate) fn print_table(&self, mut out: impl Write) -> io::Result<()> {
        for (count, word) in self.top.iter().map(|(word, count)| (count, word)) {
            writeln!(out, "{count:>12}  {word}")?;
        }
        let rate = self.bytes as f64 / 1e6 / self.seconds;
        writeln!(out, "{:>12}  words, {} of them different", self.words, self.distinct)?;
        writeln!(out, "{:>12}  bytes in {} files", self.bytes, self.files)?;
        writeln!(out, "{:>12}  bytes skipped that are not UTF-8", self.skipped)?;
        writeln!(out, "{:>12}  workers; {} died and were replaced", self.workers, self.killed)?;
        writeln!(out, "{:>12.3}  seconds, {rate:.1} MB/s", self.seconds)?;
        writeln!(out, "{:>12.2}  times as fast as one process", self.speedup)
    }
}
