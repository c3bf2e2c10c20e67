//! One thing of each kind that can be waited for, how each becomes ready, and how long a wait took.

use super::links::{Family, Site};
use ipc_pipe::{Address, Key, Listener, Readable, Waitable, pipe, python, simplex};
use ipc_queue::{JoinableQueue, Queue, channel};
use ipc_shared::Arena;
use ipc_shared::sync::Event;
use ipc_sys::doorbell::Doorbell;
use ipc_sys::handle::{OwnedHandle, duplicate};
use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Asserts that a call took at least so long.
#[track_caller]
pub(crate) fn at_least<R>(least: Duration, call: impl FnOnce() -> R) -> R {
    let begin = Instant::now();
    let result = call();
    assert!(begin.elapsed() >= least, "it took {:?} only", begin.elapsed());
    result
}

pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Not ready yet.
    pub(crate) object: Box<dyn Waitable + Send + Sync>,
    /// Makes it so, and keeps it so.
    pub(crate) make_ready: Box<dyn FnOnce() + Send>,
}

fn case(
    name: &'static str,
    object: impl Waitable + Send + Sync + 'static,
    make_ready: impl FnOnce() + Send + 'static,
) -> Case {
    Case { name, object: Box::new(object), make_ready: Box::new(make_ready) }
}

pub(crate) fn each_kind(mut body: impl FnMut(Case)) {
    kinds().into_iter().for_each(&mut body);
}

pub(crate) fn kinds() -> Vec<Case> {
    let mut cases = pipes();
    cases.extend(queues());
    cases.extend(links());
    cases.extend(foreign());
    cases
}

fn pipes() -> Vec<Case> {
    let a_pipe = || simplex::<u8>().expect("a pipe");
    let ((tx, rx), (end_tx, end_rx), (gone_tx, gone_rx)) = (a_pipe(), a_pipe(), a_pipe());
    let (here, there) = pipe::<u8, u8>().expect("a pipe");
    let (end_here, end_there) = pipe::<u8, u8>().expect("a pipe");
    let event = Event::new_in(&Arena::new()).expect("there is memory");
    let setter = event.clone();
    vec![
        case("pipe: message", rx, move || {
            tx.send(1).expect("the reader is there");
            drop(tx);
        }),
        case("pipe: end", end_rx, move || drop(end_tx)),
        case("pipe: reader gone", gone_tx, move || drop(gone_rx)),
        case("duplex: message", here, move || {
            there.send(1).expect("the reader is there");
            drop(there);
        }),
        case("duplex: end", end_here, move || drop(end_there)),
        case("event", event, move || setter.set()),
    ]
}

fn queues() -> Vec<Case> {
    let queues = [(); 2].map(|()| Queue::<u32>::bounded(4).expect("there is memory"));
    let [(putter, queue), (closer, closed)] = queues.map(|queue| (queue.clone(), queue));
    let bytes = Queue::<[u8]>::bounded(4).expect("there is memory");
    let bytes_putter = bytes.clone();
    let tasks = JoinableQueue::<u32>::bounded(4).expect("there is memory");
    let tasks_putter = tasks.clone();
    let (sender, receiver) = channel::<String>(4).expect("there is memory");
    let (end_sender, end_receiver) = channel::<String>(4).expect("there is memory");
    vec![
        case("queue: item", queue, move || putter.put(1).expect("there is room")),
        case("queue: closed", closed, move || closer.close()),
        case("queue: bytes", bytes, move || bytes_putter.put_bytes(&[7; 1000]).expect("there is room")),
        case("queue: task", tasks, move || tasks_putter.put(1).expect("there is room")),
        case("channel: item", receiver, move || {
            sender.send("hello".to_string()).expect("the receiver is there");
            drop(sender);
        }),
        case("channel: end", end_receiver, move || drop(end_sender)),
    ]
}

fn links() -> Vec<Case> {
    let mut sites = [Family::V4, Family::V4, Family::Local].map(Site::new);
    let listener: Listener<u8, u8> = sites[0].listen();
    let address = listener.address().clone();
    let (here, mut there) = sites[1].connection::<u8, u8>();
    let (end_here, end_there) = sites[2].connection::<u8, u8>();
    let (sender, receiver) = end_here.split();
    let settings = python::Settings::new(&Key::random().expect("random bytes"));
    let python = settings.bind(&"tcp:127.0.0.1:0".parse().expect("an address")).expect("a listener");
    let python_address = python.address().clone();
    vec![
        case("listener", listener, move || knock(&address)),
        case("connection: message", here, move || {
            there.send(1).expect("it is there");
            drop(there);
        }),
        case("connection: end", receiver, move || drop((sender, end_there))),
        case("listener for python", python, move || knock(&python_address)),
    ]
}

/// Comes, and goes away again.
fn knock(address: &Address) {
    let address = address.to_string();
    TcpStream::connect(address.trim_start_matches("tcp:")).expect("it listens");
}

/// A program that writes nothing until it is told to end.
struct Cat(Child);

impl Drop for Cat {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).expect("it is a child");
    }
}

fn foreign() -> Vec<Case> {
    let (mut writer, reader) = UnixStream::pair().expect("there are sockets");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is left");
    let address = listener.local_addr().expect("it has one");
    let (mut client, server) =
        (TcpStream::connect(address).expect("it listens"), listener.accept().expect("it came").0);
    let datagrams = UdpSocket::bind("127.0.0.1:0").expect("a port is left");
    let to = datagrams.local_addr().expect("it has one");
    let bell = Doorbell::new().expect("handles are left");
    let handle: OwnedHandle = duplicate(bell.handle()).expect("handles are left");
    let cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut cat = Cat(cat.expect("there is cat"));
    let stdout = cat.0.stdout.take().expect("it is piped");
    vec![
        case("unix socket", Readable(reader), move || writer.write_all(b"x").expect("it is there")),
        case("tcp listener", listener, move || drop(TcpStream::connect(address).expect("it listens"))),
        case("tcp stream", server, move || client.write_all(b"x").expect("it is there")),
        case("udp socket", datagrams, move || {
            let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is left");
            socket.send_to(b"x", to).expect("it is there");
        }),
        case("handle", handle, move || bell.ring()),
        case("output of a child", stdout, move || drop(cat)),
    ]
}
