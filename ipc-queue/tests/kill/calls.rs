//! A process that is killed at every instruction of one put or one get, in a queue in each of its states.
//!
//! After each: the queue is as before the call or as after it, takes exactly what it took, and nobody waits.

use crate::items::bytes_of;
use crate::places::{EMPTY, EMPTY_OF_ONE, FILLED, FULL, FULL_OF_ONE, LEN, Place, ROOMY, TWO};
use crate::survive::{NEW, Numbered, drain, sweep_call};
use ipc_queue::{PutManyError, Queue};
use ipc_testkit::kill::{Args, Row};
use std::time::Duration;

type Bytes = Queue<[u8]>;

/// Kills at each place in a call that makes the numbers there what `after` says.
fn run(
    args: &Args,
    quick_stride: u64,
    label: &str,
    places: &[Place],
    call: impl Fn(&Bytes),
    after: impl Fn(&[u32]) -> Vec<u32>,
) -> Row {
    let rows = places.iter().enumerate().map(|(idx, place)| {
        let before = place.numbers();
        let after = after(&before);
        let allowed = if before == after { vec![before] } else { vec![before, after] };
        // Where few points are tried, they are others at each place.
        let stride = args.scale(quick_stride + 2 * idx as u64, 1);
        sweep_call(stride, &format!("{label}, {}", place.name), || place.make(), &call, &allowed)
    });
    Row::sum(label, rows)
}

fn with_new(before: &[u32]) -> Vec<u32> {
    [before, &[NEW]].concat()
}

fn without_first(before: &[u32]) -> Vec<u32> {
    before[1..].to_vec()
}

/// One state of the ring, at its end and with numbers that go over, if not all are to be tried.
fn some<'a>(args: &Args, places: &'a [Place]) -> &'a [Place] {
    if args.quick { &places[1..2] } else { places }
}

pub(crate) fn put(args: &Args) -> Row {
    let most = args.scale(4, 8) as usize;
    let new = bytes_of(NEW, LEN);
    let call = |queue: &Bytes| queue.put_bytes(&new).expect("there is room");
    run(args, 97, "put", &ROOMY[..most], call, with_new)
}

pub(crate) fn try_put(args: &Args) -> Row {
    let new = bytes_of(NEW, LEN);
    let call = |queue: &Bytes| queue.try_put_bytes(&new).expect("there is room");
    run(args, 211, "try_put", some(args, &ROOMY), call, with_new)
}

pub(crate) fn put_timeout(args: &Args) -> Row {
    let new = bytes_of(NEW, LEN);
    let call = |queue: &Bytes| {
        queue.put_bytes_timeout(&new, Duration::from_secs(1)).expect("there is room");
    };
    run(args, 211, "put_timeout", some(args, &ROOMY), call, with_new)
}

pub(crate) fn get(args: &Args) -> Row {
    let most = args.scale(4, 8) as usize;
    let call = |queue: &Bytes| drop(queue.get_bytes().expect("there is an item"));
    run(args, 67, "get", &FILLED[..most], call, without_first)
}

pub(crate) fn get_into(args: &Args) -> Row {
    let call = |queue: &Bytes| {
        assert_eq!(queue.get_bytes_into(&mut vec![7; 64]).expect("there is an item"), LEN);
    };
    run(args, 211, "get_into", some(args, &FILLED), call, without_first)
}

pub(crate) fn try_get(args: &Args) -> Row {
    let call = |queue: &Bytes| drop(queue.try_get_bytes().expect("there is an item"));
    run(args, 211, "try_get", some(args, &FILLED), call, without_first)
}

pub(crate) fn get_timeout(args: &Args) -> Row {
    let call =
        |queue: &Bytes| drop(queue.get_bytes_timeout(Duration::from_secs(1)).expect("there is an item"));
    run(args, 211, "get_timeout", some(args, &FILLED), call, without_first)
}

/// What finds no room changes nothing.
pub(crate) fn try_put_full(args: &Args) -> Row {
    let new = bytes_of(NEW, LEN);
    let call = |queue: &Bytes| assert!(queue.try_put_bytes(&new).is_err());
    run(args, 211, "try_put_full", &[FULL, FULL_OF_ONE], call, <[u32]>::to_vec)
}

/// What finds nothing changes nothing.
pub(crate) fn try_get_empty(args: &Args) -> Row {
    let call = |queue: &Bytes| assert!(queue.try_get_bytes().is_err());
    run(args, 211, "try_get_empty", &[EMPTY, EMPTY_OF_ONE], call, <[u32]>::to_vec)
}

/// What waits in vain changes nothing.
pub(crate) fn put_in_vain(args: &Args) -> Row {
    let new = bytes_of(NEW, LEN);
    let pause = Duration::from_millis(1);
    let call = |queue: &Bytes| assert!(queue.put_bytes_timeout(&new, pause).is_err());
    run(args, 211, "put_in_vain", &[FULL, FULL_OF_ONE], call, <[u32]>::to_vec)
}

/// The same of a get.
pub(crate) fn get_in_vain(args: &Args) -> Row {
    let call = |queue: &Bytes| assert!(queue.get_bytes_timeout(Duration::from_millis(1)).is_err());
    run(args, 211, "get_in_vain", &[EMPTY, EMPTY_OF_ONE], call, <[u32]>::to_vec)
}

/// One put that makes room by itself: the oldest may be gone and the new one not yet there.
pub(crate) fn put_dropping(args: &Args) -> Row {
    let new = bytes_of(NEW, LEN);
    let call = |queue: &Bytes| queue.put_bytes(&new).expect("it makes room");
    let rows = [FULL, FULL_OF_ONE].map(|place| {
        let before = place.numbers();
        let allowed = [before.clone(), before[1..].to_vec(), with_new(&before[1..])];
        let make = || Dropping { queue: place.make_dropping(), capacity: place.capacity };
        let label = format!("put_dropping, {}", place.name);
        sweep_call(args.scale(149, 1), &label, make, |made| call(&made.queue), &allowed)
    });
    Row::sum("put_dropping", rows)
}

/// Many items become part of the queue together, as many as have room.
pub(crate) fn put_many(args: &Args) -> Row {
    let rows = some(args, &ROOMY).iter().enumerate().map(|(idx, place)| {
        let before = place.numbers();
        let n_new = (place.capacity - before.len()).min(3) as u32;
        let items: Vec<_> = (NEW..NEW + 3).map(|number| bytes_of(number, LEN)).collect();
        let call = |queue: &Queue<Vec<u8>>| match queue.try_put_many(items.clone()) {
            Ok(()) => assert_eq!(n_new, 3),
            Err(PutManyError::NoRoom(rest)) => assert_eq!(rest.len(), 3 - n_new as usize),
            Err(error) => panic!("{error:?}"),
        };
        let after = [before.clone(), (NEW..NEW + n_new).collect()].concat();
        let label = format!("put_many, {}", place.name);
        let stride = args.scale(1999 + 2 * idx as u64, 1);
        sweep_call(stride, &label, || place.make_of_values(), call, &[before, after])
    });
    Row::sum("put_many", rows)
}

/// Many items are taken together: with who takes them as many are gone at most.
pub(crate) fn get_many(args: &Args) -> Row {
    let rows = some(args, &FILLED).iter().enumerate().map(|(idx, place)| {
        let before = place.numbers();
        let n_taken = before.len().min(3);
        let call = |queue: &Queue<Vec<u8>>| {
            let items = queue.get_many(3).expect("there is one at least");
            assert_eq!(items.len(), n_taken);
        };
        let after = before[n_taken..].to_vec();
        let label = format!("get_many, {}", place.name);
        let stride = args.scale(1999 + 2 * idx as u64, 1);
        sweep_call(stride, &label, || place.make_of_values(), call, &[before, after])
    });
    Row::sum("get_many", rows)
}

/// Values, which are encoded before and decoded after.
pub(crate) fn values(args: &Args) -> Row {
    let put = |queue: &Queue<Vec<u8>>| queue.put(bytes_of(NEW, LEN)).expect("there is room");
    let get = |queue: &Queue<Vec<u8>>| drop(queue.get().expect("there is an item"));
    let (stride, before) = (args.scale(499, 1), TWO.numbers());
    let (more, less) = (with_new(&before), without_first(&before));
    let make = || TWO.make_of_values();
    let rows = [
        sweep_call(stride, "put a value", make, put, &[before.clone(), more]),
        sweep_call(stride, "get a value", make, get, &[before, less]),
    ];
    Row::sum("values", rows)
}

/// A queue that is never full, and keeps as many of the youngest as it has room for.
struct Dropping {
    queue: Bytes,
    capacity: usize,
}

impl Numbered for Dropping {
    fn offer(&self, number: u32) -> Result<bool, String> {
        if self.queue.len() < self.capacity {
            return Numbered::offer(&self.queue, number);
        }
        Ok(false)
    }

    fn accept(&self) -> Result<Option<u32>, String> {
        self.queue.accept()
    }

    fn capacity(&self) -> usize {
        self.capacity
    }

    fn look_at_rest(&self) -> Result<(), String> {
        let numbers: Vec<u32> = (0..2 * self.capacity as u32).collect();
        for &number in &numbers {
            if !self.queue.offer(number)? {
                return Err("it made no room".to_owned());
            }
        }
        let found = drain(&self.queue)?;
        if found == numbers[self.capacity..] { Ok(()) } else { Err(format!("the youngest are {found:?}")) }
    }
}
