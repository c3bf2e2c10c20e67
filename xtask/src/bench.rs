//! `cargo xtask bench`: runs the benches and shows how the family compares.

use crate::cargo;
use crate::error::Failed;
use crate::rows::{self, Options, Row};

/// What a row of a bench has to tell.
const COLUMNS: [&str; 8] = ["id", "work", "ratio", "ours", "peer", "unit", "target", "met"];

/// The bench program with all peers.
const RUN: [&str; 7] = ["run", "--release", "--quiet", "-p", "ipc-bench", "--all-features", "--"];

/// Runs one area or all of them. A target that was missed is a row that says so, and no failure.
pub(crate) fn run(args: &[String]) -> Result<(), Failed> {
    let options = Options::parse(args)?;
    let areas = match &options.area {
        Some(area) => vec![area.clone()],
        None => areas()?,
    };
    let mut all = Vec::new();
    for area in &areas {
        all.extend(rows_of(area, options.quick)?);
    }
    rows::print(&all, &COLUMNS, options.json);
    Ok(())
}

/// The areas that the bench program knows, one a line.
fn areas() -> Result<Vec<String>, Failed> {
    let mut command = cargo::command(&RUN);
    command.arg("--list");
    let (status, output) = cargo::stdout_of(&mut command)?;
    if !status.success() {
        return Err(cargo::failed(&command, status));
    }
    Ok(output.split_whitespace().map(String::from).collect())
}

fn rows_of(area: &str, quick: bool) -> Result<Vec<Row>, Failed> {
    let mut command = cargo::command(&RUN);
    command.args([area, "--json"]);
    if quick {
        command.arg("--quick");
    }
    let (status, output) = cargo::stdout_of(&mut command)?;
    match status.code() {
        Some(0) => {}
        // The program has said on stderr which areas there are.
        Some(2) => return Err(Failed::usage(format!("there is no bench `{area}`"))),
        _ => return Err(cargo::failed(&command, status)),
    }
    let rows = rows::parse(&output, &COLUMNS)?;
    if rows.is_empty() {
        Err(Failed::new(format!("the bench `{area}` has printed no row")))
    } else {
        Ok(rows)
    }
}
