//! The main function of a kill test.

use super::{Args, Row, alarm};
use std::io;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// One thing that processes do while one of them is killed.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// The name, by which it can be chosen.
    pub name: &'static str,
    /// Does it and counts. A panic is a failed scenario.
    pub run: fn(&Args) -> Row,
}

/// Runs the scenarios that the program's arguments ask for, one after the other.
///
/// Prints each row as a line of JSON on stdout, and a line in the form of libtest at the end. Success if all have passed.
pub fn run(scenarios: &[Scenario]) -> ExitCode {
    if run_with(&Args::parse(), scenarios, &mut io::stdout()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Does the work of [`run`] with given arguments and a given output. True if all have passed.
///
/// # Panics
///
/// If the output cannot be written.
pub fn run_with(args: &Args, scenarios: &[Scenario], output: &mut dyn io::Write) -> bool {
    let wanted: Vec<&Scenario> = scenarios.iter().filter(|scenario| args.wants(scenario.name)).collect();
    if args.list {
        wanted.iter().for_each(|scenario| put(output, &format!("{}: test", scenario.name)));
        return true;
    }
    let start = Instant::now();
    let mut passed = 0;
    for scenario in &wanted {
        let row = run_one(scenario, args);
        passed += usize::from(row.passed());
        put(output, &row.to_json());
    }
    let (failed, filtered) = (wanted.len() - passed, scenarios.len() - wanted.len());
    let word = if failed == 0 { "ok" } else { "FAILED" };
    let seconds = start.elapsed().as_secs_f64();
    put(
        output,
        &format!(
            "\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; {filtered} filtered out; \
             finished in {seconds:.2}s\n"
        ),
    );
    failed == 0
}

/// Runs one scenario under the alarm. A panic makes a row that has not passed.
fn run_one(scenario: &Scenario, args: &Args) -> Row {
    eprintln!("kill: {} ({})", scenario.name, if args.quick { "quick" } else { "full" });
    alarm::set(args.limit());
    let row = catch_unwind(|| (scenario.run)(args));
    alarm::set(Duration::ZERO);
    row.unwrap_or_else(|_| Row { ok: false, ..Row::new(scenario.name) })
}

/// Writes a line at once: forked children must not find it in a buffer and write it again.
fn put(output: &mut dyn io::Write, line: &str) {
    let written = writeln!(output, "{line}").and_then(|()| output.flush());
    written.unwrap_or_else(|error| panic!("cannot write the rows: {error}"));
}
