//! Messages of any size: those that the socket takes, those that travel as sealed memory, and those beyond the limits.

use ipc_codec::{EncodeError, FrameError, Limits};
use ipc_pipe::{INLINE_MAX, Pipe, RecvError, SendError, pipe, simplex};
use ipc_sys::clock::Deadline;
use ipc_sys::socket::MessageSocket;
use ipc_testkit::{isolated, watchdog};
use std::time::Duration;

/// Text whose encoding has `size` bytes: its length takes three of them.
fn text_of(size: usize) -> String {
    assert!((1 << 14..1 << 21).contains(&size));
    "x".repeat(size - 3)
}

#[test]
fn messages_at_the_border_travel_inline_or_as_memory() {
    let _guard = watchdog(Duration::from_secs(60));
    let (sender, receiver) = simplex::<String>().expect("a pipe");
    let (raw_sender, raw) = pipe::<String, ()>().expect("a pipe");
    let raw = MessageSocket::from_handle(raw.into_handle().expect("a descriptor")).expect("a socket");
    let mut buffer = vec![0; 1 << 16];
    for (size, n_handles) in [(INLINE_MAX - 1, 0), (INLINE_MAX, 0), (INLINE_MAX + 1, 1)] {
        sender.send(text_of(size)).expect("the receiver is there");
        assert!(receiver.recv().expect("text") == text_of(size), "{size} bytes");

        raw_sender.send(text_of(size)).expect("the receiver is there");
        let received = raw.recv(&mut buffer, Deadline::NOW).expect("a message");
        assert_eq!(received.handles.len(), n_handles, "{size} bytes");
        let inline = if n_handles == 0 { size } else { 0 };
        assert_eq!(received.size, ipc_codec::frame::HEADER_SIZE + inline);
    }
}

#[test]
fn large_messages_arrive_whole_and_wait_for_nobody() {
    isolated(|| {
        let (sender, receiver) = simplex::<String>().expect("a pipe");
        // All of them are in the pipe before the first is received.
        let sizes = [1 << 20, 40 << 20, 5, 3 << 20];
        for size in sizes {
            sender.try_send("y".repeat(size)).expect("room");
        }
        for size in sizes {
            let text = receiver.recv().expect("text");
            assert!(text.len() == size && text.bytes().all(|byte| byte == b'y'));
        }
    });
}

/// A large message of many small parts, where the small ones do not fit inline together.
#[test]
fn numbers_by_the_million_arrive() {
    isolated(|| {
        let (sender, receiver) = simplex::<Vec<u64>>().expect("a pipe");
        let numbers: Vec<u64> = (0..1_000_000).map(|number| number * number).collect();
        sender.send(numbers.clone()).expect("the receiver is there");
        assert!(receiver.recv().expect("numbers") == numbers);
    });
}

#[test]
fn the_limit_of_the_sender_refuses_before_anything_is_sent() {
    isolated(|| {
        let (sender, receiver) = simplex::<String>().expect("a pipe");
        let sender = sender.with_limits(Limits::with_max_frame(1000));
        let error = sender.send("x".repeat(1000)).expect_err("too large");
        let SendError::Encode(value, EncodeError::TooLarge { limit: 1000, .. }) = error else {
            panic!("{error:?}")
        };
        assert_eq!(value.len(), 1000);
        sender.send("x".repeat(900)).expect("within the limits");
        assert_eq!(receiver.recv().expect("text").len(), 900);

        // 64 MiB by default, and more by request.
        let (sender, receiver) = simplex::<String>().expect("a pipe");
        let error = sender.send("x".repeat(64 << 20)).expect_err("too large");
        assert!(matches!(error, SendError::Encode(_, EncodeError::TooLarge { .. })), "{error:?}");
        let raised = Limits::with_max_frame(100 << 20);
        let (sender, receiver) = (sender.with_limits(raised), receiver.with_limits(raised));
        sender.send(error.into_inner()).expect("within the limits");
        assert_eq!(receiver.recv().expect("text").len(), 64 << 20);
    });
}

#[test]
fn the_limit_of_the_receiver_refuses_one_message() {
    isolated(|| {
        for size in [2000, 100_000] {
            let (sender, receiver) = simplex::<String>().expect("a pipe");
            let receiver = receiver.with_limits(Limits::with_max_frame(1000));
            sender.send("x".repeat(size)).expect("the sender has its own limits");
            sender.send("y".to_owned()).expect("the receiver is there");
            let error = receiver.recv().expect_err("too large");
            assert!(matches!(error, RecvError::Frame(FrameError::TooLarge { limit: 1000, .. })), "{error:?}");
            assert_eq!(receiver.recv().expect("text"), "y");
        }
    });
}

/// A duplex end has limits for both directions.
#[test]
fn limits_of_a_duplex_end_hold_both_ways() {
    let _guard = watchdog(Duration::from_secs(60));
    let (a, b) = pipe::<String, String>().expect("a pipe");
    let a: Pipe<String, String> = a.with_limits(Limits::with_max_frame(100));
    a.send("x".repeat(200)).expect_err("too large");
    b.send("x".repeat(200)).expect("the other end has its own limits");
    assert!(matches!(a.recv(), Err(RecvError::Frame(FrameError::TooLarge { limit: 100, .. }))));
}
