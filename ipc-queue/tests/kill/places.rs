//! Queues of byte strings, with items in them, wherever in their ring, and however old.

use crate::items::{bytes_of, number_of};
use crate::survive::Numbered;
use crate::words::Words;
use ipc_queue::{Queue, TryGetError, TryPutError};

/// The length of an item: with its record four words of the ring.
pub(crate) const LEN: usize = 20;
/// Bytes of the ring, which has 19 words then, for four items.
const BYTES: usize = 80;
const CAPACITY: usize = 4;
/// The last word of the ring.
const LAST: u32 = 18;

/// Where a queue stands when a call begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) name: &'static str,
    pub(crate) capacity: usize,
    /// How many items went through before.
    count: u32,
    /// Where in the ring the first item is.
    position: u32,
    /// How many items there are.
    pub(crate) n_items: u32,
}

const fn place(name: &'static str, position: u32, n_items: u32) -> Place {
    Place { name, capacity: CAPACITY, count: 0, position, n_items }
}

pub(crate) const EMPTY: Place = place("empty", 0, 0);
pub(crate) const TWO: Place = place("two", 0, 2);
pub(crate) const FULL: Place = place("full", 0, 4);

/// The states in which a put has room.
pub(crate) const ROOMY: [Place; 8] = [
    EMPTY,
    place("with one", 0, 1),
    place("with one place", 5, 3),
    Place { capacity: 1, ..place("of one", 0, 0) },
    place("over the end", LAST - 2, 0),
    place("up to the end", LAST - 3, 0),
    place("behind the end", LAST - 4, 1),
    // The count goes over from the largest number to zero.
    Place { count: u32::MAX, ..place("old", 3, 0) },
];

/// The states in which a get finds something.
pub(crate) const FILLED: [Place; 8] = [
    place("one", 0, 1),
    TWO,
    FULL,
    Place { capacity: 1, ..place("one of one", 0, 1) },
    place("over the end", LAST - 2, 1),
    place("up to the end", LAST - 3, 2),
    place("behind the end", LAST, 1),
    Place { count: u32::MAX, ..place("old", 3, 1) },
];

impl Place {
    /// A queue in this state, whose items are numbered from 0 on.
    pub(crate) fn make(&self) -> Queue<[u8]> {
        let queue: Queue<[u8]> =
            Queue::builder().capacity(self.capacity).byte_capacity(BYTES).create().expect("memory is left");
        Words::of(&queue, self.capacity, BYTES).begin_at(self.count, self.position);
        (0..self.n_items).for_each(|number| assert_eq!(queue.offer(number), Ok(true)));
        queue
    }

    /// The numbers of its items.
    pub(crate) fn numbers(&self) -> Vec<u32> {
        (0..self.n_items).collect()
    }
}

impl Numbered for Queue<[u8]> {
    fn offer(&self, number: u32) -> Result<bool, String> {
        match self.try_put_bytes(&bytes_of(number, LEN)) {
            Ok(()) => Ok(true),
            Err(TryPutError::Full(())) => Ok(false),
            Err(error) => Err(format!("{error:?}")),
        }
    }

    fn accept(&self) -> Result<Option<u32>, String> {
        match self.try_get_bytes() {
            Ok(bytes) => number_of(&bytes, LEN).map(Some),
            Err(TryGetError::Empty) => Ok(None),
            Err(error) => Err(format!("{error:?}")),
        }
    }

    fn capacity(&self) -> usize {
        Queue::capacity(self)
    }
}
