//! The example `shared_counter`: its results are exact by both start methods, and a wrong command line is told.

use ipc_testkit::isolated;
use multiproc::StartMethod;
use std::path::Path;
use std::process::{Command, Output};

#[test]
fn results_are_exact_by_every_method() {
    isolated(|| {
        for &method in StartMethod::ALL {
            let output =
                shared_counter(&["--workers", "3", "--rounds=2000", "--method", &method.to_string()]);
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
            let found: Vec<(u64, &str)> = text.lines().map(result).collect();
            assert_eq!(
                found,
                [(6000, "exact"), (6000, "exact"), (6000, "exact"), (100_000, "exact")],
                "{text}"
            );
        }
    });
}

#[test]
fn one_worker_is_enough() {
    isolated(|| {
        let output = shared_counter(&["--workers=1", "--rounds=1"]);
        assert!(output.status.success(), "{output:?}");
    });
}

#[test]
fn a_wrong_command_line_is_told() {
    isolated(|| {
        for (words, complaint) in [
            (&["--workers", "0"][..], "--workers takes a number from 1 to 256, not \"0\""),
            (&["--workers", "257"], "--workers takes a number from 1 to 256, not \"257\""),
            (&["--rounds", "-1"], "--rounds takes a number from 1 to 100000000, not \"-1\""),
            (&["--rounds"], "--rounds needs a value"),
            (&["--method", "teleport"], "teleport"),
            (&["--help=yes"], "unknown argument --help=yes"),
            (&["more"], "unknown argument more"),
        ] {
            let output = shared_counter(words);
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{words:?}: {output:?}");
            assert!(told.contains(complaint) && told.lines().count() == 1, "{words:?}: {told}");
            assert!(output.stdout.is_empty(), "{words:?}: {output:?}");
        }
        let output = shared_counter(&["--help"]);
        assert!(output.status.success() && output.stdout.starts_with(b"Several processes"), "{output:?}");
    });
}

/// The number and the verdict of a line.
fn result(line: &str) -> (u64, &str) {
    let mut words = line.split_whitespace().rev();
    let verdict = words.next().expect("a verdict");
    (words.next().and_then(|word| word.parse().ok()).expect("a number"), verdict)
}

fn shared_counter(words: &[&str]) -> Output {
    let test = std::env::current_exe().expect("a test has a path");
    let profile =
        test.parent().and_then(Path::parent).expect("it is target/PROFILE/deps/shared_counter-HASH");
    let path = profile.join("examples").join("shared_counter");
    assert!(
        path.exists(),
        "{} is not there: `cargo build --example shared_counter` makes it",
        path.display()
    );
    Command::new(path).args(words).output().expect("the program runs")
}
