//! What survivors do with a queue after a kill, and what they must find.

use ipc_testkit::kill::{Row, Sweep};
use std::fmt::Debug;
use std::time::{Duration, Instant};

/// What is promised is one second; the rest is for a machine that is busy.
pub(crate) const LIMIT: Duration = Duration::from_secs(3);

/// Numbers from here on are those of the survivors.
const OWN: u32 = 1 << 20;

/// A queue of numbered items, of whatever kind. No call waits for more than a moment.
pub(crate) trait Numbered {
    /// Puts an item; false if there is no room.
    fn offer(&self, number: u32) -> Result<bool, String>;
    /// Takes an item, if there is one.
    fn accept(&self) -> Result<Option<u32>, String>;
    /// How many items fit into it.
    fn capacity(&self) -> usize;
}

/// Takes all items.
pub(crate) fn drain(queue: &impl Numbered) -> Result<Vec<u32>, String> {
    let mut numbers = Vec::new();
    while let Some(number) = queue.accept()? {
        numbers.push(number);
        if numbers.len() > 10_000 {
            return Err("there is no end of items".to_owned());
        }
    }
    Ok(numbers)
}

/// Puts as many items as there is room for, which has to be the capacity, and takes them again.
pub(crate) fn fill_and_drain(queue: &impl Numbered) -> Result<(), String> {
    let mut numbers = Vec::new();
    while queue.offer(OWN + numbers.len() as u32)? {
        numbers.push(OWN + numbers.len() as u32);
        if numbers.len() > queue.capacity() {
            break;
        }
    }
    if numbers.len() != queue.capacity() {
        return Err(format!("{} items fit, and not {}", numbers.len(), queue.capacity()));
    }
    let found = drain(queue)?;
    if found == numbers { Ok(()) } else { Err(format!("{found:?} for {numbers:?}")) }
}

/// What is in the queue after a kill, as long as all goes well and nothing takes long: its items come out whole, and it takes
/// its capacity as before, twice. Nothing, and a line that says why, if not.
pub(crate) fn survive(queue: &impl Numbered, place: &dyn Debug) -> Option<Vec<u32>> {
    let start = Instant::now();
    let found = drain(queue).and_then(|found| {
        fill_and_drain(queue)?;
        fill_and_drain(queue)?;
        Ok(found)
    });
    let found = found.and_then(|found| match start.elapsed() {
        time if time > LIMIT => Err(format!("it took {time:?}")),
        _ => Ok(found),
    });
    found.inspect_err(|error| eprintln!("{place:?}: {error}")).ok()
}

/// The row of a sweep. Which way a call takes depends on the name that its process gets, and of two who meet one may look
/// just when it should sleep; so up to a third of the points may be missed.
pub(crate) fn row_of(swept: &Sweep, label: &str) -> Row {
    eprintln!(
        "{label}: {} instructions, {} points, {} kills, {} missed",
        swept.steps, swept.points, swept.kills, swept.missed
    );
    let row = swept.row(label);
    Row { ok: swept.failed == 0 && swept.missed <= swept.points / 3, ..row }
}

/// One row of many.
pub(crate) fn sum(label: &str, rows: impl IntoIterator<Item = Row>) -> Row {
    rows.into_iter().fold(Row::new(label), |all, row| Row {
        points: all.points + row.points,
        kills: all.kills + row.kills,
        hangs: all.hangs + row.hangs,
        losses: all.losses + row.losses,
        ok: all.ok && row.ok,
        ..all
    })
}
