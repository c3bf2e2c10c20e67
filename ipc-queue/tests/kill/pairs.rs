//! Two processes, each at an instruction of its own, of which one is killed and the other one goes on.

use crate::items::bytes_of;
use crate::places::{BYTES, EMPTY, LEN, Place, TWO};
use crate::survive::{NEW, Numbered, row_of, survive};
use crate::words::Words;
use ipc_queue::Queue;
use ipc_testkit::kill::{Args, Ending, Pair, Party, Row, sweep_pairs};

type Bytes = Queue<[u8]>;
type Call = fn(&Bytes);

/// The number that the second one puts.
const OTHER: u32 = NEW + 1;

fn put(queue: &Bytes) {
    queue.put_bytes(&bytes_of(NEW, LEN)).expect("there is room");
}

fn put_other(queue: &Bytes) {
    queue.put_bytes(&bytes_of(OTHER, LEN)).expect("there is room");
}

fn get(queue: &Bytes) {
    queue.get_bytes().expect("there is one");
}

/// What may be left if the survivor is the first one, and if it is the second one.
type Left<'a> = [&'a [&'a [u32]]; 2];

fn run(args: &Args, label: &str, make: impl Fn() -> Bytes, calls: [Call; 2], left: Left<'_>) -> Row {
    let mut losses = 0;
    let strides = (args.scale(8009, 29), args.scale(4409, 31));
    let swept = sweep_pairs(strides.0, strides.1, make, calls[0], calls[1], |queue, pair: Pair| {
        let allowed = left[usize::from(pair.killed == Party::First)];
        let found = survive(&queue, &(label, pair));
        let is_well = found.as_ref().is_some_and(|found| allowed.contains(&&**found));
        if !is_well || pair.survivor != Ending::Returned {
            eprintln!("{label}: {found:?} after {pair:?}");
            losses += 1;
        }
    });
    Row { losses, ..row_of(&swept, label) }
}

fn at(place: Place) -> impl Fn() -> Bytes {
    move || place.make()
}

pub(crate) fn put_put(args: &Args) -> Row {
    let both: [&[u32]; 2] = [&[NEW, OTHER], &[OTHER, NEW]];
    let left: Left<'_> = [&[&[NEW], both[0], both[1]], &[&[OTHER], both[0], both[1]]];
    run(args, "put_put", at(EMPTY), [put, put_other], left)
}

pub(crate) fn put_get(args: &Args) -> Row {
    let put_lives: &[&[u32]] = &[&[0, 1, NEW], &[1, NEW]];
    let get_lives: &[&[u32]] = &[&[1], &[1, NEW]];
    Row::sum(
        "put_get",
        [
            run(args, "put_get", at(TWO), [put, get], [put_lives, get_lives]),
            run(args, "get_put", at(TWO), [get, put], [get_lives, put_lives]),
        ],
    )
}

pub(crate) fn get_get(args: &Args) -> Row {
    let left: &[&[u32]] = &[&[1], &[]];
    run(args, "get_get", at(TWO), [get, get], [left, left])
}

/// Two who take the lock from the same dead process, which had put its item already.
pub(crate) fn heirs(args: &Args) -> Row {
    let make = || {
        let queue = TWO.make();
        Words::of(&queue, TWO.capacity, BYTES).die_in_put(1 + LEN.div_ceil(8) as u32);
        queue
    };
    let both: [&[u32]; 2] = [&[0, 1, NEW, OTHER], &[0, 1, OTHER, NEW]];
    let left: Left<'_> = [&[&[0, 1, NEW], both[0], both[1]], &[&[0, 1, OTHER], both[0], both[1]]];
    run(args, "heirs", make, [put, put_other], left)
}

/// One puts and the other one closes: what was put before the end is there, and the end is one for all.
pub(crate) fn put_close(args: &Args) -> Row {
    let try_put = |queue: &Bytes| {
        // It is told whether the item is in.
        let is_put = queue.put_bytes(&bytes_of(NEW, LEN)).is_ok();
        assert!(is_put || queue.is_closed());
    };
    let mut losses = 0;
    let strides = (args.scale(7993, 29), args.scale(1999, 11));
    let swept = sweep_pairs(strides.0, strides.1, at(TWO), try_put, Queue::close, |queue, pair| {
        let is_closed = queue.is_closed();
        let found: Vec<u32> = std::iter::from_fn(|| queue.accept().ok().flatten()).collect();
        let is_put = found == [0, 1, NEW];
        let is_well = is_put || found == [0, 1];
        let is_done = if pair.killed == Party::First { is_closed } else { is_closed || is_put };
        if !is_well || !is_done || (!is_closed && survive(&queue, &("put_close", pair)).is_none()) {
            eprintln!("put_close: {found:?}, closed: {is_closed}, after {pair:?}");
            losses += 1;
        }
    });
    Row { losses, ..row_of(&swept, "put_close") }
}
