//! `cargo xtask kill`: runs the kill tests of the crates in release and shows what was lost.

use crate::cargo;
use crate::error::Failed;
use crate::rows::{self, Options, Row};
use serde::Deserialize;
use std::fs;
use std::path::Path;

/// What a row of a kill test has to tell.
const COLUMNS: [&str; 6] = ["scenario", "points", "kills", "hangs", "losses", "ok"];

/// The part of a row that decides.
#[derive(Deserialize)]
struct Verdict {
    hangs: u64,
    losses: u64,
    ok: bool,
}

/// Runs one area or all of them. Every row has to be good.
pub(crate) fn run(args: &[String]) -> Result<(), Failed> {
    let options = Options::parse(args)?;
    let known = areas();
    let chosen = match options.area {
        Some(area) if known.contains(&area) => vec![area],
        Some(area) => {
            return Err(Failed::usage(format!(
                "there is no kill test `{area}`; there are: {}",
                known.join(", ")
            )));
        }
        None if known.is_empty() => return Err(Failed::new("no crate has a test `kill`")),
        None => known,
    };
    let mut all = Vec::new();
    let mut problems = Vec::new();
    for area in &chosen {
        let (rows, problem) = run_area(area, options.quick)?;
        all.extend(rows);
        problems.extend(problem);
    }
    for row in all.iter().filter(|row| !is_good(row)) {
        problems.push(format!("not ok: {}", row.line));
    }
    rows::print(&all, &COLUMNS, options.json);
    if problems.is_empty() { Ok(()) } else { Err(Failed::new(problems.join("\n"))) }
}

/// The names of the crates with a kill test, without the prefix of the family.
fn areas() -> Vec<String> {
    let Ok(entries) = fs::read_dir(cargo::root()) else { return Vec::new() };
    // One file or a folder, as cargo has it.
    let has_test = |folder: &Path| {
        ["kill.rs", "kill/main.rs"].iter().any(|file| folder.join("tests").join(file).is_file())
    };
    let with_test = entries.flatten().filter(|entry| has_test(&entry.path()));
    let mut areas: Vec<String> = with_test
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_prefix("ipc-")?.to_owned()))
        .collect();
    areas.sort();
    areas
}

/// Runs the kill test of one crate: its rows, and what is wrong with the run as a whole.
fn run_area(area: &str, quick: bool) -> Result<(Vec<Row>, Option<String>), Failed> {
    let package = format!("ipc-{area}");
    let form = if quick { "--quick" } else { "--full" };
    let mut command =
        cargo::command(&["test", "--quiet", "--release", "-p", &package, "--test", "kill", "--", form]);
    let (status, output) = cargo::stdout_of(&mut command)?;
    let rows = rows::parse(&output, &COLUMNS)?;
    let problem = if !status.success() {
        Some(cargo::failed(&command, status).to_string())
    } else if rows.is_empty() {
        Some(format!("the kill test `{area}` has printed no row"))
    } else {
        None
    };
    Ok((rows, problem))
}

fn is_good(row: &Row) -> bool {
    let verdict = Verdict::deserialize(&row.values);
    verdict.is_ok_and(|verdict| verdict.ok && verdict.hangs == 0 && verdict.losses == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_good_only_if_nothing_hung_and_nothing_was_lost() {
        let row = |hangs: u64, ok: bool| {
            let line = format!(
                "{{\"scenario\":\"put\",\"points\":1,\"kills\":1,\"hangs\":{hangs},\"losses\":0,\"ok\":{ok}}}"
            );
            rows::parse(&line, &COLUMNS).expect("the row is whole").remove(0)
        };
        assert!(is_good(&row(0, true)));
        assert!(!is_good(&row(1, true)));
        assert!(!is_good(&row(0, false)));
    }
}
