//! Channels between processes, by each start method: as arguments, through a pipe to a process that was there before, through a
//! queue; and their ends, which no unrelated process holds back.

use ipc_testkit::isolated;
use multiproc::codec::{Message, encode};
use multiproc::queue::{Queue, Receiver, RecvTimeoutError, SendTimeoutError, Sender, TryRecvError, channel};
use multiproc::{Builder, Limits, Pipe, Process, StartMethod, pipe, simplex};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::thread::sleep;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(30);

macro_rules! for_all_methods {
    ($($name:ident)*) => {
        mod spawned {
            $(#[test] fn $name() { ipc_testkit::isolated(|| super::$name(super::StartMethod::Spawn)); })*
        }
        mod forked {
            $(#[test] fn $name() { ipc_testkit::isolated(|| super::$name(super::StartMethod::Fork)); })*
        }
    };
}

for_all_methods! {
    senders_as_arguments
    receivers_as_arguments
    through_a_pipe_to_a_process_that_was_there
    through_a_queue
    an_argument_that_was_dropped_counts_no_more
    the_last_sender_is_killed
    the_last_receiver_is_killed
    a_grandchild_counts
    unrelated_processes_hold_nothing_back
    a_message_kept_meanwhile
    ends_of_pipes_are_items
    values_come_back
}

fn senders_as_arguments(method: StartMethod) {
    let (sender, receiver) = channel(4).expect("a small channel");
    let send = |(sender, start): (Sender<u64>, u64)| {
        for number in start..start + 100 {
            sender.send(number).expect("the parent receives");
        }
    };
    let children = [0, 1000, 2000].map(|start| run(method, send, (sender.clone(), start)));
    drop(sender);
    let mut all: Vec<u64> = receiver.iter().map(|item| item.expect("a number")).collect();
    assert!(receiver.recv().unwrap_err().is_disconnected());
    all.sort_unstable();
    assert!(all.into_iter().eq((0..100).chain(1000..1100).chain(2000..2100)));
    children.iter().for_each(assert_success);
}

fn receivers_as_arguments(method: StartMethod) {
    let (sender, receiver) = channel(4).expect("a small channel");
    let (sums, results) = channel(4).expect("a small channel");
    let add = |(receiver, sums): (Receiver<u64>, Sender<u64>)| {
        let sum = receiver.iter().map(|item| item.expect("a number")).sum();
        sums.send(sum).expect("the parent receives");
    };
    let children = [(); 3].map(|()| run(method, add, (receiver.clone(), sums.clone())));
    drop((receiver, sums));
    sender.send_many((0..1000).collect()).expect("the children receive");
    drop(sender);
    assert_eq!(results.iter().map(|sum| sum.expect("a number")).sum::<u64>(), (0..1000).sum());
    children.iter().for_each(assert_success);
}

fn through_a_pipe_to_a_process_that_was_there(method: StartMethod) {
    let (here, there) = pipe::<Sender<u64>, Receiver<String>>().expect("there are sockets");
    let talk = |pipe: Pipe<Receiver<String>, Sender<u64>>| {
        let sender = pipe.recv().expect("the parent sends one");
        sender.send(7).expect("the parent receives");
        let (words, receiver) = channel(4).expect("a small channel");
        pipe.send(receiver).expect("the parent receives");
        words.send("from the child".to_string()).expect("the parent receives");
        drop(sender);
        // Until the parent has let go.
        while words.try_send(String::new()).is_ok_and(|()| true) || !words.is_disconnected() {
            sleep(Duration::from_millis(1));
        }
    };
    let child = run(method, talk, there);
    let (sender, receiver) = channel(1).expect("a small channel");
    here.send(sender).expect("the child receives");
    assert_eq!(receiver.iter().collect::<Result<Vec<u64>, _>>().expect("a number"), [7]);
    let words = here.recv().expect("the child sends one");
    assert_eq!(words.recv().expect("a word"), "from the child");
    drop(words);
    assert_success(&child);
}

fn through_a_queue(method: StartMethod) {
    let queue = Queue::<Sender<u64>>::bounded(4).expect("a small queue");
    let answer = |queue: Queue<Sender<u64>>| {
        for sender in &queue {
            sender.expect("a sender").send(9).expect("the parent receives");
        }
    };
    let child = run(method, answer, queue.clone());
    for _ in 0..20 {
        let (sender, receiver) = channel(1).expect("a small channel");
        queue.put(sender).expect("the child takes it");
        assert_eq!(receiver.iter().collect::<Result<Vec<u64>, _>>().expect("a number"), [9]);
    }
    queue.close();
    assert_success(&child);
}

/// The process has no other copy than the one that it was given.
fn an_argument_that_was_dropped_counts_no_more(method: StartMethod) {
    let (sender, receiver) = channel(1).expect("a small channel");
    let (going, gone) = channel::<()>(1).expect("a small channel");
    let live_on = |(sender, gone): (Sender<u64>, Receiver<()>)| {
        sender.send(1).expect("the parent receives");
        drop(sender);
        assert!(gone.recv_timeout(LONG).unwrap_err().is_disconnected());
    };
    let child = run(method, live_on, (sender, gone.clone()));
    assert_eq!(receiver.recv().expect("the child sends"), 1);
    assert!(receiver.recv_timeout(LONG).is_err_and(|error| error.is_disconnected()));
    assert!(child.is_alive());
    drop((going, gone));
    assert_success(&child);
}

fn the_last_sender_is_killed(method: StartMethod) {
    let (sender, receiver) = channel(4).expect("a small channel");
    let send = |sender: Sender<u64>| {
        sender.send_many(vec![1, 2, 3]).expect("there is room");
        sleep(LONG);
    };
    let child = run(method, send, sender);
    assert_eq!(receiver.recv().expect("the child sends"), 1);
    assert_eq!(receiver.recv_many(4).expect("the child has sent"), [2, 3]);
    assert!(matches!(receiver.recv_timeout(PAUSE), Err(RecvTimeoutError::TimedOut)));
    child.kill().expect("it is our child");
    assert!(receiver.recv().unwrap_err().is_disconnected());
    child.wait().expect("it is our child");
}

fn the_last_receiver_is_killed(method: StartMethod) {
    let (sender, receiver) = channel(1).expect("a small channel");
    let child = run(method, |receiver: Receiver<u64>| drop((receiver.recv(), sleep(LONG))), receiver);
    sender.send_many(vec![1, 2]).expect("the child receives one");
    assert!(matches!(sender.send_timeout(3, PAUSE), Err(SendTimeoutError::TimedOut(3))));
    child.kill().expect("it is our child");
    let error = sender.send(4).unwrap_err();
    assert!(error.is_disconnected() && error.into_inner() == 4);
    child.wait().expect("it is our child");
}

fn a_grandchild_counts(method: StartMethod) {
    let (sender, receiver) = channel(4).expect("a small channel");
    let (go, gone) = channel::<()>(1).expect("a small channel");
    let hand_on = |(method, sender, gone): (u8, Sender<u64>, Receiver<()>)| {
        let send = |(sender, gone): (Sender<u64>, Receiver<()>)| {
            gone.recv().expect("the grandparent says when");
            sender.send(5).expect("the grandparent receives");
        };
        let child = run(StartMethod::ALL[usize::from(method)], send, (sender, gone));
        assert_success(&child);
    };
    let number = StartMethod::ALL.iter().position(|&other| other == method).expect("it is one of them");
    let child = run(method, hand_on, (number as u8, sender, gone));
    assert!(matches!(receiver.recv_timeout(2 * PAUSE), Err(RecvTimeoutError::TimedOut)));
    go.send(()).expect("the grandchild receives");
    assert_eq!(receiver.recv().expect("the grandchild sends"), 5);
    assert!(receiver.recv().unwrap_err().is_disconnected());
    assert_success(&child);
}

/// Children and grandchildren that were given nothing, before and after the channel was made, and while it is in use.
fn unrelated_processes_hold_nothing_back(method: StartMethod) {
    let (going, gone) = channel::<()>(1).expect("a small channel");
    let wait = |(gone, method): (Receiver<()>, u8)| {
        let wait = |gone: Receiver<()>| drop(gone.recv());
        let child = run(StartMethod::ALL[usize::from(method)], wait, gone.clone());
        assert!(gone.recv().unwrap_err().is_disconnected());
        assert_success(&child);
    };
    let number = StartMethod::ALL.iter().position(|&other| other == method).expect("it is one of them") as u8;
    let mut others = vec![run(method, wait, (gone.clone(), number))];
    for round in 0..6 {
        let (sender, receiver) = channel(2).expect("a small channel");
        others.push(run(method, wait, (gone.clone(), number)));
        sender.send(round).expect("there is room");
        assert_eq!(receiver.recv().expect("it was sent"), round);
        if round % 2 == 0 {
            drop(sender);
            let start = Instant::now();
            // A copy that is just being made has everything for a moment.
            assert!(receiver.recv().unwrap_err().is_disconnected());
            assert!(start.elapsed() < LONG);
            assert!(matches!(receiver.try_recv(), Err(TryRecvError::Disconnected)));
        } else {
            drop(receiver);
            let start = Instant::now();
            while sender.send_timeout(round, PAUSE).is_ok_and(|()| start.elapsed() < LONG) {}
            assert!(sender.send(round).unwrap_err().is_disconnected());
        }
    }
    drop((going, gone));
    others.iter().for_each(assert_success);
}

/// A message that is kept by hand is memory of this process. A process that is forked meanwhile has a copy of it, and so of what is
/// in it, as long as it lives; one that is spawned has not.
fn a_message_kept_meanwhile(method: StartMethod) {
    let (going, gone) = channel::<()>(1).expect("a small channel");
    let (sender, receiver) = channel::<u64>(1).expect("a small channel");
    let message = pack(&sender);
    drop(sender);
    let other = run(method, |gone: Receiver<()>| drop(gone.recv()), gone);
    assert!(matches!(receiver.try_recv(), Err(TryRecvError::Empty)));
    drop(message);
    if method == StartMethod::Fork {
        assert!(matches!(receiver.recv_timeout(PAUSE), Err(RecvTimeoutError::TimedOut)));
    } else {
        assert!(receiver.recv().unwrap_err().is_disconnected());
    }
    drop(going);
    assert_success(&other);
    assert!(receiver.recv().unwrap_err().is_disconnected());
}

/// Both ends of pipes go through queues, among other items.
fn ends_of_pipes_are_items(method: StartMethod) {
    type Work = (u64, Option<(multiproc::Receiver<u64>, multiproc::Sender<u64>)>);
    let queue = Queue::<Work>::bounded(10).expect("a small queue");
    let answer = |queue: Queue<Work>| {
        for item in &queue {
            match item.expect("an item") {
                (number, Some((from, to))) => {
                    let sum = number + from.recv().expect("it was sent");
                    to.send(sum).expect("the parent receives");
                    assert!(from.recv().is_err(), "the other end is gone");
                }
                (number, None) => assert_eq!(number, 0),
            }
        }
    };
    let child = run(method, answer, queue.clone());
    for number in 1..50 {
        let (to, from) = simplex().expect("there are sockets");
        let (back, result) = simplex().expect("there are sockets");
        to.send(100).expect("there is room");
        queue
            .put_many(vec![(0, None), (number, Some((from, back))), (0, None)])
            .expect("the child takes them");
        assert_eq!(result.recv().expect("the child answers"), 100 + number);
        drop(to);
        assert!(result.recv().is_err(), "the other end is gone");
    }
    queue.close();
    assert_success(&child);
}

fn values_come_back(method: StartMethod) {
    let make = |(): ()| {
        let (sender, receiver) = channel(4).expect("a small channel");
        sender.send(3).expect("there is room");
        receiver
    };
    let process: Process<Receiver<u64>> =
        Builder::new().method(method).spawn(make, ()).expect("it was started");
    let receiver = process.join().expect("it returned");
    assert_eq!(receiver.iter().collect::<Result<Vec<u64>, _>>().expect("a number"), [3]);
}

/// A process of the family that forks a copy of itself with everything in it, by a closure.
#[test]
fn a_closure_has_no_end_that_it_was_not_given() {
    isolated(|| {
        let (going, gone) = channel::<()>(1).expect("a small channel");
        let (sender, receiver) = channel::<u64>(1).expect("a small channel");
        let captured = (sender.clone(), receiver.clone());
        let look = move |gone: Receiver<()>| {
            // Of what it captured the copy has nothing: for it, the other side is gone.
            let is_nothing = captured.0.send(1).is_err() && captured.1.try_recv().is_err();
            assert!(gone.recv().unwrap_err().is_disconnected());
            is_nothing
        };
        let process: Process<bool> = Builder::new().fork(look, gone).expect("it was started");
        assert!(matches!(receiver.recv_timeout(PAUSE), Err(RecvTimeoutError::TimedOut)));
        drop(sender);
        assert!(matches!(receiver.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected)));
        drop(going);
        assert!(process.join().expect("it returned"));
    });
}

fn run<A: Serialize + DeserializeOwned>(method: StartMethod, work: fn(A), args: A) -> Process<()> {
    Builder::new().method(method).spawn(work, args).expect("it was started")
}

fn pack(value: &impl Serialize) -> Message {
    encode(value, &Limits::default()).expect("the ends can be sent")
}

#[track_caller]
fn assert_success(process: &Process<()>) {
    let status = process.wait().expect("it can be waited for");
    assert!(status.success(), "{status:?}");
}
