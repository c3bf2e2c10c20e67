//! What is printed: a row for each thing that was measured, ours beside the peer's.

use serde::Serialize;

/// One thing that was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// The number of the target, with a letter when it has several parts.
    pub(crate) id: &'static str,
    /// What was done.
    pub(crate) work: &'static str,
    /// Ours by the peer's, or by the limit where there is no peer.
    pub(crate) ratio: f64,
    /// The median of ours, in `unit`.
    pub(crate) ours: f64,
    /// The median of the peer's, or the limit, in `unit`.
    pub(crate) peer: f64,
    pub(crate) unit: &'static str,
    /// What the ratio should be, as a text: `<= 1.3`.
    pub(crate) target: String,
    /// Whether it is.
    pub(crate) met: bool,
    /// How often, and how far from the median.
    pub(crate) note: String,
}

impl Row {
    /// For something that has no peer but a limit.
    pub(crate) fn of_limit(
        id: &'static str,
        work: &'static str,
        (ours, limit): (f64, f64),
        unit: &'static str,
        note: String,
    ) -> Row {
        let target = format!("<= {limit}");
        Row { id, work, ratio: ours / limit, ours, peer: limit, unit, target, met: ours <= limit, note }
    }
}

/// A line of JSON for each row.
pub(crate) fn json_lines(rows: &[Row]) -> String {
    let line = |row| serde_json::to_string(row).expect("a row is made of texts and finite numbers") + "\n";
    rows.iter().map(line).collect()
}

/// The rows for people.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<4} {:<48} {:>6} {:>9} {:>9} {:<4} {:<8} {:<4} {}\n",
        "id", "work", "ratio", "ours", "peer", "unit", "target", "met", "note"
    );
    for row in rows {
        let met = if row.met { "yes" } else { "NO" };
        text.push_str(&format!(
            "{:<4} {:<48} {:>6.2} {:>9} {:>9} {:<4} {:<8} {:<4} {}\n",
            row.id,
            row.work,
            row.ratio,
            short(row.ours),
            short(row.peer),
            row.unit,
            row.target,
            met,
            row.note
        ));
    }
    text
}

/// A number with more digits after the point when it has none before.
pub(crate) fn short(number: f64) -> String {
    if number.abs() < 1.0 { format!("{number:.3}") } else { format!("{number:.1}") }
}
