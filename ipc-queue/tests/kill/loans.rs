//! Processes that are killed while they write, put, take and give back buffers in place.
//!
//! After each kill every buffer can be used again, whoever comes first: one who takes items, or one who needs buffers.

use crate::items::{bytes_of, number_of};
use crate::places::{was_put, was_taken};
use crate::support::fork_child;
use crate::survive::{NEW, Numbered, drain, join, sweep_call};
use ipc_queue::{LoanError, Queue};
use ipc_testkit::kill::{Args, Row};
use std::cell::Cell;

/// Fewer than items, so that whoever puts as many as there are buffers has used them all.
pub(crate) const N_BUFFERS: usize = 3;
const LEN: usize = 50;

/// What the survivor begins with.
#[derive(Clone, Copy, Debug, PartialEq)]
enum First {
    Items,
    /// It asks for a buffer more than there are, so that it looks for lost ones while the items are there still.
    Buffers,
}

/// A queue whose items are all in buffers.
pub(crate) struct Frames {
    queue: Queue<[u8]>,
    first: Cell<Option<First>>,
}

impl Frames {
    /// A queue with so many items, each in its buffer.
    fn new(n_items: u32, first: First) -> Frames {
        let queue = Queue::builder().capacity(4).byte_capacity(80).buffers(N_BUFFERS, LEN).create();
        let frames = Frames { queue: queue.expect("memory is left"), first: Cell::new(None) };
        (0..n_items).for_each(|number| assert_eq!(frames.offer(number), Ok(true)));
        frames.first.set(Some(first));
        frames
    }

    /// A queue with so many items.
    pub(crate) fn with_items(n_items: u32) -> Frames {
        Frames::new(n_items, First::Items)
    }

    pub(crate) fn queue(&self) -> &Queue<[u8]> {
        &self.queue
    }

    /// Lends what there is to lend, and gives it back.
    pub(crate) fn lend_all(&self) -> Result<usize, String> {
        let mut loans = Vec::new();
        loop {
            match self.queue.try_loan(LEN) {
                Ok(loan) => loans.push(loan),
                Err(LoanError::NoneFree) => return Ok(loans.len()),
                Err(error) => return Err(format!("{error:?}")),
            }
        }
    }
}

impl Numbered for Frames {
    fn offer(&self, number: u32) -> Result<bool, String> {
        let mut loan = match self.queue.try_loan(LEN) {
            Ok(loan) => loan,
            Err(LoanError::NoneFree) => return Ok(false),
            Err(error) => return Err(format!("{error:?}")),
        };
        loan.copy_from_slice(&bytes_of(number, LEN));
        was_put(loan.try_put())
    }

    fn accept(&self) -> Result<Option<u32>, String> {
        if self.first.take() == Some(First::Buffers) {
            self.lend_all()?;
        }
        was_taken(self.queue.try_take(), |taken| number_of(&taken, LEN))
    }

    fn capacity(&self) -> usize {
        N_BUFFERS
    }

    fn look_at_rest(&self) -> Result<(), String> {
        match self.lend_all()? {
            N_BUFFERS => {}
            other => return Err(format!("{other} buffers are left")),
        }
        // The ring is as large as ever, too.
        let mut n_put = 0;
        while was_put(self.queue.try_put_bytes(&bytes_of(n_put, LEN / 3)))? {
            n_put += 1;
        }
        let n_taken = std::iter::from_fn(|| self.queue.try_get_bytes().ok()).count();
        if (n_put, n_taken) == (4, 4) { Ok(()) } else { Err(format!("{n_put} put, {n_taken} taken")) }
    }
}

/// Sweeps with both kinds of survivors.
fn run(args: &Args, label: &str, n_items: u32, call: fn(&Frames), allowed: &[Vec<u32>]) -> Row {
    let rows = [First::Items, First::Buffers].map(|first| {
        let label = format!("{label}, first {first:?}");
        sweep_call(args.scale(1511, 1), &label, || Frames::new(n_items, first), call, allowed)
    });
    Row::sum(label, rows)
}

/// One who lends, and lends no more.
pub(crate) fn loan(args: &Args) -> Row {
    let call = |frames: &Frames| drop(frames.queue.loan(LEN).expect("one is free"));
    Row::sum("loan", [0, 2].map(|n_items| run(args, "loan", n_items, call, &[(0..n_items).collect()])))
}

/// One who lends and puts.
pub(crate) fn loan_put(args: &Args) -> Row {
    let call = |frames: &Frames| {
        let mut loan = frames.queue.loan(LEN).expect("one is free");
        loan.copy_from_slice(&bytes_of(NEW, LEN));
        loan.put().expect("there is room");
    };
    let empty = run(args, "loan_put, empty", 0, call, &[vec![], vec![NEW]]);
    Row::sum("loan_put", [empty, run(args, "loan_put, two", 2, call, &[vec![0, 1], vec![0, 1, NEW]])])
}

/// One who takes and gives back.
pub(crate) fn take(args: &Args) -> Row {
    let call = |frames: &Frames| drop(frames.queue.take().expect("there is one"));
    let one = run(args, "take, one", 1, call, &[vec![0], vec![]]);
    Row::sum("take", [one, run(args, "take, all", 3, call, &[vec![0, 1, 2], vec![1, 2]])])
}

/// One who passes on what it has taken, with all buffers in use: it looks for lost ones.
pub(crate) fn take_and_put(args: &Args) -> Row {
    let call = |frames: &Frames| {
        assert_eq!(frames.lend_all(), Ok(0));
        drop(frames.queue.take().expect("there is one"));
        assert_eq!(frames.offer(NEW), Ok(true));
    };
    run(args, "take_and_put", 3, call, &[vec![0, 1, 2], vec![1, 2], vec![1, 2, NEW]])
}

/// One who looks for the buffers of one who has died with one, while another one is in the queue.
pub(crate) fn heir(args: &Args) -> Row {
    let call = |frames: &Frames| {
        assert_eq!(frames.lend_all(), Ok(N_BUFFERS - 1));
        assert_eq!(drain(frames), Ok(vec![0]));
    };
    let rows = [First::Items, First::Buffers].map(|first| {
        let make = || {
            let frames = Frames::new(1, first);
            join(&fork_child(|| frames.queue.loan(LEN).map(std::mem::forget).expect("one is free")));
            frames
        };
        sweep_call(args.scale(12_007, 1), &format!("heir, first {first:?}"), make, call, &[vec![0], vec![]])
    });
    Row::sum("heir", rows)
}
