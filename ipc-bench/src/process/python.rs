//! Python's own `multiprocessing.Process`, by each of its start methods.

use crate::measure::Contender;
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// What Python runs.
const PROGRAM: &str = include_str!("python.py");

/// A program of Python that starts a process when it is told.
pub(super) struct Python {
    process: Child,
    /// Until the program should end.
    orders: Option<ChildStdin>,
    times: BufReader<ChildStdout>,
}

impl Python {
    /// Starts Python. Nobody if this machine has none, which is said.
    pub(super) fn start(method: &str) -> Option<Python> {
        let command = Command::new("python3")
            .args(["-c", PROGRAM, method])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        match command {
            Ok(mut process) => {
                let orders = process.stdin.take();
                let times = BufReader::new(process.stdout.take()?);
                Some(Python { process, orders, times })
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
        "multiprocessing.Process"
    }

    fn run_once(&mut self) -> Result<(), Box<dyn Error>> {
        self.timed().map(drop)
    }

    fn timed(&mut self) -> Result<Duration, Box<dyn Error>> {
        writeln!(self.orders.as_mut().ok_or("Python has ended")?)?;
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
