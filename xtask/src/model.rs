//! `cargo xtask model`: runs the models of the algorithms, in which loom tries all orders of steps and deaths.

use crate::cargo;
use crate::error::Failed;

/// The packages with models. A model is a test in a module `model` below that of its algorithm.
const PACKAGES: [&str; 2] = ["ipc-shared", "ipc-queue"];

/// Runs all models, or those of one algorithm, such as `mutex`.
pub(crate) fn run(args: &[String]) -> Result<(), Failed> {
    let mut count = 0;
    for package in PACKAGES {
        count += run_package(package, args)?;
    }
    if count == 0 {
        return Err(Failed::usage("no algorithm of that name has a model"));
    }
    println!("{count} models hold");
    Ok(())
}

/// Runs the models of one package and says how many there were.
fn run_package(package: &str, args: &[String]) -> Result<u64, Failed> {
    let mut command = cargo::command(&["test", "--release", "--lib", "-p", package, "--"]);
    match args {
        [] => command.arg("::model::"),
        [name] => command.arg(format!("::{name}::model::")),
        _ => return Err(Failed::usage("one name at most")),
    };
    command.args(["--show-output"]);
    // Everything is compiled anew with this option, so it does not touch what was compiled without.
    command.env("RUSTFLAGS", "--cfg loom").env("CARGO_TARGET_DIR", cargo::target_folder("model"));
    let (status, output) = cargo::stdout_of(&mut command)?;
    print!("{output}");
    if status.success() { Ok(passed(&output)) } else { Err(cargo::failed(&command, status)) }
}

/// How many tests have passed by the output of a test binary.
fn passed(output: &str) -> u64 {
    let results = output.lines().filter_map(|line| line.strip_prefix("test result: ok. "));
    let counts = results.filter_map(|rest| rest.split_once(" passed")).map(|(count, _)| count.parse());
    counts.map(|count| count.unwrap_or(0)).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_counted_by_the_result_line() {
        let output = "running 2 tests\ntest a ... ok\n\ntest result: ok. 2 passed; 0 failed; 0 ignored\n";
        assert_eq!(passed(output), 2);
        assert_eq!(passed("test result: FAILED. 1 passed; 1 failed"), 0);
    }
}
