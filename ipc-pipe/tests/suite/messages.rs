//! What arrives, in which order, and what comes back.

use super::{Ends, Item, PATIENCE, Unfit, Unwelcome, fill, text};
use ipc_pipe::{RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError};
use serde::{Deserialize, Serialize, Serializer};
use std::thread;
use std::time::Duration;

pub(crate) fn messages_come_in_order((inlet, outlet): Ends) {
    let sender = thread::spawn(move || {
        for number in 0..10_000 {
            inlet.send(Item::Number(number)).expect("the receiver is there");
            if number % 1000 == 0 {
                // Large ones take another way and must not be overtaken.
                inlet.send(text(100_000)).expect("the receiver is there");
            }
        }
    });
    for number in 0..10_000 {
        assert_eq!(outlet.recv().expect("a number"), Item::Number(number));
        if number % 1000 == 0 {
            assert!(outlet.recv().expect("text") == text(100_000));
        }
    }
    sender.join().expect("no panic");
}

pub(crate) fn values_of_any_type_arrive((inlet, outlet): Ends) {
    for value in [Item::Number(u64::MAX), text(0), Item::Text("Grüße\0".into()), text(70_000)] {
        let expected = format!("{value:?}");
        inlet.send(value).expect("the receiver is there");
        assert!(format!("{:?}", outlet.recv().expect("a value")) == expected);
    }
}

pub(crate) fn empty_messages_are_messages((inlet, outlet): Ends) {
    assert!(!outlet.poll(Duration::ZERO));
    for _ in 0..3 {
        inlet.send(text(0)).expect("the receiver is there");
    }
    for _ in 0..3 {
        assert!(outlet.poll(PATIENCE));
        assert_eq!(outlet.recv().expect("text"), text(0));
    }
    assert!(!outlet.poll(Duration::ZERO));
}

pub(crate) fn the_end_comes_after_all_messages((inlet, outlet): Ends) {
    let n_messages = fill(&*inlet);
    drop(inlet);
    assert_eq!(outlet.all(), (0..n_messages).map(Item::Number).collect::<Vec<_>>());
    // And again, as often as one asks, in every way.
    assert!(matches!(outlet.recv(), Err(RecvError::Eof)));
    assert!(matches!(outlet.try_recv(), Err(TryRecvError::Recv(RecvError::Eof))));
    assert!(matches!(outlet.recv_timeout(PATIENCE), Err(RecvTimeoutError::Recv(RecvError::Eof))));
    assert!(outlet.poll(PATIENCE));
}

pub(crate) fn values_come_back_when_nobody_receives((inlet, outlet): Ends) {
    inlet.send(Item::Number(0)).expect("the receiver is there");
    drop(outlet);
    let back = || Item::Text("back".into());
    assert!(matches!(inlet.send(back()), Err(SendError::Closed(value)) if value == back()));
    let error = inlet.try_send(back()).expect_err("nobody receives");
    assert!(matches!(error, TrySendError::Send(SendError::Closed(value)) if value == back()));
    let error = inlet.send_timeout(back(), PATIENCE).expect_err("nobody receives");
    assert!(matches!(error, SendTimeoutError::Send(SendError::Closed(value)) if value == back()));
}

pub(crate) fn a_value_that_does_not_encode_comes_back_and_sends_nothing((inlet, outlet): Ends) {
    let error = inlet.send(Item::Unfit(Unfit)).expect_err("it does not encode");
    let SendError::Encode(value, source) = error else { panic!("{error:?}") };
    assert_eq!(value, Item::Unfit(Unfit));
    assert!(source.to_string().contains("not fit to travel"), "{source}");
    assert!(matches!(outlet.try_recv(), Err(TryRecvError::Empty)));
    inlet.send(Item::Number(1)).expect("the receiver is there");
    assert_eq!(outlet.recv().expect("a number"), Item::Number(1));
}

pub(crate) fn a_message_that_does_not_decode_is_gone_alone((inlet, outlet): Ends) {
    for size in [10, 100_000] {
        inlet.send(Item::Number(1)).expect("the receiver is there");
        inlet.send(Item::Unwelcome(Unwelcome("x".repeat(size)))).expect("the receiver is there");
        inlet.send(Item::Number(2)).expect("the receiver is there");
        assert_eq!(outlet.recv().expect("a number"), Item::Number(1));
        let error = outlet.recv().expect_err("it does not decode");
        assert!(matches!(&error, RecvError::Decode(source) if source.to_string().contains("not welcome")));
        assert_eq!(outlet.recv().expect("a number"), Item::Number(2));
    }
}

/// A value whose encoding sends and whose decoding receives: the buffers of a thread must not be shared by both.
pub(crate) fn encoding_may_use_pipes((inlet, outlet): Ends) {
    struct Chatty;
    impl Serialize for Chatty {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            talk();
            serializer.serialize_str(&"y".repeat(20_000))
        }
    }
    impl<'de> Deserialize<'de> for Chatty {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            talk();
            assert_eq!(String::deserialize(deserializer)?, "y".repeat(20_000));
            Ok(Chatty)
        }
    }
    fn talk() {
        let (sender, receiver) = ipc_pipe::simplex::<String>().expect("a pipe");
        sender.send("z".repeat(30_000)).expect("the receiver is there");
        assert_eq!(receiver.recv().expect("text"), "z".repeat(30_000));
    }
    let (sender, receiver) = ipc_pipe::simplex::<(String, Chatty, String)>().expect("a pipe");
    sender.send(("before".into(), Chatty, "after".into())).expect("the receiver is there");
    let (before, Chatty, after) = receiver.recv().expect("a value");
    assert_eq!((before.as_str(), after.as_str()), ("before", "after"));
    inlet.send(Item::Number(1)).expect("the receiver is there");
    assert_eq!(outlet.recv().expect("a number"), Item::Number(1));
}
