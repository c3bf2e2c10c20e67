//! Models of the ring and of both locks: what puts and gets make of it together.

use crate::raw::Wishes;
use crate::raw::fake::{Process, Put, Queue, processes};
use ipc_testkit::model::{explore, explore_deaths, explore_less, noting_looks};
use loom::sync::Arc;
use loom::thread;

/// An item of two words, which agree unless it is torn.
fn item(number: u8) -> [u8; 16] {
    [number; 16]
}

/// The numbers of whole items.
fn numbers(items: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let number = |bytes: Vec<u8>| {
        assert_eq!(bytes, item(bytes[0]), "an item is torn");
        bytes[0]
    };
    items.into_iter().map(number).collect()
}

/// Room for two items of two words, and no more.
fn room_for_two() -> Arc<Queue> {
    Arc::new(Queue::new(7, 2))
}

fn putter(queue: &Arc<Queue>, by: &Process, items: &'static [u8]) -> thread::JoinHandle<()> {
    let (queue, by) = (queue.clone(), by.clone());
    thread::spawn(move || items.iter().for_each(|&number| assert!(queue.put(&by, &item(number)))))
}

fn getter(queue: &Arc<Queue>, by: &Process, count: usize) -> thread::JoinHandle<Vec<u8>> {
    let (queue, by) = (queue.clone(), by.clone());
    thread::spawn(move || numbers((0..count).map(|_| queue.get(&by).expect("is open"))))
}

/// Over the end of the row, with room for one and a half.
#[test]
fn what_is_put_arrives_whole_and_in_order() {
    explore(|| {
        let queue = Arc::new(Queue::new(5, 1));
        let [a, b] = processes();
        let putter = putter(&queue, &a, &[1, 2]);
        assert_eq!(numbers((0..2).map(|_| queue.get(&b).expect("is open"))), [1, 2]);
        putter.join().unwrap();
    });
}

/// As above, where the words are the limit and not the items.
#[test]
fn who_waits_for_words_is_woken() {
    explore(|| {
        let queue = Arc::new(Queue::new(4, 9));
        let [a, b] = processes();
        let putter = putter(&queue, &a, &[1, 2]);
        assert_eq!(numbers((0..2).map(|_| queue.get(&b).expect("is open"))), [1, 2]);
        putter.join().unwrap();
    });
}

#[test]
fn many_are_there_at_once() {
    noting_looks(|| {
        explore(|| {
            let queue = room_for_two();
            let [a, b] = processes();
            let putter = {
                let queue = queue.clone();
                thread::spawn(move || assert_eq!(queue.try_put(&a, &[&item(1), &item(2)]), Put::Done))
            };
            let first = queue.get(&b);
            let second = queue.try_get(&b);
            assert_eq!(numbers([first, second].map(|item| item.expect("is there"))), [1, 2]);
            putter.join().unwrap();
        })
    });
}

#[test]
fn two_putters_lose_nothing() {
    explore_less(|| {
        let queue = Arc::new(Queue::new(4, 1));
        let [a, b, c] = processes();
        let putters = [putter(&queue, &a, &[1]), putter(&queue, &b, &[2])];
        let mut got = numbers((0..2).map(|_| queue.get(&c).expect("is open")));
        got.sort();
        assert_eq!(got, [1, 2]);
        putters.into_iter().for_each(|putter| putter.join().unwrap());
    });
}

#[test]
fn two_getters_share_what_is_put() {
    explore_less(|| {
        let queue = room_for_two();
        let [a, b, c] = processes();
        let getters = [getter(&queue, &b, 1), getter(&queue, &c, 1)];
        assert!(queue.put(&a, &item(1)) && queue.put(&a, &item(2)));
        let mut got = getters.map(|getter| getter.join().unwrap()).concat();
        got.sort();
        assert_eq!(got, [1, 2]);
    });
}

/// One takes under the lock and one without, while what they have taken is written over.
#[test]
fn one_with_the_lock_and_one_without_share_what_is_put() {
    noting_looks(|| {
        explore_less(|| {
            let queue = room_for_two();
            let [a, b, c] = processes();
            assert_eq!(queue.try_put(&a, &[&item(1), &item(2)]), Put::Done);
            let other = {
                let queue = queue.clone();
                thread::spawn(move || numbers(queue.try_get_locked(&b)))
            };
            let putter = {
                let queue = queue.clone();
                thread::spawn(move || queue.try_put(&a, &[&item(3)]))
            };
            let mine = numbers(queue.try_get(&c));
            let theirs = other.join().unwrap();
            let mut got = [mine.clone(), theirs].concat();
            assert!(!mine.is_empty());
            let put = putter.join().unwrap();
            got.extend(numbers(queue.drain(&c)));
            got.sort();
            assert_eq!(got, if put == Put::Done { vec![1, 2, 3] } else { vec![1, 2] });
        })
    });
}

/// Two take several at once, tiny ones and others, while what they have taken is written over.
#[test]
fn two_who_take_many_share_what_is_put() {
    noting_looks(|| {
        explore_less(|| {
            let queue = Arc::new(Queue::new(6, 4));
            let [a] = processes();
            assert_eq!(queue.try_put(&a, &[&[1], &[2], &item(3)]), Put::Done);
            let other = {
                let queue = queue.clone();
                thread::spawn(move || queue.try_get_many(2))
            };
            let putter = {
                let queue = queue.clone();
                thread::spawn(move || queue.try_put(&a, &[&[4]]))
            };
            let mine = queue.try_get_many(3);
            let theirs = other.join().unwrap();
            let put = putter.join().unwrap();
            let mut got = [mine, theirs, queue.try_get_many(9)].concat();
            got.sort();
            let all: [&[u8]; 4] = [&[1], &[2], &item(3), &[4]];
            assert_eq!(got, all[..if put == Put::Done { 4 } else { 3 }]);
        })
    });
}

#[test]
fn two_that_are_put_at_once_wake_two() {
    explore(|| {
        let queue = room_for_two();
        let [a, b, c] = processes();
        let getters = [getter(&queue, &b, 1), getter(&queue, &c, 1)];
        assert_eq!(queue.try_put(&a, &[&item(1), &item(2)]), Put::Done);
        let mut got = getters.map(|getter| getter.join().unwrap()).concat();
        got.sort();
        assert_eq!(got, [1, 2]);
    });
}

/// Two wait for room, and one makes it twice.
#[test]
fn each_get_wakes_one_more() {
    explore_less(|| {
        let queue = Arc::new(Queue::new(4, 1));
        let [a, b, c] = processes();
        assert!(queue.put(&c, &[1]));
        let putters = [a, b].map(|by| {
            let queue = queue.clone();
            thread::spawn(move || assert!(queue.put(&by, &[2])))
        });
        assert_eq!(queue.get(&c), Some(vec![1]));
        assert_eq!(queue.get(&c), Some(vec![2]));
        putters.into_iter().for_each(|putter| putter.join().unwrap());
        assert_eq!(queue.get(&c), Some(vec![2]));
    });
}

/// There is always one item at least, and all bytes are zero, as the word at the tail is.
#[test]
fn who_looks_never_finds_a_full_queue_empty() {
    noting_looks(|| {
        explore(|| {
            let queue = Arc::new(Queue::new(5, 2));
            let [a] = processes();
            assert!(queue.put(&a, &[0; 8]));
            let mover = {
                let queue = queue.clone();
                thread::spawn(move || {
                    for _ in 0..2 {
                        assert!(queue.put(&a, &[0; 8]));
                        assert!(queue.try_get(&a).is_some());
                    }
                })
            };
            assert_eq!(queue.ring().is_empty(), Ok(false));
            mover.join().unwrap();
        })
    });
}

#[test]
fn a_close_wakes_who_gets_and_takes_nothing_away() {
    explore(|| {
        let queue = room_for_two();
        let [a, b, c] = processes();
        let putter = {
            let (queue, a) = (queue.clone(), a.clone());
            thread::spawn(move || queue.put(&a, &item(1)))
        };
        let closer = {
            let queue = queue.clone();
            thread::spawn(move || queue.close(&b))
        };
        let got = numbers(std::iter::from_fn(|| queue.get(&c)));
        let was_put = putter.join().unwrap();
        closer.join().unwrap();
        assert_eq!(got.len(), usize::from(was_put));
        assert!(!queue.put(&a, &item(2)));
    });
}

#[test]
fn a_close_wakes_who_waits_for_room() {
    explore(|| {
        let queue = Arc::new(Queue::new(4, 1));
        let [a, b] = processes();
        assert!(queue.put(&a, &item(1)));
        let putter = {
            let (queue, a) = (queue.clone(), a.clone());
            thread::spawn(move || queue.put(&a, &item(2)))
        };
        queue.close(&b);
        assert!(!putter.join().unwrap());
        assert_eq!(numbers(queue.get(&b)), [1]);
        assert_eq!(queue.get(&b), None);
    });
}

/// A get between a look and a change that is none.
#[test]
fn an_attempt_that_comes_to_nothing_takes_no_wish_along() {
    explore(|| {
        let queue = Arc::new(Queue::new(8, 2));
        let [a, b, c] = processes();
        let getter = getter(&queue, &c, 1);
        let failing = {
            let queue = queue.clone();
            // Three have no room, whatever is there.
            thread::spawn(move || assert_eq!(queue.try_put(&b, &[&[1], &[2], &[3]]), Put::NoRoom))
        };
        assert!(queue.put(&a, &item(1)));
        assert_eq!(getter.join().unwrap(), [1]);
        failing.join().unwrap();
    });
}

/// Two items by one who is killed at any step, one by another: all are whole, the two are there both or not at all.
#[test]
fn a_killed_putter_has_put_or_not() {
    explore_deaths(|step| {
        let queue = Arc::new(Queue::new(10, 3));
        let [victim, next, last] = processes();
        let dying = {
            let queue = queue.clone();
            thread::spawn(move || {
                let put = || assert_eq!(queue.try_put(&victim, &[&item(1), &item(2)]), Put::Done);
                victim.mortal(step, put).is_none()
            })
        };
        assert!(queue.put(&next, &item(3)));
        let killed = dying.join().unwrap();
        let got = numbers(queue.drain(&last));
        let expected: &[&[u8]] =
            if killed { &[&[3], &[1, 2, 3], &[3, 1, 2]] } else { &[&[1, 2, 3], &[3, 1, 2]] };
        assert!(expected.contains(&got.as_slice()), "{got:?}");
        is_as_new(&queue, &next, 3);
        killed
    });
}

/// A getter that sleeps gets what a putter puts who comes after one that was killed at any step.
#[test]
fn who_sleeps_gets_what_is_put_after_a_death() {
    explore_deaths(|step| {
        let queue = room_for_two();
        let [victim, next, last] = processes();
        let getter = getter(&queue, &last, 1);
        let killed = victim.mortal(step, || queue.put(&victim, &item(1))).is_none();
        assert!(queue.put(&next, &item(2)));
        let got = getter.join().unwrap();
        assert!(got == [1] || (killed && got == [2]), "{got:?}");
        killed
    });
}

/// Of two items, one that is killed at any step takes at most the first.
#[test]
fn a_killed_getter_takes_one_along_at_most() {
    noting_looks(|| {
        explore_deaths(|step| {
            let queue = room_for_two();
            let [victim, putter, next] = processes();
            assert_eq!(queue.try_put(&putter, &[&item(1), &item(2)]), Put::Done);
            let dying = {
                let queue = queue.clone();
                thread::spawn(move || victim.mortal(step, || queue.try_get(&victim)).is_none())
            };
            let is_third = queue.try_put(&putter, &[&item(3)]) == Put::Done;
            let killed = dying.join().unwrap();
            let got = numbers(queue.drain(&next));
            let expected: &[&[u8]] = if is_third { &[&[2, 3]] } else { &[&[2], &[1, 2]] };
            assert!(expected.contains(&got.as_slice()) && (killed || got[0] == 2), "{got:?}");
            is_as_new(&queue, &next, 2);
            killed
        })
    });
}

/// A putter was killed at some step, and who takes over is killed at any other; somebody else gets meanwhile.
#[test]
fn a_killed_mender_leaves_what_it_found() {
    for first in 0..9 {
        explore_deaths(move |step| {
            let queue = Arc::new(Queue::new(7, 2));
            let [dead, mender, next] = processes();
            let _ = dead.dies_at(first, || queue.try_put(&dead, &[&item(1)]));
            let mending = {
                let queue = queue.clone();
                thread::spawn(move || mender.mortal(step, || queue.try_put(&mender, &[&item(2)])).is_none())
            };
            let early = numbers(queue.try_get(&next));
            let killed = mending.join().unwrap();
            assert_eq!(queue.try_put(&next, &[]), Put::Done);
            let late = numbers(queue.drain(&next));
            let got = [early, late].concat();
            let expected: &[&[u8]] = if killed { &[&[], &[1], &[2], &[1, 2]] } else { &[&[2], &[1, 2]] };
            assert!(expected.contains(&got.as_slice()), "{got:?}");
            is_as_new(&queue, &next, 2);
            killed
        });
    }
}

/// Who polls leaves a wish and looks; the item that comes is seen or told, also beside one who puts nothing.
#[test]
fn who_polls_sees_the_item_or_is_told() {
    noting_looks(|| {
        explore(|| {
            let queue = room_for_two();
            let [a, b] = processes();
            let told = Arc::new(loom::sync::atomic::AtomicBool::new(false));
            let others = [(a, true), (b, false)].map(|(by, has_item)| {
                let (queue, told) = (queue.clone(), told.clone());
                thread::spawn(move || {
                    let ring = queue.ring();
                    let taken = ring.puts().lock.lock(&by, || ipc_sys::clock::Deadline::NEVER).unwrap();
                    if has_item {
                        let mut writer = ring.writer().unwrap();
                        let record = crate::raw::fake::record(1);
                        assert_eq!(writer.has_room(record), Ok(true));
                        writer.write(record, &[], &[1]);
                        writer.publish();
                    }
                    if ring.puts().lock.release(taken.changes(u32::from(has_item))).is_polled() {
                        told.store(true, std::sync::atomic::Ordering::Relaxed);
                    }
                })
            });
            queue.puts.lock.wish(Wishes::POLLED);
            let has_seen = queue.ring().is_empty() == Ok(false);
            others.into_iter().for_each(|other| other.join().unwrap());
            assert!(has_seen || told.load(std::sync::atomic::Ordering::Relaxed));
        })
    });
}

/// The queue is empty and takes as much as ever.
fn is_as_new(queue: &Queue, by: &Process, capacity: u8) {
    assert_eq!(queue.ring().is_empty(), Ok(true));
    assert_eq!(queue.ring().len(), 0);
    for number in 0..capacity {
        assert_eq!(queue.try_put(by, &[&item(number)]), Put::Done);
    }
    assert_eq!(queue.try_put(by, &[&item(capacity)]), Put::NoRoom);
    assert_eq!(numbers(queue.drain(by)), (0..capacity).collect::<Vec<_>>());
}
