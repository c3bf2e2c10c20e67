//! Channels within one process: the ends, what comes back in errors, and when each end learns that the other is gone.

use ipc_codec::{Limits, Message, encode};
use ipc_queue::{
    PutManyError, Queue, QueueError, Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError,
    Sender, TryRecvError, TrySendError, WhenFull, channel,
};
use ipc_sys::clock::Deadline;
use ipc_sys::readiness::{Interest, wait_one};
use ipc_testkit::{isolated, watchdog};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::thread;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(30);
const LONG: Duration = Duration::from_secs(20);

#[test]
fn smoke() {
    let (sender, receiver) = channel(2).expect("a small channel");
    assert_eq!((sender.capacity(), receiver.capacity()), (2, 2));
    assert!(sender.is_empty() && receiver.is_empty());
    sender.send("a".to_string()).expect("there is room");
    sender.try_send("b".to_string()).expect("there is room");
    assert_eq!((sender.len(), receiver.len()), (2, 2));
    assert_eq!(receiver.recv().expect("there is one"), "a");
    assert_eq!(receiver.try_recv().expect("there is one"), "b");
    assert!(matches!(receiver.try_recv(), Err(TryRecvError::Empty)));
    assert!(!sender.is_disconnected());
    assert!(format!("{sender:?}{receiver:?}").contains("capacity: 2"));
}

#[test]
fn each_item_goes_to_one_receiver() {
    let _guard = watchdog(LONG);
    let (sender, receiver) = channel(7).expect("a small channel");
    let sum: u64 = thread::scope(|scope| {
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                let receiver = receiver.clone();
                scope.spawn(move || receiver.iter().map(|item| item.expect("a number")).sum::<u64>())
            })
            .collect();
        for start in [0, 1000] {
            let sender = sender.clone();
            scope.spawn(move || (start..start + 1000).for_each(|item| sender.send(item).expect("received")));
        }
        // The last sender is whichever thread ends last.
        drop(sender);
        receivers.into_iter().map(|receiver| receiver.join().expect("a sum")).sum()
    });
    assert_eq!(sum, (0..2000).sum());
}

#[test]
fn many_at_once() {
    let _guard = watchdog(LONG);
    let (sender, receiver) = channel(5).expect("a small channel");
    assert_eq!(receiver.recv_many(0).expect("nothing was asked for"), Vec::<u32>::new());
    thread::scope(|scope| {
        scope.spawn(move || {
            sender.send_many((0..1000).collect()).expect("received");
            sender.send_many(Vec::new()).expect("nothing to send");
        });
        let mut all = Vec::new();
        let end = loop {
            match receiver.recv_many(3) {
                Ok(items) => {
                    assert!((1..=3).contains(&items.len()));
                    all.extend(items);
                }
                Err(end) => break end,
            }
        };
        assert!(end.is_disconnected());
        assert_eq!(all, (0..1000).collect::<Vec<u32>>());
    });
}

/// What was not sent comes back, whatever the reason.
#[test]
fn unsent_items_come_back() {
    let (sender, receiver) = channel(1).expect("a small channel");
    sender.send("first".to_string()).expect("there is room");
    let second = || "second".to_string();
    let Err(TrySendError::Full(back)) = sender.try_send(second()) else { panic!("it is full") };
    assert_eq!(back, second());
    let Err(SendTimeoutError::TimedOut(back)) = sender.send_timeout(second(), PAUSE) else {
        panic!("it is full")
    };
    assert_eq!(back, second());
    let now = Instant::now();
    let Err(SendTimeoutError::TimedOut(back)) = sender.send_deadline(second(), now) else {
        panic!("it is full")
    };
    assert_eq!(back, second());

    drop(receiver);
    let Err(SendError::Disconnected(back)) = sender.send(second()) else { panic!("nobody receives") };
    assert_eq!(back, second());
    let Err(TrySendError::Disconnected(back)) = sender.try_send(second()) else { panic!("nobody receives") };
    assert_eq!(back, second());
    let result = sender.send_timeout(second(), LONG);
    assert!(result.as_ref().is_err_and(SendTimeoutError::is_disconnected));
    assert_eq!(result.unwrap_err().into_inner(), second());
    let result = sender.send_deadline(second(), now);
    assert!(result.as_ref().is_err_and(SendTimeoutError::is_disconnected));
    assert_eq!(result.unwrap_err().into_inner(), second());
    let Err(PutManyError::Closed(rest)) = sender.send_many(vec![second(), second()]) else {
        panic!("nobody receives")
    };
    assert_eq!(rest, [second(), second()]);
}

#[test]
fn items_beyond_the_limits_come_back() {
    let builder = Queue::builder().capacity(4).limits(Limits::with_max_frame(100));
    let (sender, receiver) = builder.create_channel().expect("a small channel");
    for result in [
        sender.send(vec![7_u8; 200]).map_err(|error| match error {
            SendError::Failed { value, source } => (value, source),
            other => panic!("{other:?}"),
        }),
        sender.try_send(vec![7_u8; 200]).map_err(|error| match error {
            TrySendError::Failed { value, source } => (value, source),
            other => panic!("{other:?}"),
        }),
        sender.send_timeout(vec![7_u8; 200], LONG).map_err(|error| match error {
            SendTimeoutError::Failed { value, source } => (value, source),
            other => panic!("{other:?}"),
        }),
    ] {
        let (value, source) = result.unwrap_err();
        assert_eq!(value.len(), 200);
        assert!(matches!(source, QueueError::TooLarge { limit: 100, .. }));
    }
    let items = vec![vec![1], vec![7; 200], vec![2]];
    match sender.send_many(items) {
        Err(PutManyError::Failed { value, source: QueueError::TooLarge { .. } }) => {
            assert_eq!(value, [vec![7; 200], vec![2]]);
        }
        other => panic!("{other:?}"),
    }
    drop(sender);
    assert_eq!(receiver.iter().collect::<Result<Vec<_>, _>>().expect("one"), [[1]]);
}

/// The end comes after the last item, at once, and again and again.
#[test]
fn receivers_learn_of_the_end_at_once() {
    let _guard = watchdog(LONG);
    let (sender, receiver) = channel(4).expect("a small channel");
    sender.send(1).expect("there is room");
    sender.send_many(vec![2, 3]).expect("there is room");
    drop(sender.clone());
    drop(sender);
    assert_eq!(receiver.recv_many(2).expect("there are three"), [1, 2]);
    assert_eq!(receiver.try_recv().expect("there is one"), 3);
    for _ in 0..3 {
        assert!(matches!(receiver.try_recv(), Err(TryRecvError::Disconnected)));
        assert!(matches!(receiver.recv(), Err(RecvError::Disconnected)));
        assert!(matches!(receiver.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected)));
        assert!(matches!(receiver.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Disconnected)));
        assert!(matches!(receiver.recv_deadline(Instant::now()), Err(RecvTimeoutError::Disconnected)));
        assert!(matches!(receiver.recv_many(4), Err(RecvError::Disconnected)));
        assert!(receiver.iter().next().is_none() && receiver.try_iter().next().is_none());
        assert!((&receiver).into_iter().next().is_none());
    }
}

/// Once a sender has been told that nobody receives, it is never told otherwise: asking the kernel not for each item must not
/// let one slip through.
#[test]
fn senders_learn_of_the_end_at_once_and_for_good() {
    for n_before in [0, 1, 4] {
        let (sender, receiver) = channel(4).expect("a small channel");
        (0..n_before).for_each(|item| sender.send(item).expect("there is room"));
        drop(receiver.clone());
        assert!(!sender.is_disconnected(), "a receiver is left");
        drop(receiver);
        let other = sender.clone();
        for _ in 0..100 {
            assert!(sender.is_disconnected());
            assert!(sender.send(8).unwrap_err().is_disconnected());
            assert!(other.try_send(8).unwrap_err().is_disconnected());
            assert!(other.send_many(vec![8]).unwrap_err().is_closed());
        }
    }
}

#[test]
fn the_last_drop_wakes_receivers() {
    let _guard = watchdog(LONG);
    let (sender, receiver) = channel::<u32>(4).expect("a small channel");
    thread::scope(|scope| {
        let with_end = [
            scope.spawn(|| receiver.recv().unwrap_err().is_disconnected()),
            scope.spawn(|| receiver.recv_timeout(LONG).unwrap_err().is_disconnected()),
            scope.spawn(|| receiver.recv_many(3).unwrap_err().is_disconnected()),
            scope.spawn(|| receiver.iter().next().is_none()),
        ];
        thread::sleep(PAUSE);
        let clone = sender.clone();
        drop(sender);
        thread::sleep(PAUSE);
        assert!(with_end.iter().all(|thread| !thread.is_finished()), "a sender is left");
        drop(clone);
        for thread in with_end {
            assert!(thread.join().expect("it does not panic"));
        }
    });
}

#[test]
fn the_last_drop_wakes_senders() {
    let _guard = watchdog(LONG);
    let (sender, receiver) = channel(1).expect("a small channel");
    sender.send(0).expect("there is room");
    let sender = &sender;
    thread::scope(|scope| {
        let with_end = [
            scope.spawn(move || sender.send(1).unwrap_err().into_inner()),
            scope.spawn(move || sender.send_timeout(2, LONG).unwrap_err().into_inner()),
            scope.spawn(move || sender.send_many(vec![3, 4]).unwrap_err().into_inner()[0]),
        ];
        thread::sleep(PAUSE);
        assert!(with_end.iter().all(|thread| !thread.is_finished()), "a receiver is left");
        drop(receiver);
        for (item, thread) in (1..).zip(with_end) {
            assert_eq!(thread.join().expect("it does not panic"), item);
        }
    });
}

#[test]
fn a_thread_that_ends_with_the_last_sender_ends_the_channel() {
    let _guard = watchdog(LONG);
    for _ in 0..100 {
        let (sender, receiver) = channel(1).expect("a small channel");
        let thread = thread::spawn(move || sender.send(1));
        assert_eq!(receiver.iter().collect::<Result<Vec<i32>, _>>().expect("a number"), [1]);
        thread.join().expect("it does not panic").expect("received");
    }
}

/// A message is as good as a process: what is in it counts until it is dropped.
#[test]
fn a_message_counts_as_an_end() {
    let _guard = watchdog(LONG);
    let (sender, receiver) = channel::<u32>(1).expect("a small channel");
    let message = pack(&sender);
    drop(sender);
    assert!(matches!(receiver.recv_timeout(PAUSE), Err(RecvTimeoutError::TimedOut)));
    let sender: Sender<u32> = unpack(message);
    sender.send(1).expect("there is room");
    let message = pack(&sender);
    drop(sender);
    assert_eq!(receiver.recv().expect("there is one"), 1);
    assert!(matches!(receiver.try_recv(), Err(TryRecvError::Empty)));
    drop(message);
    assert!(matches!(receiver.recv(), Err(RecvError::Disconnected)));

    let (sender, receiver) = channel::<u32>(1).expect("a small channel");
    let message = pack(&receiver);
    drop(receiver);
    sender.send(1).expect("there is room");
    assert!(matches!(sender.send_timeout(2, PAUSE), Err(SendTimeoutError::TimedOut(2))));
    let receiver: Receiver<u32> = unpack(message);
    assert_eq!(receiver.recv().expect("there is one"), 1);
    let message = pack(&receiver);
    drop(receiver);
    sender.send(2).expect("there is room");
    drop(message);
    assert!(matches!(sender.send(3), Err(SendError::Disconnected(3))));
}

/// An end in a queue, or in a channel, counts as long as it is there.
#[test]
fn an_item_counts_as_an_end() {
    let _guard = watchdog(LONG);
    let queue = Queue::<Sender<u32>>::bounded(4).expect("a small queue");
    let (sender, receiver) = channel(1).expect("a small channel");
    queue.put(sender.clone()).expect("there is room");
    queue.put(sender).expect("there is room");
    assert!(matches!(receiver.recv_timeout(PAUSE), Err(RecvTimeoutError::TimedOut)));
    queue.get().expect("there is one").send(7).expect("there is room");
    assert_eq!(receiver.recv().expect("there is one"), 7);
    assert!(matches!(receiver.recv_timeout(PAUSE), Err(RecvTimeoutError::TimedOut)));
    drop(queue);
    assert!(matches!(receiver.recv(), Err(RecvError::Disconnected)));

    // The channel in which it lies has lost its receiver, and with it what nobody will take.
    let (outer, nobody) = channel::<Receiver<u32>>(4).expect("a small channel");
    let (sender, receiver) = channel(1).expect("a small channel");
    outer.send(receiver).expect("there is room");
    sender.send(1).expect("it is received, one day");
    drop(nobody);
    assert!(matches!(sender.send(2), Err(SendError::Disconnected(2))));
}

#[test]
fn an_end_of_another_kind_is_refused() {
    isolated(|| {
        let (sender, receiver) = channel::<u32>(1).expect("a small channel");
        let queue = Queue::<u32>::bounded(1).expect("a small queue");
        let limits = Limits::default();
        let refusals = [
            pack(&sender).decode::<Receiver<u32>>(&limits).unwrap_err(),
            pack(&receiver).decode::<Sender<u32>>(&limits).unwrap_err(),
            pack(&sender).decode::<Queue<u32>>(&limits).unwrap_err(),
            pack(&queue).decode::<Sender<u32>>(&limits).unwrap_err(),
            pack(&queue).decode::<Receiver<u32>>(&limits).unwrap_err(),
        ];
        let texts = ["the sender", "the receiver", "the sender", "a queue", "a queue"];
        for (error, text) in refusals.iter().zip(texts) {
            assert!(error.to_string().contains(text), "{error}");
        }
        assert!(pack(&sender).decode::<Sender<i32>>(&limits).unwrap_err().to_string().contains("type"));
        // What was refused counts no more.
        drop(sender);
        assert!(matches!(receiver.recv(), Err(RecvError::Disconnected)));
    });
}

#[test]
fn the_descriptor_becomes_readable_at_the_end() {
    let _guard = watchdog(LONG);
    let (sender, receiver) = channel::<u32>(4).expect("a small channel");
    assert!(!is_readable(&receiver, Deadline::NOW));
    let message = pack(&sender);
    drop(sender);
    assert!(!is_readable(&receiver, Deadline::after(PAUSE)), "a sender is left");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| is_readable(&receiver, Deadline::NEVER));
        thread::sleep(PAUSE);
        drop(message);
        assert!(waiting.join().expect("it does not panic"));
    });
    assert!(matches!(receiver.try_recv(), Err(TryRecvError::Disconnected)));
    assert!(is_readable(&receiver, Deadline::NOW), "it stays so");
}

#[test]
fn a_channel_can_fail_or_drop_when_full() {
    let _guard = watchdog(LONG);
    let builder = || Queue::builder().capacity(2);
    let (sender, receiver) = builder().when_full(WhenFull::Fail).create_channel().expect("a small channel");
    sender.send_many(vec![1, 2]).expect("there is room");
    assert!(matches!(sender.send(3), Err(SendError::Full(3))));
    assert!(matches!(sender.send_timeout(3, LONG), Err(SendTimeoutError::TimedOut(3))));
    match sender.send_many(vec![3, 4]) {
        Err(PutManyError::NoRoom(rest)) => assert_eq!(rest, [3, 4]),
        other => panic!("{other:?}"),
    }
    assert_eq!(receiver.recv_many(9).expect("there are two"), [1, 2]);

    let builder = builder().when_full(WhenFull::DropOldest);
    let (sender, receiver) = builder.create_channel().expect("a small channel");
    (0..10).for_each(|item| sender.send(item).expect("it makes room"));
    sender.send_many((10..20).collect()).expect("it makes room");
    assert_eq!(receiver.recv_many(9).expect("there are two"), [18, 19]);
    drop(receiver);
    assert!(matches!(sender.send(1), Err(SendError::Disconnected(1))));
}

#[test]
fn nothing_is_left_of_channels() {
    isolated(|| {
        let before = ipc_testkit::leaks::Snapshot::take();
        for round in 0..200 {
            let (sender, receiver) = channel::<Vec<u8>>(3).expect("a small channel");
            let kept = unpack::<Sender<Vec<u8>>>(pack(&sender));
            sender.send(vec![7; 10]).expect("there is room");
            drop(sender);
            if round % 2 == 0 {
                assert_eq!(receiver.recv().expect("there is one").len(), 10);
            }
            drop(receiver);
            assert!(kept.send(vec![]).unwrap_err().is_disconnected());
        }
        before.assert_no_growth();
    });
}

fn pack(value: &impl Serialize) -> Message {
    encode(value, &Limits::default()).expect("the ends can be sent")
}

fn unpack<T: DeserializeOwned>(message: Message) -> T {
    message.decode(&Limits::default()).expect("it was of this kind")
}

fn is_readable(receiver: &Receiver<u32>, deadline: Deadline) -> bool {
    wait_one(receiver.pollable().expect("descriptors are left"), Interest::Read, deadline)
        .expect("it can be polled")
}
