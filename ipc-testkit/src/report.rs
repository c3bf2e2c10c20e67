//! What went wrong in an isolated test.

use std::fmt;
use std::time::Duration;

/// How much of the end of the captured output a failure message shows, in bytes.
const TAIL: usize = 16 * 1024;

/// Why an isolated test has failed: one or more findings, and what its processes have printed.
///
/// [`Display`](fmt::Display) shows all of it, the output cut to its end.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was found, in the order of the checks. Never empty in a report that a test gets.
    pub failures: Vec<Failure>,
    /// What the processes of the test have written to stdout and stderr.
    pub output: String,
}

/// One finding about an isolated test.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The body has panicked. The message is in the output.
    Panicked,
    /// The process has ended before the body did, or never ran it.
    Unfinished {
        /// How it has ended.
        status: String,
    },
    /// The body has run to its end and the process has then failed.
    Failed {
        /// How it has ended.
        status: String,
    },
    /// The time was over. All processes of the test have been killed.
    Hung {
        /// How long the test was allowed to take.
        limit: Duration,
        /// What each process and each thread was doing.
        doing: String,
    },
    /// A process that the body has forked has come out of the body's end.
    Escaped {
        /// The id of the process.
        pid: String,
    },
    /// The process held something after the body that it did not hold before.
    Leaked {
        /// The kind of the thing and the thing.
        what: String,
    },
    /// A process was alive after the test. It has been killed.
    Outlived {
        /// What it was doing.
        doing: String,
    },
    /// A name of the test was there after all its processes had ended. It has been removed.
    Residue {
        /// The path.
        path: String,
    },
    /// The process could not be started, or what it left could not be read.
    Broken {
        /// What happened.
        reason: String,
    },
}

impl Failure {
    /// Whether the finding is about something left behind, which [`allow_leaks`](crate::Isolated::allow_leaks) forgives.
    pub fn is_leak(&self) -> bool {
        matches!(self, Failure::Leaked { .. } | Failure::Outlived { .. } | Failure::Residue { .. })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Panicked => write!(f, "the body panicked"),
            Failure::Unfinished { status } => write!(f, "the process ended before the body did: {status}"),
            Failure::Failed { status } => write!(f, "the body ended, and then the process failed: {status}"),
            Failure::Hung { limit, doing } => write!(f, "not done after {limit:?}, killed while\n{doing}"),
            Failure::Escaped { pid } => {
                write!(
                    f,
                    "process {pid}, forked by the body, came out of it: end such a process inside the body"
                )
            }
            Failure::Leaked { what } => write!(f, "leaked {what}"),
            Failure::Outlived { doing } => write!(f, "alive after the test, killed: {doing}"),
            Failure::Residue { path } => write!(f, "left behind, removed: {path}"),
            Failure::Broken { reason } => write!(f, "the test could not be carried out: {reason}"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the isolated test failed")?;
        self.failures.iter().try_for_each(|failure| writeln!(f, "  - {failure}"))?;
        let mut start = self.output.len().saturating_sub(TAIL);
        while !self.output.is_char_boundary(start) {
            start += 1;
        }
        let cut = if start > 0 { " (the end of it)" } else { "" };
        writeln!(f, "--- its output{cut} ---\n{}\n--- end of its output ---", self.output[start..].trim_end())
    }
}

impl std::error::Error for Report {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_output_is_cut_at_a_letter() {
        let output = format!("x{}", "ä".repeat(TAIL));
        let text = Report { failures: vec![Failure::Panicked], output }.to_string();
        assert!(text.contains("(the end of it)"));
        assert!(text.len() < TAIL + 200);
    }
}
