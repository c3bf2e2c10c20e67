//! The main function of a kill test.

use super::forked::{Change, Forked, expect_one_thread};
use super::{Args, Row, alarm};
use std::io;
use std::os::unix::net::UnixDatagram;
use std::process::ExitCode;
use std::thread::{available_parallelism, sleep};
use std::time::{Duration, Instant};

/// One thing that processes do while one of them is killed.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// The name, by which it can be chosen.
    pub name: &'static str,
    /// Does it and counts. A panic is a failed scenario.
    pub run: fn(&Args) -> Row,
}

/// How often one looks whether a scenario has ended. The shortest take some milliseconds, most take seconds.
const PAUSE: Duration = Duration::from_millis(2);

/// Runs the scenarios that the program's arguments ask for, each in a process of its own.
///
/// In the quick form as many at a time as there are processors: most have their processes on one of them. In the full form one
/// after the other, so that nothing disturbs the waits that are counted.
///
/// Prints each row as a line of JSON on stdout, and a line in the form of libtest at the end. Success if all have passed.
///
/// # Panics
///
/// If the process has more than one thread.
pub fn run(scenarios: &[Scenario]) -> ExitCode {
    if run_with(&Args::parse(), scenarios, &mut io::stdout()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Does the work of [`run`] with given arguments and a given output. True if all have passed.
///
/// # Panics
///
/// If the output cannot be written, or the process has more than one thread.
pub fn run_with(args: &Args, scenarios: &[Scenario], output: &mut dyn io::Write) -> bool {
    let wanted: Vec<&Scenario> = scenarios.iter().filter(|scenario| args.wants(scenario.name)).collect();
    if args.list {
        wanted.iter().for_each(|scenario| put(output, &format!("{}: test", scenario.name)));
        return true;
    }
    let start = Instant::now();
    let most = if args.quick { available_parallelism().map_or(1, usize::from) } else { 1 };
    let (mut waiting, mut running) = (wanted.iter(), Vec::new());
    let mut passed = 0;
    loop {
        running.extend(
            waiting.by_ref().take(most - running.len()).map(|scenario| Running::start(scenario, args)),
        );
        if running.is_empty() {
            break;
        }
        sleep(PAUSE);
        running.retain_mut(|scenario: &mut Running| {
            let row = scenario.row();
            passed += usize::from(row.as_ref().is_some_and(Row::passed));
            row.iter().for_each(|row| put(output, &row.to_json()));
            row.is_none()
        });
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

/// A scenario in a process of its own, under the alarm.
struct Running {
    name: &'static str,
    process: Forked,
    /// Where the row comes, in one message.
    results: UnixDatagram,
}

impl Running {
    fn start(scenario: &Scenario, args: &Args) -> Running {
        eprintln!("kill: {} ({})", scenario.name, if args.quick { "quick" } else { "full" });
        expect_one_thread();
        let (results, there) = UnixDatagram::pair().expect("handles are left");
        results.set_nonblocking(true).expect("the socket is open");
        let process = Forked::start(|| {
            alarm::set(args.limit());
            let row = (scenario.run)(args);
            there.send(&row.to_bytes()).expect("the runner lives");
        });
        Running { name: scenario.name, process, results }
    }

    /// What has come of it, once it has ended. Without a word from it, it has not passed.
    fn row(&mut self) -> Option<Row> {
        let Some(Change::Ended(_)) = self.process.look() else { return None };
        let mut bytes = [0; 256];
        let told = self.results.recv(&mut bytes).ok().and_then(|size| Row::from_bytes(&bytes[..size]));
        Some(told.unwrap_or_else(|| Row { ok: false, ..Row::new(self.name) }))
    }
}

/// Writes a line at once: forked children must not find it in a buffer and write it again.
fn put(output: &mut dyn io::Write, line: &str) {
    let written = writeln!(output, "{line}").and_then(|()| output.flush());
    written.unwrap_or_else(|error| panic!("cannot write the rows: {error}"));
}
