//! The frame of the kill tests: which scenarios it runs, what it prints, when it fails.

use ipc_testkit::kill::{Args, Row, Scenario, run_with};

fn good(args: &Args) -> Row {
    Row { points: 2, kills: args.scale(3, 300), ..Row::new("good") }
}

fn lossy(_args: &Args) -> Row {
    Row { kills: 1, losses: 1, ..Row::new("lossy") }
}

fn panics(_args: &Args) -> Row {
    panic!("the scenario is broken")
}

const ALL: [Scenario; 3] = [
    Scenario { name: "good", run: good },
    Scenario { name: "lossy", run: lossy },
    Scenario { name: "panics", run: panics },
];

/// Runs the scenarios with the words as arguments; whether all have passed, and what was printed.
fn output_of(words: &[&str]) -> (bool, String) {
    let mut output = Vec::new();
    let args = Args::parse_from(words.iter().map(|&word| word.to_owned()));
    let passed = run_with(&args, &ALL, &mut output);
    (passed, String::from_utf8(output).expect("rows are text"))
}

#[test]
fn a_good_scenario_passes() {
    let (passed, output) = output_of(&["good", "--nocapture"]);
    assert!(passed);
    assert!(output.starts_with("{\"scenario\":\"good\",\"points\":2,\"kills\":3,"), "{output}");
    assert!(
        output.contains("test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out;"),
        "{output}"
    );
}

#[test]
fn the_full_form_does_more() {
    assert!(output_of(&["good", "--full"]).1.contains("\"kills\":300"));
}

#[test]
fn a_loss_or_a_panic_fails_and_the_others_run() {
    let (passed, output) = output_of(&[]);
    assert!(!passed);
    assert_eq!(output.lines().filter(|line| line.starts_with('{')).count(), 3);
    assert_eq!(output.matches("\"ok\":false").count(), 2);
    assert!(output.contains("test result: FAILED. 1 passed; 2 failed;"), "{output}");
}

#[test]
fn a_list_runs_nothing() {
    assert_eq!(output_of(&["--list"]), (true, "good: test\nlossy: test\npanics: test\n".to_owned()));
}
