//! `cargo xtask fuzz`: gives the decoders and the handshakes hostile input for some time.

use crate::cargo;
use crate::error::Failed;

/// How long each loop runs if the command line does not say.
const DEFAULT_SECONDS: u64 = 10;

/// The variable by which `ipc_testkit::fuzz` is told.
const SECONDS_VARIABLE: &str = "IPC_FUZZ_SECONDS";

/// Some tests of one test binary, which are loops of `ipc_testkit::fuzz`.
struct Target {
    name: &'static str,
    package: &'static str,
    /// Which of the package's test binaries, as cargo is told.
    binary: &'static [&'static str],
    /// What the names of the tests have in them.
    tests: &'static str,
}

const TARGETS: [Target; 5] = [
    // The header, and values of several types with handles.
    Target { name: "frame", package: "ipc-codec", binary: &["--test", "garbage"], tests: "mutated_" },
    Target { name: "handles", package: "ipc-codec", binary: &["--test", "handle_table"], tests: "mutated_" },
    // Both sides of ours and of Python's.
    Target { name: "handshake", package: "ipc-pipe", binary: &["--lib"], tests: "auth::tests::mutated_" },
    Target {
        name: "connection",
        package: "ipc-pipe",
        binary: &["--test", "connection_hostile"],
        tests: "mutated_",
    },
    Target {
        name: "python",
        package: "ipc-pipe",
        binary: &["--lib"],
        tests: "python::connection::tests::mutated_",
    },
];

/// Runs one target or all of them.
pub(crate) fn run(args: &[String]) -> Result<(), Failed> {
    let options = Options::parse(args)?;
    let chosen =
        TARGETS.iter().filter(|target| options.target.as_ref().is_none_or(|name| name == target.name));
    let mut problems = Vec::new();
    for target in chosen {
        match run_target(target, options.seconds) {
            Ok(loops) => {
                println!("{}: {} rounds, loops: {}", target.name, loops.iter().sum::<u64>(), loops.len());
            }
            Err(problem) => problems.push(problem.to_string()),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Failed::new(problems.join("\n"))) }
}

/// Runs the loops of a target, each for so many seconds; how many rounds each had.
fn run_target(target: &Target, seconds: u64) -> Result<Vec<u64>, Failed> {
    let mut command = cargo::command(&["test", "--quiet", "--release", "-p", target.package]);
    command.args(target.binary).args([target.tests, "--", "--show-output"]);
    // Fast, and still with the checks: a sum that wraps is a finding.
    command.env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true");
    command.env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true");
    command.env("CARGO_TARGET_DIR", cargo::target_folder("fuzz"));
    command.env(SECONDS_VARIABLE, seconds.to_string());
    let (status, output) = cargo::stdout_of(&mut command)?;
    if !status.success() {
        print!("{output}");
        return Err(cargo::failed(&command, status));
    }
    match rounds(&output) {
        none if none.is_empty() => Err(Failed::new(format!("the target `{}` has no loop", target.name))),
        loops => Ok(loops),
    }
}

/// The rounds of each loop, by what the loops have printed.
fn rounds(output: &str) -> Vec<u64> {
    let lines = output.lines().filter_map(|line| line.trim().strip_prefix("fuzz: "));
    lines.filter_map(|rest| rest.strip_suffix(" rounds")?.parse().ok()).collect()
}

/// The command line of `fuzz`.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    target: Option<String>,
    seconds: u64,
}

impl Options {
    /// Reads the words after the command.
    fn parse(args: &[String]) -> Result<Options, Failed> {
        let mut options = Options { target: None, seconds: DEFAULT_SECONDS };
        let mut words = args.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--seconds" => options.seconds = seconds(words.next())?,
                name if options.target.is_none() => options.target = Some(known(name)?),
                other => {
                    return Err(Failed::usage(format!("one target at a time: `{other}` is a second one")));
                }
            }
        }
        Ok(options)
    }
}

fn seconds(word: Option<&String>) -> Result<u64, Failed> {
    let number = word.and_then(|word| word.parse().ok());
    number.ok_or_else(|| Failed::usage("expected a number of seconds after --seconds"))
}

fn known(name: &str) -> Result<String, Failed> {
    let names = TARGETS.map(|target| target.name);
    if names.contains(&name) {
        return Ok(name.to_owned());
    }
    Err(Failed::usage(format!("there is no fuzz target `{name}`; there are: {}", names.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_read_in_any_order() {
        let parse =
            |line: &str| Options::parse(&line.split_whitespace().map(String::from).collect::<Vec<_>>());
        let expected = Options { target: Some("frame".to_owned()), seconds: 3 };
        assert_eq!(parse("frame --seconds 3").expect("the line is good"), expected);
        assert_eq!(parse("--seconds 3 frame").expect("the line is good"), expected);
        assert_eq!(parse("").expect("the line is good"), Options { target: None, seconds: DEFAULT_SECONDS });
        for bad in ["frames", "frame handles", "--seconds", "--seconds long", "--quick"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rounds_are_what_the_loops_have_printed() {
        let output =
            "---- a stdout ----\nfuzz: 12 rounds\nfuzz: set A=1\n\nfuzz: 30 rounds\ntest result: ok.";
        assert_eq!(rounds(output), [12, 30]);
    }
}
