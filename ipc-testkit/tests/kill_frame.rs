//! The frame of the kill tests: which scenarios it runs, what it prints, when it fails.

use ipc_testkit::isolated;
use ipc_testkit::kill::{Args, Row, Scenario, run_with};
use std::time::{Duration, Instant};

fn good(args: &Args) -> Row {
    Row { points: 2, kills: args.scale(3, 300), ..Row::new("good") }
}

fn lossy(_args: &Args) -> Row {
    Row { kills: 1, losses: 1, ..Row::new("lossy") }
}

fn panics(_args: &Args) -> Row {
    panic!("the scenario is broken")
}

fn ends_all(_args: &Args) -> Row {
    std::process::exit(0)
}

const ALL: [Scenario; 3] = [
    Scenario { name: "good", run: good },
    Scenario { name: "lossy", run: lossy },
    Scenario { name: "panics", run: panics },
];

/// Runs scenarios with the words as arguments; whether all have passed, and what was printed.
fn output_of(scenarios: &[Scenario], words: &[&str]) -> (bool, String) {
    let mut output = Vec::new();
    let args = Args::parse_from(words.iter().map(|&word| word.to_owned()));
    let passed = run_with(&args, scenarios, &mut output);
    (passed, String::from_utf8(output).expect("rows are text"))
}

#[test]
fn a_good_scenario_passes() {
    isolated(|| {
        let (passed, output) = output_of(&ALL, &["good", "--nocapture"]);
        assert!(passed);
        assert!(output.starts_with("{\"scenario\":\"good\",\"points\":2,\"kills\":3,"), "{output}");
        assert!(
            output.contains("test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out;"),
            "{output}"
        );
    });
}

#[test]
fn the_full_form_does_more() {
    isolated(|| assert!(output_of(&ALL, &["good", "--full"]).1.contains("\"kills\":300")));
}

#[test]
fn a_loss_or_a_panic_fails_and_the_others_run() {
    isolated(|| {
        for form in ["--quick", "--full"] {
            let (passed, output) = output_of(&ALL, &[form]);
            assert!(!passed);
            assert_eq!(output.lines().filter(|line| line.starts_with('{')).count(), 3);
            assert_eq!(output.matches("\"ok\":false").count(), 2);
            assert!(output.contains("test result: FAILED. 1 passed; 2 failed;"), "{output}");
        }
    });
}

#[test]
fn a_scenario_that_ends_its_process_has_not_passed() {
    isolated(|| {
        let (passed, output) = output_of(&[Scenario { name: "ends_all", run: ends_all }], &[]);
        assert!(!passed && output.contains("{\"scenario\":\"ends_all\",\"points\":0,"), "{output}");
    });
}

#[test]
fn the_full_form_runs_one_after_the_other() {
    fn sleeps(_args: &Args) -> Row {
        std::thread::sleep(Duration::from_millis(100));
        Row { kills: 1, ..Row::new("sleeps") }
    }
    isolated(|| {
        let begin = Instant::now();
        let (passed, output) = output_of(&[Scenario { name: "sleeps", run: sleeps }; 3], &["--full"]);
        assert!(passed && begin.elapsed() >= Duration::from_millis(300), "{output}");
    });
}

#[test]
fn a_list_runs_nothing() {
    assert_eq!(output_of(&ALL, &["--list"]), (true, "good: test\nlossy: test\npanics: test\n".to_owned()));
}
