//! Dividing a duplex end: each direction ends for itself.

use ipc_pipe::{RecvError, SendError, TryRecvError, pipe};
use ipc_testkit::{isolated, watchdog};
use std::time::Duration;

#[test]
fn letting_go_of_the_sending_half_ends_that_direction_only() {
    let _guard = watchdog(Duration::from_secs(60));
    let (a, b) = pipe::<u64, String>().expect("a pipe");
    let (sender, receiver) = a.split();
    sender.send(1).expect("the other end is there");
    drop(sender);
    assert_eq!(b.recv().expect("a number"), 1);
    assert!(matches!(b.recv(), Err(RecvError::Eof)));
    b.send("still here".to_owned()).expect("the other direction is open");
    assert_eq!(receiver.recv().expect("text"), "still here");
    drop(b);
    assert!(matches!(receiver.recv(), Err(RecvError::Eof)));
}

#[test]
fn letting_go_of_the_receiving_half_ends_that_direction_only() {
    let _guard = watchdog(Duration::from_secs(60));
    let (a, b) = pipe::<u64, String>().expect("a pipe");
    let (sender, receiver) = a.split();
    drop(receiver);
    let error = b.send("nobody receives".to_owned()).expect_err("nobody receives");
    assert!(matches!(error, SendError::Closed(_)), "{error:?}");
    sender.send(1).expect("the other direction is open");
    assert_eq!(b.recv().expect("a number"), 1);
    assert!(matches!(b.try_recv(), Err(TryRecvError::Empty)));
    drop(sender);
    assert!(matches!(b.recv(), Err(RecvError::Eof)));
}

#[test]
fn both_ends_may_be_divided() {
    let _guard = watchdog(Duration::from_secs(60));
    let (a, b) = pipe::<u64, u64>().expect("a pipe");
    let ((a_tx, a_rx), (b_tx, b_rx)) = (a.split(), b.split());
    // What was sent before the half went is there still.
    a_tx.send(1).expect("the other end is there");
    b_tx.send(2).expect("the other end is there");
    drop((a_tx, b_tx));
    assert_eq!((b_rx.recv().expect("a number"), a_rx.recv().expect("a number")), (1, 2));
    assert!(matches!(a_rx.recv(), Err(RecvError::Eof)));
    assert!(matches!(b_rx.recv(), Err(RecvError::Eof)));
}

/// Messages that the other side never read are no reason to lose those that it sent.
#[test]
fn unread_messages_do_not_hide_those_of_the_other_side() {
    let _guard = watchdog(Duration::from_secs(60));
    let (a, b) = pipe::<u64, u64>().expect("a pipe");
    for number in 0..10 {
        a.send(number).expect("the other end is there");
        b.send(number).expect("the other end is there");
    }
    drop(b);
    assert_eq!(
        a.iter().map(|number| number.expect("a number")).collect::<Vec<_>>(),
        (0..10).collect::<Vec<_>>()
    );
}

#[test]
fn an_end_made_of_a_handle_is_the_same_end() {
    isolated(|| {
        let (a, b) = pipe::<u64, u64>().expect("a pipe");
        a.send(1).expect("the other end is there");
        let handle = b.into_handle().expect("a descriptor");
        let b = ipc_pipe::Pipe::<u64, u64>::from_handle(handle).expect("it is one");
        assert_eq!(b.recv().expect("a number"), 1);
        b.send(2).expect("the other end is there");
        assert_eq!(a.recv().expect("a number"), 2);
        drop(b);
        assert!(matches!(a.recv(), Err(RecvError::Eof)));
        // Other files are refused.
        let file = std::fs::File::open("/dev/null").expect("it is there");
        ipc_pipe::Pipe::<u64, u64>::from_handle(file.into()).expect_err("it is none");
        let (stream, _other) = std::os::unix::net::UnixStream::pair().expect("sockets");
        ipc_pipe::Pipe::<u64, u64>::from_handle(stream.into()).expect_err("it keeps no boundaries");
    });
}

/// A half that was passed on is somebody else's, too: dropping it here must not end the direction there.
#[test]
fn dropping_a_half_that_was_passed_on_ends_nothing() {
    isolated(|| {
        let limits = ipc_codec::Limits::default();
        let (a, b) = pipe::<u64, u64>().expect("a pipe");
        let (sender, receiver) = a.split();
        let message = ipc_codec::encode(&sender, &limits).expect("a message");
        drop(sender);
        let passed: ipc_pipe::Sender<u64> = message.decode(&limits).expect("an end");
        passed.send(5).expect("the other end is there");
        assert_eq!(b.recv().expect("a number"), 5);
        b.send(6).expect("the other end is there");
        assert_eq!(receiver.recv().expect("a number"), 6);
        drop(receiver);
        passed.send(7).expect("the other end is there");
        assert_eq!(b.recv().expect("a number"), 7);
        drop(passed);
        assert!(matches!(b.recv(), Err(RecvError::Eof)));
    });
}
