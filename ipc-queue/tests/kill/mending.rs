//! Processes that are killed while they go on from where others were killed, and processes that stand still for long.

use crate::items::bytes_of;
use crate::loans::{Frames, N_BUFFERS};
use crate::places::{BYTES, LEN, TWO};
use crate::survive::{LIMIT, NEW, Numbered, row_of, survive};
use crate::words::Words;
use ipc_queue::Queue;
use ipc_testkit::kill::{Args, Ending, Row, sweep_recovery, sweep_stops};
use std::cell::Cell;
use std::time::{Duration, Instant};

type Bytes = Queue<[u8]>;

/// Each one that comes after a dead one puts the next number.
fn put_and_get<Q: Numbered>(queue: &Q, number: u32) {
    assert_eq!(queue.offer(number), Ok(true));
    assert!(queue.accept().expect("it is whole").is_some());
}

/// Whether what is left follows from at most so many who put and got one after the other.
fn is_consistent(found: &[u32], n_before: u32, n_processes: u32) -> bool {
    let puts = [NEW, NEW + 1, NEW + 1];
    let sequence: Vec<u32> = (0..n_before).chain(puts.into_iter().take(n_processes as usize)).collect();
    // Each may have put or not, and each may have taken the first: what is left is in order, and nothing from before is lost that
    // nobody took.
    let n_old = found.iter().take_while(|&&number| number < NEW).count();
    let n_taken = n_before as usize - n_old.min(n_before as usize);
    let mut rest = sequence.iter();
    n_taken <= n_processes as usize && found.iter().all(|number| rest.any(|next| next == number))
}

/// Dead putters and getters, two in a row, and a third one that comes after them.
pub(crate) fn recovery(args: &Args) -> Row {
    let place = TWO;
    let make = || {
        let queue = place.make();
        let words = Words::of(&queue, place.capacity, BYTES);
        (queue, words)
    };
    let mut losses = 0;
    let n_units = BYTES / 8 + 3 * place.capacity + 1;
    let swept = sweep_recovery(
        2,
        args.scale(7001, 3),
        make,
        |(queue, _)| put_and_get(queue, NEW),
        |(queue, _)| put_and_get(queue, NEW + 1),
        |(_, words)| words.state(0, n_units),
        |(queue, _), points| {
            let found = survive(&queue, &("recovery", points));
            let n_processes = points.len() as u32;
            if !found.as_ref().is_some_and(|found| is_consistent(found, 2, n_processes)) {
                eprintln!("recovery: {found:?} after kills at {points:?}");
                losses += 1;
            }
        },
    );
    eprintln!("recovery: {} states", swept.states);
    let row = row_of(&swept, "recovery");
    Row { losses, ok: row.ok && swept.states > 5, ..row }
}

/// The same with buffers, which are looked for when none is free.
pub(crate) fn loan_recovery(args: &Args) -> Row {
    let make = || {
        let frames = Frames::with_items(1);
        let words = Words::of(frames.queue(), 4, BYTES);
        (frames, words)
    };
    let mut losses = 0;
    let is_thorough = !args.quick;
    let call = |frames: &Frames, number| {
        if is_thorough {
            assert!(frames.lend_all().is_ok());
        }
        put_and_get(frames, number);
    };
    let swept = sweep_recovery(
        2,
        args.scale(9001, 11),
        make,
        |(frames, _)| call(frames, NEW),
        |(frames, _)| call(frames, NEW + 1),
        |(_, words)| words.state(N_BUFFERS, BYTES / 8 + 13),
        |(frames, _), points| {
            let found = survive(&frames, &("loan_recovery", points));
            if !found.as_ref().is_some_and(|found| is_consistent(found, 1, points.len() as u32)) {
                eprintln!("loan_recovery: {found:?} after kills at {points:?}");
                losses += 1;
            }
        },
    );
    eprintln!("loan_recovery: {} states", swept.states);
    let row = row_of(&swept, "loan_recovery");
    Row { losses, ok: row.ok && swept.states > 5, ..row }
}

/// How long the others try while one stands still.
const PAUSE: Duration = Duration::from_millis(5);
/// How long they may take: they stay 50 ms at a lock that is not to be had; the rest is for a machine that is busy.
const PATIENCE: Duration = LIMIT;

/// One who was stopped in a put keeps others from putting, at most, and never from getting; and the other way round.
pub(crate) fn stopped_put(args: &Args) -> Row {
    let put = |queue: &Bytes| {
        assert!(queue.put_bytes_timeout(&bytes_of(NEW, LEN), Duration::from_secs(2)).is_ok());
    };
    stops(args, "stopped_put", put, |queue| queue.accept() == Ok(Some(0)), |queue| queue.offer(7).is_ok())
}

pub(crate) fn stopped_get(args: &Args) -> Row {
    let get = |queue: &Bytes| assert!(queue.get_bytes_timeout(Duration::from_secs(2)).is_ok());
    stops(
        args,
        "stopped_get",
        get,
        |queue| queue.offer(7) == Ok(true),
        |queue| queue.get_bytes_timeout(PAUSE).is_ok() || queue.accept().is_ok(),
    )
}

/// Stops at each instruction; the call of the other side has to succeed, that of the same side to end.
fn stops(
    args: &Args,
    label: &str,
    call: impl Fn(&Bytes),
    other_side: impl Fn(&Bytes) -> bool,
    same_side: impl Fn(&Bytes) -> bool,
) -> Row {
    let late = Cell::new(0);
    let mut losses = 0;
    let swept = sweep_stops(
        args.scale(199, 2),
        || TWO.make(),
        call,
        |queue, point| {
            let start = Instant::now();
            let went_on = other_side(queue);
            let ended = same_side(queue);
            if !went_on || !ended || start.elapsed() > PATIENCE {
                let time = start.elapsed();
                eprintln!("{label}: {went_on}, {ended} within {time:?}, one stands at {point}");
                late.set(late.get() + 1);
            }
        },
        |queue, point, ending| {
            let found = survive(&queue, &(label, point));
            if found.is_none() || ending != Ending::Returned {
                eprintln!("{label}: {found:?}, {ending:?} after a stop at {point}");
                losses += 1;
            }
        },
    );
    Row { losses: losses + late.get(), ..row_of(&swept, label) }
}
