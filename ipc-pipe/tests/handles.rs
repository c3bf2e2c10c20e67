//! Handles inside messages: files, sockets, and ends of other pipes.

use ipc_codec::handle::Handle;
use ipc_codec::{EncodeError, Limits, MAX_HANDLES};
use ipc_pipe::{INLINE_MAX, Pipe, Receiver, RecvError, SendError, Sender, pipe, simplex};
use ipc_sys::handle::OwnedHandle;
use ipc_testkit::isolated;
use ipc_testkit::leaks::Snapshot;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

type Handles = (String, Vec<Handle<OwnedHandle>>);

fn null() -> Handle<OwnedHandle> {
    Handle::new(File::open("/dev/null").expect("it is there").into())
}

fn nulls(count: usize) -> Vec<Handle<OwnedHandle>> {
    (0..count).map(|_| null()).collect()
}

#[test]
fn handles_of_any_kind_arrive_and_work() {
    isolated(|| {
        type Kinds = (Handle<File>, String, Option<Handle<UnixStream>>, Vec<Sender<u64>>, Pipe<u8, u8>);
        let (sender, receiver) = simplex::<Kinds>().expect("a pipe");
        let (mut here, there) = UnixStream::pair().expect("sockets");
        let (tx, rx) = simplex().expect("a pipe");
        let (one, other) = pipe().expect("a pipe");
        let file = File::open("/dev/zero").expect("it is there");
        let message = (Handle::new(file), "text".to_owned(), Some(Handle::new(there)), vec![tx], one);
        sender.send(message).expect("the receiver is there");
        let (mut file, text, socket, senders, one) = receiver.recv().expect("handles");

        let mut bytes = [1; 4];
        file.read_exact(&mut bytes).expect("zeros");
        assert_eq!((bytes, text.as_str()), ([0; 4], "text"));
        socket.expect("a socket").into_inner().write_all(b"hello").expect("room");
        let mut text = String::new();
        here.read_to_string(&mut text).expect("text, and the end: no other copy is open");
        assert_eq!(text, "hello");
        senders[0].send(7).expect("the receiver is there");
        drop(senders);
        assert_eq!(rx.iter().map(|number| number.expect("a number")).collect::<Vec<_>>(), [7]);
        one.send(1).expect("the other end is there");
        assert_eq!(other.recv().expect("a number"), 1);
        drop(one);
        assert!(matches!(other.recv(), Err(RecvError::Eof)));
    });
}

#[test]
fn handles_travel_with_large_messages_too() {
    isolated(|| {
        let (sender, receiver) = simplex::<Handles>().expect("a pipe");
        std::thread::scope(|scope| {
            scope.spawn(|| sender.send(("x".repeat(1 << 20), nulls(20))).expect("the receiver is there"));
            let (text, handles) = receiver.recv().expect("handles");
            assert_eq!((text.len(), handles.len()), (1 << 20, 20));
        });
    });
}

#[test]
fn one_handle_more_than_the_limit_is_refused() {
    isolated(|| {
        let (sender, receiver) = simplex::<Handles>().expect("a pipe");
        let before = Snapshot::take();
        let limit = Limits::default().max_handles;
        sender.send((String::new(), nulls(limit))).expect("as many as are allowed");
        assert_eq!(receiver.recv().expect("handles").1.len(), limit);
        let error = sender.send((String::new(), nulls(limit + 1))).expect_err("too many");
        assert!(matches!(error, SendError::Encode(_, EncodeError::TooManyHandles { .. })), "{error:?}");
        drop(error);
        before.assert_no_growth();
    });
}

#[test]
fn the_most_handles_that_the_system_passes_arrive() {
    isolated(|| {
        let raised = Limits { max_handles: usize::MAX, ..Limits::default() };
        let (sender, receiver) = simplex::<Handles>().expect("a pipe");
        let (sender, receiver) = (sender.with_limits(raised), receiver.with_limits(raised));
        let before = Snapshot::take();
        sender.send((String::new(), nulls(MAX_HANDLES))).expect("as many as the system passes");
        assert_eq!(receiver.recv().expect("handles").1.len(), MAX_HANDLES);
        let error = sender.send((String::new(), nulls(MAX_HANDLES + 1))).expect_err("too many");
        assert!(matches!(error, SendError::Encode(_, EncodeError::TooManyHandles { .. })), "{error:?}");
        drop(error);
        // A message in parts has as many.
        sender.send(("x".repeat(2 * INLINE_MAX), nulls(MAX_HANDLES))).expect("as many as the system passes");
        assert_eq!(receiver.recv().expect("handles").1.len(), MAX_HANDLES);
        sender.send((String::new(), nulls(1))).expect("the receiver is there");
        assert_eq!(receiver.recv().expect("handles").1.len(), 1);
        before.assert_no_growth();
    });
}

#[test]
fn handles_that_nobody_receives_are_closed() {
    isolated(|| {
        let before = Snapshot::take();
        let (sender, receiver) = simplex::<Handles>().expect("a pipe");
        let (tx, rx) = simplex::<Sender<u64>>().expect("a pipe");
        let (inner, end) = simplex().expect("a pipe");
        tx.send(inner).expect("the receiver is there");
        sender.send((String::new(), nulls(10))).expect("the receiver is there");
        drop((sender, receiver, tx));
        // It travels still, so its pipe has no end yet.
        assert!(!end.poll(std::time::Duration::from_millis(20)).expect("a wait"));
        drop(rx);
        assert!(matches!(end.recv(), Err(RecvError::Eof)));
        drop(end);
        before.assert_no_growth();
    });
}

/// An end may be sent through its own pipe, and the two copies are one end then.
#[test]
fn an_end_travels_through_its_own_pipe() {
    isolated(|| {
        #[derive(serde::Serialize, serde::Deserialize)]
        struct Nested(Option<Box<Receiver<Nested>>>);
        let (sender, receiver) = simplex::<Nested>().expect("a pipe");
        let (other, inner) = simplex::<Nested>().expect("a pipe");
        sender.send(Nested(Some(Box::new(inner)))).expect("the receiver is there");
        let Nested(Some(inner)) = receiver.recv().expect("an end") else { panic!("no end") };
        other.send(Nested(None)).expect("the receiver is there");
        assert!(inner.recv().expect("a value").0.is_none());
    });
}

/// Runs `work` while this process cannot open anything more.
fn with_a_full_table(work: impl FnOnce()) {
    let before = getrlimit(Resource::Nofile);
    // A limit below what is open already: no number is free, and those in use go on.
    setrlimit(Resource::Nofile, Rlimit { current: Some(3), ..before }).expect("a lower limit");
    work();
    setrlimit(Resource::Nofile, before).expect("the limit from before");
}

#[test]
fn a_full_table_of_the_receiver_loses_the_handles_and_tells() {
    isolated(|| {
        let (sender, receiver) = simplex::<Handles>().expect("a pipe");
        let before = Snapshot::take();
        sender.send((String::new(), nulls(5))).expect("the receiver is there");
        sender.send(("x".repeat(2 * INLINE_MAX), nulls(5))).expect("the receiver is there");
        sender.send(("no handle".to_owned(), Vec::new())).expect("the receiver is there");
        sender.send(("later".to_owned(), nulls(1))).expect("the receiver is there");
        with_a_full_table(|| {
            let error = receiver.recv().expect_err("no room");
            assert!(matches!(error, RecvError::HandlesLost), "{error:?}");
            // With the last part of a large one it is the same.
            let error = receiver.recv().expect_err("no room");
            assert!(matches!(error, RecvError::HandlesLost), "{error:?}");
            assert_eq!(receiver.recv().expect("text").0, "no handle");
        });
        assert_eq!(receiver.recv().expect("text").0, "later");
        before.assert_no_growth();
    });
}

#[test]
fn a_full_table_of_the_sender_gives_the_value_back() {
    isolated(|| {
        let (sender, receiver) = simplex::<Handles>().expect("a pipe");
        let (with_handle, large) = ((String::new(), nulls(1)), ("x".repeat(2 * INLINE_MAX), nulls(1)));
        let mut back = Vec::new();
        with_a_full_table(|| {
            let error = sender.send(with_handle).expect_err("no room to duplicate it");
            assert!(matches!(error, SendError::Encode(_, EncodeError::DuplicateHandle(_))), "{error:?}");
            back.push(error.into_inner());
            let error = sender.send(large).expect_err("no room to duplicate it");
            assert!(matches!(error, SendError::Encode(_, EncodeError::DuplicateHandle(_))), "{error:?}");
            back.push(error.into_inner());
            // Bytes alone need none.
            sender.send(("x".repeat(2 * INLINE_MAX), Vec::new())).expect("there is room in the ring");
            assert_eq!(receiver.recv().expect("text").0.len(), 2 * INLINE_MAX);
        });
        for value in back {
            let n_handles = value.1.len();
            sender.send(value).expect("room again");
            assert_eq!(receiver.recv().expect("a value").1.len(), n_handles);
        }
    });
}
