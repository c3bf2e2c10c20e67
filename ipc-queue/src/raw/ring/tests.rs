//! Tests of the ring: against a model of it, over its ends, and with processes that die before any of their steps.

use super::*;
use crate::raw::EVEN_FROM;
use crate::raw::fake::{Put, Queue, processes, record};
use ipc_testkit::mortal::at_every_step;
use ipc_testkit::{Rng, isolated};
use std::collections::VecDeque;
use std::thread;

/// An empty queue whose next item has this number and stands at this position.
fn queue_at(n_units: usize, capacity: u32, count: u32, position: u32) -> Queue {
    let queue = Queue::new(n_units, capacity);
    let place = Place { count, position }.to_word();
    for word in [&queue.puts.tail, &queue.puts.head_seen, &queue.gets.head] {
        word.store(place, Relaxed);
    }
    // What earlier items have left, everywhere but at the tail.
    for (idx, unit) in queue.units.iter().enumerate() {
        unit.store(if idx == position as usize { 0 } else { u64::MAX }, Relaxed);
    }
    queue
}

/// Bytes that tell which item they are of.
fn bytes(len: usize, number: u8) -> Vec<u8> {
    (0..len).map(|i| number.wrapping_mul(31).wrapping_add(i as u8) | 1).collect()
}

/// What a queue should be: its items, and how many words they may take.
struct Expected {
    items: VecDeque<Vec<u8>>,
    n_units: u32,
    capacity: usize,
}

impl Expected {
    fn has_room(&self, len: usize) -> bool {
        let used: u32 = self.items.iter().map(|item| record(item.len()).units()).sum();
        self.items.len() < self.capacity && used + record(len).units() < self.n_units
    }

    fn agrees(&self, queue: &Queue) {
        let ring = queue.ring();
        assert_eq!(ring.len(), self.items.len());
        assert_eq!(ring.is_empty(), Ok(self.items.is_empty()));
        assert_eq!(ring.is_at_capacity(), self.items.len() == self.capacity);
        for len in LENGTHS {
            assert_eq!(ring.has_room(record(len).units()), self.has_room(len), "{len}");
        }
    }
}

const LENGTHS: [usize; 5] = [0, 1, 8, 9, 24];

/// All orders of so many puts and gets.
const DEPTH: u32 = 5;

/// Small rings, from each position, each order of puts of each length and of gets.
#[test]
fn a_ring_is_a_queue() {
    for n_units in 2..=7_u32 {
        for (capacity, position) in (1..=3).flat_map(|capacity| (0..n_units).map(move |at| (capacity, at))) {
            for order in 0..(LENGTHS.len() + 1).pow(DEPTH) {
                follow(queue_at(n_units as usize, capacity, u32::MAX - 1, position), capacity, order);
            }
        }
    }
}

/// Puts and gets as the digits of the order say.
fn follow(queue: Queue, capacity: u32, mut order: usize) {
    let [process] = processes();
    let items = VecDeque::new();
    let mut expected = Expected { items, n_units: queue.units.len() as u32, capacity: capacity as usize };
    for number in 0..DEPTH as u8 {
        match LENGTHS.get(order % (LENGTHS.len() + 1)) {
            Some(&len) => {
                let item = bytes(len, number);
                let put = queue.try_put(&process, &[&item]);
                assert_eq!(put == Put::Done, expected.has_room(len));
                if put == Put::Done {
                    expected.items.push_back(item);
                }
            }
            None => assert_eq!(queue.try_get(&process), expected.items.pop_front()),
        }
        order /= LENGTHS.len() + 1;
    }
    expected.agrees(&queue);
    let most = expected.items.len().min(2);
    assert_eq!(queue.try_get_many(2), expected.items.drain(..most).collect::<Vec<_>>());
    assert_eq!(queue.drain(&process), Vec::from(expected.items));
}

/// Long ones go over the end of the row in one copy for each part.
#[test]
fn long_items_go_over_the_end() {
    let [process] = processes();
    for len in [127, 128, 129, 500, 512] {
        for position in 0..80 {
            let queue = queue_at(80, 3, 0, position);
            for number in 0..5 {
                let item = bytes(len, number);
                assert_eq!(queue.try_put(&process, &[&item]), Put::Done);
                assert_eq!(queue.try_get(&process), Some(item));
            }
        }
    }
}

/// Those that are padded begin at an even word, wherever their records stand, and are taken as any other, by one or many.
#[test]
fn padded_items_begin_at_even_words() {
    let [process] = processes();
    let n_units = EVEN_FROM / 8 + 3;
    for position in 0..n_units as u32 {
        let queue = queue_at(n_units, 3, 0, position);
        for number in 0..4 {
            let item = bytes(EVEN_FROM, number);
            assert_eq!(queue.try_put(&process, &[&item]), Put::Done);
            assert_eq!(queue.try_put(&process, &[&item]), Put::NoRoom);
            let (mut reader, first) = queue.ring().reader().unwrap();
            let first = first.expect("it was put");
            assert_eq!(queue.ring().advanced(reader.at.position, first.head()) % 2, 0, "{position}");
            if number % 2 == 0 {
                assert_eq!(queue.try_get(&process), Some(item));
            } else {
                let mut items = Items::default();
                reader.read_many(first, 2, Record::is_inline, &mut items).expect("it is one");
                assert_eq!(items.others().collect::<Vec<_>>(), [item]);
                assert!(reader.publish());
            }
        }
    }
}

/// Words that stand before the bytes, in all ways to go over the end.
#[test]
fn words_before_the_bytes_come_out_again() {
    for position in 0..9 {
        let queue = queue_at(9, 1, 0, position);
        let record = Record::new(Kind::Outside, 16 + 11).expect("it fits");
        let mut writer = queue.ring().writer().unwrap();
        assert_eq!(writer.has_room(record), Ok(true));
        writer.write(record, &[7, 8], &bytes(11, 1));
        writer.publish();
        let (reader, first) = queue.ring().reader().unwrap();
        assert_eq!(first, Some(record));
        let (mut words, mut out) = ([0; 2], [0; 11]);
        reader.read(record, &mut words, &mut out);
        assert_eq!((words, out.to_vec()), ([7, 8], bytes(11, 1)));
    }
}

#[test]
fn counts_go_on_behind_the_largest() {
    let [process] = processes();
    let queue = queue_at(9, 4, u32::MAX - 2, 5);
    for round in 0..6_u8 {
        assert_eq!(queue.try_put(&process, &[&[round], &[round], &[round]]), Put::Done);
        assert_eq!(queue.ring().len(), 3);
        let (put, taken) = queue.ring().counts();
        assert_eq!(put.wrapping_sub(taken), 3);
        assert_eq!(queue.drain(&process), vec![vec![round]; 3]);
    }
    assert_eq!(queue.ring().counts(), (15, 15));
}

/// A putter dies before any of its steps, from any position; who mends dies before any of its own. What was put by one
/// store is there as a whole or not at all, and the queue takes as much as before.
#[test]
fn a_batch_is_put_or_not_wherever_its_putter_dies() {
    let batch: Vec<Vec<u8>> = (0..3).map(|number| bytes(6 * number, number as u8)).collect();
    let batch: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
    for (count, position) in [0, u32::MAX - 2].into_iter().flat_map(|count| (0..9).map(move |at| (count, at)))
    {
        let deaths = at_every_step(|step| {
            let mut lived = None;
            at_every_step(|mender_step| {
                let queue = queue_at(9, 5, count, position);
                let [victim, mender, next] = processes();
                assert_eq!(queue.try_put(&next, &[&[7]]), Put::Done);
                lived = victim.dies_at(step, || queue.try_put(&victim, &batch));
                let mended = mender.dies_at(mender_step, || queue.try_put(&mender, &[]));
                assert_eq!(queue.try_put(&next, &[]), Put::Done);
                let got = queue.drain(&next);
                assert_eq!(got[0], [7]);
                assert!(got.len() == 1 && lived.is_none() || got[1..] == batch);
                takes_five(&queue);
                mended.is_some()
            });
            lived.is_some()
        });
        assert!(deaths >= 8, "{deaths}");
    }
}

/// Of three items, a getter that dies before any of its steps takes at most the first.
#[test]
fn a_dead_getter_takes_one_along_at_most() {
    for (try_get, n_steps) in [(Queue::try_get as fn(&Queue, &_) -> _, 1), (Queue::try_get_locked, 3)] {
        let deaths = at_every_step(|step| {
            let queue = queue_at(13, 5, u32::MAX, 11);
            let [victim, next] = processes();
            assert_eq!(queue.try_put(&next, &[&bytes(9, 1), &bytes(8, 2), &bytes(9, 3)]), Put::Done);
            let got = victim.dies_at(step, || try_get(&queue, &victim));
            let rest = queue.drain(&next);
            let all = [bytes(9, 1), bytes(8, 2), bytes(9, 3)];
            assert!(rest == all[1..] || (got.is_none() && rest == all));
            assert!(got.as_ref().is_none_or(|item| item.as_ref() == Some(&all[0])));
            takes_five(&queue);
            got.is_some()
        });
        assert!(deaths >= n_steps, "{deaths}");
    }
}

/// An empty queue for five takes five.
fn takes_five(queue: &Queue) {
    let [process] = processes();
    assert_eq!(queue.ring().is_empty(), Ok(true));
    for number in 0..5 {
        assert_eq!(queue.try_put(&process, &[&[]]), Put::Done, "{number}");
    }
    assert_eq!(queue.try_put(&process, &[&[]]), Put::NoRoom);
    assert_eq!(queue.drain(&process).len(), 5);
}

/// Who waits for room is never left alone with a tail that lags behind: it tries, and mends.
#[test]
fn room_is_never_denied_because_of_the_dead() {
    at_every_step(|step| {
        let queue = queue_at(5, 2, 0, 3);
        let [victim, next] = processes();
        let lived = victim.dies_at(step, || queue.try_put(&victim, &[&[1], &[2]]));
        while queue.try_get(&next).is_some() {}
        assert!(queue.ring().has_room(2));
        lived.is_some()
    });
}

/// Real threads, which sleep and are woken: each item arrives once and whole, those of one putter in their order, and the end ends
/// all waits.
#[test]
fn many_threads_lose_nothing() {
    isolated(|| {
        const COUNT: u64 = 20_000;
        for (n_units, capacity) in [(4, 1), (64, 3), (7, 100)] {
            let (queue, members) = (Queue::new(n_units, capacity), processes::<4>());
            let arrived = thread::scope(|scope| {
                let putters = [0, 1].map(|idx| {
                    let (queue, by) = (&queue, &members[idx]);
                    let words = move |number| [number * 2 + idx as u64; 2];
                    scope.spawn(move || {
                        (0..COUNT).for_each(|number| {
                            assert!(queue.put(by, &words(number).map(u64::to_le_bytes).concat()))
                        })
                    })
                });
                let getters = [2, 3].map(|idx| {
                    let (queue, by) = (&queue, &members[idx]);
                    scope.spawn(move || {
                        std::iter::from_fn(|| queue.get(by)).map(number_of).collect::<Vec<_>>()
                    })
                });
                putters.into_iter().for_each(|putter| putter.join().unwrap());
                queue.close(&members[0]);
                getters.map(|getter| getter.join().unwrap())
            });
            for (getter, putter) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                assert!(arrived[getter].iter().filter(|&&number| number % 2 == putter).is_sorted());
            }
            let mut all = arrived.concat();
            all.sort();
            assert!(all.into_iter().eq(0..2 * COUNT));
        }
    });
}

/// The number in both words of an item.
fn number_of(item: Vec<u8>) -> u64 {
    let (first, second) = item.split_at(8);
    assert_eq!(first, second, "an item is torn");
    u64::from_le_bytes(first.try_into().expect("eight bytes"))
}

/// Whatever stands in the words: nothing panics, and no loop goes on for ever.
#[test]
fn any_words_are_a_ring() {
    let mut rng = Rng::seeded(7);
    for _ in 0..20_000 {
        let (n_units, capacity) = (2 + rng.below(7) as usize, 1 + rng.below(4) as u32);
        let queue = Queue::new(n_units, capacity);
        for word in queue.units.iter().chain([&queue.puts.tail, &queue.puts.head_seen, &queue.gets.head]) {
            word.store(any_word(&mut rng, n_units as u64), Relaxed);
        }
        let ring = queue.ring();
        let _ = (ring.is_empty(), ring.has_room(1), ring.is_at_capacity(), ring.counts());
        assert!(ring.len() <= capacity as usize);
        let _ = ring.mend_tail();
        let put = || {
            let mut writer = ring.writer()?;
            while writer.has_room(record(9))? {
                writer.write(record(9), &[], &[1; 9]);
            }
            writer.publish();
            Ok::<_, Corruption>(())
        };
        let get = || {
            let (mut reader, first) = ring.reader()?;
            if let Some(record) = first {
                reader.read(record, &mut [], &mut vec![0; record.len()]);
                reader.pass(record);
            }
            assert!(reader.publish());
            ring.take_short(&mut [0; crate::raw::SHORT])
        };
        for _ in 0..3 {
            let _ = (put(), get());
        }
    }
}

/// A word that is often nearly right.
fn any_word(rng: &mut Rng, n_units: u64) -> u64 {
    match rng.below(4) {
        0 => 0,
        1 => rng.below(5) << 32 | rng.below(n_units + 1),
        2 => Record::new(Kind::Inline, rng.below(60) as usize).expect("it fits").to_word(),
        _ => rng.next_u64(),
    }
}
