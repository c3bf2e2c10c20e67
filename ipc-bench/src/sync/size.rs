//! What a lock takes: shared memory, descriptors, and the time to make it.

use crate::row::Row;
use crate::taken::Taken;
use ipc_shared::{AllocError, Arena, Value, sync::Mutex};
use std::error::Error;
use std::time::Instant;

/// So many that what they share does not count.
const COUNT: usize = 100_000;
/// The longest that the making of one may take, in nanoseconds.
const MOST_NS: f64 = 1000.0;
/// The most bytes for one: a cell has them all, so its share in what a segment has besides is too much already.
const MOST_BYTES: f64 = 64.0;
/// The largest share that one may have in the descriptors of a segment.
const MOST_DESCRIPTORS: f64 = 0.001;

/// Measures everything that has a size.
pub(super) fn rows() -> Result<Vec<Row>, Box<dyn Error>> {
    let works = ["shared memory for a Mutex<u64>", "descriptors for a Mutex<u64>", "making a Mutex<u64>"];
    let mut rows = rows_of(["Z1a", "Z1b", "Z1c"], works, |arena| Mutex::new_in(arena, 0_u64))?;
    let works = ["shared memory for a Value<u64>", "descriptors for a Value<u64>", "making a Value<u64>"];
    rows.extend(rows_of(["Z1d", "Z1e", "Z1f"], works, |arena| Value::new_in(arena, 0_u64))?);
    Ok(rows)
}

fn rows_of<T>(
    ids: [&'static str; 3],
    works: [&'static str; 3],
    make: impl Fn(&Arena) -> Result<T, AllocError>,
) -> Result<Vec<Row>, Box<dyn Error>> {
    let arena = Arena::new();
    let mut things = Vec::with_capacity(COUNT);
    let before = Taken::now()?;
    let start = Instant::now();
    for _ in 0..COUNT {
        things.push(make(&arena)?);
    }
    let ns = start.elapsed().as_secs_f64() * 1e9 / COUNT as f64;
    let after = Taken::now()?;
    let each = |after: u64, before: u64| (after - before) as f64 / COUNT as f64;
    let bytes = each(after.bytes, before.bytes);
    let descriptors = each(after.descriptors, before.descriptors);
    let note = format!("by {COUNT} of them");
    let n_descriptors = after.descriptors - before.descriptors;
    Ok(vec![
        Row::of_limit(ids[0], works[0], (bytes, MOST_BYTES), "B", format!("{note}; {bytes:.2} each")),
        Row::of_limit(
            ids[1],
            works[1],
            (descriptors, MOST_DESCRIPTORS),
            "fd",
            format!("{n_descriptors} for {COUNT} of them"),
        ),
        Row::of_limit(ids[2], works[2], (ns, MOST_NS), "ns", note),
    ])
}
