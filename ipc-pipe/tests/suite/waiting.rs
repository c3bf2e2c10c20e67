//! With and without time: full and empty pipes, and the four ways to wait.

use super::{Ends, Item, PATIENCE, SHORT, fill};
use ipc_pipe::{RecvError, RecvTimeoutError, SendError, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) fn try_recv_does_not_wait((inlet, outlet): Ends) {
    assert!(matches!(outlet.try_recv(), Err(TryRecvError::Empty)));
    inlet.try_send(Item::Number(1)).expect("room");
    assert_eq!(outlet.try_recv().expect("a number"), Item::Number(1));
    assert!(matches!(outlet.try_recv(), Err(TryRecvError::Empty)));
    drop(inlet);
    assert!(matches!(outlet.try_recv(), Err(TryRecvError::Recv(RecvError::Eof))));
}

pub(crate) fn a_full_pipe_gives_the_value_back_and_has_room_again((inlet, outlet): Ends) {
    let n_first = fill(&*inlet);
    let error = inlet.try_send(Item::Text("back".into())).expect_err("it is full");
    assert!(error.is_full());
    assert_eq!(error.into_inner(), Item::Text("back".into()));
    for number in 0..n_first {
        assert_eq!(outlet.recv().expect("a number"), Item::Number(number));
    }
    assert!(matches!(outlet.try_recv(), Err(TryRecvError::Empty)), "a refused message was sent");
    // As much room as before, again and again.
    for _ in 0..3 {
        let n_again = fill(&*inlet);
        assert!(n_again >= n_first / 2, "{n_again} instead of {n_first}");
        (0..n_again).for_each(|_| drop(outlet.recv().expect("a number")));
    }
}

pub(crate) fn receiving_times_out_not_before_the_time((inlet, outlet): Ends) {
    let begin = Instant::now();
    assert!(matches!(outlet.recv_timeout(SHORT), Err(RecvTimeoutError::TimedOut)));
    assert!(begin.elapsed() >= SHORT);
    let deadline = Instant::now() + SHORT;
    assert!(matches!(outlet.recv_deadline(deadline), Err(RecvTimeoutError::TimedOut)));
    assert!(Instant::now() >= deadline);
    assert!(matches!(outlet.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::TimedOut)));
    inlet.send(Item::Number(1)).expect("the receiver is there");
    assert_eq!(outlet.recv_timeout(PATIENCE).expect("a number"), Item::Number(1));
    // A time that no clock counts to is for ever.
    inlet.send(Item::Number(2)).expect("the receiver is there");
    assert_eq!(outlet.recv_timeout(Duration::MAX).expect("a number"), Item::Number(2));
}

pub(crate) fn sending_times_out_not_before_the_time((inlet, outlet): Ends) {
    inlet.send_timeout(Item::Number(0), Duration::ZERO).expect("room");
    let n_messages = fill(&*inlet);
    let begin = Instant::now();
    let error = inlet.send_timeout(Item::Text("back".into()), SHORT).expect_err("it is full");
    assert!(begin.elapsed() >= SHORT && error.is_timeout());
    assert_eq!(error.into_inner(), Item::Text("back".into()));
    let deadline = Instant::now() + SHORT;
    assert!(inlet.send_deadline(Item::Number(0), deadline).expect_err("it is full").is_timeout());
    assert!(Instant::now() >= deadline);
    (0..=n_messages).for_each(|_| drop(outlet.recv().expect("a number")));
    inlet.send_timeout(Item::Number(1), PATIENCE).expect("room");
    inlet.send_deadline(Item::Number(2), Instant::now() + PATIENCE).expect("room");
    assert_eq!(outlet.recv().expect("a number"), Item::Number(1));
    assert_eq!(outlet.recv().expect("a number"), Item::Number(2));
}

pub(crate) fn what_is_there_is_received_though_the_time_is_over((inlet, outlet): Ends) {
    let past = Instant::now();
    inlet.send_deadline(Item::Number(1), past).expect("room");
    inlet.send_timeout(Item::Number(2), Duration::ZERO).expect("room");
    assert_eq!(outlet.recv_deadline(past).expect("a number"), Item::Number(1));
    assert_eq!(outlet.recv_timeout(Duration::ZERO).expect("a number"), Item::Number(2));
}

pub(crate) fn a_blocked_receiver_wakes_for_a_message((inlet, outlet): Ends) {
    let receiver = thread::spawn(move || (outlet.recv(), outlet.recv_timeout(PATIENCE)));
    // Long enough for the other thread to sleep in most runs; it passes either way.
    thread::sleep(SHORT);
    inlet.send(Item::Number(1)).expect("the receiver is there");
    thread::sleep(SHORT);
    inlet.send(Item::Number(2)).expect("the receiver is there");
    let (first, second) = receiver.join().expect("no panic");
    assert_eq!((first.expect("a number"), second.expect("a number")), (Item::Number(1), Item::Number(2)));
}

pub(crate) fn a_blocked_receiver_wakes_for_the_end((inlet, outlet): Ends) {
    let receiver = thread::spawn(move || outlet.recv());
    thread::sleep(SHORT);
    drop(inlet);
    assert!(matches!(receiver.join().expect("no panic"), Err(RecvError::Eof)));
}

pub(crate) fn a_blocked_sender_wakes_for_room((inlet, outlet): Ends) {
    let n_messages = fill(&*inlet);
    let sender = thread::spawn(move || inlet.send(Item::Text("waited".into())));
    thread::sleep(SHORT);
    (0..n_messages).for_each(|number| assert_eq!(outlet.recv().expect("a number"), Item::Number(number)));
    assert_eq!(outlet.recv().expect("text"), Item::Text("waited".into()));
    sender.join().expect("no panic").expect("it was sent");
}

pub(crate) fn a_blocked_sender_wakes_for_the_end((inlet, outlet): Ends) {
    fill(&*inlet);
    let sender = thread::spawn(move || inlet.send(Item::Text("back".into())));
    thread::sleep(SHORT);
    drop(outlet);
    let error = sender.join().expect("no panic").expect_err("nobody receives");
    assert!(matches!(&error, SendError::Closed(_)), "{error:?}");
    assert_eq!(error.into_inner(), Item::Text("back".into()));
}

pub(crate) fn polling_consumes_nothing((inlet, outlet): Ends) {
    let begin = Instant::now();
    assert!(!outlet.poll(SHORT));
    assert!(begin.elapsed() >= SHORT);
    inlet.send(Item::Number(1)).expect("the receiver is there");
    (0..3).for_each(|_| assert!(outlet.poll(PATIENCE)));
    assert_eq!(outlet.recv().expect("a number"), Item::Number(1));
    assert!(!outlet.poll(Duration::ZERO));
    drop(inlet);
    (0..3).for_each(|_| assert!(outlet.poll(PATIENCE), "the end is something to receive"));
}
