//! Random steps beside a model: a `VecDeque`, what must have room, and what must not.

use ipc_codec::Limits;
use ipc_queue::{PutManyError, Queue, QueueError, TryGetError, TryPutError, WhenFull};
use ipc_testkit::{Rng, watchdog};
use std::collections::VecDeque;
use std::time::Duration;

const STEPS: usize = 100_000;
const LONG: Duration = Duration::from_secs(60);
/// The largest encoded item.
const MOST: usize = 4000;

/// What an encoded byte vector takes: its length in groups of seven bits, then its bytes.
fn encoded_size(item: &[u8]) -> usize {
    item.len() + if item.len() < 128 { 1 } else { 2 }
}

/// Bytes that an item takes in the ring, the word in front of it included, and without the one that may pad a long item.
fn ring_size(item: &[u8], byte_capacity: usize) -> usize {
    let size = encoded_size(item);
    let behind = match size {
        // What is larger than the ring lies outside, and leaves two words.
        _ if size > byte_capacity => 16,
        // What is tiny is in the word itself.
        ..=6 => 0,
        _ => size.next_multiple_of(8),
    };
    8 + behind
}

struct Model {
    queue: Queue<Vec<u8>>,
    items: VecDeque<Vec<u8>>,
    capacity: usize,
    byte_capacity: usize,
    when_full: WhenFull,
    rng: Rng,
    largest: usize,
}

impl Model {
    fn new(capacity: usize, byte_capacity: usize, largest: usize, when_full: WhenFull) -> Model {
        let builder = Queue::builder().capacity(capacity).byte_capacity(byte_capacity).when_full(when_full);
        let queue =
            builder.limits(Limits { max_frame: MOST, ..Limits::default() }).create().expect("a small queue");
        let rng = Rng::from_env();
        Model { queue, items: VecDeque::new(), capacity, byte_capacity, when_full, rng, largest }
    }

    fn run(mut self, steps: usize) {
        let _guard = watchdog(LONG);
        for step in 0..steps {
            // More puts than gets for a while, then more gets than puts, so that both ends are met.
            let put_odds = if step / 500 % 2 == 0 { 6 } else { 4 };
            match (self.rng.below(10) < put_odds, self.rng.one_in(8)) {
                (true, false) => self.put(),
                (true, true) => self.put_many(),
                (false, false) => self.get(),
                (false, true) => self.get_many(),
            }
            assert_eq!(self.queue.len(), self.items.len(), "step {step}");
            assert_eq!(self.queue.is_empty(), self.items.is_empty());
            assert_eq!(self.queue.is_full(), self.items.len() == self.capacity);
        }
        for expected in self.items {
            assert_eq!(self.queue.try_get().ok(), Some(expected));
        }
        assert!(self.queue.is_empty());
    }

    fn random_item(&mut self) -> Vec<u8> {
        let mut item = vec![0; self.rng.below(self.largest as u64 + 1) as usize];
        self.rng.fill(&mut item);
        item
    }

    /// Whether the capacities promise room for one more.
    fn must_fit(&self, item: &[u8]) -> bool {
        let in_ring = |item: &[u8]| {
            if encoded_size(item) > self.byte_capacity { 0 } else { encoded_size(item) }
        };
        let used: usize = self.items.iter().map(|item| in_ring(item)).sum();
        self.items.len() < self.capacity && used + in_ring(item) <= self.byte_capacity
    }

    /// Whether there can be room for one more in so many bytes of memory.
    fn may_fit(&self, item: &[u8]) -> bool {
        let used: usize = self.items.iter().map(|item| ring_size(item, self.byte_capacity)).sum();
        let total =
            self.byte_capacity.next_multiple_of(8) + 24 * self.capacity + self.byte_capacity / 1016 * 8;
        self.items.len() < self.capacity && used + ring_size(item, self.byte_capacity) <= total
    }

    /// The queue has taken an item, and dropped old ones for it if that is its way.
    fn has_taken(&mut self, item: Vec<u8>) {
        while !self.may_fit(&item) {
            assert_eq!(self.when_full, WhenFull::DropOldest);
            self.items.pop_front().expect("there is something to drop");
        }
        self.items.push_back(item);
    }

    fn put(&mut self) {
        let item = self.random_item();
        match self.queue.try_put(item.clone()) {
            Ok(()) => self.has_taken(item),
            Err(TryPutError::Full(back)) => {
                assert!(self.when_full != WhenFull::DropOldest && !self.must_fit(&item));
                assert_eq!(back, item);
            }
            Err(TryPutError::Failed { value, source: QueueError::TooLarge { limit: MOST, .. } }) => {
                assert!(encoded_size(&item) > MOST);
                assert_eq!(value, item);
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    fn put_many(&mut self) {
        let items: Vec<_> = (0..self.rng.below(10)).map(|_| self.random_item()).collect();
        let rest = match self.queue.try_put_many(items.clone()) {
            Ok(()) => Vec::new(),
            Err(PutManyError::NoRoom(rest)) => rest,
            Err(PutManyError::Failed { value, source: QueueError::TooLarge { limit: MOST, .. } }) => {
                assert!(encoded_size(&value[0]) > MOST);
                value
            }
            Err(other) => panic!("{other:?}"),
        };
        let n_put = items.len() - rest.len();
        assert_eq!(rest, items[n_put..]);
        items[..n_put].iter().for_each(|item| self.has_taken(item.clone()));
        if let Some(first) = rest.first().filter(|first| encoded_size(first) <= MOST) {
            assert!(self.when_full != WhenFull::DropOldest && !self.must_fit(first));
        }
    }

    fn get(&mut self) {
        match (self.queue.try_get(), self.items.pop_front()) {
            (Ok(got), Some(expected)) => assert_eq!(got, expected),
            (Err(TryGetError::Empty), None) => {}
            (got, expected) => {
                panic!("{:?} instead of {:?}", got.map(|item| item.len()), expected.map(|item| item.len()))
            }
        }
    }

    fn get_many(&mut self) {
        let most = self.rng.below(10) as usize;
        let got = self.queue.try_get_many(most).expect("all can be decoded");
        assert!(got.len() <= most);
        assert!(!got.is_empty() || most == 0 || self.items.is_empty());
        for item in got {
            assert_eq!(Some(item), self.items.pop_front());
        }
    }
}

#[test]
fn odd_sizes_over_the_end_of_the_ring() {
    Model::new(17, 509, 97, WhenFull::Block).run(STEPS);
}

#[test]
fn bytes_are_the_limit() {
    Model::new(100, 331, 90, WhenFull::Block).run(STEPS / 4);
}

#[test]
fn items_are_the_limit() {
    Model::new(3, 1 << 16, 200, WhenFull::Block).run(STEPS / 4);
}

#[test]
fn some_items_are_larger_than_the_ring() {
    Model::new(8, 100, 140, WhenFull::Block).run(STEPS / 4);
}

#[test]
fn some_items_are_larger_than_any_may_be() {
    Model::new(5, 8000, MOST + 500, WhenFull::Block).run(STEPS / 10);
}

#[test]
fn one_slot_one_byte() {
    Model::new(1, 1, 2, WhenFull::Block).run(STEPS / 10);
}

#[test]
fn full_is_an_error() {
    Model::new(7, 200, 120, WhenFull::Fail).run(STEPS / 4);
}

#[test]
fn the_oldest_go() {
    Model::new(7, 200, 120, WhenFull::DropOldest).run(STEPS / 4);
    Model::new(6, 200, 300, WhenFull::DropOldest).run(STEPS / 10);
}

/// An item of the size of the ring fits at every place of it.
#[test]
fn the_largest_item_fits_everywhere() {
    let queue = Queue::<Vec<u8>>::builder().capacity(1).byte_capacity(61).create().expect("a small queue");
    for len in 0..61 {
        queue.try_put(vec![1; len]).expect("the queue is empty");
        assert_eq!(queue.try_get().ok(), Some(vec![1; len]));
        queue.try_put((0..60).collect()).expect("the queue is empty");
        assert_eq!(queue.try_get().ok(), Some((0..60).collect()));
    }
}

/// More items than a count of 16 bits, in batches of all sizes, and every one comes once.
#[test]
fn a_long_row_in_batches() {
    let _guard = watchdog(LONG);
    let queue = Queue::builder().capacity(300).byte_capacity(2000).create().expect("a small queue");
    let (mut next_put, mut next_got) = (0_u64, 0_u64);
    let mut rng = Rng::from_env();
    while next_got < 200_000 {
        let batch: Vec<u64> = (next_put..next_put + rng.below(400)).collect();
        let n_items = batch.len();
        let rest = queue.try_put_many(batch).err().map_or(0, |error| error.into_inner().len());
        next_put += (n_items - rest) as u64;
        for item in queue.try_get_many(rng.below(400) as usize).expect("numbers") {
            assert_eq!(item, next_got);
            next_got += 1;
        }
    }
}
