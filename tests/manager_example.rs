//! The example `process_manager`: every word is counted once, and the first of them are told.

use ipc_testkit::isolated;
use std::path::Path;
use std::process::Command;

#[test]
fn every_word_is_counted() {
    isolated(|| {
        let test = std::env::current_exe().expect("a test has a path");
        let profile =
            test.parent().and_then(Path::parent).expect("it is target/PROFILE/deps/manager_example-HASH");
        let path = profile.join("examples").join("process_manager");
        assert!(
            path.exists(),
            "{} is not there: `cargo build --example process_manager` makes it",
            path.display()
        );
        let output = Command::new(path).output().expect("the program runs");
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(text.lines().filter(|line| line.starts_with("process ")).count(), 4, "{text}");
        let last: Vec<&str> = text.lines().skip(4).collect();
        assert_eq!(last, ["4 x rose", "4 x is", "3 x the"]);
    });
}
