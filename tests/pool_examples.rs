//! The examples with a pool, and the pipeline: their output by every start method, and a wrong command line is told.

use ipc_testkit::isolated;
use multiproc::StartMethod;
use std::path::Path;
use std::process::{Command, Output};

/// Runs an example by every method; the same lines come each time.
#[track_caller]
fn assert_lines(example: &str, words: &[&str], lines: &[&str]) {
    for method in StartMethod::ALL {
        let output = run(example, &[words, &["--method", method.name()]].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{example} by {method}: {output:?}");
        assert_eq!(text.lines().collect::<Vec<_>>(), lines, "{example} by {method}");
    }
}

#[test]
fn pool_map_squares() {
    isolated(|| {
        assert_lines("pool_map", &["--numbers=5"], &["[0, 1, 4, 9, 16]", "[3, 7]"]);
        let lines = ["[0, 1, 4, 9, 16, 25, 36, 49, 64, 81, ...]", "[3, 7]"];
        assert_lines("pool_map", &["--numbers", "20000", "--workers", "2"], &lines);
    });
}

#[test]
fn pool_async_calls_back() {
    isolated(|| {
        let lines = |callbacks| ["20 squared is 400", "the slow one goes on without us", callbacks];
        assert_lines("pool_async", &[], &lines("2 callbacks got a half, 2 were told of a panic"));
        let words = ["--tasks=7", "--workers=1"];
        assert_lines("pool_async", &words, &lines("4 callbacks got a half, 3 were told of a panic"));
    });
}

#[test]
fn pipeline_sums_up() {
    isolated(|| {
        let words = ["--items", "100", "--workers", "3"];
        assert_lines("pipeline", &words, &["100 squares sum up to 338350, in 300 steps"]);
    });
}

#[test]
fn isolated_native_survives() {
    isolated(|| {
        let output = run("isolated_native", &["--calls", "80"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains(" crashed, and this program goes on"), "{output:?}");
        assert!(!text.contains(" 0 crashed"), "{text}");
        assert_lines("isolated_native", &["--calls", "80"], &[text.trim_end()]);
    });
}

#[test]
fn a_wrong_command_line_is_told() {
    isolated(|| {
        for example in ["pool_map", "pool_async", "pipeline", "isolated_native"] {
            for (words, complaint) in [
                (&["--workers", "0"][..], "--workers takes a number from 1 to 64, not \"0\""),
                (&["--workers=many"], "--workers takes a number from 1 to 64, not \"many\""),
                (&["--workers"], "--workers needs a value"),
                (&["--method", "teleport"], "teleport"),
                (&["more"], "unknown argument more"),
            ] {
                let output = run(example, words);
                let told = String::from_utf8_lossy(&output.stderr).into_owned();
                assert_eq!(output.status.code(), Some(2), "{example} {words:?}: {output:?}");
                assert!(told.contains(complaint) && told.lines().count() == 1, "{example} {words:?}: {told}");
                assert!(output.stdout.is_empty(), "{example} {words:?}: {output:?}");
            }
            assert!(run(example, &["--help"]).status.success());
        }
    });
}

fn run(example: &str, words: &[&str]) -> Output {
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.parent().and_then(Path::parent).expect("it is target/PROFILE/deps/pool_examples-HASH");
    let path = profile.join("examples").join(example);
    assert!(path.exists(), "{} is not there: `cargo build --examples` makes it", path.display());
    Command::new(path).args(words).output().expect("the program runs")
}
