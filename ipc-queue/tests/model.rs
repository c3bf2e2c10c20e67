//! Random steps beside a model: a `VecDeque` and a count of bytes.

use ipc_queue::{PutError, Queue, TryGetError, TryPutError};
use ipc_testkit::Rng;
use std::collections::VecDeque;

const STEPS: usize = 100_000;

/// What an encoded byte vector takes: its length in groups of seven bits, then its bytes.
fn encoded_size(len: usize) -> usize {
    len + if len < 128 { 1 } else { 2 }
}

fn run(capacity: usize, byte_capacity: usize, largest: usize, steps: usize) {
    let mut rng = Rng::from_env();
    let queue = Queue::builder().capacity(capacity).byte_capacity(byte_capacity).create().expect("small");
    let mut model: VecDeque<Vec<u8>> = VecDeque::new();
    let mut used = 0;
    for step in 0..steps {
        // More puts than gets for a while, then more gets than puts, so that both ends are met.
        let put_odds = if step / 500 % 2 == 0 { 6 } else { 4 };
        if rng.below(10) < put_odds {
            let mut item = vec![0; rng.below(largest as u64 + 1) as usize];
            rng.fill(&mut item);
            let size = encoded_size(item.len());
            match queue.try_put(item.clone()) {
                Ok(()) => {
                    assert!(model.len() < capacity && used + size <= byte_capacity, "step {step}");
                    used += size;
                    model.push_back(item);
                }
                Err(TryPutError::Full(back)) => {
                    assert!(model.len() == capacity || used + size > byte_capacity, "step {step}");
                    assert_eq!(back, item);
                }
                Err(TryPutError::TooLarge { value, .. }) => {
                    assert!(size > byte_capacity, "step {step}");
                    assert_eq!(value, item);
                }
                Err(other) => panic!("step {step}: {other:?}"),
            }
        } else {
            match (queue.try_get(), model.pop_front()) {
                (Ok(got), Some(expected)) => {
                    assert_eq!(got, expected, "step {step}");
                    used -= encoded_size(expected.len());
                }
                (Err(TryGetError::Empty), None) => {}
                (got, expected) => panic!("step {step}: {got:?} instead of {expected:?}"),
            }
        }
        assert_eq!(queue.len(), model.len());
        assert_eq!(queue.is_full(), model.len() == capacity);
    }
    for expected in model {
        assert_eq!(queue.try_get().ok(), Some(expected));
    }
    assert!(queue.is_empty());
}

#[test]
fn odd_sizes_over_the_end_of_the_ring() {
    run(17, 509, 97, STEPS);
}

#[test]
fn bytes_are_the_limit() {
    run(1000, 331, 60, STEPS / 4);
}

#[test]
fn items_are_the_limit() {
    run(3, 1 << 16, 200, STEPS / 4);
}

#[test]
fn some_items_are_too_large() {
    run(8, 100, 140, STEPS / 4);
}

#[test]
fn one_slot_one_byte() {
    run(1, 1, 2, STEPS / 10);
}

/// An item of the size of the ring fits at every place of it.
#[test]
fn the_largest_item_fits_everywhere() {
    let queue = Queue::<Vec<u8>>::builder().capacity(4).byte_capacity(61).create().expect("a small queue");
    for len in 0..61 {
        queue.put(vec![1; len]).expect("the queue is empty");
        assert_eq!(queue.get().ok(), Some(vec![1; len]));
        queue.put((0..60).collect()).expect("the queue is empty");
        assert_eq!(queue.get().ok(), Some((0..60).collect()));
    }
    assert!(matches!(queue.put(vec![0; 61]), Err(PutError::TooLarge { .. })));
}
