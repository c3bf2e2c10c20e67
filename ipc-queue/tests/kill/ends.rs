//! Processes that are killed while they close a queue, let go of it or receive it, and while they are the last one of a side.

use crate::items::bytes_of;
use crate::places::{LEN, TWO};
use crate::support::fork_child;
use crate::survive::{LIMIT, NEW, Numbered, await_sleep, leaves, row_of, survive, sweep_call};
use ipc_codec::{Limits, Message, encode};
use ipc_queue::{GetError, Queue, Receiver, RecvError, RecvTimeoutError, Sender, TryPutError, channel};
use ipc_sys::clock::Deadline;
use ipc_sys::process::{Child, Signal};
use ipc_testkit::kill::{Args, Row, sweep};
use std::cell::Cell;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long it may take until the end of a side is seen: 50 ms for the death of a small process and 100 more; the rest is for a
/// machine that is busy.
const END: Duration = LIMIT;

/// The queue is open and whole, or closed with what was in it; who waited in vain is told.
pub(crate) fn close(args: &Args) -> Row {
    let (mut losses, mut n_open, mut n_closed) = (0, 0_u64, 0_u64);
    let make = || {
        let queue = TWO.make();
        let other: Queue<[u8]> = Queue::bounded(1).expect("memory is left");
        let waiter = fork_child(|| assert!(matches!(other.get_bytes(), Err(GetError::Closed))));
        await_sleep(&waiter);
        (queue, other, waiter)
    };
    let call = |(queue, other, _): &(Queue<[u8]>, Queue<[u8]>, Child)| {
        queue.close();
        other.close();
    };
    let swept = sweep(args.scale(97, 1), make, call, |(queue, other, waiter), point| {
        let start = Instant::now();
        if !other.is_closed() {
            other.close();
        }
        let mut is_well = leaves(&waiter, &("close", point));
        if queue.is_closed() {
            n_closed += 1;
            let refused = matches!(queue.try_put_bytes(&bytes_of(NEW, LEN)), Err(TryPutError::Closed(())));
            let found: Vec<_> = std::iter::from_fn(|| queue.accept().ok().flatten()).collect();
            let is_over = matches!(queue.get_bytes(), Err(GetError::Closed));
            is_well &= refused && found == TWO.numbers() && is_over && start.elapsed() < LIMIT;
        } else {
            n_open += 1;
            is_well &= survive(&queue, &("close", point)) == Some(TWO.numbers());
        }
        if !is_well {
            eprintln!("close: wrong after a kill at {point}");
            losses += 1;
        }
    });
    let row = row_of(&swept, "close");
    Row { losses, ok: row.ok && n_open > 0 && n_closed > 0, ..row }
}

/// A queue, and another handle of it or one in a message.
struct Held<T> {
    queue: Queue<[u8]>,
    other: Cell<Option<T>>,
}

impl<T> Numbered for Held<T> {
    fn offer(&self, number: u32) -> Result<bool, String> {
        self.queue.offer(number)
    }

    fn accept(&self) -> Result<Option<u32>, String> {
        self.queue.accept()
    }

    fn capacity(&self) -> usize {
        Numbered::capacity(&self.queue)
    }
}

/// One who lets go of all that it has of a queue.
pub(crate) fn let_go(args: &Args) -> Row {
    let make = || {
        let queue = TWO.make();
        let message = encode(&queue, &Limits::default()).expect("it can be sent");
        let again = message.decode::<Queue<[u8]>>(&Limits::default()).expect("it is a queue");
        Held { queue, other: Cell::new(Some(again)) }
    };
    let call = |held: &Held<Queue<[u8]>>| drop(held.other.take());
    sweep_call(args.scale(29, 1), "let_go", make, call, &[TWO.numbers()])
}

/// One who receives a queue and uses it.
pub(crate) fn open(args: &Args) -> Row {
    let make = || {
        let queue = TWO.make();
        let message = encode(&queue, &Limits::default()).expect("it can be sent");
        Held { queue, other: Cell::new(Some(message)) }
    };
    let call = |held: &Held<Message>| {
        let message = held.other.take().expect("it is there once");
        let queue = message.decode::<Queue<[u8]>>(&Limits::default()).expect("it is a queue");
        assert_eq!(queue.offer(NEW), Ok(true));
    };
    let allowed = [TWO.numbers(), [&TWO.numbers()[..], &[NEW]].concat()];
    sweep_call(args.scale(997, 1), "open", make, call, &allowed)
}

/// The two ends of a channel.
struct Ends {
    sender: Cell<Option<Sender<Vec<u8>>>>,
    receiver: Cell<Option<Receiver<Vec<u8>>>>,
}

/// What is done when a process is killed, and what it is called.
type Call = (&'static str, fn(&Ends));

impl Ends {
    fn new() -> Ends {
        let (sender, receiver) = channel(4).expect("memory is left");
        Ends { sender: Cell::new(Some(sender)), receiver: Cell::new(Some(receiver)) }
    }
}

/// The only sender is killed: the receiver has whole items, in order, and then the end.
pub(crate) fn sender(args: &Args) -> Row {
    let calls: [Call; 2] = [("send", send_two), ("let go of the sender", |ends| drop(ends.sender.take()))];
    let rows = calls.map(|(label, call)| {
        let (mut losses, mut seen) = (0, [0_u64; 3]);
        let swept = sweep(args.scale(997, 1), Ends::new, call, |ends, point| {
            drop(ends.sender.take());
            let receiver = ends.receiver.take().expect("it is this process's");
            let start = Instant::now();
            let mut found = Vec::new();
            let end = loop {
                match receiver.recv_timeout(LIMIT) {
                    Ok(bytes) => found.push(bytes),
                    Err(end) => break end,
                }
            };
            seen[found.len().min(2)] += 1;
            let is_whole = found == [bytes_of(0, LEN), bytes_of(1, LEN)][..found.len()];
            let is_over = matches!(end, RecvTimeoutError::Disconnected) && start.elapsed() < END;
            if !is_whole || !is_over {
                eprintln!("{label}: {found:?}, {end:?}, after {:?}, {point}", start.elapsed());
                losses += 1;
            }
        });
        eprintln!("{label}: {seen:?}");
        Row { losses, ..row_of(&swept, label) }
    });
    Row::sum("sender", rows)
}

fn send_two(ends: &Ends) {
    let sender = ends.sender.take().expect("it is there once");
    sender.send(bytes_of(0, LEN)).expect("there is room");
    sender.send(bytes_of(1, LEN)).expect("there is room");
}

/// The only receiver is killed: the sender is told, by a send that has room and by one that waits for it.
pub(crate) fn receiver(args: &Args) -> Row {
    let calls: [Call; 2] =
        [("receive", receive_one), ("let go of the receiver", |ends| drop(ends.receiver.take()))];
    let rows = calls.map(|(label, call)| {
        let mut losses = 0;
        let make = || {
            let ends = Ends::new();
            let sender = ends.sender.take().expect("it was made");
            sender.send(bytes_of(0, LEN)).expect("there is room");
            ends.sender.set(Some(sender));
            ends
        };
        let swept = sweep(args.scale(499, 1), make, call, |ends, point| {
            drop(ends.receiver.take());
            let sender = ends.sender.take().expect("it is this process's");
            let start = Instant::now();
            let end = loop {
                match sender.send_timeout(bytes_of(1, LEN), LIMIT) {
                    Ok(()) if start.elapsed() < LIMIT => {}
                    other => break other,
                }
            };
            let is_told = end.is_err_and(|error| error.is_disconnected());
            if !is_told || start.elapsed() > END {
                eprintln!("{label}: not told after {:?}, {point}", start.elapsed());
                losses += 1;
            }
        });
        Row { losses, ..row_of(&swept, label) }
    });
    Row::sum("receiver", rows)
}

fn receive_one(ends: &Ends) {
    let receiver = ends.receiver.take().expect("it is there once");
    assert_eq!(receiver.recv().expect("there is one"), bytes_of(0, LEN));
}

/// The other side sleeps when the last one of this side is killed: it is woken by the end.
pub(crate) fn end_asleep(args: &Args) -> Row {
    let mut row = Row::new("end_asleep");
    for round in 0..args.scale(20, 1000) {
        let Ends { sender, receiver } = Ends::new();
        let is_sender = round % 2 == 0;
        let (victim, waiter) = if is_sender {
            let victim = fork_child(|| keep(&sender, &receiver));
            (victim, fork_child(|| receive_the_end(&sender, &receiver)))
        } else {
            let victim = fork_child(|| keep(&receiver, &sender));
            (victim, fork_child(|| send_to_the_end(&sender, &receiver)))
        };
        drop((sender, receiver));
        await_sleep(&victim);
        await_sleep(&waiter);
        victim.signal(Signal::Kill).expect("it sleeps");
        let start = Instant::now();
        row.hangs += u64::from(!leaves(&waiter, &("end_asleep", round)) || start.elapsed() > END);
        victim.wait(Deadline::NEVER).expect("a child can be waited for");
        (row.points, row.kills) = (row.points + 1, row.kills + 1);
    }
    row
}

/// Lets go of one end, and sleeps with the other one.
fn keep<A, B>(kept: &Cell<Option<A>>, other: &Cell<Option<B>>) {
    drop(other.take());
    let _kept = kept.take();
    sleep(LIMIT);
}

fn receive_the_end(sender: &Cell<Option<Sender<Vec<u8>>>>, receiver: &Cell<Option<Receiver<Vec<u8>>>>) {
    drop(sender.take());
    let receiver = receiver.take().expect("it is there once");
    assert!(matches!(receiver.recv(), Err(RecvError::Disconnected)));
}

fn send_to_the_end(sender: &Cell<Option<Sender<Vec<u8>>>>, receiver: &Cell<Option<Receiver<Vec<u8>>>>) {
    drop(receiver.take());
    let sender = sender.take().expect("it is there once");
    while sender.send(bytes_of(0, LEN)).is_ok() {}
    assert!(sender.is_disconnected());
}
