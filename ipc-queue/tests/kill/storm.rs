//! Four who put and four who get, of which a random one is killed every 0-2 ms and replaced, on one queue that lives through all
//! of it.
//!
//! Promised: no item twice, none torn, those of one producer in order; an item is lost only with a process that was
//! in a get, one for each, or as many as it was taking together; every call of the others ends; and after hundreds and after
//! ten thousands of deaths the queue takes exactly what it took before.

use crate::items::{bytes_of, number_of};
use crate::ledger::{CONSUMERS, ITEMS, Ledger, PRODUCERS};
use crate::places::{was_put, was_taken};
use crate::survive::{Numbered, fill_and_drain, row_of};
use ipc_codec::handle::Handle;
use ipc_queue::{GetTimeoutError, LoanError, PutManyError, PutTimeoutError, Queue};
use ipc_sys::handle::OwnedHandle;
use ipc_testkit::kill::{Args, Moment, Row, storm};
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread::sleep;
use std::time::Duration;

/// How long one who waits stays in one call.
const SLICE: Duration = Duration::from_millis(20);

/// Items of one batch.
const BATCH: u32 = 5;

/// Something that a storm rages over.
trait Traffic: Numbered {
    /// Puts some items of a producer in one way or another, which `turn` says, and notes it.
    fn put_some(&self, producer: usize, turn: u32, ledger: &Ledger);

    /// Takes some items in one way or another: each as its producer and its number.
    fn get_some(&self, turn: u32) -> Result<Vec<(usize, u32)>, String>;

    /// How many items it may have in hand then.
    fn most_taken(&self, turn: u32) -> u64;
}

fn run(args: &Args, label: &str, traffic: &impl Traffic) -> Row {
    let ledger = Ledger::new();
    let (mut losses, mut excused, mut is_well) = (0, 0, true);
    let (mut n_put, mut n_lost, mut n_excused) = (0, 0, 0);
    let swept = storm(
        args.scale(200, 17_000),
        PRODUCERS + CONSUMERS,
        || (),
        |(), worker| work(worker, traffic, &ledger),
        |()| sleep(Duration::from_millis(1)),
        |(), moment| match moment {
            Moment::Killed(worker) => {
                let consumer = worker.checked_sub(PRODUCERS);
                excused += consumer.map_or(0, |consumer| ledger.set_taking(consumer, 0));
            }
            Moment::Over => {
                let mut next = [0; PRODUCERS];
                while let Some(items) = drain_some(traffic, &ledger) {
                    take(&items, &mut next, &ledger);
                }
                let account = ledger.settle();
                let n_too_many = account.lost.saturating_sub(excused);
                if account.wrong + n_too_many > 0 {
                    eprintln!("{label}: {account:?}, {excused} excused");
                }
                losses += account.wrong + n_too_many;
                (n_put, n_lost, n_excused) =
                    (n_put + account.put, n_lost + account.lost, n_excused + excused);
                excused = 0;
                let whole = fill_and_drain(traffic).and_then(|()| traffic.look_at_rest());
                if let Err(error) = whole {
                    eprintln!("{label}: {error}");
                    is_well = false;
                }
            }
        },
    );
    eprintln!("{label}: {n_put} items put, {n_lost} lost, {n_excused} in hands of the dead");
    let row = row_of(&swept, label);
    Row { losses, ok: row.ok && is_well && ledger.faults() == 0 && n_put > 0, ..row }
}

/// One turn of a worker, or some for a consumer, which remembers what it has had.
fn work(worker: usize, traffic: &impl Traffic, ledger: &Ledger) {
    let turns = 0..20;
    match worker.checked_sub(PRODUCERS) {
        None => turns.for_each(|turn| traffic.put_some(worker, turn, ledger)),
        Some(consumer) => {
            let mut next = [0; PRODUCERS];
            for turn in turns {
                ledger.set_taking(consumer, traffic.most_taken(turn));
                match traffic.get_some(turn) {
                    Ok(items) => take(&items, &mut next, ledger),
                    Err(error) => ledger.note_fault(&error),
                }
                ledger.set_taking(consumer, 0);
            }
        }
    }
}

/// Notes items that have come out of the queue, those of each producer in order.
fn take(items: &[(usize, u32)], next: &mut [u32; PRODUCERS], ledger: &Ledger) {
    for &(producer, number) in items {
        if producer >= PRODUCERS || number >= ITEMS {
            ledger.note_fault("an item of nobody");
            continue;
        }
        if number < next[producer] {
            ledger.note_fault("an item is out of order");
        }
        next[producer] = number + 1;
        ledger.has_taken(producer, number);
    }
}

/// What is left, piece by piece. Nothing when it is empty.
fn drain_some(traffic: &impl Traffic, ledger: &Ledger) -> Option<Vec<(usize, u32)>> {
    match traffic.get_some(0) {
        Ok(items) => Some(items).filter(|items| !items.is_empty()),
        Err(error) => {
            ledger.note_fault(&error);
            Some(Vec::new())
        }
    }
}

fn name(producer: usize, number: u32) -> u32 {
    (producer as u32) << 24 | number
}

fn of_name(name: u32) -> (usize, u32) {
    ((name >> 24) as usize, name & 0xff_ffff)
}

/// Notes what came of putting one item.
fn note<T>(result: Result<(), PutTimeoutError<T>>, producer: usize, number: u32, ledger: &Ledger) {
    match result {
        Ok(()) => ledger.has_put(producer, number),
        Err(PutTimeoutError::TimedOut(_)) => ledger.has_not_put(producer, number),
        Err(error) => ledger.note_fault(&format!("put: {error:?}")),
    }
}

fn one_or_none<T>(result: Result<T, GetTimeoutError>) -> Result<Option<T>, String> {
    match result {
        Ok(item) => Ok(Some(item)),
        Err(GetTimeoutError::TimedOut) => Ok(None),
        Err(error) => Err(format!("get: {error:?}")),
    }
}

/// Byte strings: small ones in the ring, large ones beside it, and some in buffers.
struct Strings(Queue<[u8]>);

const SMALL: usize = 20;
const LARGE: usize = 700;
const N_BUFFERS: usize = 3;

/// How long the item of this number is.
fn len_of(number: u32) -> usize {
    match number % 16 {
        5 => LARGE,
        rest => SMALL + 7 * rest as usize,
    }
}

fn item_of(bytes: &[u8]) -> Result<(usize, u32), String> {
    let name = bytes.first_chunk().map_or(0, |start| u32::from_le_bytes(*start));
    number_of(bytes, len_of(name)).map(of_name)
}

impl Traffic for Strings {
    fn put_some(&self, producer: usize, turn: u32, ledger: &Ledger) {
        let Some(&number) = ledger.next(producer, 1).first() else { return sleep(SLICE) };
        let bytes = bytes_of(name(producer, number), len_of(number));
        if turn % 3 != 0 || bytes.len() > LARGE / 2 {
            return note(self.0.put_bytes_timeout(&bytes, SLICE), producer, number, ledger);
        }
        match self.0.loan_timeout(bytes.len(), SLICE) {
            Ok(mut loan) => {
                loan.copy_from_slice(&bytes);
                note(loan.put_timeout(SLICE), producer, number, ledger);
            }
            Err(LoanError::NoneFree) => ledger.has_not_put(producer, number),
            Err(error) => ledger.note_fault(&format!("loan: {error:?}")),
        }
    }

    fn get_some(&self, turn: u32) -> Result<Vec<(usize, u32)>, String> {
        let item = match turn % 2 {
            0 => one_or_none(self.0.get_bytes_timeout(SLICE))?.map(|bytes| item_of(&bytes)),
            _ => one_or_none(self.0.take_timeout(SLICE))?.map(|taken| item_of(&taken)),
        };
        Ok(item.transpose()?.into_iter().collect())
    }

    fn most_taken(&self, _turn: u32) -> u64 {
        1
    }
}

impl Numbered for Strings {
    fn offer(&self, number: u32) -> Result<bool, String> {
        was_put(self.0.try_put_bytes(&bytes_of(number, SMALL)))
    }

    fn accept(&self) -> Result<Option<u32>, String> {
        was_taken(self.0.try_get_bytes(), |bytes| number_of(&bytes, SMALL))
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }

    fn look_at_rest(&self) -> Result<(), String> {
        let loans: Vec<_> = std::iter::from_fn(|| self.0.try_loan(SMALL).ok()).collect();
        if loans.len() == N_BUFFERS { Ok(()) } else { Err(format!("{} buffers are left", loans.len())) }
    }
}

/// Values, one by one and many together, some with a handle.
struct Values(Queue<Value>);

#[derive(Serialize, Deserialize)]
struct Value {
    bytes: Vec<u8>,
    line: Option<Handle<OwnedHandle>>,
}

impl Value {
    fn new(name: u32, line: Option<OwnedHandle>) -> Value {
        Value { bytes: bytes_of(name, SMALL), line: line.map(Handle::new) }
    }

    /// The item, whose handle has to be a pipe with its number.
    fn item(self) -> Result<(usize, u32), String> {
        let name = number_of(&self.bytes, SMALL)?;
        if let Some(line) = self.line {
            let mut found = [0; 4];
            let read = std::fs::File::from(line.into_inner()).read_exact(&mut found);
            if read.is_err() || found != name.to_le_bytes() {
                return Err(format!("item {name:x} has the line of {found:?}: {read:?}"));
            }
        }
        Ok(of_name(name))
    }
}

impl Traffic for Values {
    fn put_some(&self, producer: usize, turn: u32, ledger: &Ledger) {
        let numbers = ledger.next(producer, if turn % 4 == 0 { BATCH } else { 1 });
        let value = |number: &u32| Value::new(name(producer, *number), None);
        match (turn % 4, &numbers[..]) {
            (_, []) => sleep(SLICE),
            (0, _) => {
                let values = numbers.iter().map(value).collect();
                let n_left = match self.0.put_many_timeout(values, SLICE) {
                    Ok(()) => 0,
                    Err(PutManyError::NoRoom(rest)) => rest.len(),
                    Err(error) => return ledger.note_fault(&format!("put_many: {error:?}")),
                };
                let (put, left) = numbers.split_at(numbers.len() - n_left);
                put.iter().for_each(|&number| ledger.has_put(producer, number));
                left.iter().for_each(|&number| ledger.has_not_put(producer, number));
            }
            (1, &[number, ..]) => {
                let (reader, mut writer) = UnixStream::pair().expect("handles are left");
                let name = name(producer, number);
                writer.write_all(&name.to_le_bytes()).expect("there is room");
                let value = Value::new(name, Some(OwnedHandle::from(reader)));
                note(self.0.put_timeout(value, SLICE), producer, number, ledger);
            }
            (_, [number, ..]) => {
                note(self.0.put_timeout(value(number), SLICE), producer, *number, ledger);
            }
        }
    }

    fn get_some(&self, turn: u32) -> Result<Vec<(usize, u32)>, String> {
        if turn % 3 == 1 {
            let values = self.0.get_many_timeout(BATCH as usize, SLICE).map_err(|error| error.to_string());
            return values?.into_iter().map(Value::item).collect();
        }
        one_or_none(self.0.get_timeout(SLICE))?.into_iter().map(Value::item).collect()
    }

    fn most_taken(&self, turn: u32) -> u64 {
        if turn % 3 == 1 { u64::from(BATCH) } else { 1 }
    }
}

impl Numbered for Values {
    fn offer(&self, number: u32) -> Result<bool, String> {
        was_put(self.0.try_put(Value::new(number, None)))
    }

    fn accept(&self) -> Result<Option<u32>, String> {
        was_taken(self.0.try_get(), |value| number_of(&value.bytes, SMALL))
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Nothing that the dead had sent is open, once the next handle was taken.
    fn look_at_rest(&self) -> Result<(), String> {
        let (mut reader, writer) = UnixStream::pair().expect("handles are left");
        reader.set_nonblocking(true).expect("it is open");
        let value = Value::new(0, Some(OwnedHandle::from(writer)));
        was_put(self.0.try_put(value))?;
        drop(was_taken(self.0.try_get(), Ok)?);
        match reader.read(&mut [0]) {
            Ok(0) => Ok(()),
            other => Err(format!("a handle that was taken is open: {other:?}")),
        }
    }
}

/// Items and bytes of the queues: of one item, limited by bytes, wide.
const QUEUES: [(usize, usize); 3] = [(1, 200), (7, 333), (64, 1 << 13)];

pub(crate) fn strings(args: &Args) -> Row {
    let rows = QUEUES.map(|(capacity, byte_capacity)| {
        let builder = Queue::builder().capacity(capacity).byte_capacity(byte_capacity);
        let queue = builder.buffers(N_BUFFERS, LARGE / 2).create().expect("memory is left");
        run(args, &format!("storm of strings, {capacity}"), &Strings(queue))
    });
    Row::sum("storm_of_strings", rows)
}

pub(crate) fn values(args: &Args) -> Row {
    let rows = QUEUES.map(|(capacity, byte_capacity)| {
        let queue = Queue::builder().capacity(capacity).byte_capacity(byte_capacity);
        let queue = Values(queue.create().expect("memory is left"));
        run(args, &format!("storm of values, {capacity}"), &queue)
    });
    Row::sum("storm_of_values", rows)
}
