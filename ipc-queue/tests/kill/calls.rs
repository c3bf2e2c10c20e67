//! A process that is killed at every instruction of one put or one get, in a queue in each of its states.
//!
//! After each: the queue is as before the call or as after it, takes exactly what it took, and nobody waits.

use crate::items::bytes_of;
use crate::places::{FILLED, FULL, LEN, Place, ROOMY};
use crate::survive::{row_of, sum, survive};
use ipc_queue::Queue;
use ipc_testkit::kill::{Args, Row, sweep};
use std::time::Duration;

type Bytes = Queue<[u8]>;

/// The number of the item that the killed process puts.
pub(crate) const NEW: u32 = 99;

/// Kills in a call at each place, and wants the numbers there to be as before or as `after` makes them; both, if they differ,
/// at one point at least.
fn run(
    args: &Args,
    label: &str,
    places: &[Place],
    call: impl Fn(&Bytes),
    after: impl Fn(&[u32]) -> Vec<u32>,
) -> Row {
    sum(label, places.iter().map(|place| run_at(args, label, place, &call, &after)))
}

fn run_at(
    args: &Args,
    label: &str,
    place: &Place,
    call: impl Fn(&Bytes),
    after: impl Fn(&[u32]) -> Vec<u32>,
) -> Row {
    let before = place.numbers();
    let after = after(&before);
    let (mut losses, mut n_before, mut n_after) = (0, 0_u64, 0_u64);
    let swept = sweep(
        args.scale(13, 1),
        || place.make(),
        call,
        |queue, point| match survive(&queue, &(label, place.name, point)) {
            Some(found) if found == after => n_after += 1,
            Some(found) if found == before => n_before += 1,
            None => losses += 1,
            Some(found) => {
                eprintln!("{label} {}: {found:?} after a kill at {point}", place.name);
                losses += 1;
            }
        },
    );
    eprintln!("{label} {}: {n_before} as before, {n_after} as after", place.name);
    let row = row_of(&swept, &format!("{label} {}", place.name));
    Row { losses, ok: row.ok && n_after > 0 && (before == after || n_before > 0), ..row }
}

fn with_new(before: &[u32]) -> Vec<u32> {
    [before, &[NEW]].concat()
}

fn without_first(before: &[u32]) -> Vec<u32> {
    before[1..].to_vec()
}

pub(crate) fn put(args: &Args) -> Row {
    run(args, "put", &ROOMY, |queue| queue.put_bytes(&bytes_of(NEW, LEN)).expect("there is room"), with_new)
}

pub(crate) fn try_put(args: &Args) -> Row {
    let call = |queue: &Bytes| queue.try_put_bytes(&bytes_of(NEW, LEN)).expect("there is room");
    run(args, "try_put", &ROOMY, call, with_new)
}

pub(crate) fn put_timeout(args: &Args) -> Row {
    let call = |queue: &Bytes| {
        queue.put_bytes_timeout(&bytes_of(NEW, LEN), Duration::from_secs(1)).expect("there is room")
    };
    run(args, "put_timeout", &ROOMY, call, with_new)
}

pub(crate) fn get(args: &Args) -> Row {
    run(args, "get", &FILLED, |queue| drop(queue.get_bytes().expect("there is an item")), without_first)
}

pub(crate) fn get_into(args: &Args) -> Row {
    let call = |queue: &Bytes| {
        assert_eq!(queue.get_bytes_into(&mut vec![7; 64]).expect("there is an item"), LEN);
    };
    run(args, "get_into", &FILLED, call, without_first)
}

pub(crate) fn try_get(args: &Args) -> Row {
    run(
        args,
        "try_get",
        &FILLED,
        |queue| drop(queue.try_get_bytes().expect("there is an item")),
        without_first,
    )
}

pub(crate) fn get_timeout(args: &Args) -> Row {
    let call =
        |queue: &Bytes| drop(queue.get_bytes_timeout(Duration::from_secs(1)).expect("there is an item"));
    run(args, "get_timeout", &FILLED, call, without_first)
}

/// What finds no room changes nothing.
pub(crate) fn try_put_full(args: &Args) -> Row {
    let call = |queue: &Bytes| assert!(queue.try_put_bytes(&bytes_of(NEW, LEN)).is_err());
    run(args, "try_put_full", &[FULL, ONE_OF_ONE], call, <[u32]>::to_vec)
}

/// What finds nothing changes nothing.
pub(crate) fn try_get_empty(args: &Args) -> Row {
    let call = |queue: &Bytes| assert!(queue.try_get_bytes().is_err());
    run(args, "try_get_empty", &[ROOMY[0], ROOMY[3]], call, <[u32]>::to_vec)
}

/// What waits in vain changes nothing.
pub(crate) fn put_in_vain(args: &Args) -> Row {
    let pause = Duration::from_millis(1);
    let call = |queue: &Bytes| assert!(queue.put_bytes_timeout(&bytes_of(NEW, LEN), pause).is_err());
    run(args, "put_in_vain", &[FULL, ONE_OF_ONE], call, <[u32]>::to_vec)
}

/// The same of a get.
pub(crate) fn get_in_vain(args: &Args) -> Row {
    let call = |queue: &Bytes| assert!(queue.get_bytes_timeout(Duration::from_millis(1)).is_err());
    run(args, "get_in_vain", &[ROOMY[0], ROOMY[3]], call, <[u32]>::to_vec)
}

const ONE_OF_ONE: Place = FILLED[3];
