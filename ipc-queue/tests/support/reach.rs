//! What a process can reach that has a queue: for tests of those that write there whatever they like.

// Each test file uses some of these.
#![allow(dead_code)]

use ipc_codec::{Limits, Message, decode, encode};
use ipc_queue::{JoinableQueue, Queue, WhenFull};
use ipc_sys::handle::{AsHandle, OwnedHandle};
use ipc_sys::memory::SharedMapping;
use ipc_sys::socket::MessageSocket;
use serde::de::DeserializeOwned;
use std::sync::atomic::Ordering::Relaxed;

pub(crate) const CAPACITY: usize = 8;
pub(crate) const BYTES: usize = 256;
pub(crate) const BUFFER: usize = 100;
/// No item may be larger.
pub(crate) const MOST: usize = 64 << 10;

// Where things stand: behind the payload of the segment, as `layout.rs` and `ring.rs` have it.
pub(crate) const PUTS_AT: usize = 112;
pub(crate) const GETS_AT: usize = 240;
pub(crate) const LOCK: usize = 0;
pub(crate) const BELL: usize = 8;
pub(crate) const END: usize = 24;
pub(crate) const HEAD_SEEN: usize = 32;
pub(crate) const ENDED: usize = 64;
pub(crate) const HANDS_AT: usize = 368;
/// One generation for each process that takes part, from here on in the segment.
pub(crate) const SLOTS_AT: usize = 4096;
/// How many words the ring has.
pub(crate) const N_UNITS: usize = BYTES / 8 + 3 * CAPACITY + 1;
pub(crate) const SLOT_BITS: u32 = 12;

/// The queues that are played with, and one that is not.
pub(crate) struct Queues {
    pub(crate) bytes: Queue<[u8]>,
    pub(crate) tasks: JoinableQueue<Vec<u8>>,
    pub(crate) latest: Queue<Vec<u8>>,
    pub(crate) untouched: Queue<u64>,
}

/// What a process can reach that has a queue.
pub(crate) struct Reach {
    pub(crate) message: Message,
    pub(crate) memory: SharedMapping,
    pub(crate) sockets: [MessageSocket; 2],
    /// Where the payload begins.
    pub(crate) start: usize,
    /// Where the words of the ring begin.
    pub(crate) ring: usize,
    /// The words as they were when nobody had put anything.
    pub(crate) image: Vec<u64>,
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
    pub(crate) fn new(message: Message) -> Reach {
        let copy = |idx: usize| -> OwnedHandle {
            message.handles()[idx].as_fd().try_clone_to_owned().expect("handles are left")
        };
        let memory = SharedMapping::from_handle(copy(0)).expect("the first is the memory");
        let sockets =
            [1, 2].map(|idx| MessageSocket::from_handle(copy(idx)).expect("the others are sockets"));
        let image: Vec<u64> =
            (0..memory.size() / 8).map(|idx| memory.atomic_u64(idx * 8).load(Relaxed)).collect();
        let is_start = |at: &usize| image[at / 8] >> 32 == 3 && image[at / 8 + 2] == CAPACITY as u64;
        let start = (16..memory.size()).step_by(4096).find(is_start).expect("the plan stands there");
        let (is_joinable, n_buffers) = (image[start / 8] >> 8 & 1 == 1, image[start / 8 + 4] as usize);
        let states = start + HANDS_AT + if is_joinable { 16 * 4096 } else { 0 };
        let ring = (states + 8 * n_buffers).next_multiple_of(64);
        Reach { message, memory, sockets, start, ring, image }
    }

    /// Stores a word, if there is such a place.
    pub(crate) fn store(&self, at: usize, word: u64) {
        if at < self.memory.size() / 8 * 8 {
            self.memory.atomic_u64(at).store(word, Relaxed);
        }
    }

    /// Makes it an empty queue again, so that what is called goes on beyond the first look.
    pub(crate) fn restore(&self) {
        let first = self.start / 8;
        for (idx, &word) in self.image.iter().enumerate().skip(first) {
            // Of the hands the first are enough.
            if idx < first + 200 || idx > first + HANDS_AT / 8 + 2 * 4096 {
                self.store(idx * 8, word);
            }
        }
    }

    /// What a process gets to which the message is sent now.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Option<T> {
        let handles = self.message.handles().iter().map(|handle| handle.as_fd().try_clone_to_owned());
        let handles = handles.collect::<Result<_, _>>().expect("handles are left");
        decode(self.message.bytes(), handles, &Limits::default()).ok()
    }

    /// The names of all who have ever taken part.
    pub(crate) fn names(&self) -> Vec<u64> {
        let generation = |slot: usize| self.memory.atomic_u64(SLOTS_AT + 8 * slot).load(Relaxed);
        let used = (0..20).filter(|&slot| generation(slot) != 0);
        used.map(|slot| generation(slot) << SLOT_BITS | slot as u64).collect()
    }
}
