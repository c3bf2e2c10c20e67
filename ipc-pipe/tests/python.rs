//! Conversations with CPython's `multiprocessing.connection`, the machine's own `python3`, in both roles.
//!
//! Python up to 3.11 has the old handshake only. So that the new one is spoken wherever the tests run, Python programs take its
//! two functions from a few lines below, written from the description of the protocol; the old one is that of the machine, or
//! of these lines, too.

#[allow(dead_code, unused_macros, reason = "the file is common to several tests")]
#[path = "support/links.rs"]
mod links;

use ipc_pipe::python::{Listener, Settings};
use ipc_pipe::{Address, ConnectError, Key, RecvError};
use ipc_testkit::isolated;
use links::{Family, LONG, Site};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const KEY: &[u8] = b"the key of the honest";

/// Which handshake Python speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// That of Python 3.12 and later.
    Modern,
    /// That of Python 3.11 and earlier.
    Old,
    /// Whatever the machine's Python speaks.
    OfTheMachine,
}

const ALL: [Dialect; 3] = [Dialect::Modern, Dialect::Old, Dialect::OfTheMachine];

const PRELUDE: &str = r###"
import hmac, os, sys
from multiprocessing import connection, AuthenticationError
from multiprocessing.connection import Client, Listener

def mac(key, message, name):
    return hmac.new(key, message, name).digest()

def deliver(conn, key):
    asked = os.urandom(20) if DIALECT == "Old" else b"{sha256}" + os.urandom(40)
    conn.send_bytes(b"#CHALLENGE#" + asked)
    said = conn.recv_bytes(256)
    right = mac(key, asked, "md5") if DIALECT == "Old" else b"{sha256}" + mac(key, asked, "sha256")
    if said != right:
        conn.send_bytes(b"#FAILURE#")
        raise AuthenticationError("digest received was wrong")
    conn.send_bytes(b"#WELCOME#")

def answer(conn, key):
    asked = conn.recv_bytes(256)
    assert asked[:11] == b"#CHALLENGE#", asked
    asked = asked[11:]
    if DIALECT == "Old":
        conn.send_bytes(mac(key, asked, "md5"))
    else:
        assert asked[:8] == b"{sha256}", asked
        conn.send_bytes(b"{sha256}" + mac(key, asked, "sha256"))
    if conn.recv_bytes(256) != b"#WELCOME#":
        raise AuthenticationError("digest sent was rejected")

if DIALECT != "OfTheMachine":
    connection.deliver_challenge, connection.answer_challenge = deliver, answer
"###;

/// A program in Python with pipes to talk to it.
struct Python(Child);

impl Python {
    /// Runs a program, in which `address` is where to connect or listen, and `key` is [`KEY`]; nothing if there is no Python.
    fn run(dialect: Dialect, address: &Address, program: &str) -> Option<Python> {
        let address = match address {
            Address::Tcp(at) => format!("({:?}, {})", at.ip().to_string(), at.port()),
            Address::Local(path) => format!("{:?}", path.display().to_string()),
            other => panic!("{other}"),
        };
        let key = KEY.iter().map(|&byte| char::from(byte)).collect::<String>();
        let head = format!("DIALECT = \"{dialect:?}\"\n{PRELUDE}\naddress, key = {address}, b\"{key}\"\n");
        let child = Command::new("python3")
            .args(["-c", &format!("{head}{program}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        match child {
            Ok(child) => Some(Python(child)),
            Err(_) => {
                println!("skipped: there is no python3");
                None
            }
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let output = self.0.stdout.as_mut().expect("it is piped");
        BufReader::with_capacity(1, output).read_line(&mut line).expect("it talks");
        line.trim().to_owned()
    }

    #[track_caller]
    fn end(mut self) {
        drop(self.0.stdin.take());
        let status = self.0.wait().expect("it can be waited for");
        assert!(status.success(), "python ended with {status}");
    }
}

fn settings() -> Settings {
    Settings::new(&Key::new(KEY).expect("bytes")).timeout(LONG)
}

fn settings_for(dialect: Dialect) -> Settings {
    if dialect == Dialect::Modern { settings() } else { settings().allow_md5() }
}

fn listen(dialect: Dialect, family: Family) -> (Listener, Site) {
    let site = Site::new(family);
    (settings_for(dialect).bind(&site.address).expect("a listener"), site)
}

/// Makes one test for each body, over the addresses that Python has, and handshake.
macro_rules! by_every_dialect {
    ($($name:ident)*) => {
        $(
            mod $name {
                use super::*;

                #[test]
                fn local() {
                    isolated(|| ALL.iter().for_each(|&dialect| super::$name(dialect, Family::Local)));
                }

                #[test]
                fn tcp() {
                    isolated(|| ALL.iter().for_each(|&dialect| super::$name(dialect, Family::V4)));
                }
            }
        )*
    };
}

by_every_dialect! {
    python_connects
    python_listens
    sizes_from_python
    sizes_to_python
    wrong_key_of_python
    wrong_key_of_ours
    python_is_gone
    python_dies_in_the_middle
}

fn python_connects(dialect: Dialect, family: Family) {
    let (mut listener, _site) = listen(dialect, family);
    let program = "
with Client(address, authkey=key) as c:
    c.send_bytes(b'hello')
    assert c.recv_bytes() == b'world'
";
    let Some(python) = Python::run(dialect, listener.address(), program) else { return };
    let mut connection = listener.accept_timeout(LONG).expect("python");
    assert_eq!(connection.recv_timeout(LONG).expect("bytes"), b"hello");
    connection.send(b"world").expect("python is there");
    assert!(matches!(connection.recv(), Err(RecvError::Eof)));
    python.end();
}

/// A listener in Python that prints where it is, and then runs a program with the connection `c`.
fn listening(program: &str) -> String {
    format!(
        "
if isinstance(address, str):
    os.mkdir(os.path.dirname(address), 0o700)
with Listener(address, authkey=key) as l:
    print(l.address if isinstance(address, str) else l.address[1], flush=True)
    with l.accept() as c:
{program}
"
    )
}

fn address_of(python: &mut Python, family: Family) -> Address {
    let line = python.line();
    let text =
        if family == Family::Local { format!("local:{line}") } else { format!("tcp:127.0.0.1:{line}") };
    text.parse().expect("an address")
}

fn python_listens(dialect: Dialect, family: Family) {
    let site = Site::new(family);
    let program = listening(
        "
        assert c.recv_bytes() == b'hello'
        c.send_bytes(b'world')
",
    );
    let Some(mut python) = Python::run(dialect, &site.address, &program) else { return };
    let address = address_of(&mut python, family);
    let mut connection = settings_for(dialect).connect(&address).expect("python");
    connection.send(b"hello").expect("python is there");
    assert_eq!(connection.recv_timeout(LONG).expect("bytes"), b"world");
    assert!(matches!(connection.recv(), Err(RecvError::Eof)));
    python.end();
}

/// Around the sizes at which Python and we do something else: one write or two, pieces, the buffers of the kernel.
const SIZES: [usize; 10] = [0, 1, 16_383, 16_384, 16_385, 65_535, 65_536, 70_000, 1 << 20, 5_000_000];

fn sizes_from_python(dialect: Dialect, family: Family) {
    let (mut listener, _site) = listen(dialect, family);
    let program = format!(
        "
with Client(address, authkey=key) as c:
    for size in {SIZES:?}:
        c.send_bytes((bytes(range(251)) * (size // 251 + 1))[:size])
    assert c.recv_bytes() == b'done'
"
    );
    let Some(python) = Python::run(dialect, listener.address(), &program) else { return };
    let mut connection = listener.accept_timeout(LONG).expect("python");
    for size in SIZES {
        let bytes = connection.recv_timeout(LONG).expect("bytes");
        assert_eq!(bytes.len(), size);
        assert!(bytes.iter().enumerate().all(|(idx, &byte)| usize::from(byte) == idx % 251));
    }
    connection.send(b"done").expect("python is there");
    python.end();
}

fn sizes_to_python(dialect: Dialect, family: Family) {
    let site = Site::new(family);
    let program = listening(&format!(
        "
        for size in {SIZES:?}:
            assert c.recv_bytes() == (bytes(range(251)) * (size // 251 + 1))[:size], size
        c.send_bytes(b'done')
"
    ));
    let Some(mut python) = Python::run(dialect, &site.address, &program) else { return };
    let address = address_of(&mut python, family);
    let mut connection = settings_for(dialect).connect(&address).expect("python");
    for size in SIZES {
        let bytes: Vec<u8> = (0..size).map(|idx| (idx % 251) as u8).collect();
        connection.send(&bytes).expect("python is there");
    }
    assert_eq!(connection.recv_timeout(LONG).expect("bytes"), b"done");
    python.end();
}

fn wrong_key_of_python(dialect: Dialect, family: Family) {
    let (mut listener, _site) = listen(dialect, family);
    let program = "
try:
    Client(address, authkey=b'a guess')
except AuthenticationError:
    pass
else:
    raise AssertionError('it was let in')
";
    let Some(python) = Python::run(dialect, listener.address(), program) else { return };
    while listener.turned_away().wrong_key == 0 {
        assert!(listener.accept_timeout(Duration::from_millis(5)).is_err());
    }
    python.end();
}

fn wrong_key_of_ours(dialect: Dialect, family: Family) {
    let site = Site::new(family);
    let program = "
if isinstance(address, str):
    os.mkdir(os.path.dirname(address), 0o700)
with Listener(address, authkey=key) as l:
    print(l.address if isinstance(address, str) else l.address[1], flush=True)
    try:
        l.accept()
    except AuthenticationError:
        pass
    else:
        raise AssertionError('it was let in')
";
    let Some(mut python) = Python::run(dialect, &site.address, program) else { return };
    let address = address_of(&mut python, family);
    let guess = Settings::new(&Key::new(b"a guess").expect("bytes")).allow_md5().timeout(LONG);
    let error = guess.connect(&address).unwrap_err();
    assert!(matches!(error, ConnectError::Refused), "{error:?}");
    python.end();
}

/// What was sent before is received after.
fn python_is_gone(dialect: Dialect, family: Family) {
    let (mut listener, _site) = listen(dialect, family);
    let program = "
with Client(address, authkey=key) as c:
    c.send_bytes(b'one')
    c.send_bytes(b'')
    c.send_bytes(b'two')
";
    let Some(python) = Python::run(dialect, listener.address(), program) else { return };
    let mut connection = listener.accept_timeout(LONG).expect("python");
    python.end();
    for expected in [b"one".as_slice(), b"", b"two"] {
        assert!(connection.poll(LONG).expect("it can be waited for"));
        assert_eq!(connection.recv().expect("bytes"), expected);
    }
    assert!(connection.poll(LONG).expect("it can be waited for"));
    assert!(matches!(connection.recv(), Err(RecvError::Eof)));
    // The first may still find room.
    let closed = (0..1000).find_map(|_| connection.send(b"hello").err());
    assert!(closed.is_some());
}

fn python_dies_in_the_middle(dialect: Dialect, family: Family) {
    let (mut listener, _site) = listen(dialect, family);
    let program = "
c = Client(address, authkey=key)
c.send_bytes(b'whole')
os.write(c.fileno(), b'\\0\\0\\0\\x0ahalf')
os.kill(os.getpid(), 9)
";
    let Some(mut python) = Python::run(dialect, listener.address(), program) else { return };
    let mut connection = listener.accept_timeout(LONG).expect("python");
    assert_eq!(connection.recv().expect("bytes"), b"whole");
    assert!(matches!(connection.recv(), Err(RecvError::Truncated)));
    assert!(matches!(connection.recv(), Err(RecvError::Eof)));
    assert!(!python.0.wait().expect("it can be waited for").success());
}

/// What Python sends by `send` are frames, too; here of numbers, in the oldest of its formats, which anybody can read.
#[test]
fn pickles_are_bytes() {
    isolated(|| {
        let (mut listener, _site) = listen(Dialect::OfTheMachine, Family::Local);
        let program = "
import pickle
c = Client(address, authkey=key)
c.send(7)
assert c.recv() == 8
";
        let Some(python) = Python::run(Dialect::OfTheMachine, listener.address(), program) else { return };
        let mut connection = listener.accept_timeout(LONG).expect("python");
        assert!(connection.recv().expect("bytes").ends_with(b"K\x07."));
        connection.send(b"I8\n.").expect("python is there");
        python.end();
    });
}

#[test]
fn md5_has_to_be_allowed() {
    isolated(|| {
        let site = Site::new(Family::V4);
        let mut listener = settings().bind(&site.address).expect("a listener");
        let program = "
try:
    Client(address, authkey=key)
except AuthenticationError:
    pass
else:
    raise AssertionError('it was let in')
";
        let Some(python) = Python::run(Dialect::Old, listener.address(), program) else { return };
        while listener.turned_away().wrong_key == 0 {
            assert!(listener.accept_timeout(Duration::from_millis(5)).is_err());
        }
        python.end();

        let site = Site::new(Family::V4);
        let program = "
with Listener(address, authkey=key) as l:
    print(l.address[1], flush=True)
    try:
        l.accept()
    except (EOFError, OSError):
        pass
    else:
        raise AssertionError('it was let in')
";
        let mut python = Python::run(Dialect::Old, &site.address, program).expect("it was there before");
        let address = address_of(&mut python, Family::V4);
        let error = settings().connect(&address).unwrap_err();
        assert!(matches!(error, ConnectError::NotAListener), "{error:?}");
        python.end();
    });
}

/// A client in Python that says nothing does not keep another one waiting.
#[test]
fn a_silent_python_holds_up_nobody() {
    isolated(|| {
        let (mut listener, _site) = listen(Dialect::OfTheMachine, Family::V4);
        let program = "
import socket
silent = [socket.create_connection(address) for _ in range(50)]
print('ready', flush=True)
sys.stdin.read()
";
        let Some(mut silent) = Python::run(Dialect::OfTheMachine, listener.address(), program) else {
            return;
        };
        assert_eq!(silent.line(), "ready");
        let program = "Client(address, authkey=key).send_bytes(b'hello')";
        let python =
            Python::run(Dialect::OfTheMachine, listener.address(), program).expect("it was there before");
        let mut connection = listener.accept_timeout(LONG).expect("python");
        assert_eq!(connection.recv().expect("bytes"), b"hello");
        python.end();
        writeln!(silent.0.stdin.as_mut().expect("it is piped"), "enough").expect("it reads");
        silent.end();
    });
}
