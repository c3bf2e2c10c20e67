//! Items with handles in them, and witnesses that tell when the last copy of a handle is closed.

// Each test file uses some of these.
#![allow(dead_code)]

use ipc_codec::handle::Handle;
use ipc_queue::{Queue, Receiver, Sender};
use ipc_shared::sync::Mutex;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Item {
    Plain(u64),
    File(u64, Handle<File>),
    Stream(u64, Handle<UnixStream>),
    Queue(Queue<u64>),
    Lock(Mutex<u64>),
    Ends(Sender<u64>, Receiver<u64>),
    Many(Vec<Handle<UnixStream>>),
    Large(Vec<u8>, Handle<UnixStream>),
}

/// The other side of a handle that is in an item: it sees when the last copy is closed.
pub(crate) struct Watched(UnixStream);

impl Watched {
    pub(crate) fn new() -> (Watched, Handle<UnixStream>) {
        let (here, there) = UnixStream::pair().expect("sockets can be made");
        here.set_nonblocking(true).expect("it is a socket");
        (Watched(here), Handle::new(there))
    }

    /// As above, and a number can be read from the handle.
    pub(crate) fn with_number(number: u64) -> (Watched, Handle<UnixStream>) {
        let (here, there) = Watched::new();
        (&here.0).write_all(&number.to_le_bytes()).expect("there is room");
        (here, there)
    }

    pub(crate) fn is_closed(&self) -> bool {
        match (&self.0).read(&mut [0]) {
            Ok(0) => true,
            // Whoever closes it with something unread in it resets the connection.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn wait_for_close(&self) {
        let start = Instant::now();
        while !self.is_closed() {
            assert!(start.elapsed() < Duration::from_secs(5), "the handle is still open somewhere");
            sleep(Duration::from_millis(1));
        }
    }
}

pub(crate) fn number_in(mut stream: Handle<UnixStream>) -> u64 {
    let mut bytes = [0; 8];
    stream.read_exact(&mut bytes).expect("a number was written");
    u64::from_le_bytes(bytes)
}

/// An item of a kind that depends on its number, with the number in each handle.
pub(crate) fn item_of(number: u64) -> Item {
    let handle = || Watched::with_number(number).1;
    match number % 7 {
        0 | 3 => Item::Stream(number, handle()),
        1 => Item::Many((0..3).map(|_| handle()).collect()),
        2 => Item::Large(vec![number as u8; 5000], handle()),
        _ => Item::Plain(number),
    }
}

pub(crate) fn checked_number(item: Item) -> u64 {
    match item {
        Item::Plain(number) => number,
        Item::Stream(number, handle) => {
            assert_eq!(number_in(handle), number);
            number
        }
        Item::Many(handles) => {
            let numbers: Vec<u64> = handles.into_iter().map(number_in).collect();
            assert!(numbers.len() == 3 && numbers.iter().all(|&number| number == numbers[0]));
            numbers[0]
        }
        Item::Large(bytes, handle) => {
            let number = number_in(handle);
            assert_eq!(bytes, vec![number as u8; 5000]);
            number
        }
        other => panic!("{other:?}"),
    }
}
