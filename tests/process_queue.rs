//! The example `process_queue`: all items arrive in order, by both start methods and with both ends, and a wrong command line
//! is told.

use ipc_testkit::isolated;
use multiproc::StartMethod;
use std::path::Path;
use std::process::{Command, Output};

#[test]
fn a_channel_ends_after_the_last_item() {
    isolated(|| {
        for &method in StartMethod::ALL {
            assert_items(100, &["--items=100", "--method", &method.to_string()]);
        }
    });
}

#[test]
fn a_timeout_ends_after_the_last_item() {
    isolated(|| {
        for &method in StartMethod::ALL {
            assert_items(7, &["--items", "7", "--end=timeout", "--method", &method.to_string()]);
        }
    });
}

#[test]
fn without_words_five_items_pass() {
    isolated(|| assert_items(5, &[]));
}

/// Each of the two tells its items in their order; in between the lines come as they like.
#[track_caller]
fn assert_items(count: u32, words: &[&str]) {
    let output = process_queue(words);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let of = |who: &str| text.lines().filter(|line| line.starts_with(who)).collect::<Vec<_>>();
    assert_eq!(of("put"), (1..=count).map(|number| format!("put {number}")).collect::<Vec<_>>());
    assert_eq!(
        of("got"),
        (1..=count).map(|number| format!("got {number}: item {number}")).collect::<Vec<_>>()
    );
    assert_eq!(text.lines().last(), Some(&*format!("{count} of {count} items arrived in order")));
    assert_eq!(text.lines().count(), 2 * count as usize + 1, "{text}");
}

#[test]
fn a_wrong_command_line_is_told() {
    isolated(|| {
        for (words, complaint) in [
            (&["--items", "0"][..], "--items takes a number from 1 to 1000000, not \"0\""),
            (&["--items", "many"], "--items takes a number from 1 to 1000000, not \"many\""),
            (&["--items"], "--items needs a value"),
            (&["--end", "bitter"], "--end takes channel or timeout, not \"bitter\""),
            (&["--method", "teleport"], "teleport"),
            (&["--help=yes"], "unknown argument --help=yes"),
            (&["more"], "unknown argument more"),
        ] {
            let output = process_queue(words);
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{words:?}: {output:?}");
            assert!(told.contains(complaint) && told.lines().count() == 1, "{words:?}: {told}");
            assert!(output.stdout.is_empty(), "{words:?}: {output:?}");
        }
        let output = process_queue(&["--help"]);
        assert!(output.status.success() && output.stdout.starts_with(b"A producer"), "{output:?}");
    });
}

fn process_queue(words: &[&str]) -> Output {
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.parent().and_then(Path::parent).expect("it is target/PROFILE/deps/process_queue-HASH");
    let path = profile.join("examples").join("process_queue");
    assert!(path.exists(), "{} is not there: `cargo build --example process_queue` makes it", path.display());
    Command::new(path).args(words).output().expect("the program runs")
}
