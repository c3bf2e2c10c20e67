//! What a process can reach that has a queue: for tests of those that write there whatever they like.

// Each test file uses some of these.
#![allow(dead_code)]

use crate::ground::{Ground, Size};
use ipc_codec::{Limits, Message, decode, encode};
use ipc_queue::{JoinableQueue, Queue, WhenFull};
use ipc_sys::handle::{AsHandle, OwnedHandle};
use serde::de::DeserializeOwned;
use std::ops::Deref;

pub(crate) const CAPACITY: usize = 8;
pub(crate) const BYTES: usize = 256;
pub(crate) const BUFFER: usize = 100;
/// No item may be larger.
pub(crate) const MOST: usize = 64 << 10;
const SIZE: Size = Size { capacity: CAPACITY, bytes: BYTES, most: MOST };
/// How many words the ring has.
pub(crate) const N_UNITS: usize = SIZE.n_units();

/// The queues that are played with, and one that is not.
pub(crate) struct Queues {
    pub(crate) bytes: Queue<[u8]>,
    pub(crate) tasks: JoinableQueue<Vec<u8>>,
    pub(crate) latest: Queue<Vec<u8>>,
    pub(crate) untouched: Queue<u64>,
}

/// What a process can reach that has a queue, and what travels when the queue is sent.
pub(crate) struct Reach {
    ground: Ground,
    message: Message,
}

impl Queues {
    pub(crate) fn new() -> Queues {
        let limits = Limits { max_frame: MOST, ..Limits::default() };
        let builder = || Queue::builder().capacity(CAPACITY).byte_capacity(BYTES).limits(limits);
        let bytes = Queue::<[u8]>::builder().capacity(CAPACITY).byte_capacity(BYTES).limits(limits);
        Queues {
            bytes: bytes.buffers(3, BUFFER).create().expect("a small queue"),
            tasks: builder().create_joinable().expect("a small queue"),
            latest: builder().when_full(WhenFull::DropOldest).create().expect("a small queue"),
            untouched: Queue::bounded(CAPACITY).expect("a small queue"),
        }
    }

    pub(crate) fn reach(&self) -> [Reach; 3] {
        let limits = Limits::default();
        [encode(&self.bytes, &limits), encode(&self.tasks, &limits), encode(&self.latest, &limits)]
            .map(|message| Reach::new(message.expect("a queue")))
    }
}

impl Reach {
    fn new(message: Message) -> Reach {
        let copy = |idx: usize| -> OwnedHandle {
            message.handles()[idx].as_fd().try_clone_to_owned().expect("handles are left")
        };
        Reach { ground: Ground::new(copy(0), [copy(1), copy(2)], SIZE), message }
    }

    /// What a process gets to which the message is sent now.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Option<T> {
        let handles = self.message.handles().iter().map(|handle| handle.as_fd().try_clone_to_owned());
        let handles = handles.collect::<Result<_, _>>().expect("handles are left");
        decode(self.message.bytes(), handles, &Limits::default()).ok()
    }
}

impl Deref for Reach {
    type Target = Ground;

    fn deref(&self) -> &Ground {
        &self.ground
    }
}
