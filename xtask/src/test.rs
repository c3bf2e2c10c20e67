//! `cargo xtask test`: everything that has to pass before a change goes in, cheapest first.

use crate::error::Failed;
use crate::{cargo, docs, tidy};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

/// Runs the steps until one fails. The last line on stdout has the counts of the tests.
pub(crate) fn run(args: &[String]) -> Result<(), Failed> {
    announce("tidy");
    tidy::run()?;
    announce("fmt");
    cargo::expect_success(&mut cargo::command(&["fmt", "--all", "--check"]))?;
    announce("clippy");
    let clippy = ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
    cargo::expect_success(&mut cargo::command(&clippy))?;
    announce("docs");
    docs::build()?;
    announce("test");
    let (counts, result) = test(args);
    println!("{} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.ignored);
    result
}

fn announce(step: &str) {
    println!("=== {step} ===");
}

/// How many tests had which result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
}

/// Runs the tests of all crates, also after a failure, so that the counts are those of all.
fn test(args: &[String]) -> (Counts, Result<(), Failed>) {
    let mut command = cargo::command(&["test", "--no-fail-fast"]);
    // With this option cargo would pass over a package that was named.
    if !args
        .iter()
        .take_while(|arg| *arg != "--")
        .any(|arg| arg.starts_with("-p") || arg.starts_with("--package"))
    {
        // What is behind a feature that is not on by default is tested, too.
        command.args(["--workspace", "--features", "multiproc/tls"]);
    }
    command.args(args);
    let mut counts = Counts::default();
    let result = tee(&mut command, |line| counts.add(line));
    let result = match result {
        Ok(()) if counts.failed > 0 => Err(Failed::new("a test failed though cargo says otherwise")),
        other => other,
    };
    (counts, result)
}

/// Runs a command, passes its stdout through line by line and shows each line to `look`.
fn tee(command: &mut Command, mut look: impl FnMut(&str)) -> Result<(), Failed> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|error| cargo::not_started(command, &error))?;
    let stdout = child.stdout.take().ok_or_else(|| Failed::new("the command has no stdout"))?;
    for line in BufReader::new(stdout).split(b'\n') {
        let line =
            line.map_err(|error| Failed::new(format!("cannot read the output of the tests: {error}")))?;
        let line = String::from_utf8_lossy(&line);
        look(&line);
        println!("{line}");
        // Whoever watches sees a line when it is written, also through a pipe.
        let _ = std::io::stdout().flush();
    }
    let status = child.wait().map_err(|error| cargo::not_started(command, &error))?;
    if status.success() { Ok(()) } else { Err(cargo::failed(command, status)) }
}

impl Counts {
    /// Adds a line like `test result: ok. 3 passed; 0 failed; 1 ignored; ...`; any other line adds nothing.
    fn add(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test result: ") else { return };
        let (_, numbers) = rest.split_once(". ").unwrap_or(("", rest));
        for part in numbers.split("; ") {
            let (number, word) = part.split_once(' ').unwrap_or((part, ""));
            let number: u64 = number.parse().unwrap_or(0);
            match word {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_summed_and_others_are_not() {
        let mut counts = Counts::default();
        counts.add(
            "test result: ok. 12 passed; 0 failed; 2 ignored; 0 measured; 7 filtered out; finished in 0.01s",
        );
        counts.add(
            "test result: FAILED. 1 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0s",
        );
        counts.add("said by a test: 5 passed; 5 failed");
        assert_eq!(counts, Counts { passed: 13, failed: 3, ignored: 2 });
    }
}
