//! Processes that are killed before they sleep, in their sleep, and after they were woken: another one that sleeps beside them
//! has what they were woken for.
//!
//! The one that is to be killed waits with a timeout: on a busy machine it may sleep once more while the other one falls asleep,
//! so that the other one is woken, and nothing is left for it.

use crate::items::bytes_of;
use crate::places::{EMPTY, FULL_OF_ONE, LEN};
use crate::support::fork_child;
use crate::survive::{LIMIT, Numbered, await_sleep, drain, leaves, row_of, survive};
use ipc_queue::{Loan, Queue};
use ipc_sys::process::Child;
use ipc_testkit::kill::{Args, Phase, Row, sweep_blocking};
use std::cell::{Cell, RefCell};

type Bytes = Queue<[u8]>;

/// The one that sleeps beside the killed one.
#[derive(Default)]
struct Other(RefCell<Option<Child>>);

impl Other {
    /// The kernel wakes in the order in which they fell asleep: the one that is to be killed comes first.
    fn start(&self, body: impl FnOnce()) {
        let child = fork_child(body);
        await_sleep(&child);
        *self.0.borrow_mut() = Some(child);
    }

    /// Whether it has left by itself; true if there is none.
    fn leaves(&self, place: &dyn std::fmt::Debug) -> bool {
        self.0.borrow_mut().take().is_none_or(|child| leaves(&child, place))
    }
}

/// Two wait for an item.
pub(crate) fn getters(args: &Args) -> Row {
    let other = Other::default();
    let (mut losses, mut hangs, mut n_woken, mut n_swallowed) = (0, 0, 0, 0_u64);
    let swept = sweep_blocking(
        args.scale(499, 3),
        || EMPTY.make(),
        |queue| _ = queue.get_bytes_timeout(LIMIT),
        |queue| {
            other.start(|| drop(queue.get_bytes().expect("one comes")));
            assert_eq!(queue.offer(0), Ok(true));
        },
        |queue, point, phase| {
            let is_taken = queue.is_empty();
            n_woken += u64::from(phase == Phase::Woken);
            n_swallowed += u64::from(phase == Phase::Woken && !is_taken);
            // Who has it is dead, or on its way out; in either case it was taken, and one more does no harm.
            if is_taken && phase == Phase::Woken {
                assert_eq!(queue.offer(1), Ok(true));
            }
            hangs += u64::from(!other.leaves(&("getters", point, phase)));
            let left = survive(&queue, &("getters", point, phase));
            losses += u64::from(left.is_none_or(|left| left.len() > 1));
        },
    );
    eprintln!("getters: {n_woken} were woken, {n_swallowed} before they had the item");
    let row = row_of(&swept, "getters");
    // Who is traced loses the race for the item, and looks for another one: half of the points can be behind the place where one that
    // wins is done.
    let is_well = swept.failed == 0 && swept.missed <= swept.points / 2 && n_swallowed > 0;
    Row { losses, hangs: row.hangs + hangs, ok: is_well, ..row }
}

/// Two wait for room.
pub(crate) fn putters(args: &Args) -> Row {
    let other = Other::default();
    let (mut losses, mut hangs, mut n_swallowed) = (0, 0, 0_u64);
    let put = |queue: &Bytes, number| queue.put_bytes(&bytes_of(number, LEN)).expect("it is open");
    let swept = sweep_blocking(
        args.scale(499, 3),
        || FULL_OF_ONE.make(),
        |queue| _ = queue.put_bytes_timeout(&bytes_of(1, LEN), LIMIT),
        |queue| {
            other.start(|| put(queue, 2));
            assert_eq!(queue.accept(), Ok(Some(0)));
        },
        |queue, point, phase| {
            n_swallowed += u64::from(phase == Phase::Woken && queue.is_empty());
            // Who has used the room is dead, or on its way out.
            let first = if queue.is_full() { queue.accept() } else { Ok(None) };
            hangs += u64::from(!other.leaves(&("putters", point, phase)));
            let left = survive(&queue, &("putters", point, phase));
            let found = [first.ok().flatten().into_iter().collect(), left.unwrap_or(vec![99])].concat();
            let is_well = match phase {
                Phase::Woken => [&[2][..], &[1, 2], &[2, 1]].contains(&&*found),
                _ => found == [0],
            };
            if !is_well {
                eprintln!("putters: {found:?} after a kill at {point}, {phase:?}");
                losses += 1;
            }
        },
    );
    let row = row_of(&swept, "putters");
    Row { losses, hangs: row.hangs + hangs, ok: row.ok && n_swallowed > 0, ..row }
}

/// Two wait for a buffer.
pub(crate) fn borrowers(args: &Args) -> Row {
    let other = Other::default();
    let (mut losses, mut hangs) = (0, 0);
    let make = || {
        let queue: Bytes = Queue::builder().capacity(4).buffers(1, LEN).create().expect("memory is left");
        let loan = queue.loan(LEN).expect("one is free");
        (queue, Cell::new(Some(loan)))
    };
    let lend = |(queue, _): &(Bytes, Cell<Option<Loan>>)| drop(queue.loan(LEN).expect("it is open"));
    let swept = sweep_blocking(
        args.scale(499, 3),
        make,
        |(queue, _)| _ = queue.loan_timeout(LEN, LIMIT),
        |state| {
            other.start(|| lend(state));
            drop(state.1.take());
        },
        |(queue, loan), point, phase| {
            hangs += u64::from(!other.leaves(&("borrowers", point, phase)));
            drop(loan);
            let is_well = queue.try_loan(LEN).is_ok() && drain(&queue) == Ok(vec![]);
            losses += u64::from(!is_well);
        },
    );
    let row = row_of(&swept, "borrowers");
    Row { losses, hangs: row.hangs + hangs, ..row }
}

/// One waits for an item, and the one who puts it is killed: it is woken by this put, or by the next one.
pub(crate) fn put_for_a_sleeper(args: &Args) -> Row {
    let mut hangs = 0;
    let make = || {
        let queue = EMPTY.make();
        let waiter = fork_child(|| drop(queue.get_bytes().expect("one comes")));
        await_sleep(&waiter);
        (queue, waiter)
    };
    let call = |(queue, _): &(Bytes, Child)| assert_eq!(queue.offer(0), Ok(true));
    let swept = ipc_testkit::kill::sweep(args.scale(499, 3), make, call, |(queue, waiter), point| {
        // An item that is there wakes it, and nobody puts another one.
        let is_there = !queue.is_empty();
        if !is_there && !leaves_soon(&waiter) {
            assert_eq!(queue.offer(1), Ok(true));
        }
        hangs += u64::from(!leaves(&waiter, &("put_for_a_sleeper", point)));
        hangs += u64::from(survive(&queue, &("put_for_a_sleeper", point)).is_none());
    });
    let row = row_of(&swept, "put_for_a_sleeper");
    Row { hangs: row.hangs + hangs, ..row }
}

/// Whether a process that has what it waited for ends.
fn leaves_soon(waiter: &Child) -> bool {
    let soon = ipc_sys::clock::Deadline::after(std::time::Duration::from_millis(2));
    waiter.has_ended(soon).expect("it can be asked")
}
