//! Many items at once: in their order, together, and the rest comes back.

#[path = "support/common.rs"]
mod common;
mod support;

use common::{Board, LONG, PAUSE, join};
use ipc_codec::Limits;
use ipc_queue::{GetError, PutManyError, Queue, QueueError};
use ipc_testkit::{Rng, isolated, watchdog};
use serde::{Serialize, Serializer};
use std::collections::VecDeque;
use std::thread;
use std::time::{Duration, Instant};
use support::fork_child;

fn small<T>(capacity: usize, byte_capacity: usize) -> Queue<T> {
    Queue::builder().capacity(capacity).byte_capacity(byte_capacity).create().expect("a small queue")
}

#[test]
fn all_forms_put_what_fits_and_return_the_rest() {
    let _guard = watchdog(LONG);
    let queue = small(3, 100);
    queue.put_many(vec![1, 2, 3]).expect("there is room");
    for timeout in [Duration::ZERO, PAUSE] {
        let start = Instant::now();
        match queue.put_many_timeout(vec![4, 5], timeout) {
            Err(PutManyError::NoRoom(rest)) => assert_eq!(rest, [4, 5]),
            other => panic!("{other:?}"),
        }
        assert!(start.elapsed() >= timeout);
    }
    assert_eq!(queue.get_many(2).ok(), Some(vec![1, 2]));
    assert_eq!(queue.try_put_many(vec![4, 5, 6]).unwrap_err().into_inner(), [6]);
    assert_eq!(queue.get_many(1).ok(), Some(vec![3]));
    let deadline = Instant::now() + PAUSE;
    assert_eq!(queue.put_many_deadline(vec![6, 7], deadline).unwrap_err().into_inner(), [7]);
    assert!(Instant::now() >= deadline);
    assert_eq!(queue.get_many(100).ok(), Some(vec![4, 5, 6]));
    queue.put_many(Vec::new()).expect("nothing is to be done");
    assert!(queue.is_empty());
}

/// Small numbers stand in the ring otherwise than large ones, and a batch has both.
#[test]
fn numbers_of_all_sizes_stay_in_order() {
    let _guard = watchdog(LONG);
    let mut rng = Rng::seeded(7);
    let (queue, mut wanted) = (small(40, 600), VecDeque::new());
    for _ in 0..20_000 {
        let most_bits = *rng.pick(&[7, 40, 43, 50, 64]);
        let numbers: Vec<u64> =
            (0..rng.below(12)).map(|_| rng.next_u64() >> (64 - 1 - rng.below(most_bits))).collect();
        let rest = match queue.try_put_many(numbers.clone()) {
            Ok(()) => Vec::new(),
            Err(error) => error.into_inner(),
        };
        assert!(numbers.ends_with(&rest));
        wanted.extend(&numbers[..numbers.len() - rest.len()]);
        let most = rng.below(12) as usize;
        let got = queue.try_get_many(most).expect("is open");
        let expected: Vec<u64> = wanted.drain(..most.min(wanted.len())).collect();
        assert_eq!(got, expected);
    }
}

#[test]
fn all_forms_get_what_is_there() {
    let _guard = watchdog(LONG);
    let queue = small(10, 100);
    assert_eq!(queue.try_get_many(5).ok(), Some(Vec::<u8>::new()));
    assert_eq!(queue.get_many(0).ok(), Some(Vec::new()), "it waits for none of none");
    for timeout in [Duration::ZERO, PAUSE] {
        let start = Instant::now();
        assert_eq!(queue.get_many_timeout(5, timeout).ok(), Some(Vec::new()));
        assert!(start.elapsed() >= timeout);
    }
    queue.put_many((0..10).collect()).expect("there is room");
    assert_eq!(queue.try_get_many(2).ok(), Some(vec![0, 1]));
    assert_eq!(queue.get_many_timeout(2, LONG).ok(), Some(vec![2, 3]));
    assert_eq!(queue.get_many_deadline(2, Instant::now()).ok(), Some(vec![4, 5]));
    assert_eq!(queue.get_many(usize::MAX).ok(), Some(vec![6, 7, 8, 9]));
    let deadline = Instant::now() + PAUSE;
    assert_eq!(queue.get_many_deadline(2, deadline).ok(), Some(Vec::new()));
    assert!(Instant::now() >= deadline);
    queue.put(1).expect("there is room");
    queue.close();
    assert_eq!(queue.get_many(5).ok(), Some(vec![1]));
    assert!(matches!(queue.get_many(5), Err(GetError::Closed)));
    assert!(matches!(queue.try_get_many(5), Err(GetError::Closed)));
}

/// Serializes as its number, or not at all.
#[derive(Debug, PartialEq)]
struct Picky(u8);

impl Serialize for Picky {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error;
        if self.0 == 13 { Err(S::Error::custom("not this one")) } else { serializer.serialize_u8(self.0) }
    }
}

#[test]
fn what_cannot_be_encoded_comes_back_with_all_behind_it() {
    let _guard = watchdog(LONG);
    let queue = Queue::<Picky>::bounded(10).expect("a small queue");
    let error = queue.put_many(vec![Picky(1), Picky(2), Picky(13), Picky(4)]).unwrap_err();
    match error {
        PutManyError::Failed { value, source: QueueError::Encode(source) } => {
            assert_eq!(value, [Picky(13), Picky(4)]);
            assert!(source.to_string().contains("not this one"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(queue.len(), 2);
    assert_eq!(queue.put_many(vec![Picky(13)]).unwrap_err().into_inner(), [Picky(13)]);
    assert_eq!(queue.len(), 2);
}

/// Each item is measured alone, however many go in one batch.
#[test]
fn limits_are_for_each_item() {
    let _guard = watchdog(LONG);
    let limits = Limits { max_frame: 100, ..Limits::default() };
    let queue = Queue::builder().capacity(2000).limits(limits).create().expect("a small queue");
    let mut items = vec![vec![1_u8; 90]; 1000];
    queue.put_many(items.clone()).expect("each is small enough");
    items[500] = vec![2; 101];
    match queue.put_many(items.clone()) {
        Err(PutManyError::Failed { value, source: QueueError::TooLarge { limit: 100, .. } }) => {
            assert_eq!(value, items[500..]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(queue.get_many(usize::MAX).expect("all can be decoded").len(), 1500);
}

/// Items of all kinds of places in one row: in the ring, outside, with handles of their own.
#[test]
fn large_items_keep_their_turn() {
    let _guard = watchdog(LONG);
    let queue = small(20, 64);
    let items: Vec<Vec<u8>> =
        [3, 100, 5, 6, 1000, 2000, 1, 60, 70].map(|size| vec![size as u8; size]).to_vec();
    let mut got = Vec::new();
    let mut rest = items.clone();
    while got.len() < items.len() {
        rest = queue.try_put_many(rest).err().map_or(Vec::new(), PutManyError::into_inner);
        got.extend(queue.get_many(20).expect("all can be decoded"));
    }
    assert!(rest.is_empty());
    assert_eq!(got, items);
}

#[test]
fn a_put_of_many_waits_for_room_as_often_as_it_takes() {
    let _guard = watchdog(LONG);
    let queue = small(3, 100);
    thread::scope(|scope| {
        let putter = scope.spawn(|| queue.put_many((0..1000).collect()));
        let mut next = 0;
        while next < 1000 {
            for item in queue.get_many(2).expect("the queue is open") {
                assert_eq!(item, next);
                next += 1;
            }
        }
        putter.join().expect("put_many does not panic").expect("nobody closes it");
    });
}

#[test]
fn close_ends_a_put_of_many_in_the_middle() {
    let _guard = watchdog(LONG);
    let queue = small(3, 100);
    thread::scope(|scope| {
        let putter = scope.spawn(|| queue.put_many((0..10).collect()));
        assert_eq!(queue.get().ok(), Some(0));
        while queue.len() < 3 {
            thread::yield_now();
        }
        queue.close();
        let error = putter.join().expect("put_many does not panic").unwrap_err();
        assert!(error.is_closed());
        assert_eq!(error.into_inner(), [4, 5, 6, 7, 8, 9]);
    });
    assert_eq!(queue.get_many(10).ok(), Some(vec![1, 2, 3]));
}

/// What has room for all is seen as all or nothing, by whoever counts and by whoever takes.
#[test]
fn a_group_is_seen_together() {
    isolated(|| {
        const ROUNDS: usize = 3000;
        let (queue, board) = (small(8, 400), Board::new(1));
        let putter = fork_child(|| {
            for round in 0..ROUNDS {
                queue.put_many(vec![round; 4]).expect("nobody closes it");
                board.wait_for(0, round as u64 + 1);
            }
        });
        for round in 0..ROUNDS {
            loop {
                let len = queue.len();
                assert!(len == 0 || len == 4, "round {round}: {len}");
                let items = queue.try_get_many(8).expect("numbers");
                if !items.is_empty() {
                    assert_eq!(items, vec![round; 4]);
                    break;
                }
            }
            board.add(0);
        }
        join(&putter);
    });
}

/// Everything arrives once, and the items of one producer in their order, when batches and single items go both ways.
#[test]
fn batches_of_many_processes() {
    isolated(|| {
        const PRODUCERS: usize = 3;
        const ITEMS: usize = 6000;
        let queue: Queue<(usize, usize)> = small(16, 300);
        let taken = Board::new(PRODUCERS * ITEMS);
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|producer| {
                fork_child(|| {
                    let mut next = 0;
                    while next < ITEMS {
                        let end = ITEMS.min(next + 1 + next % 37);
                        let batch: Vec<_> = (next..end).map(|number| (producer, number)).collect();
                        match end - next {
                            1 => queue.put(batch[0]).expect("it is open"),
                            _ => queue.put_many(batch).expect("it is open"),
                        }
                        next = end;
                    }
                })
            })
            .collect();
        let consumers: Vec<_> = (0..3)
            .map(|consumer| {
                fork_child(|| {
                    let mut next = [0; PRODUCERS];
                    while let Ok(items) = queue.get_many(1 + 5 * consumer) {
                        assert!(!items.is_empty());
                        for (producer, number) in items {
                            assert!(number >= next[producer], "items of one producer come in their order");
                            next[producer] = number + 1;
                            taken.add(producer * ITEMS + number);
                        }
                    }
                })
            })
            .collect();
        producers.iter().for_each(join);
        queue.close();
        consumers.iter().for_each(join);
        assert!((0..PRODUCERS * ITEMS).all(|idx| taken.get(idx) == 1));
    });
}
