//! Large items, how much memory there is at most, and how long calls take at least.
//!
//! # Safety
//!
//! Asks for signals, whose handler counts. The bodies of `ipc_testkit::isolated` have one thread.
#![allow(unsafe_code)]

#[path = "support/common.rs"]
mod common;
mod support;

use common::{Board, LONG, PAUSE, join, long_or};
use ipc_codec::Limits;
use ipc_queue::{
    CreateError, GetTimeoutError, LoanError, PutError, PutManyError, PutTimeoutError, Queue, QueueError,
    TryPutError,
};
use ipc_testkit::leaks::Snapshot;
use ipc_testkit::proc::rss_kib;
use ipc_testkit::{isolated, isolated_within, watchdog};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::sleep;
use std::time::{Duration, Instant};
use support::fork_child;

fn small<T: ?Sized>(capacity: usize, byte_capacity: usize) -> Queue<T> {
    Queue::builder().capacity(capacity).byte_capacity(byte_capacity).create().expect("a small queue")
}

#[test]
fn sizes_around_that_of_the_ring() {
    let _guard = watchdog(LONG);
    let queue = small(3, 1000);
    for size in (0..60).chain(980..1100).chain([4095, 4096, 4097, 1 << 20]) {
        let item: Vec<u8> = (0..size).map(|idx| (idx * 3 + size) as u8).collect();
        queue.put(item.clone()).expect("there is room");
        assert_eq!(queue.get().ok(), Some(item));
    }
}

#[test]
fn too_large_is_an_error_at_once_with_the_item() {
    let _guard = watchdog(LONG);
    let limits = Limits { max_frame: 1000, ..Limits::default() };
    let queue =
        Queue::builder().capacity(4).byte_capacity(100).limits(limits).create().expect("a small queue");
    // A vector of 998 bytes is encoded in 1000.
    queue.put(vec![1_u8; 998]).expect("the largest item that may be");
    for size in [999, 1000, 1 << 20] {
        match queue.put(vec![1; size]).unwrap_err() {
            PutError::Failed { value, source: QueueError::TooLarge { size: needed, limit: 1000 } } => {
                assert_eq!(value.len(), size);
                assert!(needed > 1000);
            }
            other => panic!("{other:?}"),
        }
        let error = queue.try_put(vec![1; size]).unwrap_err();
        assert!(matches!(error, TryPutError::Failed { source: QueueError::TooLarge { .. }, .. }));
        let error = queue.put_timeout(vec![1; size], LONG).unwrap_err();
        assert!(matches!(error, PutTimeoutError::Failed { source: QueueError::TooLarge { .. }, .. }));
        let error = queue.put_many(vec![vec![1; size]]).unwrap_err();
        assert!(matches!(error, PutManyError::Failed { source: QueueError::TooLarge { .. }, .. }));
    }
    assert_eq!(queue.get().ok(), Some(vec![1; 998]));
    assert!(queue.is_empty());
}

/// The default limit is 64 MiB: as many bytes go through, and one more does not.
#[test]
fn the_default_limit() {
    let _guard = watchdog(LONG);
    let most = Limits::default().max_frame;
    assert_eq!(most, 64 << 20);
    let queue: Queue<[u8]> = small(2, 100);
    let mut bytes = vec![7; most + 1];
    assert!(matches!(queue.put_bytes(&bytes), Err(PutError::Failed { .. })));
    bytes.pop();
    queue.put_bytes(&bytes).expect("exactly as many as may be");
    assert!(queue.get_bytes().ok() == Some(bytes));
}

#[test]
fn a_queue_that_cannot_be() {
    let _guard = watchdog(LONG);
    let create = |capacity, bytes| Queue::<u8>::builder().capacity(capacity).byte_capacity(bytes).create();
    for (capacity, bytes) in [(1 << 29, 1 << 40), ((1 << 29) + 1, 1), (1, (16 << 30) + 1), (0, 0)] {
        let error = create(capacity, bytes).unwrap_err();
        assert!(matches!(error, CreateError::Capacity { .. }), "{capacity}, {bytes}: {error:?}");
    }
}

/// Whoever puts while nobody takes waits, with the one item that it has in hand: its memory does not grow.
#[test]
fn a_producer_that_waits_holds_no_more_than_its_item() {
    isolated_within(Duration::from_secs(180), || {
        let (queue, board): (Queue<Vec<u8>>, _) = (small(64, 256 << 10), Board::new(2));
        let producer = fork_child(|| {
            let item = vec![7_u8; 4000];
            // What the first puts need for the first time is not counted.
            (0..3).for_each(|_| queue.put(item.clone()).expect("there is room"));
            let start = rss_kib();
            loop {
                match queue.put_timeout(item.clone(), Duration::from_millis(20)) {
                    Ok(()) | Err(PutTimeoutError::TimedOut(_)) => {}
                    Err(PutTimeoutError::Closed(_)) => break,
                    Err(other) => panic!("{other:?}"),
                }
                board.raise(0, rss_kib().saturating_sub(start));
                board.add(1);
            }
        });
        sleep(long_or(PAUSE));
        board.wait_for(1, 80);
        // The pages of the ring that it has written to for the first time are its own, too.
        let grown = board.get(0);
        println!("the producer has grown by {grown} KiB");
        assert!(grown < 256 + 1024, "{grown} KiB");
        assert_eq!(queue.len(), 64);
        queue.close();
        join(&producer);
    });
}

/// The same for items of a megabyte, of which as many are there as the queue takes.
#[test]
fn large_items_do_not_pile_up() {
    isolated(|| {
        let queue: Queue<[u8]> = small(4, 1000);
        let item = vec![7; 1 << 20];
        let (mut n_put, before) = (0, Snapshot::take());
        for _ in 0..100 {
            n_put += usize::from(queue.put_bytes_timeout(&item, Duration::from_millis(1)).is_ok());
        }
        assert_eq!(n_put, 4);
        let after = Snapshot::take();
        assert_eq!(after.descriptors(), before.descriptors());
        assert!(after.rss_kib() < before.rss_kib() + 1024, "{} {}", before.rss_kib(), after.rss_kib());
    });
}

/// As many large items as the queue takes items, or an error that says why not; and they are all there.
#[test]
fn as_many_large_items_as_the_sockets_take() {
    isolated(|| {
        let queue: Queue<[u8]> = small(200, 10);
        for number in 0..200_u8 {
            queue.try_put_bytes(&[number; 50]).expect("there is room");
        }
        assert!(matches!(queue.try_put_bytes(&[0; 50]), Err(TryPutError::Full(()))));
        for number in 0..200_u8 {
            assert_eq!(queue.try_get_bytes().ok(), Some(vec![number; 50]));
        }
    });
}

/// While others put and take, every number that the queue tells is one that can be.
#[test]
fn the_numbers_are_possible_while_others_work() {
    isolated(|| {
        let (queue, board): (Queue<Vec<u8>>, _) = (small(6, 100), Board::new(1));
        let workers: Vec<_> = (0..2)
            .map(|worker| {
                fork_child(|| {
                    let mut round = 0;
                    while board.get(0) == 0 {
                        round += 1;
                        if worker == 0 {
                            let _ = queue.put_timeout(vec![0xff; round % 20], PAUSE);
                        } else {
                            let _ = queue.get_timeout(PAUSE);
                        }
                    }
                })
            })
            .collect();
        let end = Instant::now() + Duration::from_millis(800);
        let mut seen = [0_u64; 7];
        while Instant::now() < end {
            let len = queue.len();
            seen[len] += 1;
            assert_eq!((queue.capacity(), queue.byte_capacity()), (6, 100));
            let _ = (queue.is_empty(), queue.is_full(), queue.is_closed());
        }
        board.set(0, 1);
        workers.iter().for_each(join);
        println!("how often each length was seen: {seen:?}");
        let left = std::iter::from_fn(|| queue.try_get().ok()).count();
        assert!(left <= 6);
        assert!(queue.is_empty());
    });
}

static N_SIGNALS: AtomicU64 = AtomicU64::new(0);

extern "C" fn count(_: libc::c_int) {
    N_SIGNALS.fetch_add(1, Relaxed);
}

/// From here on a signal comes every millisecond, whose handler ends whatever call it meets. Off again with zero.
fn signals_every(microseconds: libc::suseconds_t) {
    // SAFETY: all zero is a valid record: no flags, so that calls are not begun again, and no further signals held back.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = count as extern "C" fn(libc::c_int) as usize;
    // SAFETY: the handler adds to an atomic number, which is allowed anywhere.
    assert_eq!(unsafe { libc::sigaction(libc::SIGALRM, &action, std::ptr::null_mut()) }, 0);
    let interval = libc::timeval { tv_sec: 0, tv_usec: microseconds };
    let timer = libc::itimerval { it_interval: interval, it_value: interval };
    // SAFETY: the record is ours.
    assert_eq!(unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut()) }, 0);
}

/// Signals shorten no wait and disturb no call; none of them is to be seen in a result.
#[test]
fn a_storm_of_signals_is_not_noticed() {
    isolated(|| {
        let queue: Queue<[u8]> =
            Queue::builder().capacity(1).byte_capacity(100).buffers(1, 10).create().expect("a small queue");
        let long = Duration::from_millis(300);
        signals_every(1000);
        let timed = |call: &dyn Fn() -> bool| {
            let start = Instant::now();
            assert!(call());
            assert!(start.elapsed() >= long, "{:?}", start.elapsed());
            println!("{:?}", start.elapsed());
        };
        timed(&|| matches!(queue.get_bytes_timeout(long), Err(GetTimeoutError::TimedOut)));
        queue.put_bytes(b"full").expect("there is room");
        timed(&|| matches!(queue.put_bytes_timeout(b"more", long), Err(PutTimeoutError::TimedOut(()))));
        timed(&|| matches!(queue.put_bytes_timeout(&[0; 500], long), Err(PutTimeoutError::TimedOut(()))));
        let frame = queue.loan(1).expect("it is free");
        timed(&|| matches!(queue.loan_timeout(1, long), Err(LoanError::NoneFree)));
        // A machine that is busy gives them not so often.
        while N_SIGNALS.load(Relaxed) < 100 {
            timed(&|| matches!(queue.loan_timeout(1, long), Err(LoanError::NoneFree)));
        }
        drop(frame);
        // Through a queue of one, with a peer, items of both kinds.
        queue.get_bytes().expect("it is there");
        signals_every(0);
        let child = fork_child(|| {
            signals_every(1000);
            for number in 0..3000_usize {
                queue.put_bytes(&[number as u8; 150][..number % 150]).expect("it is open");
            }
            signals_every(0);
        });
        signals_every(1000);
        for number in 0..3000_usize {
            assert_eq!(queue.get_bytes().expect("it is open"), vec![number as u8; number % 150]);
        }
        signals_every(0);
        join(&child);
    });
}
