//! What is done with a way: numbers back and forth, waking each other, and one way as fast as it goes.

use super::crew::{Crew, MakePart, Outcome, Part, Place, Report, Timing};
use super::way::{Get, Put, Way};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So long nobody sends, until all who wait are asleep.
const LULL: Duration = Duration::from_millis(2);

/// Two on a processor each, who send a number back and forth; so often in a run.
pub(crate) fn ping_pong<W: Way>(make: impl Fn() -> Outcome<W>, n_rounds: u64) -> Outcome<Crew> {
    let (there, back) = (Arc::new(make()?), Arc::new(make()?));
    let (their_there, their_back) = (Arc::clone(&there), Arc::clone(&back));
    let ping: MakePart = Box::new(move || {
        let (mut putter, mut getter) = (there.putter()?, back.getter()?);
        Ok(part(move || {
            for number in 0..n_rounds {
                putter.put(black_box(number))?;
                expect(getter.get()?, number)?;
            }
            Ok(Report::default())
        }))
    });
    let pong: MakePart = Box::new(move || {
        let (mut getter, mut putter) = (their_there.getter()?, their_back.putter()?);
        Ok(part(move || {
            for _ in 0..n_rounds {
                putter.put(black_box(getter.get()?))?;
            }
            Ok(Report::default())
        }))
    });
    Crew::start(W::NAME, W::KIND, Timing::Whole, vec![(Some(0), ping), (Some(1), pong)])
}

/// Two on a processor each, who wake each other: both sleep before every message, and whoever gets it says how long it was
/// under way. The time of a run is that of all its messages, which are twice as many as rounds.
pub(crate) fn wake_each_other<W: Way>(make: impl Fn() -> Outcome<W>, n_rounds: u64) -> Outcome<Crew> {
    let (there, back) = (Arc::new(make()?), Arc::new(make()?));
    let (their_there, their_back) = (Arc::clone(&there), Arc::clone(&back));
    let epoch = Instant::now();
    let first: MakePart = Box::new(move || {
        let (mut putter, mut getter) = (there.putter()?, back.getter()?);
        Ok(part(move || {
            let mut measured = Duration::ZERO;
            for _ in 0..n_rounds {
                after_lull(&mut putter, epoch)?;
                measured += under_way(&mut getter, epoch)?;
            }
            Ok(Report { measured, sum: 0 })
        }))
    });
    let second: MakePart = Box::new(move || {
        let (mut getter, mut putter) = (their_there.getter()?, their_back.putter()?);
        Ok(part(move || {
            let mut measured = Duration::ZERO;
            for _ in 0..n_rounds {
                measured += under_way(&mut getter, epoch)?;
                after_lull(&mut putter, epoch)?;
            }
            Ok(Report { measured, sum: 0 })
        }))
    });
    Crew::start(W::NAME, W::KIND, Timing::Measured, vec![(Some(0), first), (Some(1), second)])
}

/// Some who put and as many who get, each its share of so many numbers in a run. `places` says where a pair of them runs.
pub(crate) fn stream<W: Way>(
    way: W,
    n_pairs: usize,
    n_numbers: u64,
    places: impl Fn(usize) -> (Place, Place),
) -> Outcome<Crew> {
    let way = Arc::new(way);
    let n_each = n_numbers / n_pairs as u64;
    let mut parts = Vec::new();
    for pair in 0..n_pairs {
        let (putters, getters) = (Arc::clone(&way), Arc::clone(&way));
        let (place, other_place) = places(pair);
        parts.push((place, Box::new(move || Ok(putting(putters.putter()?, n_each))) as MakePart));
        parts.push((other_place, Box::new(move || Ok(getting(getters.getter()?, n_each))) as MakePart));
    }
    Crew::start(W::NAME, W::KIND, Timing::Whole, parts)
}

/// Who puts on one processor, who gets on the other.
pub(crate) fn apart(_pair: usize) -> (Place, Place) {
    (Some(0), Some(1))
}

/// Of each pair both on one processor, the next pair on the next: as many of both kinds everywhere.
pub(crate) fn evenly(pair: usize) -> (Place, Place) {
    (Some(pair), Some(pair))
}

/// Where the system likes.
pub(crate) fn anywhere(_pair: usize) -> (Place, Place) {
    (None, None)
}

fn putting(mut putter: impl Put + 'static, n: u64) -> Part {
    part(move || {
        let mut sum = 0_u64;
        for number in 0..n {
            putter.put(black_box(number))?;
            sum = sum.wrapping_sub(number);
        }
        Ok(Report { measured: Duration::ZERO, sum })
    })
}

fn getting(mut getter: impl Get + 'static, n: u64) -> Part {
    part(move || {
        let mut sum = 0_u64;
        for _ in 0..n {
            sum = sum.wrapping_add(black_box(getter.get()?));
        }
        Ok(Report { measured: Duration::ZERO, sum })
    })
}

/// Sends what the clock says, after a lull.
fn after_lull(putter: &mut impl Put, epoch: Instant) -> Outcome {
    std::thread::sleep(LULL);
    putter.put(epoch.elapsed().as_nanos() as u64)
}

/// How long a message was under way that says when it was sent.
fn under_way(getter: &mut impl Get, epoch: Instant) -> Outcome<Duration> {
    let sent = Duration::from_nanos(getter.get()?);
    epoch.elapsed().checked_sub(sent).ok_or_else(|| "a message from the future".into())
}

fn part(body: impl FnMut() -> Outcome<Report> + 'static) -> Part {
    Box::new(body)
}

fn expect(number: u64, expected: u64) -> Outcome {
    if number == expected { Ok(()) } else { Err(format!("{number} came instead of {expected}").into()) }
}
