//! The example `process_pipe`: all messages arrive in order, by both start methods, the receiver ends with the pipe, and a
//! wrong command line is told.

use ipc_testkit::isolated;
use multiproc::StartMethod;
use std::path::Path;
use std::process::{Command, Output};

#[test]
fn the_pipe_ends_after_the_last_message() {
    isolated(|| {
        for &method in StartMethod::ALL {
            assert_messages(100, &["--messages=100", "--method", &method.to_string()]);
        }
    });
}

#[test]
fn without_words_five_messages_pass() {
    isolated(|| assert_messages(5, &[]));
}

/// Each of the two tells its messages in their order; in between the lines come as they like.
#[track_caller]
fn assert_messages(count: u32, words: &[&str]) {
    let output = process_pipe(words);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let of = |who: &str| text.lines().filter(|line| line.starts_with(who)).collect::<Vec<_>>();
    assert_eq!(of("sent"), (1..=count).map(|number| format!("sent {number}")).collect::<Vec<_>>());
    assert_eq!(
        of("received"),
        (1..=count).map(|number| format!("received message {number}")).collect::<Vec<_>>()
    );
    assert_eq!(of("the sender has closed the pipe").len(), 1);
    assert_eq!(text.lines().last(), Some(&*format!("{count} of {count} messages arrived in order")));
    assert_eq!(text.lines().count(), 2 * count as usize + 2, "{text}");
}

#[test]
fn a_wrong_command_line_is_told() {
    isolated(|| {
        for (words, complaint) in [
            (&["--messages", "0"][..], "--messages takes a number from 1 to 1000000, not \"0\""),
            (&["--messages", "many"], "--messages takes a number from 1 to 1000000, not \"many\""),
            (&["--messages"], "--messages needs a value"),
            (&["--method", "teleport"], "teleport"),
            (&["--help=yes"], "unknown argument --help=yes"),
            (&["more"], "unknown argument more"),
        ] {
            let output = process_pipe(words);
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{words:?}: {output:?}");
            assert!(told.contains(complaint) && told.lines().count() == 1, "{words:?}: {told}");
            assert!(output.stdout.is_empty(), "{words:?}: {output:?}");
        }
        let output = process_pipe(&["--help"]);
        assert!(output.status.success() && output.stdout.starts_with(b"A sender"), "{output:?}");
    });
}

fn process_pipe(words: &[&str]) -> Output {
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.parent().and_then(Path::parent).expect("it is target/PROFILE/deps/process_pipe-HASH");
    let path = profile.join("examples").join("process_pipe");
    assert!(path.exists(), "{} is not there: `cargo build --example process_pipe` makes it", path.display());
    Command::new(path).args(words).output().expect("the program runs")
}
