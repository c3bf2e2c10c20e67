//! Python's own `multiprocessing.Queue` and `Pipe`, between two processes of Python.

use super::crew::Outcome;
use crate::measure::Contender;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// What Python runs.
const PROGRAM: &str = include_str!("python.py");

/// A program of Python that measures when it is told.
pub(crate) struct Python {
    process: Child,
    /// Until the program should end.
    orders: Option<ChildStdin>,
    times: BufReader<ChildStdout>,
    n_numbers: u64,
    name: &'static str,
}

impl Python {
    /// Starts Python for one of the works that the program knows. Nobody if this machine has none, which is said.
    pub(crate) fn start(work: &str, n_numbers: u64) -> Option<Python> {
        Python::run(PROGRAM, "multiprocessing.Queue", work, n_numbers)
    }

    /// The same with a pipe, which also knows the work "bytes SIZE".
    pub(crate) fn start_pipe(work: &str, n_numbers: u64) -> Option<Python> {
        Python::run(PROGRAM, "multiprocessing.Pipe", work, n_numbers)
    }

    /// The same with another program.
    pub(crate) fn run(program: &str, name: &'static str, work: &str, n_numbers: u64) -> Option<Python> {
        let command = Command::new("python3")
            .args(["-c", program, name, work])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        match command {
            Ok(mut process) => {
                let orders = process.stdin.take();
                let times = BufReader::new(process.stdout.take()?);
                Some(Python { process, orders, times, n_numbers, name })
            }
            Err(error) => {
                eprintln!("ipc-bench: rows with Python are left out: python3: {error}");
                None
            }
        }
    }
}

impl Contender for Python {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run_once(&mut self) -> Outcome {
        self.timed().map(drop)
    }

    fn timed(&mut self) -> Outcome<Duration> {
        writeln!(self.orders.as_mut().ok_or("Python has ended")?, "{}", self.n_numbers)?;
        let mut line = String::new();
        self.times.read_line(&mut line)?;
        Ok(Duration::from_nanos(line.trim().parse().map_err(|_| "Python has ended without an answer")?))
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // The program ends at the end of its input.
        drop(self.orders.take());
        let _ = self.process.wait();
    }
}
