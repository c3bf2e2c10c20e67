//! The arguments of a kill test: its own two, and those of libtest, which `cargo test` hands to every test program.

use std::time::Duration;

/// How much to do, and which scenarios.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Args {
    /// The short form, some seconds; the other one takes minutes.
    pub quick: bool,
    /// Only tell the names of the scenarios.
    pub list: bool,
    filters: Vec<String>,
    skipped: Vec<String>,
    exact: bool,
    only_ignored: bool,
}

/// The options of libtest that take a value as the next argument.
const WITH_VALUE: [&str; 7] =
    ["--test-threads", "--format", "--logfile", "--color", "--shuffle-seed", "-Z", "--report-time-threshold"];

impl Args {
    /// Reads the arguments of this program. Without `--full` it is quick.
    pub fn parse() -> Args {
        Args::parse_from(std::env::args().skip(1))
    }

    /// Reads arguments, the name of the program not among them.
    ///
    /// Options that mean nothing here are passed over: they are for the tests that run beside this one.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_testkit::kill::Args;
    ///
    /// let args = Args::parse_from(["--test-threads", "1", "--full", "put"].map(String::from));
    /// assert!(!args.quick);
    /// assert!(args.wants("put_large") && !args.wants("get"));
    /// ```
    pub fn parse_from(words: impl IntoIterator<Item = String>) -> Args {
        let mut args = Args {
            quick: true,
            list: false,
            filters: Vec::new(),
            skipped: Vec::new(),
            exact: false,
            only_ignored: false,
        };
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => args.quick = true,
                "--full" => args.quick = false,
                "--list" => args.list = true,
                "--exact" => args.exact = true,
                "--ignored" => args.only_ignored = true,
                "--skip" => args.skipped.extend(words.next()),
                option if WITH_VALUE.contains(&option) => drop(words.next()),
                option if option.starts_with("--skip=") => {
                    args.skipped.push(option["--skip=".len()..].to_owned())
                }
                option if option.starts_with('-') => {}
                _ => args.filters.push(word),
            }
        }
        args
    }

    /// Whether the scenario is to be run, by the rules of libtest: it matches a filter, if there are any, and no `--skip`.
    pub fn wants(&self, name: &str) -> bool {
        let matches = |part: &String| if self.exact { name == part } else { name.contains(part.as_str()) };
        let chosen = self.filters.is_empty() || self.filters.iter().any(matches);
        // No scenario is an ignored test, so a run of the ignored ones has nothing to do here.
        chosen && !self.skipped.iter().any(matches) && !self.only_ignored
    }

    /// One number for the quick form, another for the full one.
    pub fn scale(&self, quick: u64, full: u64) -> u64 {
        if self.quick { quick } else { full }
    }

    /// How long one scenario may take: 2 minutes in the quick form, 20 in the full one.
    pub fn limit(&self) -> Duration {
        Duration::from_secs(60 * self.scale(2, 20))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Args {
        Args::parse_from(line.split_whitespace().map(String::from))
    }

    #[test]
    fn quick_is_the_default() {
        assert!(parse("").quick && parse("--quick").quick && !parse("--full").quick);
    }

    #[test]
    fn options_of_libtest_are_no_filters() {
        let args = parse("--nocapture --test-threads=1 --test-threads 2 --format pretty --color always -q");
        assert!(args.wants("anything") && !args.list);
    }

    #[test]
    fn filters_choose_and_skips_leave_out() {
        let args = parse("put get --skip large");
        assert!(
            args.wants("put_small") && args.wants("get") && !args.wants("put_large") && !args.wants("lock")
        );
        assert!(parse("put --exact").wants("put") && !parse("put --exact").wants("put_small"));
        assert!(!parse("--ignored").wants("put") && parse("--include-ignored").wants("put"));
        assert!(parse("--list").list);
    }
}
