//! The project's own commands: `cargo xtask <command>`.

mod bench;
mod cargo;
mod docs;
mod error;
mod fuzz;
mod kill;
mod model;
mod rows;
mod test;
mod tidy;

use error::Failed;
use std::process::ExitCode;

/// Shown when the command is missing or unknown.
const USAGE: &str = "\
usage: cargo xtask <command>

  test [ARGS]                        tidy, fmt, clippy, docs and tests; ARGS go to `cargo test`
  tidy                               the rules of the sources that no other tool knows
  docs                               the documentation of all crates
  bench [AREA] [--quick] [--json]    compare with others; all areas if none is named
  kill [AREA] [--quick] [--json]     kill processes at many points; all areas if none is named
  model [ALGORITHM]                  try all orders of steps; all algorithms if none is named
  fuzz [TARGET] [--seconds N]        hostile input, N seconds for each loop; all targets if none is named
  ci                                 what continuous integration runs: test
  help                               this text";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_else(|| "help".to_owned());
    let args: Vec<String> = words.collect();
    let result = match command.as_str() {
        "test" | "ci" => test::run(&args),
        "tidy" => tidy::run(),
        "docs" => docs::run(),
        "bench" => bench::run(&args),
        "kill" => kill::run(&args),
        "model" => model::run(&args),
        "fuzz" => fuzz::run(&args),
        "help" | "-h" | "--help" => {
            println!("{USAGE}");
            Ok(())
        }
        unknown => Err(Failed::usage(format!("unknown command `{unknown}`\n\n{USAGE}"))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("xtask: {failed}");
            failed.code()
        }
    }
}
