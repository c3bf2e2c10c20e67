//! Processes that are killed while items with handles, or with memory of their own, go through their hands.
//!
//! An item comes with its own handle or not at all, and what was on its way with the dead is closed: at the latest when the
//! next handles are taken, or when the queue is dropped.

use crate::items::{bytes_of, number_of};
use crate::places::{was_put, was_taken};
use crate::survive::{NEW, Numbered, drain, row_of, sweep_call};
use ipc_codec::handle::Handle;
use ipc_queue::Queue;
use ipc_sys::handle::OwnedHandle;
use ipc_testkit::kill::{Args, Row, sweep};
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// How long what is closed by a process that has ended may take to be closed.
const MOMENT: Duration = Duration::from_millis(500);

#[derive(Serialize, Deserialize)]
struct Parcel {
    number: u32,
    line: Option<Handle<OwnedHandle>>,
}

/// A queue of items with one end of a line each, and the other ends.
struct Lines {
    queue: Queue<Parcel>,
    other_ends: RefCell<HashMap<u32, UnixStream>>,
    /// What the killed process puts. This process has a copy.
    new: Cell<Option<Parcel>>,
}

impl Lines {
    fn new(n_items: u32) -> Lines {
        let queue = Queue::builder().capacity(4).byte_capacity(80).create().expect("memory is left");
        let lines = Lines { queue, other_ends: RefCell::default(), new: Cell::new(None) };
        (0..n_items).for_each(|number| assert_eq!(lines.offer(number), Ok(true)));
        lines.new.set(Some(lines.parcel(NEW)));
        lines
    }

    fn parcel(&self, number: u32) -> Parcel {
        let (here, there) = UnixStream::pair().expect("handles are left");
        self.other_ends.borrow_mut().insert(number, here);
        Parcel { number, line: Some(Handle::new(OwnedHandle::from(there))) }
    }

    /// Whether all lines whose items are gone are closed.
    fn all_are_closed(&self) -> Result<(), String> {
        drop(self.new.take());
        let start = Instant::now();
        for (number, here) in self.other_ends.borrow_mut().iter_mut() {
            here.set_read_timeout(Some(MOMENT)).expect("it is not zero");
            match here.read(&mut [0]) {
                Ok(0) => {}
                other => return Err(format!("line {number} is open after {:?}: {other:?}", start.elapsed())),
            }
        }
        Ok(())
    }
}

impl Numbered for Lines {
    fn offer(&self, number: u32) -> Result<bool, String> {
        was_put(self.queue.try_put(self.parcel(number)))
    }

    /// Takes an item whose handle has to be its own.
    fn accept(&self) -> Result<Option<u32>, String> {
        was_taken(self.queue.try_get(), |Parcel { number, line }| {
            let Some(line) = line else { return Ok(number) };
            let mut found = [0];
            let ends = self.other_ends.borrow();
            let mut here = ends.get(&number).ok_or_else(|| format!("an item {number}"))?;
            here.set_nonblocking(true).expect("it is open");
            let word = (number as u8).to_le_bytes();
            UnixStream::from(line.into_inner()).write_all(&word).map_err(|error| error.to_string())?;
            here.read_exact(&mut found).map_err(|error| format!("item {number}: {error}"))?;
            here.set_nonblocking(false).expect("it is open");
            if found == word { Ok(number) } else { Err(format!("item {number} has the line of {found:?}")) }
        })
    }

    fn capacity(&self) -> usize {
        self.queue.capacity()
    }

    fn look_at_rest(&self) -> Result<(), String> {
        self.all_are_closed()
    }
}

fn put_new(lines: &Lines) {
    let parcel = lines.new.take().expect("it is there once");
    assert!(lines.queue.put(parcel).is_ok());
}

fn get_first(lines: &Lines) {
    assert_eq!(lines.queue.get().expect("there is one").number, 0);
}

pub(crate) fn put_handle(args: &Args) -> Row {
    let rows = [0, 2].map(|n_items| {
        let before: Vec<u32> = (0..n_items).collect();
        let after = [before.clone(), vec![NEW]].concat();
        let label = format!("put_handle, {n_items}");
        sweep_call(args.scale(299, 1), &label, || Lines::new(n_items), put_new, &[before, after])
    });
    Row::sum("put_handle", rows)
}

pub(crate) fn get_handle(args: &Args) -> Row {
    let rows = [1, 3].map(|n_items| {
        let before: Vec<u32> = (0..n_items).collect();
        let after = before[1..].to_vec();
        let label = format!("get_handle, {n_items}");
        sweep_call(args.scale(299, 1), &label, || Lines::new(n_items), get_first, &[before, after])
    });
    Row::sum("get_handle", rows)
}

/// Who takes an item without handles after one who has died with some closes those.
pub(crate) fn get_handle_of_the_dead(args: &Args) -> Row {
    let mut losses = 0;
    let swept = sweep(
        args.scale(97, 1),
        || Lines::new(1),
        get_first,
        |lines, point| {
            let is_put = was_put(lines.queue.try_put(Parcel { number: NEW, line: None }));
            let found = drain(&lines);
            let closed = lines.all_are_closed();
            if is_put != Ok(true) || closed.is_err() || !matches!(found.as_deref(), Ok([NEW] | [0, NEW])) {
                eprintln!("get_handle_of_the_dead: {found:?}, {closed:?} after a kill at {point}");
                losses += 1;
            }
        },
    );
    Row { losses, ..row_of(&swept, "get_handle_of_the_dead") }
}

/// Nobody uses the queue any more: what was on its way is closed when it is dropped.
pub(crate) fn drop_with_handles(args: &Args) -> Row {
    let rows = [put_new, get_first].map(|call| {
        let mut losses = 0;
        let swept = sweep(
            args.scale(499, 3),
            || Lines::new(2),
            call,
            |lines, point| {
                let Lines { queue, other_ends, new } = lines;
                drop(queue);
                let gone = Lines { queue: Queue::bounded(1).expect("memory is left"), other_ends, new };
                if let Err(error) = gone.all_are_closed() {
                    eprintln!("drop_with_handles: {error} after a kill at {point}");
                    losses += 1;
                }
            },
        );
        Row { losses, ..row_of(&swept, "drop_with_handles") }
    });
    Row::sum("drop_with_handles", rows)
}

/// Bytes of an item that goes beside the ring.
const LARGE: usize = 300;

/// A queue of items that are larger than its ring.
struct Large(Queue<[u8]>);

impl Large {
    fn new(n_items: u32) -> Large {
        let queue = Queue::builder().capacity(4).byte_capacity(80).create().expect("memory is left");
        let large = Large(queue);
        (0..n_items).for_each(|number| assert_eq!(large.offer(number), Ok(true)));
        large
    }
}

impl Numbered for Large {
    fn offer(&self, number: u32) -> Result<bool, String> {
        was_put(self.0.try_put_bytes(&bytes_of(number, LARGE)))
    }

    fn accept(&self) -> Result<Option<u32>, String> {
        was_taken(self.0.try_get_bytes(), |bytes| number_of(&bytes, LARGE))
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

pub(crate) fn put_large(args: &Args) -> Row {
    let call = |large: &Large| assert_eq!(large.offer(NEW), Ok(true));
    sweep_call(args.scale(797, 1), "put_large", || Large::new(1), call, &[vec![0], vec![0, NEW]])
}

pub(crate) fn get_large(args: &Args) -> Row {
    let call = |large: &Large| assert_eq!(large.accept(), Ok(Some(0)));
    sweep_call(args.scale(797, 1), "get_large", || Large::new(2), call, &[vec![0, 1], vec![1]])
}

/// One who takes an item with a handle and puts another one.
pub(crate) fn pass_handle(args: &Args) -> Row {
    let call = |lines: &Lines| {
        get_first(lines);
        put_new(lines);
    };
    let allowed = [vec![0, 1], vec![1], vec![1, NEW]];
    sweep_call(args.scale(797, 1), "pass_handle", || Lines::new(2), call, &allowed)
}
