//! Connections: what is sent is received, in pieces or whole, and the end is exact.

#[allow(dead_code, reason = "the file is common to several tests")]
#[macro_use]
#[path = "support/links.rs"]
mod links;
mod support;

use ipc_codec::EncodeError;
use ipc_codec::handle::Handle;
use ipc_pipe::{
    Connection, Listener, RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError,
    TrySendError, connect, pipe,
};
use ipc_sys::clock::Deadline;
use ipc_sys::process::Signal;
use ipc_testkit::leaks::Snapshot;
use ipc_testkit::{Rng, isolated, isolated_within};
use links::{Family, LONG, Site};
use std::fs::File;
use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};
use support::fork_child;

const SHORT: Duration = Duration::from_millis(30);

over_every_family! {
    sizes
    waits_end
    a_message_that_does_not_fit_all_at_once
    the_rest_leaves_while_receiving
    the_rest_leaves_when_dropped
    a_full_connection_gives_the_value_back
    halves_on_threads
    a_dropped_half_closes_its_direction
    a_killed_sender_leaves_whole_messages_and_the_end
    passed_on_in_a_message
    not_passed_on_in_the_middle_of_a_message
    a_value_of_the_wrong_shape_is_alone
}

/// Texts, since bytes are decoded one by one. Pieces of it that change places are noticed: each line says where it is, and the rest of
/// it is the same nowhere else in the line.
fn pattern(size: usize) -> String {
    const REST: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-=/";
    let mut text = String::with_capacity(size + 64);
    while text.len() < size {
        text.push_str(&format!("{:08x}", text.len()));
        text.push_str(REST);
    }
    text.truncate(size);
    text
}

fn sizes(family: Family) {
    let (mut server, mut client) = Site::new(family).connection::<String, String>();
    let echo = thread::spawn(move || {
        while let Ok(bytes) = server.recv() {
            server.send(bytes).expect("the client is there");
        }
    });
    for size in [0, 1, 15, 16, 17, 1000, 32 * 1024 - 8, 32 * 1024, 40_000, 65_536, 300_000, 5 << 20] {
        client.send(pattern(size)).expect("the server is there");
        assert!(client.recv().expect("an echo") == pattern(size), "{size} bytes changed");
    }
    drop(client);
    echo.join().expect("no panic");
}

fn waits_end(family: Family) {
    let (mut server, _client) = Site::new(family).connection::<u8, u8>();
    let start = Instant::now();
    assert!(matches!(server.try_recv(), Err(TryRecvError::Empty)));
    assert!(matches!(server.recv_timeout(SHORT), Err(RecvTimeoutError::TimedOut)));
    assert!(matches!(server.recv_deadline(start + 2 * SHORT), Err(RecvTimeoutError::TimedOut)));
    assert!(!server.poll(SHORT).expect("it can be waited for"));
    assert!(start.elapsed() >= 3 * SHORT);
}

/// Larger than the buffers of the kernel. Over a local socket it travels as memory, and fits all the same.
const LARGE: usize = 16 << 20;

fn a_message_that_does_not_fit_all_at_once(family: Family) {
    let (mut server, mut client) = Site::new(family).connection::<u8, String>();
    client.try_send(pattern(LARGE)).expect("there is room for its beginning");
    let left = client.flush(Duration::ZERO).expect("the server is there");
    assert_eq!(left, family == Family::Local);
    if family != Family::Local {
        // A part of it is no message, and the next one has to wait for the rest.
        assert!(matches!(server.recv_timeout(SHORT), Err(RecvTimeoutError::TimedOut)));
        assert!(matches!(server.try_recv(), Err(TryRecvError::Empty)));
        let refused = client.send_timeout("1".to_string(), SHORT);
        assert!(matches!(refused, Err(SendTimeoutError::TimedOut(value)) if value == "1"));
    }
    let receiver = thread::spawn(move || (server.recv(), server.recv()));
    assert!(client.flush(LONG).expect("the server is there"));
    client.send("2".to_string()).expect("the server is there");
    let (first, second) = receiver.join().expect("no panic");
    assert!(first.expect("a message") == pattern(LARGE));
    assert_eq!(second.expect("a message"), "2");
}

fn the_rest_leaves_while_receiving(family: Family) {
    let (mut server, mut client) = Site::new(family).connection::<u64, String>();
    client.try_send(pattern(LARGE)).expect("there is room for its beginning");
    let receiver = thread::spawn(move || {
        let size = server.recv().expect("a message").len();
        server.send(size as u64).expect("the client is there");
    });
    // It sends nothing more by itself.
    assert_eq!(client.recv_timeout(LONG).expect("an answer"), LARGE as u64);
    receiver.join().expect("no panic");
}

fn the_rest_leaves_when_dropped(family: Family) {
    let (mut server, mut client) = Site::new(family).connection::<u8, String>();
    client.try_send(pattern(LARGE)).expect("there is room for its beginning");
    let sender = thread::spawn(move || drop(client));
    assert!(server.recv().expect("a message") == pattern(LARGE));
    assert!(matches!(server.recv(), Err(RecvError::Eof)));
    sender.join().expect("no panic");
}

fn a_full_connection_gives_the_value_back(family: Family) {
    let (mut server, mut client) = Site::new(family).connection::<u8, Vec<u32>>();
    let mut n_sent = 0;
    let refused = loop {
        match client.try_send(vec![n_sent; 1000]) {
            Ok(()) => n_sent += 1,
            Err(TrySendError::Full(value)) => break value,
            Err(error) => panic!("{error}"),
        }
    };
    assert!(refused == vec![n_sent; 1000], "what comes back is what was given");
    let start = Instant::now();
    let refused = client.send_deadline(vec![0; 1000], start + SHORT).expect_err("it is still full");
    assert!(refused.is_timeout() && start.elapsed() >= SHORT);
    let receiver = thread::spawn(move || {
        let numbers = (0..).map_while(|_| server.recv().ok()).enumerate();
        numbers.inspect(|(idx, value)| assert!(*value == vec![*idx as u32; 1000])).count()
    });
    drop(client);
    assert_eq!(receiver.join().expect("no panic") as u32, n_sent, "no more and no less than was sent");
}

fn halves_on_threads(family: Family) {
    let (server, client) = Site::new(family).connection::<u64, u64>();
    const N: u64 = 20_000;
    thread::scope(|scope| {
        for connection in [server, client] {
            let (mut sender, mut receiver) = connection.split();
            scope.spawn(move || (0..N).for_each(|number| sender.send(number).expect("it is there")));
            scope.spawn(move || {
                (0..N).for_each(|number| assert_eq!(receiver.recv().expect("a number"), number));
                assert!(matches!(receiver.recv(), Err(RecvError::Eof)));
            });
        }
    });
}

fn a_dropped_half_closes_its_direction(family: Family) {
    let (mut server, client) = Site::new(family).connection::<u8, u8>();
    let (sender, mut receiver) = client.split();
    drop(sender);
    assert!(matches!(server.recv(), Err(RecvError::Eof)));
    server.send(1).expect("the other direction goes on");
    assert_eq!(receiver.recv().expect("a number"), 1);
    drop(receiver);
    // The first may still find room.
    let closed = (0..1000).find_map(|_| server.send(1).err()).expect("nobody is there any more");
    assert!(matches!(closed, SendError::Closed(1)), "{closed:?}");
}

/// A message that shows whether it is whole, small or large by its number.
fn message(number: u64) -> (u64, String) {
    let size = [10, 2000, 30_000, 40_000, 300_000][number as usize % 5];
    let letter = char::from(b'a' + (number % 26) as u8);
    (number, letter.to_string().repeat(size))
}

fn a_killed_sender_leaves_whole_messages_and_the_end(family: Family) {
    let mut rng = Rng::from_env();
    let mut site = Site::new(family);
    let mut listener: Listener<(), (u64, String)> = site.listen();
    let (mut n_messages, mut n_truncated) = (0, 0);
    let before = Snapshot::take();
    for _ in 0..40 {
        let child = fork_child(|| {
            let mut connection = connect::<(u64, String), ()>(&site.address, &site.key).expect("a listener");
            for number in 0.. {
                connection.send(message(number)).expect("the parent is there");
            }
        });
        let mut connection = listener.accept_timeout(LONG).expect("the child");
        let n_before = rng.below(30);
        for number in 0..n_before {
            assert!(connection.recv().expect("a message") == message(number));
        }
        thread::sleep(Duration::from_micros(rng.below(2000)));
        child.signal(Signal::Kill).expect("it is there");
        let mut number = n_before;
        let end = loop {
            match connection.recv() {
                Ok(found) => assert!(found == message(number), "message {number} is torn or lost"),
                Err(error) => break error,
            }
            number += 1;
        };
        match end {
            RecvError::Eof => {}
            RecvError::Truncated if family != Family::Local => n_truncated += 1,
            other => panic!("{other:?}"),
        }
        assert!(matches!(connection.recv(), Err(RecvError::Eof)));
        child.wait(Deadline::NEVER).expect("a child can be waited for");
        n_messages += number;
    }
    before.assert_no_growth();
    println!("{n_messages} messages, {n_truncated} truncated");
    assert!(n_messages > 100);
}

fn passed_on_in_a_message(family: Family) {
    let (server, mut client) = Site::new(family).connection::<String, u8>();
    let (here, there) = pipe::<Connection<String, u8>, ()>().expect("a pipe");
    client.send(5).expect("the server is there");
    here.send(server).expect("it is between messages");
    let mut server = there.recv().expect("a connection");
    assert_eq!(server.recv().expect("a number"), 5);
    server.send("five".to_string()).expect("the client is there");
    assert_eq!(client.recv().expect("a text"), "five");
    // The sender's own copy went with the value.
    drop(server);
    assert!(matches!(client.recv(), Err(RecvError::Eof)));
    let (server, mut client) = Site::new(family).connection::<u8, u8>();
    let mut server = Connection::<u8, u8>::from_handle(server.into_handle().expect("it is between messages"))
        .expect("an end of a stream");
    server.send(6).expect("the client is there");
    assert_eq!(client.recv().expect("a number"), 6);
}

fn not_passed_on_in_the_middle_of_a_message(family: Family) {
    let (mut server, mut client) = Site::new(family).connection::<String, String>();
    client.send("1".to_string()).expect("the server is there");
    assert!(server.poll(LONG).expect("it can be waited for"));
    let (here, _there) = pipe::<Connection<String, String>, ()>().expect("a pipe");
    let error = here.send(server).expect_err("it has taken a message in");
    assert!(matches!(&error, SendError::Encode(_, EncodeError::Refused { .. })), "{error:?}");
    let mut server = error.into_inner();
    assert_eq!(server.recv().expect("nothing is lost"), "1");
    if family != Family::Local {
        server.try_send(pattern(LARGE)).expect("there is room for its beginning");
        // Otherwise the rest would be waited for.
        drop(client);
        assert!(server.into_handle().is_err());
    }
}

fn a_value_of_the_wrong_shape_is_alone(family: Family) {
    let (server, mut client) = Site::new(family).connection::<(), Vec<u8>>();
    // As two builds may do that were not compared.
    let mut server =
        Connection::<(), bool>::from_handle(server.into_handle().expect("between messages")).expect("ours");
    client.send(vec![2, 3]).expect("the server is there");
    client.send(vec![]).expect("the server is there");
    assert!(matches!(server.recv(), Err(RecvError::Decode(_))));
    assert!(!server.recv().expect("the next one happens to be a `false`"));
}

#[test]
fn handles_travel_over_local_sockets() {
    isolated(|| {
        let (mut server, mut client) =
            Site::new(Family::Local).connection::<(), (String, Vec<Handle<File>>)>();
        assert!(server.is_local());
        for size in [0, 100_000] {
            let files = (0..20).map(|_| Handle::new(File::open("/dev/zero").expect("it is there"))).collect();
            client.send(("x".repeat(size), files)).expect("the server is there");
            let (text, mut files) = server.recv().expect("a message");
            assert_eq!((text.len(), files.len()), (size, 20));
            let mut byte = [1];
            files[19].read_exact(&mut byte).expect("it has no end");
            assert_eq!(byte, [0]);
        }
    });
}

#[test]
fn handles_do_not_travel_over_tcp() {
    isolated(|| {
        let (mut server, mut client) = Site::new(Family::V4).connection::<(), (u8, Option<Handle<File>>)>();
        assert!(!server.is_local());
        let file = Handle::new(File::open("/dev/null").expect("it is there"));
        let error = client.send((1, Some(file))).expect_err("it is a number elsewhere");
        let SendError::Encode((1, Some(_)), source) = &error else { panic!("{error:?}") };
        assert!(source.to_string().contains("a handle cannot travel over TCP"), "{source}");
        // Nothing of it has left.
        client.send((2, None)).expect("the server is there");
        assert_eq!(server.recv().expect("a message").0, 2);
    });
}

#[test]
fn a_gigabyte() {
    if std::env::var_os("IPC_PIPE_LONG").is_none() {
        println!("skipped: set IPC_PIPE_LONG=1 to send a gigabyte");
        return;
    }
    isolated_within(Duration::from_secs(300), || {
        let limits = ipc_codec::Limits::with_max_frame(2 << 30);
        let site = Site::new(Family::V4);
        let builder = ipc_pipe::ListenerBuilder::new(&site.key).limits(limits);
        let mut listener = builder.bind::<(), String>(&site.address).expect("a port");
        let address = listener.address().clone();
        let client = thread::spawn(move || {
            let connector = ipc_pipe::Connector::new(&site.key).limits(limits);
            let mut connection = connector.connect::<String, ()>(&address).expect("a listener");
            connection.send("x".repeat(1 << 30)).expect("the server is there");
        });
        let mut connection = listener.accept_timeout(LONG).expect("the client");
        assert_eq!(connection.recv().expect("a text").len(), 1 << 30);
        client.join().expect("no panic");
    });
}
