//! Records in the memory of a log: a call or an answer, which is there with its one last store or not at all.
//!
//! | word | what is in it |
//! | --- | --- |
//! | 0 | the kind in the low 8 bits, above it how many words follow the time; 0 until the record is there |
//! | 1 | the time |
//! | 2.. | values and numbers |
//!
//! A killed worker leaves words of a record behind whose first word is 0. Nobody reads them.

use super::{Op, Outcome};
use crate::kill::words::Words;
use std::ops::Range;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Words before the values.
const HEAD: usize = 2;

/// What a plain call and its answer take together: a time, a kind and a value each.
pub(super) const WORDS_PER_CALL: usize = 2 * (HEAD + 1);

/// What stands in a record.
pub(super) enum Event {
    Call(Op),
    Answer(Outcome),
    /// The worker went on, and nobody knows what came of its call.
    Abandoned,
}

const PUT: u64 = 1;
const PUT_MANY: u64 = 2;
const GET: u64 = 3;
const GET_MANY: u64 = 4;
const DONE: u64 = 5;
const DONE_PARTLY: u64 = 6;
const GOT: u64 = 7;
const GOT_MANY: u64 = 8;
const EMPTY: u64 = 9;
const FULL: u64 = 10;
const REFUSED: u64 = 11;
const ABANDONED: u64 = 12;

/// Writes a record at the beginning of the free words, and returns how many it has taken. `None` if it has no room.
pub(super) fn write(words: &Words, free: Range<usize>, time: u64, event: &Event) -> Option<usize> {
    let (kind, number) = kind_of(event);
    let values: &[u64] = match event {
        Event::Call(Op::PutMany(values)) | Event::Answer(Outcome::GotMany(values)) => values,
        _ => number.as_slice(),
    };
    let n_words = HEAD + values.len();
    if n_words > free.len() {
        return None;
    }
    words.word(free.start + 1).store(time, Relaxed);
    for (idx, &value) in values.iter().enumerate() {
        words.word(free.start + HEAD + idx).store(value, Relaxed);
    }
    // The commit: until here nobody sees anything of the record, from here on all of it.
    words.word(free.start).store(kind | (values.len() as u64) << 8, Release);
    Some(n_words)
}

/// The kind of a record, and its value if it has one and not many.
fn kind_of(event: &Event) -> (u64, Option<u64>) {
    match event {
        Event::Call(Op::Put(value)) => (PUT, Some(*value)),
        Event::Call(Op::PutMany(_)) => (PUT_MANY, None),
        Event::Call(Op::Get) => (GET, None),
        Event::Call(Op::GetMany(max)) => (GET_MANY, Some(*max as u64)),
        Event::Answer(Outcome::Done) => (DONE, None),
        Event::Answer(Outcome::DonePartly(n_put)) => (DONE_PARTLY, Some(*n_put as u64)),
        Event::Answer(Outcome::Got(value)) => (GOT, Some(*value)),
        Event::Answer(Outcome::GotMany(_)) => (GOT_MANY, None),
        Event::Answer(Outcome::Empty) => (EMPTY, None),
        Event::Answer(Outcome::Full) => (FULL, None),
        Event::Answer(Outcome::Refused) => (REFUSED, None),
        Event::Abandoned => (ABANDONED, None),
    }
}

/// The record at the beginning of these words, its time, and how many words it has. `None` if there is none.
pub(super) fn read(words: &Words, rest: Range<usize>) -> Option<(Event, u64, usize)> {
    if rest.is_empty() {
        return None;
    }
    let head = words.word(rest.start).load(Acquire);
    let n_values = (head >> 8) as usize;
    let time = || words.word(rest.start + 1).load(Relaxed);
    let value = |idx: usize| words.word(rest.start + HEAD + idx).load(Relaxed);
    let values = || (0..n_values).map(value).collect();
    let event = match head & 0xFF {
        PUT => Event::Call(Op::Put(value(0))),
        PUT_MANY => Event::Call(Op::PutMany(values())),
        GET => Event::Call(Op::Get),
        GET_MANY => Event::Call(Op::GetMany(value(0) as usize)),
        DONE => Event::Answer(Outcome::Done),
        DONE_PARTLY => Event::Answer(Outcome::DonePartly(value(0) as usize)),
        GOT => Event::Answer(Outcome::Got(value(0))),
        GOT_MANY => Event::Answer(Outcome::GotMany(values())),
        EMPTY => Event::Answer(Outcome::Empty),
        FULL => Event::Answer(Outcome::Full),
        REFUSED => Event::Answer(Outcome::Refused),
        ABANDONED => Event::Abandoned,
        _ => return None,
    };
    Some((event, time(), HEAD + n_values))
}
