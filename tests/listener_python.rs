//! What CPython's tests say of its listeners and connections, in our words and for ours, each by every start method.
//!
//! The tests are those of `Lib/test/_test_multiprocessing.py` (Python 3.11 to 3.13; Python Software Foundation License); what
//! they hold for right was read there, no code was taken. How ours talk to CPython itself is in `ipc-pipe/tests/python.rs`.
//!
//! | Python's test | ours |
//! | --- | --- |
//! | `_TestListener.test_multiple_bind` | `multiple_bind` |
//! | `_TestListener.test_context` | `a_dropped_listener`: there is no listener that is closed, and none to accept on |
//! | `_TestListener.test_abstract_socket` | `no_abstract_socket`: they have no permissions, so anybody could take the name first |
//! | `_TestListenerClient.test_listener_client` | `listener_client` |
//! | `_TestListenerClient.test_issue14725` | `data_of_a_client_that_is_gone`. It cannot go before it was accepted: both sides have to show the key |
//! | `_TestListenerClient.test_issue16955` | `poll_after_the_other_side_is_gone` |
//! | `_TestPicklingConnections.test_pickling` | `connections_in_messages`: connections of a listener and a socket that is none travel to another process |
//! | `_TestPicklingConnections.test_access` | `halves_have_one_direction`, and that they have no other method is seen by the compiler |
//! | `_TestConnection.test_connection` | `a_conversation` |
//! | `_TestConnection.test_duplex_false` | none: a connection has both directions; `simplex` has its tests in ipc-pipe |
//! | `_TestConnection.test_spawn_close` | `listener_client`: the parent's copy is gone once a connection was handed on |
//! | `_TestConnection.test_sendbytes` | none: a slice says which part of it is meant |
//! | `_TestConnection.test_fd_transfer`, `test_large_fd_transfer` | `a_file_in_a_message` |
//! | `_TestConnection.test_missing_fd_transfer` | `headers_that_are_none_end_the_connection` and its like in `ipc-pipe/tests/connection_hostile.rs` |
//! | `_TestConnection.test_context` | `a_dropped_connection` |
//! | `_TestPoll.test_empty_string`, `test_strings`, `test_boundaries`, `test_dont_merge` | `poll_and_empty_messages`, `messages_do_not_merge` |
//! | `OtherTest.test_deliver_challenge_auth_failure`, `test_answer_challenge_auth_failure` | `who_answers_nonsense`, `who_asks_nonsense` |
//! | `ChallengeResponseTest` (3.12) | `ipc-pipe/tests/python.rs` and the vectors in ipc-pipe |
//! | `TestInvalidFamily` | `invalid_addresses` |
//! | `TestTimeouts.test_timeout` | none: there is no global timeout of sockets |
//! | `test_empty_authkey` (3.13) | `an_empty_key` |
//! | connecting where nobody listens | `connection_refused` |
//!
//! Python's elapsed times are asserted from below only.

#[macro_use]
mod support;

use ipc_testkit::{isolated, temp_dir};
use multiproc::codec::handle::Handle;
use multiproc::pipe::{AddressError, BindError, ConnectError, Connector, RecvTimeoutError, TryAcceptError};
use multiproc::{
    Address, Builder, Connection, Key, Listener, Process, RecvError, SendError, StartMethod, connect, pipe,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// For what has to come.
const LONG: Duration = Duration::from_secs(30);
/// For what does not come.
const SHORT: Duration = Duration::from_millis(82);

by_every_method! {
    multiple_bind listener_client data_of_a_client_that_is_gone poll_after_the_other_side_is_gone
    connections_in_messages a_conversation a_file_in_a_message poll_and_empty_messages messages_do_not_merge
    who_answers_nonsense connection_refused a_killed_client
}

fn start<A, R>(method: StartMethod, child: fn(A) -> R, args: A) -> Process<R>
where
    A: Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    Builder::new().method(method).spawn(child, args).expect("it was started")
}

fn key() -> Key {
    Key::random().expect("random bytes")
}

/// Over TCP, since a name would need a folder.
fn listen<S: DeserializeOwned, R: DeserializeOwned>(key: &Key) -> Listener<S, R> {
    Listener::bind(&"tcp:127.0.0.1:0".parse().expect("an address"), key).expect("a port")
}

/// A listener of each kind, with the folder that it may need.
fn listeners<S: DeserializeOwned, R: DeserializeOwned>(
    key: &Key,
) -> (ipc_testkit::TempDir, Vec<Listener<S, R>>) {
    let folder = temp_dir();
    let local = Address::local(folder.path().join("private").join("socket")).expect("a path");
    let mut listeners = vec![listen(key), Listener::bind(&local, key).expect("a name")];
    if TcpListener::bind("[::1]:0").is_ok() {
        listeners.push(Listener::bind(&"tcp:[::1]:0".parse().expect("an address"), key).expect("a port"));
    }
    (folder, listeners)
}

fn multiple_bind(method: StartMethod) {
    fn bind((address, key): (Address, Key)) -> bool {
        matches!(Listener::<(), ()>::bind(&address, &key), Err(BindError::InUse))
    }
    let key = key();
    let (_folder, listeners) = listeners::<(), ()>(&key);
    for listener in listeners {
        let args = (listener.address().clone(), key.clone());
        assert!(bind(args.clone()));
        assert!(start(method, bind, args).join().expect("it returned"));
    }
}

#[test]
fn a_dropped_listener() {
    isolated(|| {
        let key = key();
        let (_folder, listeners) = listeners::<(), ()>(&key);
        for listener in listeners {
            let address = listener.address().clone();
            drop(listener);
            assert!(matches!(connect::<(), ()>(&address, &key), Err(ConnectError::Nobody(_))));
            Listener::<(), ()>::bind(&address, &key).expect("the address is free again");
        }
    });
}

#[test]
fn no_abstract_socket() {
    assert_eq!("local:\0name".parse::<Address>(), Err(AddressError::Path));
    assert_eq!(Address::local("\0name"), Err(AddressError::Path));
}

#[test]
fn invalid_addresses() {
    for text in [r"\\.\test", "/var/test.pipe", "AF_PIPE", ""] {
        assert_eq!(text.parse::<Address>(), Err(AddressError::Kind), "{text:?}");
    }
}

#[test]
fn an_empty_key() {
    assert!(Key::new(b"").is_err());
}

fn listener_client(method: StartMethod) {
    fn say_hello((address, key): (Address, Key)) {
        connect::<String, ()>(&address, &key).expect("a listener").send("hello".into()).expect("it is there");
    }
    let key = key();
    let (_folder, listeners) = listeners::<(), String>(&key);
    for mut listener in listeners {
        let child = start(method, say_hello, (listener.address().clone(), key.clone()));
        let mut connection = listener.accept_timeout(LONG).expect("the child");
        assert_eq!(connection.recv().expect("a text"), "hello");
        child.join().expect("it returned");
        assert!(matches!(connection.recv(), Err(RecvError::Eof)));
    }
}

fn data_of_a_client_that_is_gone(method: StartMethod) {
    fn send_and_go((address, key): (Address, Key)) {
        let mut connection = connect::<String, ()>(&address, &key).expect("a listener");
        for text in ["hello", "world"] {
            connection.send(text.into()).expect("it is there");
        }
    }
    let key = key();
    let (_folder, listeners) = listeners::<(), String>(&key);
    for mut listener in listeners {
        let child = start(method, send_and_go, (listener.address().clone(), key.clone()));
        let mut connection = listener.accept_timeout(LONG).expect("the child");
        child.join().expect("it returned");
        // It was killed, as far as this side can tell.
        let texts: Vec<_> = connection.iter().collect::<Result<_, _>>().expect("texts");
        assert_eq!(texts, ["hello", "world"]);
    }
}

fn poll_after_the_other_side_is_gone(method: StartMethod) {
    fn send_and_go((address, key): (Address, Key)) {
        connect::<String, ()>(&address, &key).expect("a listener").send("hello".into()).expect("it is there");
    }
    let key = key();
    let (_folder, listeners) = listeners::<(), String>(&key);
    for mut listener in listeners {
        let child = start(method, send_and_go, (listener.address().clone(), key.clone()));
        let mut connection = listener.accept_timeout(LONG).expect("the child");
        child.join().expect("it returned");
        assert!(connection.poll(LONG).expect("it can be waited for"));
        assert_eq!(connection.recv().expect("a text"), "hello");
        assert!(connection.poll(LONG).expect("it can be waited for"), "the end is something, too");
        assert!(matches!(connection.recv(), Err(RecvError::Eof)));
    }
}

/// The parent accepts, and another process talks.
fn connections_in_messages(method: StartMethod) {
    type Talk = (Connection<String, String>, Handle<TcpStream>);
    fn shout(mut connection: Connection<String, String>) {
        while let Ok(text) = connection.recv() {
            connection.send(text.to_uppercase()).expect("it is there");
        }
    }
    fn talk(end: multiproc::Receiver<Talk>) {
        let (connection, mut socket) = end.recv().expect("a connection");
        shout(connection);
        let mut text = String::new();
        socket.read_to_string(&mut text).expect("it is text");
        socket.write_all(text.to_uppercase().as_bytes()).expect("it is there");
    }
    let key = key();
    let (_folder, listeners) = listeners::<String, String>(&key);
    for mut listener in listeners {
        let (tx, rx) = multiproc::simplex::<Talk>().expect("a pipe");
        let child = start(method, talk, rx);
        let (address, key) = (listener.address().clone(), key.clone());
        let client =
            std::thread::spawn(move || connect::<String, String>(&address, &key).expect("a listener"));
        let connection = listener.accept_timeout(LONG).expect("the client");
        let plain = TcpListener::bind("127.0.0.1:0").expect("a port");
        let mut stranger = TcpStream::connect(plain.local_addr().expect("an address")).expect("it listens");
        tx.send((connection, Handle::new(plain.accept().expect("a client").0))).expect("the child is there");
        let mut client = client.join().expect("no panic");
        client.send("hello".into()).expect("the child has it");
        assert_eq!(client.recv().expect("an answer"), "HELLO");
        drop(client);
        stranger.write_all(b"world").expect("the child has it");
        stranger.shutdown(std::net::Shutdown::Write).expect("it is connected");
        let mut text = String::new();
        stranger.read_to_string(&mut text).expect("it is text");
        assert_eq!(text, "WORLD");
        child.join().expect("it returned");
    }
}

#[test]
fn halves_have_one_direction() {
    isolated(|| {
        let key = key();
        let mut listener = listen::<u8, u8>(&key);
        let address = listener.address().clone();
        let client = std::thread::spawn(move || connect::<u8, u8>(&address, &key).expect("a listener"));
        let mut server = listener.accept_timeout(LONG).expect("the client");
        let (mut sender, mut receiver) = client.join().expect("no panic").split();
        sender.send(1).expect("the server is there");
        let number = server.recv_timeout(LONG).expect("a number");
        server.send(number + 1).expect("the client is there");
        assert_eq!(receiver.recv().expect("a number"), 2);
    });
}

fn a_conversation(method: StartMethod) {
    fn echo((address, key): (Address, Key)) {
        let mut connection = connect::<Vec<String>, Vec<String>>(&address, &key).expect("a listener");
        while let Ok(texts) = connection.recv() {
            connection.send(texts).expect("it is there");
        }
    }
    let key = key();
    let (_folder, listeners) = listeners::<Vec<String>, Vec<String>>(&key);
    for mut listener in listeners {
        let child = start(method, echo, (listener.address().clone(), key.clone()));
        let mut connection = listener.accept_timeout(LONG).expect("the child");
        assert!(!connection.poll(Duration::ZERO).expect("it can be waited for"));
        let begin = std::time::Instant::now();
        assert!(matches!(connection.recv_timeout(SHORT), Err(RecvTimeoutError::TimedOut)));
        assert!(begin.elapsed() >= SHORT);
        for texts in [vec![], vec!["one".to_string(), "two".into()], vec!["very long".repeat(1_800_000)]] {
            connection.send(texts.clone()).expect("the child is there");
            assert!(connection.poll(LONG).expect("it can be waited for"));
            assert!(connection.recv().expect("an echo") == texts);
        }
        drop(connection);
        child.join().expect("it returned");
    }
}

#[test]
fn a_dropped_connection() {
    isolated(|| {
        let (a, b) = pipe::<(), ()>().expect("a pipe");
        drop((a, b));
        let key = key();
        let mut listener = listen::<u8, u8>(&key);
        let address = listener.address().clone();
        let client = std::thread::spawn(move || connect::<u8, u8>(&address, &key).expect("a listener"));
        let mut server = listener.accept_timeout(LONG).expect("the client");
        drop(client.join().expect("no panic"));
        assert!(matches!(server.recv(), Err(RecvError::Eof)));
        // The first may still find room.
        let closed = (0..1000).find_map(|_| server.send(1).err()).expect("nobody is there any more");
        assert!(matches!(closed, SendError::Closed(1)), "{closed:?}");
    });
}

fn a_file_in_a_message(method: StartMethod) {
    fn write((address, key): (Address, Key)) {
        let mut connection = connect::<(), Vec<Handle<File>>>(&address, &key).expect("a listener");
        let mut files = connection.recv().expect("files");
        files.last_mut().expect("there are some").write_all(b"foo").expect("it is open for writing");
    }
    let folder = temp_dir();
    let address = Address::local(folder.path().join("private").join("socket")).expect("a path");
    let key = key();
    let mut listener = Listener::<Vec<Handle<File>>, ()>::bind(&address, &key).expect("a name");
    for count in [1, 60] {
        let path = folder.path().join("file");
        let child = start(method, write, (address.clone(), key.clone()));
        let mut connection = listener.accept_timeout(LONG).expect("the child");
        let files = (0..count).map(|_| Handle::new(File::create(&path).expect("a file"))).collect();
        connection.send(files).expect("the child is there");
        child.join().expect("it returned");
        assert_eq!(std::fs::read(&path).expect("it is there"), b"foo");
    }
}

fn poll_and_empty_messages(method: StartMethod) {
    fn send_all((address, key): (Address, Key)) {
        let mut connection = connect::<Option<()>, ()>(&address, &key).expect("a listener");
        for message in [None, Some(()), None] {
            connection.send(message).expect("it is there");
        }
        // Until the other side has looked.
        assert!(matches!(connection.recv(), Err(RecvError::Eof)));
    }
    let key = key();
    let (_folder, listeners) = listeners::<(), Option<()>>(&key);
    for mut listener in listeners {
        let child = start(method, send_all, (listener.address().clone(), key.clone()));
        let mut connection = listener.accept_timeout(LONG).expect("the child");
        for expected in [None, Some(()), None] {
            for _ in 0..2 {
                assert!(connection.poll(LONG).expect("it can be waited for"), "looking takes nothing away");
            }
            assert_eq!(connection.recv().expect("a message"), expected);
        }
        assert!(!connection.poll(Duration::ZERO).expect("it can be waited for"));
        drop(connection);
        child.join().expect("it returned");
    }
}

fn messages_do_not_merge(method: StartMethod) {
    fn send_all((address, key): (Address, Key)) {
        let mut connection = connect::<String, ()>(&address, &key).expect("a listener");
        for text in ["", "a", "bb", "", "ccc"] {
            connection.send(text.into()).expect("it is there");
        }
    }
    let key = key();
    let (_folder, listeners) = listeners::<(), String>(&key);
    for mut listener in listeners {
        let child = start(method, send_all, (listener.address().clone(), key.clone()));
        let mut connection = listener.accept_timeout(LONG).expect("the child");
        child.join().expect("it returned");
        let texts: Vec<_> = connection.iter().collect::<Result<_, _>>().expect("texts");
        assert_eq!(texts, ["", "a", "bb", "", "ccc"]);
    }
}

fn who_answers_nonsense(method: StartMethod) {
    fn talk_nonsense(address: Address) -> usize {
        let Address::Tcp(at) = address else { panic!("it is TCP") };
        let mut socket = TcpStream::connect(at).expect("it listens");
        socket.write_all(&[b'x'; 104]).expect("it listens");
        let mut said = Vec::new();
        // The other side may have gone while something of this one was unread.
        let _ = socket.read_to_end(&mut said);
        said.len()
    }
    let mut listener = listen::<(), ()>(&key());
    let child = start(method, talk_nonsense, listener.address().clone());
    while listener.turned_away().malformed == 0 {
        assert!(matches!(listener.try_accept(), Err(TryAcceptError::Nobody)));
    }
    assert!(child.join().expect("it returned") <= 72 + 33);
}

#[test]
fn who_asks_nonsense() {
    isolated(|| {
        for said in [b"something bogus".repeat(5).as_slice(), b"", b"mp-ipc"] {
            let fake = TcpListener::bind("127.0.0.1:0").expect("a port");
            let address = Address::Tcp(fake.local_addr().expect("an address"));
            let client =
                std::thread::spawn(move || connect::<(), ()>(&address, &key()).map(drop).unwrap_err());
            let (mut socket, _) = fake.accept().expect("the client");
            socket.write_all(said).expect("it listens");
            drop(socket);
            let error = client.join().expect("no panic");
            match error {
                ConnectError::NotAListener if said.len() >= 72 => {}
                ConnectError::Closed if said.len() < 72 => {}
                other => panic!("{other:?}"),
            }
        }
    });
}

fn connection_refused(method: StartMethod) {
    fn try_to_connect((address, key): (Address, Key)) -> String {
        let connector = Connector::new(&key).timeout(LONG);
        connector.connect::<(), ()>(&address).expect_err("nobody is there").to_string()
    }
    let key = key();
    let (_folder, listeners) = listeners::<(), ()>(&key);
    for listener in listeners {
        let address = listener.address().clone();
        drop(listener);
        let said = start(method, try_to_connect, (address, key.clone())).join().expect("it returned");
        assert_eq!(said, "nobody listens at the address");
    }
}

/// Python has no test for it.
fn a_killed_client(method: StartMethod) {
    fn wait_for_ever((address, key): (Address, Key)) {
        let mut connection = connect::<u8, u8>(&address, &key).expect("a listener");
        connection.send(1).expect("it is there");
        let _ = connection.recv();
    }
    let key = key();
    let (_folder, listeners) = listeners::<u8, u8>(&key);
    for mut listener in listeners {
        let child = start(method, wait_for_ever, (listener.address().clone(), key.clone()));
        let mut connection = listener.accept_timeout(LONG).expect("the child");
        assert!(connection.poll(LONG).expect("it can be waited for"));
        child.kill().expect("it is there");
        assert_eq!(connection.recv().expect("it was sent before"), 1);
        assert!(matches!(connection.recv(), Err(RecvError::Eof)));
        assert!(child.join().is_err());
    }
}
