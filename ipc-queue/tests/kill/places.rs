//! Queues of byte strings, with items in them, wherever in their ring, and however old.

use crate::items::{bytes_of, number_of};
use crate::survive::Numbered;
use crate::words::Words;
use ipc_queue::{Queue, TryGetError, TryPutError, WhenFull};
use serde::Serialize;

/// The length of an item: with its record four words of the ring.
pub(crate) const LEN: usize = 20;
pub(crate) const BYTES: usize = 80;
pub(crate) const CAPACITY: usize = 4;
/// The last word of the ring, which has room for the bytes, and for three words more with each item.
const LAST: u32 = (BYTES / 8 + 3 * CAPACITY) as u32;

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
pub(crate) const EMPTY_OF_ONE: Place = Place { capacity: 1, ..place("empty of one", 0, 0) };
pub(crate) const FULL_OF_ONE: Place = Place { capacity: 1, ..place("full of one", 0, 1) };

/// The states in which a put has room.
pub(crate) const ROOMY: [Place; 8] = [
    EMPTY,
    // The count goes over from the largest number to zero.
    Place { count: u32::MAX, ..place("over the end, old", LAST - 2, 0) },
    EMPTY_OF_ONE,
    place("with one", 0, 1),
    place("with one place", 5, 3),
    place("up to the end", LAST - 3, 0),
    place("at the end", LAST, 0),
    place("behind the end", LAST - 4, 1),
];

/// The states in which a get finds something.
pub(crate) const FILLED: [Place; 8] = [
    TWO,
    Place { count: u32::MAX, ..place("over the end, old", LAST - 2, 1) },
    FULL_OF_ONE,
    place("one", 0, 1),
    FULL,
    place("up to the end", LAST - 3, 2),
    place("at the end", LAST, 1),
    place("behind the end", LAST - 4, 2),
];

impl Place {
    /// A queue of bytes in this state, whose items are numbered from 0 on.
    pub(crate) fn make(&self) -> Queue<[u8]> {
        let builder = Queue::builder().capacity(self.capacity).byte_capacity(BYTES);
        self.set_up(builder.create().expect("memory is left"))
    }

    /// A queue of values in this state.
    pub(crate) fn make_of_values(&self) -> Queue<Vec<u8>> {
        let builder = Queue::builder().capacity(self.capacity).byte_capacity(BYTES);
        self.set_up(builder.create().expect("memory is left"))
    }

    /// A queue in this state that makes room by itself.
    pub(crate) fn make_dropping(&self) -> Queue<[u8]> {
        let builder = Queue::builder().capacity(self.capacity).byte_capacity(BYTES);
        self.set_up(builder.when_full(WhenFull::DropOldest).create().expect("memory is left"))
    }

    /// Brings a new queue into this state.
    pub(crate) fn set_up<Q: Numbered + Serialize>(&self, queue: Q) -> Q {
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
        was_put(self.try_put_bytes(&bytes_of(number, LEN)))
    }

    fn accept(&self) -> Result<Option<u32>, String> {
        was_taken(self.try_get_bytes(), |bytes| number_of(&bytes, LEN))
    }

    fn capacity(&self) -> usize {
        Queue::capacity(self)
    }
}

impl Numbered for Queue<Vec<u8>> {
    fn offer(&self, number: u32) -> Result<bool, String> {
        was_put(self.try_put(bytes_of(number, LEN)))
    }

    fn accept(&self) -> Result<Option<u32>, String> {
        was_taken(self.try_get(), |bytes| number_of(&bytes, LEN))
    }

    fn capacity(&self) -> usize {
        Queue::capacity(self)
    }
}

pub(crate) fn was_put<T>(result: Result<(), TryPutError<T>>) -> Result<bool, String> {
    match result {
        Ok(()) => Ok(true),
        Err(TryPutError::Full(_)) => Ok(false),
        Err(error) => Err(format!("{error:?}")),
    }
}

pub(crate) fn was_taken<T, N>(
    result: Result<T, TryGetError>,
    number_of: impl FnOnce(T) -> Result<N, String>,
) -> Result<Option<N>, String> {
    match result {
        Ok(item) => number_of(item).map(Some),
        Err(TryGetError::Empty) => Ok(None),
        Err(error) => Err(format!("{error:?}")),
    }
}
