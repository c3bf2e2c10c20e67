//! The example `hello_process`: who they are, how they end, and what each start method does with what the parent has.

use ipc_testkit::isolated;
use multiproc::StartMethod;
use std::path::Path;
use std::process::{Command, Output};

#[test]
fn each_method_does_with_the_parents_things_as_it_should() {
    isolated(|| {
        for &method in StartMethod::ALL {
            let output = hello_process(&["--method", &method.to_string()]);
            assert!(output.status.success() && output.stderr.is_empty(), "{method}: {output:?}");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let has = match method {
                // A copy has everything, as it was.
                StartMethod::Fork => "the variable is 42, the file is open",
                // A fresh process has what it was passed, however it came to be.
                _ => "the variable is 0, the file is not there",
            };
            assert_lines(&text, has);
        }
    });
}

#[test]
fn without_words_it_spawns() {
    isolated(|| {
        let output = hello_process(&[]);
        assert!(output.status.success(), "{output:?}");
        assert_lines(&String::from_utf8_lossy(&output.stdout), "the variable is 0, the file is not there");
    });
}

/// Every line, with numbers for `#`.
#[track_caller]
fn assert_lines(text: &str, has: &str) {
    let found: Vec<String> = text.lines().map(without_numbers).collect();
    let expected = [
        "MainProcess is process #".to_owned(),
        "unflushed, and written once".to_owned(),
        format!("greeter is process # of MainProcess #; {}", without_numbers(has)),
        "sleeper is process #, alive: true, daemon: true".to_owned(),
        "quitter: the process exited with code # before its function returned".to_owned(),
    ];
    assert_eq!(found, expected, "{text}");
    assert!(text.contains(has) && text.contains("code 3 "), "{text}");
    // The parent that the child tells of is the one that tells so itself.
    let own = text.lines().next().and_then(|line| line.rsplit(' ').next()).expect("a number");
    assert!(text.contains(&format!("of MainProcess {own};")), "{text}");
}

fn without_numbers(line: &str) -> String {
    let words = line.split_inclusive(' ').map(|word| {
        let number = word.trim_end_matches([' ', ';', ',']);
        if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
            word.replace(number, "#")
        } else {
            word.to_owned()
        }
    });
    words.collect()
}

#[test]
fn a_wrong_command_line_is_told() {
    isolated(|| {
        for (words, complaint) in [
            (&["--method", "teleport"][..], "there are spawn, fork, forkserver"),
            (&["--method"], "--method needs a value"),
            (&["--help=yes"], "unknown argument --help=yes"),
            (&["more"], "unknown argument more"),
        ] {
            let output = hello_process(words);
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{words:?}: {output:?}");
            assert!(told.contains(complaint) && told.lines().count() == 1, "{words:?}: {told}");
            assert!(output.stdout.is_empty(), "{words:?}: {output:?}");
        }
        let output = hello_process(&["--help"]);
        assert!(output.status.success() && output.stdout.starts_with(b"Two workers"), "{output:?}");
    });
}

fn hello_process(words: &[&str]) -> Output {
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.parent().and_then(Path::parent).expect("it is target/PROFILE/deps/hello_process-HASH");
    let path = profile.join("examples").join("hello_process");
    assert!(path.exists(), "{} is not there: `cargo build --example hello_process` makes it", path.display());
    Command::new(path).args(words).output().expect("the program runs")
}
