//! The result of one scenario, and its form as a line of JSON.

use std::fmt::Write as _;

/// What has come of a scenario.
///
/// # Examples
///
/// ```
/// use ipc_testkit::kill::Row;
///
/// let row = Row { points: 144, kills: 144, ..Row::new("lock") };
/// assert_eq!(
///     row.to_json(),
///     r#"{"scenario":"lock","points":144,"kills":144,"hangs":0,"losses":0,"ok":true}"#
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What was done while the process was killed.
    pub scenario: String,
    /// How many different points of death were tried.
    pub points: u64,
    /// How many processes were killed.
    pub kills: u64,
    /// How many waits of survivors did not end within their bound.
    pub hangs: u64,
    /// How many things were lost, doubled or torn beyond what is promised.
    pub losses: u64,
    /// Whether all that is promised was kept.
    pub ok: bool,
}

impl Row {
    /// A row with nothing counted yet, and good so far.
    pub fn new(scenario: &str) -> Row {
        Row { scenario: scenario.to_owned(), points: 0, kills: 0, hangs: 0, losses: 0, ok: true }
    }

    /// One row of many: all counts added up, good if all are.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_testkit::kill::Row;
    ///
    /// let rows = [1, 2].map(|kills| Row { kills, ..Row::new("part") });
    /// assert_eq!(Row::sum("all", rows), Row { kills: 3, ..Row::new("all") });
    /// ```
    pub fn sum(scenario: &str, rows: impl IntoIterator<Item = Row>) -> Row {
        rows.into_iter().fold(Row::new(scenario), |all, row| Row {
            points: all.points + row.points,
            kills: all.kills + row.kills,
            hangs: all.hangs + row.hangs,
            losses: all.losses + row.losses,
            ok: all.ok && row.ok,
            ..all
        })
    }

    /// Whether the scenario has passed: `ok`, without a hang, without a loss, and with a kill at all.
    pub fn passed(&self) -> bool {
        self.ok && self.hangs == 0 && self.losses == 0 && self.kills > 0
    }

    /// The row as a line of JSON, without the line's end. `ok` is that of [`passed`](Row::passed).
    pub fn to_json(&self) -> String {
        let Row { scenario, points, kills, hangs, losses, ok: _ } = self;
        let (scenario, ok) = (quoted(scenario), self.passed());
        format!(
            r#"{{"scenario":{scenario},"points":{points},"kills":{kills},"hangs":{hangs},"losses":{losses},"ok":{ok}}}"#
        )
    }

    /// The row for another process of this program.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let Row { scenario, points, kills, hangs, losses, ok } = self;
        let numbers = [*points, *kills, *hangs, *losses, u64::from(*ok)];
        numbers.iter().flat_map(|number| number.to_le_bytes()).chain(scenario.bytes()).collect()
    }

    /// What [`to_bytes`](Row::to_bytes) has made; nothing if it is something else.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Row> {
        let (numbers, scenario) = bytes.split_at_checked(5 * size_of::<u64>())?;
        let number =
            |idx: usize| u64::from_le_bytes(numbers[8 * idx..][..8].try_into().expect("it is 8 bytes"));
        let [points, kills, hangs, losses, ok] = std::array::from_fn(number);
        Some(Row {
            scenario: String::from_utf8(scenario.to_vec()).ok()?,
            points,
            kills,
            hangs,
            losses,
            ok: ok == 1,
        })
    }
}

/// A text as a JSON string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            control if control < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_escaped() {
        assert_eq!(quoted("a \"b\" \\ \n ä"), r#""a \"b\" \\ \u000a ä""#);
    }

    #[test]
    fn a_row_goes_to_another_process_as_it_is() {
        let row = Row { points: 1, kills: 2, hangs: 3, losses: 4, ok: true, ..Row::new("a \n ä") };
        assert_eq!(Row::from_bytes(&row.to_bytes()), Some(row));
        assert_eq!(Row::from_bytes(&[0; 39]), None);
    }

    #[test]
    fn a_row_without_kills_has_not_passed() {
        assert!(!Row::new("nothing").passed());
        assert!(Row { kills: 1, ..Row::new("one") }.passed());
        assert!(!Row { kills: 1, hangs: 1, ..Row::new("hang") }.passed());
        assert!(!Row { kills: 1, losses: 1, ..Row::new("loss") }.passed());
        assert!(!Row { kills: 1, ok: false, ..Row::new("bad") }.passed());
    }
}
