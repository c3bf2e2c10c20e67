//! What CPython's tests say of the ends of its pipes, in our words and for ours, each by every start method.
//!
//! The tests are those of `Lib/test/_test_multiprocessing.py` (Python 3.11 to 3.13; Python Software Foundation License); what
//! they hold for right was read there, no code was taken. What Python does with a connection of a listener, too, has its tests for
//! ours in `listener_python.rs`; waiting for several in `wait.rs`.
//!
//! | Python's test | ours |
//! | --- | --- |
//! | `_TestConnection.test_connection` | `a_conversation`, `after_the_end`, `bytes_into_buffers` |
//! | the same, a buffer that is too short | `a_buffer_too_short`. Python hands the message over in the error; here it stays in the pipe |
//! | the same, a poll of a negative time | none: no duration is negative here |
//! | `_TestConnection.test_duplex_false` | `one_way`. That a sender cannot receive is seen by the compiler |
//! | `_TestConnection.test_spawn_close` | `an_end_let_go_right_after_the_start` |
//! | `_TestConnection.test_sendbytes` | `parts_of_a_buffer`: a slice says which part is meant, and cannot say one beyond the end |
//! | `_TestConnection.test_fd_transfer`, `test_large_fd_transfer` | `a_file_in_a_message`, of a small number and of a large one |
//! | `_TestConnection.test_missing_fd_transfer` | none: handles are in the message that says so; what forgers send instead is in ipc-pipe, `tests/hostile.rs` |
//! | `_TestConnection.test_context` | `a_dropped_end` |
//! | `_TestPoll.test_empty_string` | `poll_of_an_empty_message` |
//! | `_TestPoll.test_strings` | `poll_message_by_message` |
//! | `_TestPoll.test_boundaries` | `poll_of_another_takes_nothing` |
//! | `_TestPoll.test_dont_merge` | `messages_do_not_merge` |
//! | `_TestPicklingConnections.test_access` | `ends_in_messages` |
//! | `_TestPollEintr.test_poll_eintr` | `a_stop_ends_no_wait`; signals with a handler are in ipc-process, `tests/signals.rs` |
//! | `TestIgnoreEINTR.test_ignore`, `test_ignore_listener` | the same |
//! | `TestInvalidHandle.test_invalid_handles` | `a_handle_that_is_no_pipe`. No handle is negative here |
//! | `TestTimeouts.test_timeout` | none: there is no global timeout of sockets |
//! | `TestCloseFds.test_closefd` | `others_do_not_hold_an_end` |
//! | those of `multiprocessing.dummy` | `ipc-pipe/tests/threads.rs` |
//!
//! Python's elapsed times are asserted from below only.

#[macro_use]
mod support;

use ipc_testkit::{isolated, temp_dir};
use multiproc::codec::handle::Handle;
use multiproc::pipe::{Pipe, Receiver, RecvError, RecvTimeoutError, SendError, Sender, TryRecvError};
use multiproc::{Builder, Process, StartMethod, pipe, simplex};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd};
use std::process::Command;
use std::time::{Duration, Instant};

/// For what has to come.
const LONG: Duration = Duration::from_secs(30);
/// For what does not come.
const SHORT: Duration = Duration::from_millis(82);

by_every_method! {
    a_conversation after_the_end bytes_into_buffers a_buffer_too_short one_way an_end_let_go_right_after_the_start
    parts_of_a_buffer a_file_in_a_message poll_of_an_empty_message poll_message_by_message
    poll_of_another_takes_nothing messages_do_not_merge ends_in_messages a_stop_ends_no_wait
    others_do_not_hold_an_end
}

/// What Python sends as a list of this and that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Object {
    Nothing,
    Number(f64),
    Text(String),
    List(Vec<Object>),
}

fn start<A, R>(method: StartMethod, child: fn(A) -> R, args: A) -> Process<R>
where
    A: Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    Builder::new().method(method).spawn(child, args).expect("it was started")
}

/// Sends back what comes, until nothing does.
fn echo_bytes(end: Pipe<(), ()>) {
    while let Ok(bytes) = end.recv_bytes() {
        end.send_bytes(&bytes).expect("it is there");
    }
}

fn send_all(end: Sender<()>, messages: &[&[u8]]) {
    for message in messages {
        end.send_bytes(message).expect("it is there");
    }
}

/// So many descriptors, so that the numbers of the next ones are large. Those above 256 were beyond what some had room for.
fn occupied(count: usize) -> Vec<File> {
    (0..count).map(|_| File::open("/dev/null").expect("a descriptor")).collect()
}

fn a_conversation(method: StartMethod) {
    fn echo(end: Pipe<Object, Object>) {
        loop {
            match end.recv().expect("an object") {
                Object::Nothing => break,
                object => end.send(object).expect("it is there"),
            }
        }
    }
    let (here, there) = pipe::<Object, Object>().expect("a pipe");
    let child = start(method, echo, there);
    assert!(!here.poll(Duration::ZERO).expect("it can be waited for"));
    let begin = Instant::now();
    assert!(!here.poll(SHORT).expect("it can be waited for"));
    assert!(matches!(here.recv_timeout(SHORT), Err(RecvTimeoutError::TimedOut)));
    assert!(begin.elapsed() >= 2 * SHORT);
    let object = Object::List(vec![Object::Number(1.0), Object::Number(2.25), Object::Nothing]);
    for object in [object, Object::Text("x".repeat(16 << 20))] {
        here.send(object.clone()).expect("the child is there");
        assert!(here.poll(LONG).expect("it can be waited for"));
        assert!(here.recv().expect("an echo") == object);
    }
    here.send(Object::Nothing).expect("the child is there");
    child.join().expect("it returned");
}

fn after_the_end(method: StartMethod) {
    fn say_and_go(end: Pipe<Object, Object>) {
        end.send(Object::Text("bye".into())).expect("it is there");
    }
    let (here, there) = pipe::<Object, Object>().expect("a pipe");
    start(method, say_and_go, there).join().expect("it returned");
    assert!(here.poll(LONG).expect("it can be waited for"));
    assert_eq!(here.recv().expect("what was sent before"), Object::Text("bye".into()));
    assert!(here.poll(LONG).expect("it can be waited for"), "the end is something, too");
    assert!(matches!(here.recv(), Err(RecvError::Eof)));
    let refused = (0..1000).find_map(|_| here.send(Object::Nothing).err()).expect("nobody is there");
    assert!(matches!(refused, SendError::Closed(Object::Nothing)), "{refused:?}");
}

fn bytes_into_buffers(method: StartMethod) {
    let (here, there) = pipe::<(), ()>().expect("a pipe");
    let child = start(method, echo_bytes, there);
    for message in [&b"hello"[..], b"", &[7; 100_000]] {
        here.send_bytes(message).expect("the child is there");
        assert_eq!(here.recv_bytes().expect("an echo"), message);
        // From the beginning, and from some place on.
        for start in [0, 3] {
            let mut buffer = vec![1; message.len() + 10];
            here.send_bytes(message).expect("the child is there");
            assert_eq!(here.recv_bytes_into(&mut buffer[start..]).expect("an echo"), message.len());
            assert_eq!(&buffer[start..start + message.len()], message);
            assert_eq!((&buffer[..start], buffer[start + message.len()]), (&[1; 3][..start], 1));
        }
    }
    drop(here);
    child.join().expect("it returned");
}

fn a_buffer_too_short(method: StartMethod) {
    let (here, there) = pipe::<(), ()>().expect("a pipe");
    let child = start(method, echo_bytes, there);
    for message in [&b"longer than the buffer"[..], &[7; 100_000]] {
        here.send_bytes(message).expect("the child is there");
        for _ in 0..2 {
            let error = here.recv_bytes_into(&mut [0; 10]).expect_err("it has no room");
            assert!(
                matches!(error, RecvError::BufferTooShort { size } if size == message.len()),
                "{error:?}"
            );
        }
        assert_eq!(here.recv_bytes().expect("it is still there"), message);
    }
    drop(here);
    child.join().expect("it returned");
}

fn one_way(method: StartMethod) {
    fn send(end: Sender<u32>) {
        end.send(1).expect("it is there");
    }
    fn receive(end: Receiver<u32>) -> u32 {
        end.recv().expect("a number")
    }
    let (tx, rx) = simplex().expect("a pipe");
    let child = start(method, send, tx);
    assert_eq!(rx.recv().expect("a number"), 1);
    child.join().expect("it returned");
    assert!(matches!(rx.recv(), Err(RecvError::Eof)));
    let (tx, rx) = simplex().expect("a pipe");
    let child = start(method, receive, rx);
    tx.send(2).expect("the child is there");
    assert_eq!(child.join().expect("it returned"), 2);
    let refused = (0..1000).find_map(|_| tx.send(3).err()).expect("nobody is there");
    assert!(matches!(refused, SendError::Closed(3)), "{refused:?}");
}

fn an_end_let_go_right_after_the_start(method: StartMethod) {
    fn answer(end: Pipe<String, String>) {
        let text = end.recv().expect("a text");
        end.send(text).expect("it is there");
    }
    for _ in 0..3 {
        let (here, there) = pipe::<String, String>().expect("a pipe");
        // The end is the child's with the start, and no copy of it is here.
        let child = start(method, answer, there);
        here.send("hello".into()).expect("the child has it");
        assert_eq!(here.recv().expect("an answer"), "hello");
        child.join().expect("it returned");
        assert!(matches!(here.recv(), Err(RecvError::Eof)));
    }
}

fn parts_of_a_buffer(method: StartMethod) {
    let (here, there) = pipe::<(), ()>().expect("a pipe");
    let child = start(method, echo_bytes, there);
    let letters = b"abcdefghijklmnopqrstuvwxyz";
    for range in [0..26, 5..26, 7..15, 26..26, 0..0] {
        here.send_bytes(&letters[range.clone()]).expect("the child is there");
        assert_eq!(here.recv_bytes().expect("an echo"), letters[range]);
    }
    drop(here);
    child.join().expect("it returned");
}

fn a_file_in_a_message(method: StartMethod) {
    fn write(end: Receiver<Handle<File>>) {
        end.recv().expect("a file").write_all(b"foo").expect("it is open for writing");
    }
    let folder = temp_dir();
    let path = folder.path().join("file");
    for n_occupied in [0, 300] {
        let occupied = occupied(n_occupied);
        let (tx, rx) = simplex().expect("a pipe");
        let child = start(method, write, rx);
        let file = File::create(&path).expect("a file");
        assert!(file.as_raw_fd() as usize >= n_occupied);
        tx.send(Handle::new(file)).expect("the child is there");
        child.join().expect("it returned");
        assert_eq!(std::fs::read(&path).expect("it is there"), b"foo");
        drop(occupied);
    }
}

#[test]
fn a_dropped_end() {
    isolated(|| {
        let (a, b) = pipe::<u8, u8>().expect("a pipe");
        drop(a);
        assert!(matches!(b.recv(), Err(RecvError::Eof)));
        let (a, b) = pipe::<u8, u8>().expect("a pipe");
        drop(b);
        assert!(matches!(a.send(1), Err(SendError::Closed(1))));
    });
}

fn poll_of_an_empty_message(method: StartMethod) {
    fn send_nothing(end: Sender<()>) {
        send_all(end, &[b""]);
    }
    let (tx, rx) = simplex::<()>().expect("a pipe");
    assert!(!rx.poll(Duration::ZERO).expect("it can be waited for"));
    let child = start(method, send_nothing, tx);
    for _ in 0..3 {
        assert!(rx.poll(LONG).expect("it can be waited for"), "looking takes nothing away");
    }
    assert_eq!(rx.recv_bytes().expect("a message"), b"");
    child.join().expect("it returned");
}

fn poll_message_by_message(method: StartMethod) {
    const TEXTS: [&[u8]; 9] = [b"hello", b"", b"a", b"b", b"", b"bye", b"", b"", b"lop"];
    fn send_texts(end: Pipe<(), ()>) {
        for text in TEXTS {
            end.send_bytes(text).expect("it is there");
        }
        // Until the other side has looked.
        assert!(matches!(end.recv_bytes(), Err(RecvError::Eof)));
    }
    let (here, there) = pipe::<(), ()>().expect("a pipe");
    let child = start(method, send_texts, there);
    for text in TEXTS {
        assert!(here.poll(LONG).expect("it can be waited for"));
        assert_eq!(here.recv_bytes().expect("a message"), text);
    }
    assert!(!here.poll(Duration::ZERO).expect("it can be waited for"));
    drop(here);
    child.join().expect("it returned");
}

/// One who looks takes nothing, be it a message in parts. With Python it is another process; here an end is that of one, so it is a
/// thread.
fn poll_of_another_takes_nothing(method: StartMethod) {
    fn send_two(end: Sender<()>) {
        send_all(end, &[b"first", &[7; 600_000], b"second"]);
    }
    let (tx, rx) = simplex::<()>().expect("a pipe");
    let child = start(method, send_two, tx);
    std::thread::scope(|scope| {
        let looks = scope.spawn(|| (0..100).all(|_| rx.poll(LONG).expect("it can be waited for")));
        assert!(looks.join().expect("no panic"));
        for (first, len) in [(b'f', 5), (7, 600_000), (b's', 6)] {
            let message = rx.recv_bytes().expect("a message");
            assert_eq!((message[0], message.len()), (first, len));
        }
    });
    child.join().expect("it returned");
}

fn messages_do_not_merge(method: StartMethod) {
    fn send_texts(end: Sender<()>) {
        send_all(end, &[b"a", b"b", b"cd", b"", b"e"]);
    }
    let (tx, rx) = simplex::<()>().expect("a pipe");
    // All of them are there before the first is taken.
    start(method, send_texts, tx).join().expect("it returned");
    for text in [&b"a"[..], b"b", b"cd", b"", b"e"] {
        assert!(rx.poll(LONG).expect("it can be waited for"));
        assert_eq!(rx.recv_bytes().expect("a message"), text);
    }
    assert!(matches!(rx.try_recv_bytes(), Err(TryRecvError::Recv(RecvError::Eof))));
}

/// Ends travel to a process that runs already.
fn ends_in_messages(method: StartMethod) {
    type Ends = (Receiver<String>, Sender<String>, Pipe<String, String>);
    fn answer(end: Receiver<Ends>) {
        let (rx, tx, both) = end.recv().expect("ends");
        let text = rx.recv().expect("a text");
        tx.send(text.to_uppercase()).expect("it is there");
        both.send(both.recv().expect("a text").repeat(2)).expect("it is there");
    }
    let (way, end) = simplex::<Ends>().expect("a pipe");
    let child = start(method, answer, end);
    let (tx, their_rx) = simplex().expect("a pipe");
    let (their_tx, rx) = simplex().expect("a pipe");
    let (here, there) = pipe::<String, String>().expect("a pipe");
    way.send((their_rx, their_tx, there)).expect("the child is there");
    tx.send("hello".into()).expect("the child has it");
    here.send("ab".into()).expect("the child has it");
    assert_eq!(rx.recv().expect("an answer"), "HELLO");
    assert_eq!(here.recv().expect("an answer"), "abab");
    child.join().expect("it returned");
    assert!(matches!(rx.recv(), Err(RecvError::Eof)), "their ends are gone with the child");
}

/// A process that is stopped and goes on waits as before: for a message, for room, and for a child.
fn a_stop_ends_no_wait(method: StartMethod) {
    fn receive_and_send(end: Pipe<(), ()>) {
        end.send_bytes(b"ready").expect("it is there");
        let message = end.recv_bytes().expect("a message");
        end.send_bytes(&message).expect("it is there");
    }
    let signal = |child: &Process<()>, name: &str| {
        let done = Command::new("kill")
            .args([name, &child.pid().to_string()])
            .status()
            .expect("there is such a program");
        assert!(done.success());
    };
    let (here, there) = pipe::<(), ()>().expect("a pipe");
    let child = start(method, receive_and_send, there);
    assert_eq!(here.recv_bytes().expect("the child"), b"ready");
    let stop_twice = || {
        for name in ["-STOP", "-CONT", "-STOP", "-CONT"] {
            signal(&child, name);
            std::thread::sleep(SHORT / 4);
        }
    };
    stop_twice();
    // More than the pipe has room for, so the child waits for this side.
    here.send_bytes(&[7; 1 << 20]).expect("the child is there");
    stop_twice();
    assert!(here.recv_bytes().expect("an answer") == [7; 1 << 20]);
    child.join().expect("it returned");
}

#[test]
fn a_handle_that_is_no_pipe() {
    isolated(|| {
        let file = File::open("/dev/null").expect("it is there");
        assert!(Pipe::<u8, u8>::from_handle(file.into()).is_err());
        let (socket, _) = std::os::unix::net::UnixStream::pair().expect("sockets");
        assert!(Pipe::<u8, u8>::from_handle(socket.into()).is_err());
    });
}

/// Neither a child nor its child holds an end that it was not given, be the number of the descriptor small or large.
fn others_do_not_hold_an_end(method: StartMethod) {
    fn wait_beside((end, method): (Pipe<u8, u8>, u8)) {
        let method = if method == 0 { StartMethod::Fork } else { StartMethod::Spawn };
        let (here, there) = pipe::<u8, u8>().expect("a pipe");
        let grandchild = start(method, wait, there);
        assert_eq!(here.recv().expect("it has begun"), 1);
        wait(end);
        drop(here);
        grandchild.join().expect("it returned");
    }
    fn wait(end: Pipe<u8, u8>) {
        end.send(1).expect("it is there");
        assert!(matches!(end.recv(), Err(RecvError::Eof)));
    }
    let occupied = occupied(300);
    let (high, high_end) = simplex::<u8>().expect("a pipe");
    assert!(high.as_fd().as_raw_fd() > 256);
    drop(occupied);
    let (low, low_end) = simplex::<u8>().expect("a pipe");
    let (here, there) = pipe::<u8, u8>().expect("a pipe");
    let child = start(method, wait_beside, (there, u8::from(method == StartMethod::Spawn)));
    assert_eq!(here.recv().expect("it has begun"), 1);
    drop((high, low));
    assert!(matches!(high_end.recv(), Err(RecvError::Eof)));
    assert!(matches!(low_end.recv(), Err(RecvError::Eof)));
    drop(here);
    child.join().expect("it returned");
}
