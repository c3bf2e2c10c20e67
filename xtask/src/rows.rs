//! Rows of JSON, one a line, as the benches and the kill tests print them.

use crate::error::Failed;
use serde_json::{Map, Value};

/// One row: what was measured, by name.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The row as it was printed, its names in their order.
    pub(crate) line: String,
    pub(crate) values: Map<String, Value>,
}

/// The command line of `bench` and `kill`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) area: Option<String>,
    pub(crate) quick: bool,
    pub(crate) json: bool,
}

impl Options {
    /// Reads the words after the command.
    pub(crate) fn parse(args: &[String]) -> Result<Options, Failed> {
        let mut options = Options::default();
        for arg in args {
            match arg.as_str() {
                "--quick" => options.quick = true,
                "--json" => options.json = true,
                option if option.starts_with('-') => {
                    return Err(Failed::usage(format!(
                        "unknown option `{option}`, expected --quick or --json"
                    )));
                }
                area if options.area.is_none() => options.area = Some(area.to_owned()),
                other => return Err(Failed::usage(format!("one area at a time: `{other}` is a second one"))),
            }
        }
        Ok(options)
    }
}

/// The rows among the lines of an output: those that begin with `{`. Each must have all of the columns.
pub(crate) fn parse(output: &str, columns: &[&str]) -> Result<Vec<Row>, Failed> {
    let lines = output.lines().filter(|line| line.starts_with('{'));
    lines.map(|line| parse_line(line, columns)).collect()
}

fn parse_line(line: &str, columns: &[&str]) -> Result<Row, Failed> {
    let values: Map<String, Value> = serde_json::from_str(line)
        .map_err(|error| Failed::new(format!("not a row of JSON: {error}: {line}")))?;
    match columns.iter().find(|&&column| !values.contains_key(column)) {
        Some(missing) => Err(Failed::new(format!("the row has no `{missing}`: {line}"))),
        None => Ok(Row { line: line.to_owned(), values }),
    }
}

/// Prints the rows, as an array of JSON with a row a line or as a table.
pub(crate) fn print(rows: &[Row], columns: &[&str], json: bool) {
    if json {
        let lines: Vec<&str> = rows.iter().map(|row| row.line.as_str()).collect();
        println!("[{}]", lines.join(",\n "));
    } else {
        print!("{}", table(rows, columns));
    }
}

/// The rows as a table: text to the left, the rest to the right.
fn table(rows: &[Row], columns: &[&str]) -> String {
    let head = columns.iter().map(|&column| (column.to_owned(), true)).collect();
    let body = rows.iter().map(|row| columns.iter().map(|&column| cell(row.values.get(column))).collect());
    let lines: Vec<Vec<(String, bool)>> = std::iter::once(head).chain(body).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].0.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths).map(|((cell, is_text), width)| {
            if *is_text { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A value as it stands in a table, and whether it is text.
fn cell(value: Option<&Value>) -> (String, bool) {
    match value {
        None | Some(Value::Null) => ("-".to_owned(), true),
        Some(Value::String(text)) => (text.clone(), true),
        Some(Value::Bool(yes)) => (if *yes { "yes" } else { "NO" }.to_owned(), true),
        Some(Value::Number(number)) if number.is_f64() => (short(number.as_f64().unwrap_or(f64::NAN)), false),
        Some(other) => (other.to_string(), false),
    }
}

/// A number with about three digits that count.
fn short(number: f64) -> String {
    let size = number.abs();
    let digits = if size == 0.0 || size >= 100.0 {
        0
    } else if size >= 10.0 {
        1
    } else if size >= 1.0 {
        2
    } else {
        4
    };
    format!("{number:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_read_in_any_order() {
        let words = |line: &str| line.split(' ').map(String::from).collect::<Vec<_>>();
        let expected = Options { area: Some("queue".to_owned()), quick: true, json: true };
        assert_eq!(Options::parse(&words("--json queue --quick")).expect("the line is good"), expected);
        assert!(Options::parse(&words("--fast")).is_err());
        assert!(Options::parse(&words("queue pipe")).is_err());
    }

    #[test]
    fn rows_are_found_among_other_lines() {
        let output = "starting\n{\"id\":\"a\",\"met\":true}\ntest result: ok.";
        let rows = parse(output, &["id", "met"]).expect("the row is good");
        assert_eq!(rows.len(), 1);
        assert!(parse(output, &["ratio"]).is_err());
        assert!(parse("{broken", &[]).is_err());
    }

    #[test]
    fn a_table_has_its_columns_in_line() {
        let rows = parse("{\"id\":\"a\",\"ours\":1234.5}\n{\"id\":\"long\",\"ours\":0.5}", &[])
            .expect("rows are good");
        assert_eq!(table(&rows, &["id", "ours"]), "id    ours\na       1234\nlong  0.5000\n");
    }
}
