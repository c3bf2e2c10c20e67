//! Messages of any size: those that go in one part, those that go in many, and those beyond the limits.

use ipc_codec::{EncodeError, FrameError, Limits};
use ipc_pipe::internals::line;
use ipc_pipe::{
    Builder, INLINE_MAX, Pipe, RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError,
    TrySendError, pipe, simplex,
};
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
fn messages_at_the_border_of_a_part_arrive_and_those_of_a_line_travel_inline_or_as_memory() {
    let _guard = watchdog(Duration::from_secs(60));
    let (sender, receiver) = simplex::<String>().expect("a pipe");
    let (raw_sender, raw) = line::<String, ()>().expect("a line");
    let raw = MessageSocket::from_handle(raw.into_handle()).expect("a socket");
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
fn large_messages_arrive_whole_in_their_order() {
    isolated(|| {
        let (sender, receiver) = simplex::<String>().expect("a pipe");
        let sizes = [1 << 20, 40 << 20, 5, 3 << 20];
        let sender = std::thread::spawn(move || {
            sizes.map(|size| sender.send("y".repeat(size)).expect("the receiver is there"))
        });
        for size in sizes {
            let text = receiver.recv().expect("text");
            assert!(text.len() == size && text.bytes().all(|byte| byte == b'y'));
        }
        sender.join().expect("no panic");
        assert!(matches!(receiver.recv(), Err(RecvError::Eof)));
    });
}

#[test]
fn what_never_has_room_at_once_is_an_error_and_not_a_full_pipe() {
    isolated(|| {
        let (sender, receiver) = Builder::new().ring_size(10_000).simplex::<String>().expect("a pipe");
        // Longer than a part, and there is room for all of it.
        sender.try_send("x".repeat(9_000)).expect("room");
        assert!(sender.try_send("x".repeat(9_000)).expect_err("no room").is_full());
        assert_eq!(receiver.recv().expect("text").len(), 9_000);
        let error = sender.try_send("x".repeat(11_000)).expect_err("never");
        let TrySendError::Send(SendError::Encode(_, EncodeError::TooLarge { limit: 10_000, .. })) = error
        else {
            panic!("{error:?}")
        };
        sender.try_send("still here".to_owned()).expect("room");
        assert_eq!(receiver.recv().expect("text"), "still here");
    });
}

/// A deadline that passes in the middle of a message: it comes back, nothing of it arrives, and what follows is whole.
#[test]
fn a_message_that_is_not_sent_in_time_is_withdrawn() {
    isolated(|| {
        let (sender, receiver) = Builder::new().ring_size(10_000).simplex::<String>().expect("a pipe");
        for round in 0..3 {
            let error =
                sender.send_timeout("x".repeat(50_000), Duration::from_millis(20)).expect_err("no room");
            assert!(matches!(&error, SendTimeoutError::TimedOut(text) if text.len() == 50_000), "{error:?}");
            assert!(sender.try_send("y".repeat(5_000)).expect_err("it is full of parts").is_full());
            if round == 1 {
                assert!(matches!(receiver.try_recv(), Err(TryRecvError::Empty)));
            }
            std::thread::scope(|scope| {
                // Both ways that a message goes.
                scope.spawn(|| {
                    sender.send("z".repeat([10, 30_000][round % 2])).expect("the receiver is there")
                });
                assert_eq!(receiver.recv().expect("text"), "z".repeat([10, 30_000][round % 2]));
            });
        }
        let error = sender.send_timeout("x".repeat(50_000), Duration::from_millis(20));
        assert!(error.is_err());
        assert!(matches!(receiver.try_recv(), Err(TryRecvError::Empty)));
        // There is room by now, so the end that goes can withdraw it.
        drop(sender);
        assert!(matches!(receiver.recv(), Err(RecvError::Eof)));
    });
}

/// What had come of a message until a deadline is not lost: who receives next goes on from there.
#[test]
fn a_message_is_received_in_several_calls() {
    isolated(|| {
        let (sender, receiver) = Builder::new().ring_size(10_000).simplex::<String>().expect("a pipe");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for letter in ["a", "b"] {
                    sender.send(letter.repeat(1 << 20)).expect("the receiver is there");
                }
            });
            let mut n_calls = 0;
            for letter in ["a", "b"] {
                let text = loop {
                    n_calls += 1;
                    match receiver.recv_timeout(Duration::from_micros(50)) {
                        Ok(text) => break text,
                        Err(RecvTimeoutError::TimedOut) => std::thread::sleep(Duration::from_micros(50)),
                        Err(error) => panic!("{error:?}"),
                    }
                };
                assert!(text == letter.repeat(1 << 20));
            }
            assert!(n_calls >= 2);
        });
    });
}

/// A large message of many small parts, where the small ones do not fit inline together.
#[test]
fn numbers_by_the_million_arrive() {
    isolated(|| {
        let (sender, receiver) = simplex::<Vec<u64>>().expect("a pipe");
        let numbers: Vec<u64> = (0..1_000_000).map(|number| number * number).collect();
        std::thread::scope(|scope| {
            scope.spawn(|| sender.send(numbers.clone()).expect("the receiver is there"));
            assert!(receiver.recv().expect("numbers") == numbers);
        });
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
        std::thread::scope(|scope| {
            scope.spawn(|| sender.send(error.into_inner()).expect("within the limits"));
            assert_eq!(receiver.recv().expect("text").len(), 64 << 20);
        });
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
