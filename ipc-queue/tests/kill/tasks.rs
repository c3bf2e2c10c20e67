//! Processes that are killed while they have tasks of a joinable queue: those who join wait for no dead process.

use crate::items::bytes_of;
use crate::places::{LEN, TWO};
use crate::support::fork_child;
use crate::survive::{LIMIT, await_sleep, drain, leaves, row_of, survive};
use ipc_queue::{JoinableQueue, Queue};
use ipc_sys::process::Child;
use ipc_testkit::kill::{Args, Row, sweep};

type Tasks = JoinableQueue<Vec<u8>>;

fn make() -> Tasks {
    let tasks = Queue::builder().capacity(4).byte_capacity(80).create_joinable().expect("memory is left");
    for number in TWO.numbers() {
        tasks.put(bytes_of(number, LEN)).expect("there is room");
    }
    tasks
}

/// Takes one task and does it.
fn work(tasks: &Tasks) {
    tasks.get().expect("there is one");
    tasks.task_done().expect("it is in hand");
}

/// A worker is killed: its task is in the queue, lost or done, and is counted as what it is.
pub(crate) fn task(args: &Args) -> Row {
    let (mut losses, mut seen) = (0, [0_u64; 3]);
    let swept = sweep(args.scale(299, 1), make, work, |tasks, point| {
        let left = drain_and_do(&tasks);
        let lost = tasks.join_timeout(LIMIT).map(|finished| finished.lost);
        match (left, &lost) {
            (2, Ok(0)) => seen[0] += 1,
            (1, Ok(1)) => seen[1] += 1,
            (1, Ok(0)) => seen[2] += 1,
            _ => {
                eprintln!("task: {left} left, {lost:?} lost, after a kill at {point}");
                losses += 1;
            }
        }
        losses += u64::from(survive(&*tasks, &("task", point)).is_none_or(|found| !found.is_empty()));
    });
    eprintln!("task: still there, lost, done: {seen:?}");
    let row = row_of(&swept, "task");
    Row { losses, ok: row.ok && seen.iter().all(|&count| count > 0), ..row }
}

/// Does all tasks that are there.
fn drain_and_do(tasks: &Tasks) -> usize {
    let found = drain(&**tasks).unwrap_or_default();
    found.iter().for_each(|_| tasks.task_done().expect("it is in hand"));
    found.len()
}

/// Somebody joins, and leaves when nothing is left but what the dead one had.
pub(crate) fn joined(args: &Args) -> Row {
    let mut hangs = 0;
    let make = || {
        let tasks = make();
        let waiter = fork_child(|| assert!(tasks.join().is_ok()));
        await_sleep(&waiter);
        (tasks, waiter)
    };
    let call = |(tasks, _): &(Tasks, Child)| {
        work(tasks);
        work(tasks);
    };
    let swept = sweep(args.scale(1999, 3), make, call, |(tasks, waiter), point| {
        drain_and_do(&tasks);
        hangs += u64::from(!leaves(&waiter, &("joined", point)));
    });
    let row = row_of(&swept, "joined");
    Row { hangs: row.hangs + hangs, ..row }
}
