//! The multiproc family measured against itself and against its peers.
//!
//! `cargo run --release -p ipc-bench -- AREA [--quick] [--json]`, or `cargo xtask bench` for all areas at once.
//!
//! A file per area, each with its contenders; [`measure`] has the one loop that runs them all in turn.

mod forked;
mod manager;
mod measure;
mod pipe;
mod plot;
mod pool;
mod process;
mod queue;
mod row;
mod sync;
mod taken;
mod waiter;

use measure::Effort;
use row::Row;
use std::error::Error;
use std::process::ExitCode;

/// Measures one area.
type Area = fn(Effort) -> Result<Vec<Row>, Box<dyn Error>>;

/// All areas, by name.
const AREAS: [(&str, Area); 6] = [
    ("manager", manager::rows),
    ("pipe", pipe::rows),
    ("pool", pool::rows),
    ("process", process::rows),
    ("queue", queue::rows),
    ("sync", sync::rows),
];

/// Shown with an unknown area or option.
const USAGE: &str = "usage: ipc-bench AREA [--quick] [--json], or ipc-bench --list";

/// The exit code when the command line is wrong.
const EXIT_USAGE: u8 = 2;

/// The load from which on others take part in what is measured.
const BUSY: f64 = 0.5;

/// What the command line asks for.
enum Command {
    List,
    Run { area: Area, effort: Effort, json: bool },
}

fn main() -> ExitCode {
    // A peer that runs this program again stops here, before any code of the family.
    if process::is_peer() {
        return ExitCode::SUCCESS;
    }
    ipc_process::init();
    match parse(std::env::args().skip(1)) {
        Ok(Command::List) => {
            AREAS.iter().for_each(|(name, _)| println!("{name}"));
            ExitCode::SUCCESS
        }
        Ok(Command::Run { area, effort, json }) => match measured(area, effort) {
            Ok(rows) => {
                print!("{}", if json { row::json_lines(&rows) } else { row::table(&rows) });
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("ipc-bench: {error}");
                ExitCode::FAILURE
            }
        },
        Err(reason) => {
            let names: Vec<_> = AREAS.iter().map(|(name, _)| *name).collect();
            eprintln!("ipc-bench: {reason}\n{USAGE}\nareas: {}", names.join(", "));
            EXIT_USAGE.into()
        }
    }
}

/// Measures an area, and says so if the machine is not free to be measured on: who spins then loses more than who sleeps.
fn measured(area: Area, effort: Effort) -> Result<Vec<Row>, Box<dyn Error>> {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: f64 = load.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0.0);
    if load > BUSY {
        eprintln!("ipc-bench: others use this machine (load {load}): ratios of this run say little");
    }
    area(effort)
}

fn parse(words: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut area = None;
    let mut effort = Effort::Full;
    let mut json = false;
    for word in words {
        match word.as_str() {
            "--list" => return Ok(Command::List),
            "--quick" => effort = Effort::Quick,
            "--json" => json = true,
            option if option.starts_with('-') => return Err(format!("unknown option {option}")),
            name if area.is_none() => {
                let found = AREAS.iter().find(|(known, _)| *known == name);
                area = Some(found.ok_or_else(|| format!("there is no area {name}"))?.1);
            }
            other => return Err(format!("one area at a time: {other} is a second one")),
        }
    }
    let area = area.ok_or("no area")?;
    Ok(Command::Run { area, effort, json })
}
