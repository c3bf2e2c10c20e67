//! A process that has the queue and writes whatever it likes into its memory and sockets, while another one calls everything:
//! what comes of it are errors, or items that the first has made up. No panic, no signal, no call that does not end.
//!
//! `IPC_QUEUE_LONG=1` has each of them go on for a minute.

#[path = "support/attack.rs"]
mod attack;
#[path = "support/common.rs"]
mod common;
#[path = "support/ground.rs"]
mod ground;
#[path = "support/reach.rs"]
mod reach;
mod support;

use attack::{TIMEOUT, Watch, attacked, fed_sockets, lying_locks, random_words, telling_words};
use ground::{END, GETS_AT, HEAD_SEEN, PUTS_AT};
use ipc_codec::{Limits, encode};
use ipc_queue::{JoinableQueue, Queue};
use ipc_sys::clock::Deadline;
use ipc_sys::readiness::{Interest, wait_one};
use ipc_testkit::{Rng, isolated_within};
use reach::{BUFFER, BYTES, CAPACITY, MOST, N_UNITS, Queues, Reach};
use std::time::{Duration, Instant};

/// Of each attack, in the short form.
const SHORT: Duration = Duration::from_millis(1500);

fn use_bytes(queue: &Queue<[u8]>, watch: &Watch<'_>) {
    let _ = watch.time("try_put_bytes", || queue.try_put_bytes(&[1; 20]).is_ok());
    let _ = watch.time("a large put", || queue.put_bytes_timeout(&[2; 300], TIMEOUT).is_ok());
    let _ = watch.time("put_bytes_timeout", || queue.put_bytes_timeout(&[3; BYTES], TIMEOUT).is_ok());
    let loan = watch.time("loan_timeout", || queue.loan_timeout(BUFFER, TIMEOUT));
    if let Ok(mut loan) = loan {
        loan.fill(7);
        let _ = watch.time("Loan::put_timeout", || loan.put_timeout(TIMEOUT).is_ok());
    }
    if let Ok(taken) = watch.time("take_timeout", || queue.take_timeout(TIMEOUT)) {
        assert!(taken.len() <= MOST);
        let _ = taken.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    }
    for _ in 0..3 {
        if let Ok(bytes) = watch.time("try_get_bytes", || queue.try_get_bytes()) {
            assert!(bytes.len() <= MOST);
        }
    }
    let _ = watch.time("get_bytes_timeout", || queue.get_bytes_timeout(TIMEOUT).is_ok());
    let _ = watch.time("try_take", || queue.try_take().is_ok());
    use_numbers(queue, watch);
}

fn use_items(queue: &Queue<Vec<u8>>, watch: &Watch<'_>) {
    let _ = watch.time("try_put", || queue.try_put(vec![1; 20]).is_ok());
    let _ = watch.time("a large put", || queue.put_timeout(vec![2; 400], TIMEOUT).is_ok());
    let many = vec![vec![3; 30]; 2 * CAPACITY];
    let _ = watch.time("put_many_timeout", || queue.put_many_timeout(many, TIMEOUT).is_ok());
    let _ = watch.time("put_timeout", || queue.put_timeout(vec![4; BYTES - 2], TIMEOUT).is_ok());
    let check =
        |items: Vec<Vec<u8>>| assert!(items.len() <= N_UNITS && items.iter().all(|i| i.len() <= MOST));
    let _ = watch.time("try_get", || queue.try_get().map(|item| check(vec![item])));
    let _ = watch.time("get_many_timeout", || queue.get_many_timeout(3, TIMEOUT).map(check));
    let _ = watch.time("get_timeout", || queue.get_timeout(TIMEOUT).map(|item| check(vec![item])));
    let _ = watch.time("try_get_many", || queue.try_get_many(usize::MAX).map(check));
    let _ = watch.time("try_iter", || queue.try_iter().take(3).count());
    use_numbers(queue, watch);
}

fn use_numbers<T: ?Sized>(queue: &Queue<T>, watch: &Watch<'_>) {
    assert!(watch.time("len", || queue.len()) <= CAPACITY);
    let _ = watch.time("others", || {
        (queue.is_empty(), queue.is_full(), queue.is_closed(), format!("{queue:?}"), queue.clone().capacity())
    });
    if let Ok(handle) = watch.time("pollable", || queue.pollable()) {
        let _ = watch.time("poll", || wait_one(handle, Interest::Read, Deadline::after(TIMEOUT)));
    }
}

/// One round of calls of everything.
fn use_all(queues: &Queues, reach: &[Reach], watch: &Watch<'_>, calm: &Watch<'_>) {
    use_bytes(&queues.bytes, watch);
    use_items(&queues.tasks, watch);
    use_items(&queues.latest, watch);
    let _ = watch.time("task_done", || queues.tasks.task_done().is_ok());
    let _ = watch.time("join_timeout", || queues.tasks.join_timeout(TIMEOUT).is_ok());
    // One that is opened now, with whatever stands there.
    if let Some(there) = watch.time("decode", || reach[1].decode::<JoinableQueue<Vec<u8>>>()) {
        use_items(&there, watch);
        let _ = watch.time("encode", || encode(&there, &Limits::default()).is_ok());
    }
    // Neighbours notice nothing.
    for number in 0..CAPACITY as u64 {
        calm.time("put", || queues.untouched.put_timeout(number, common::LONG)).expect("it is not full");
        assert_eq!(calm.time("get", || queues.untouched.try_get()).ok(), Some(number));
    }
    calm.time("sleep", || queues.untouched.get_timeout(TIMEOUT)).expect_err("it is empty");
}

/// Has all queues called while one of them at a time is attacked.
fn run(attack: fn(&Reach, &mut Rng)) {
    let queues = Queues::new();
    let reach = queues.reach();
    attacked(SHORT, |rng| attack(rng.pick(&reach), rng), |watch, calm| use_all(&queues, &reach, watch, calm));
}

#[test]
fn random_words_everywhere() {
    isolated_within(Duration::from_secs(240), || run(|reach, rng| random_words(reach, rng)));
}

#[test]
fn telling_words_in_every_field() {
    isolated_within(Duration::from_secs(240), || run(|reach, rng| telling_words(reach, rng)));
}

#[test]
fn locks_that_lie() {
    isolated_within(Duration::from_secs(240), || run(|reach, rng| lying_locks(reach, rng)));
}

#[test]
fn sockets_that_are_fed() {
    isolated_within(Duration::from_secs(240), || run(|reach, rng| fed_sockets(reach, rng)));
}

/// The record at the head says one length and then another, and the words behind it too, as fast as it goes.
#[test]
fn lengths_that_change_while_they_are_read() {
    isolated_within(Duration::from_secs(240), || {
        run(|reach, rng| {
            if rng.one_in(10) {
                reach.restore();
            }
            let places = [0, 1, 2, 3].map(|idx| reach.head(idx));
            let kind = rng.below(4) << 1;
            let (short, long) = (1 | kind | 16 << 8, 1 | kind | rng.below(600) << 8);
            for round in 0..300_u64 {
                reach.store(places[0], if round & 1 == 0 { short } else { long });
                places[1..].iter().for_each(|&place| reach.store(place, rng.below(4) * 100));
            }
        });
    });
}

/// A ring that has no end, one that is full and empty at once, and one that is said to have room.
#[test]
fn ends_that_do_not_fit() {
    isolated_within(Duration::from_secs(240), || {
        run(|reach, rng| {
            reach.restore();
            let end = Instant::now() + Duration::from_millis(rng.below(20));
            let everywhere = *rng.pick(&[0, 1, 1, 1 | 8 << 8, 1 | 80 << 8, 1 | 2 << 1 | 16 << 8]);
            let (head, tail) = (rng.below(4) << 32 | rng.below(57), rng.below(12) << 32 | rng.below(57));
            while Instant::now() < end {
                (0..N_UNITS).for_each(|idx| reach.store(reach.ring + 8 * idx, everywhere));
                reach.store(reach.start + GETS_AT + END, head);
                reach.store(reach.start + PUTS_AT + END, tail);
                reach.store(reach.start + PUTS_AT + HEAD_SEEN, head);
                std::thread::yield_now();
            }
        });
    });
}
