//! One process: what a queue holds, when it is full and empty, how long calls wait.
//!
//! Names and cases of the first part are from `_TestQueue` in CPython's `Lib/test/_test_multiprocessing.py` (PSF
//! licence), so far as they say something here: a queue of ours has no feeder thread, and so no delay between `put`
//! and `qsize`.

#[path = "support/common.rs"]
mod common;

use common::processor_time;
use ipc_codec::Limits;
use ipc_queue::{
    CreateError, GetError, GetTimeoutError, PutError, PutTimeoutError, Queue, QueueError, TryGetError,
    TryPutError,
};
use ipc_testkit::watchdog;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

const TIMEOUT1: Duration = Duration::from_millis(82);
const TIMEOUT2: Duration = Duration::from_millis(35);
const LONG: Duration = Duration::from_secs(20);

#[test]
fn test_put() {
    let _guard = watchdog(LONG);
    let queue = Queue::bounded(6).expect("a small queue");
    assert!(queue.is_empty() && !queue.is_full());
    queue.put(1).expect("there is room");
    queue.try_put(2).expect("there is room");
    queue.put_timeout(3, TIMEOUT1).expect("there is room");
    queue.put_timeout(4, Duration::ZERO).expect("there is room, and the time that is over does not matter");
    queue.put_deadline(5, Instant::now()).expect("there is room, and the time that is over does not matter");
    queue.put_timeout(6, Duration::MAX).expect("there is room");
    assert!(queue.is_full() && !queue.is_empty());

    assert!(matches!(queue.try_put(7), Err(TryPutError::Full(7))));
    assert!(matches!(queue.put_timeout(7, Duration::ZERO), Err(PutTimeoutError::TimedOut(7))));
    for timeout in [TIMEOUT1, TIMEOUT2] {
        let start = Instant::now();
        assert!(matches!(queue.put_timeout(7, timeout), Err(PutTimeoutError::TimedOut(7))));
        assert!(start.elapsed() >= timeout);
    }
    let deadline = Instant::now() + TIMEOUT2;
    assert!(matches!(queue.put_deadline(7, deadline), Err(PutTimeoutError::TimedOut(7))));
    assert!(Instant::now() >= deadline);
    assert_eq!(queue.try_iter().map(Result::unwrap).collect::<Vec<i32>>(), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn test_get() {
    let _guard = watchdog(LONG);
    let queue = Queue::bounded(100).expect("a small queue");
    for item in 1..=5 {
        queue.put(item).expect("there is room");
    }
    assert_eq!(queue.get().ok(), Some(1));
    assert_eq!(queue.try_get().ok(), Some(2));
    assert_eq!(queue.get_timeout(TIMEOUT1).ok(), Some(3));
    assert_eq!(queue.get_timeout(Duration::ZERO).ok(), Some(4));
    assert_eq!(queue.get_deadline(Instant::now() - TIMEOUT1).ok(), Some(5));
    assert!(queue.is_empty());

    assert!(matches!(queue.try_get(), Err(TryGetError::Empty)));
    assert!(matches!(queue.get_timeout(Duration::ZERO), Err(GetTimeoutError::TimedOut)));
    for timeout in [TIMEOUT1, TIMEOUT2] {
        let start = Instant::now();
        assert!(matches!(queue.get_timeout(timeout), Err(GetTimeoutError::TimedOut)));
        assert!(start.elapsed() >= timeout);
    }
}

#[test]
fn test_timeout() {
    let _guard = watchdog(LONG);
    let queue = Queue::<u32>::bounded(1).expect("a small queue");
    let start = Instant::now();
    assert!(matches!(queue.get_timeout(Duration::from_millis(200)), Err(GetTimeoutError::TimedOut)));
    assert!(start.elapsed() >= Duration::from_millis(200));
}

#[test]
fn test_qsize() {
    let _guard = watchdog(LONG);
    let queue = Queue::bounded(10).expect("a small queue");
    assert_eq!(queue.len(), 0);
    queue.put(1).expect("there is room");
    assert_eq!(queue.len(), 1);
    queue.put(5).expect("there is room");
    assert_eq!(queue.len(), 2);
    queue.get().expect("there is an item");
    assert_eq!(queue.len(), 1);
    queue.get().expect("there is an item");
    assert_eq!(queue.len(), 0);
}

/// `test_queue_feeder_donot_stop_onexc`: an item that cannot be serialized hurts nobody but itself.
#[test]
fn test_unserializable_item() {
    let _guard = watchdog(LONG);
    struct Picky(bool);
    impl serde::Serialize for Picky {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::Error;
            if self.0 { serializer.serialize_bool(true) } else { Err(S::Error::custom("not this one")) }
        }
    }
    let queue = Queue::bounded(1).expect("a small queue");
    let error = queue.put(Picky(false)).unwrap_err();
    match error {
        PutError::Failed { value: Picky(false), source: QueueError::Encode(source) } => {
            assert!(source.to_string().contains("not this one"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(queue.len(), 0);
    queue.try_put(Picky(true)).expect("the failure took no room");
}

#[test]
fn capacity_is_exact() {
    let _guard = watchdog(LONG);
    for capacity in [1, 2, 3, 7, 64, 1000] {
        let queue = Queue::bounded(capacity).expect("a small queue");
        assert_eq!(queue.capacity(), capacity);
        for round in 0..3 {
            for item in 0..capacity {
                assert_eq!((queue.len(), queue.is_full()), (item, false));
                queue.try_put(item).expect("the queue is not full yet");
            }
            assert!(queue.is_full());
            assert!(matches!(queue.try_put(0), Err(TryPutError::Full(0))), "round {round}");
            for item in 0..capacity {
                assert_eq!(queue.try_get().ok(), Some(item));
            }
            assert!(matches!(queue.try_get(), Err(TryGetError::Empty)));
        }
    }
}

/// As many items as the capacity says fit, whatever their sizes, as long as they are no more bytes than that capacity says; at
/// any place of the ring.
#[test]
fn what_the_capacities_promise_has_room() {
    let _guard = watchdog(LONG);
    let queue = Queue::builder().capacity(10).byte_capacity(30).create().expect("a small queue");
    assert_eq!(queue.byte_capacity(), 30);
    for round in 0..40_u8 {
        for sizes in [[3; 10], [30, 0, 0, 0, 0, 0, 0, 0, 0, 0], [1, 2, 3, 4, 5, 5, 4, 3, 2, 1]] {
            for (idx, size) in sizes.into_iter().enumerate() {
                // A tuple of arrays would have a type for each size; a text of so many bytes has one byte more.
                let text = "x".repeat(usize::max(size, 1) - 1);
                let put = queue.try_put((text.clone(), ()));
                assert!(put.is_ok() || size == 0, "round {round}, item {idx} of {sizes:?}");
            }
            while queue.try_get().is_ok() {}
        }
        // Shifts the ring.
        queue.put(("x".repeat(usize::from(round) % 20), ())).expect("the queue is empty");
        queue.get().expect("there is an item");
    }
}

#[test]
fn items_without_bytes_are_counted() {
    let _guard = watchdog(LONG);
    let queue = Queue::builder().capacity(3).byte_capacity(1).create().expect("a small queue");
    for _ in 0..3 {
        queue.try_put(()).expect("there is room");
    }
    assert!(matches!(queue.try_put(()), Err(TryPutError::Full(()))));
    assert_eq!(queue.try_iter().filter(Result::is_ok).count(), 3);
}

#[test]
fn a_queue_of_nothing_is_refused() {
    let _guard = watchdog(LONG);
    assert!(matches!(Queue::<u8>::bounded(0), Err(CreateError::Capacity { capacity: 0, .. })));
    let create = |capacity, bytes| Queue::<u8>::builder().capacity(capacity).byte_capacity(bytes).create();
    assert!(matches!(create(1, 0), Err(CreateError::Capacity { byte_capacity: 0, .. })));
    assert!(matches!(create(usize::MAX, 1), Err(CreateError::Capacity { .. })));
    assert!(matches!(create(1, usize::MAX), Err(CreateError::Capacity { .. })));
}

#[test]
fn an_item_that_cannot_be_decoded_is_lost_alone() {
    let _guard = watchdog(LONG);
    let queue = Queue::bounded(3).expect("a small queue");
    for size in [1, 100, 2] {
        queue.put(vec![0_u8; size]).expect("there is room");
    }
    let strict = queue.clone().with_limits(Limits { max_frame: 10, ..Limits::default() });
    assert_eq!(strict.get().ok(), Some(vec![0]));
    let error = strict.get().unwrap_err();
    assert!(matches!(error, GetError::Failed(QueueError::Decode(_))), "{error:?}");
    assert_eq!(strict.get().ok(), Some(vec![0; 2]));
}

#[test]
fn a_blocked_get_gets_what_comes() {
    let _guard = watchdog(LONG);
    let queue = Queue::bounded(1).expect("a small queue");
    thread::scope(|scope| {
        let getter = scope.spawn(|| queue.get());
        thread::sleep(TIMEOUT2);
        assert!(!getter.is_finished());
        queue.put(7).expect("there is room");
        assert_eq!(getter.join().expect("get does not panic").ok(), Some(7));
    });
}

/// What was put before the queue was closed is taken, by whoever waited for it, too.
#[test]
fn a_blocked_get_gets_what_comes_before_the_end() {
    let _guard = watchdog(LONG);
    for round in 0..300 {
        let queue = Queue::bounded(1).expect("a small queue");
        thread::scope(|scope| {
            let getter = scope.spawn(|| queue.get());
            if round % 3 == 0 {
                thread::sleep(Duration::from_millis(1));
            }
            queue.put(round).expect("there is room");
            queue.close();
            assert_eq!(getter.join().expect("get does not panic").ok(), Some(round));
        });
    }
}

#[test]
fn a_blocked_put_puts_when_there_is_room() {
    let _guard = watchdog(LONG);
    let queue = Queue::bounded(1).expect("a small queue");
    queue.put(1).expect("there is room");
    thread::scope(|scope| {
        let putter = scope.spawn(|| queue.put(2));
        thread::sleep(TIMEOUT2);
        assert!(!putter.is_finished());
        assert_eq!(queue.get().ok(), Some(1));
        putter.join().expect("put does not panic").expect("there is room now");
    });
    assert_eq!(queue.get().ok(), Some(2));
}

/// Room for bytes may be room for several, and is not for all: whoever fits goes on.
#[test]
fn a_small_put_goes_past_a_large_one_that_waits() {
    let _guard = watchdog(LONG);
    let queue = Queue::builder().capacity(4).byte_capacity(800).create().expect("a small queue");
    queue.put(vec![0_u8; 392]).expect("there is room");
    queue.put(vec![1; 392]).expect("there is room");
    thread::scope(|scope| {
        let large = scope.spawn(|| queue.put(vec![2; 700]));
        let small = scope.spawn(|| queue.put(vec![3; 100]));
        thread::sleep(TIMEOUT2);
        assert!(!large.is_finished() && !small.is_finished());
        assert_eq!(queue.get().ok(), Some(vec![0; 392]));
        small.join().expect("put does not panic").expect("there is room for the small one");
        assert!(!large.is_finished());
        assert_eq!(queue.get().ok(), Some(vec![1; 392]));
        assert_eq!(queue.get().ok(), Some(vec![3; 100]));
        large.join().expect("put does not panic").expect("there is room for the large one");
    });
    assert_eq!(queue.get().ok(), Some(vec![2; 700]));
}

#[test]
fn those_who_wait_use_no_processor() {
    ipc_testkit::isolated(|| {
        let queue = Queue::bounded(1).expect("a small queue");
        let before = processor_time();
        assert!(matches!(queue.get_timeout(Duration::from_secs(1)), Err(GetTimeoutError::TimedOut)));
        queue.put(1).expect("there is room");
        assert!(matches!(queue.put_timeout(2, Duration::from_secs(1)), Err(PutTimeoutError::TimedOut(2))));
        let used = processor_time() - before;
        assert!(used < Duration::from_millis(20), "{used:?} in two seconds");
    });
}

#[test]
fn errors_say_what_happened_and_print_no_item() {
    let _guard = watchdog(LONG);
    struct Secret;
    impl serde::Serialize for Secret {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(&[0; 64])
        }
    }
    let queue = Queue::bounded(1).expect("a small queue").with_limits(Limits::with_max_frame(8));
    let error = queue.try_put(Secret).unwrap_err();
    assert_eq!(format!("{error:?}"), "Failed { source: TooLarge { size: 65, limit: 8 }, .. }");
    assert_eq!(error.to_string(), "the encoded item needs at least 65 bytes, the limit is 8");
    queue.close();
    let error = queue.put(Secret).unwrap_err();
    assert!(error.to_string().starts_with("the encoded item needs"), "the size is looked at first: {error}");
    let _secret: Secret = error.into_inner();
    let units = Queue::bounded(1).expect("a small queue");
    units.close();
    let error = units.put(()).unwrap_err();
    assert_eq!(
        (format!("{error:?}"), error.to_string()),
        ("Closed(..)".into(), "the queue is closed".into())
    );
}

/// `len` is exact while nobody puts or gets, and never nonsense while somebody does.
#[test]
fn a_queue_that_never_is_empty_never_says_so() {
    let _guard = watchdog(LONG);
    for capacity in [3, 5] {
        let queue = Queue::builder().capacity(capacity).byte_capacity(40).create().expect("a small queue");
        queue.put(vec![0xff_u8; 5]).expect("there is room");
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !over.load(Relaxed) {
                        let len = queue.len();
                        assert!(1 <= len && len <= capacity, "{len} of {capacity}");
                        assert!(!queue.is_empty());
                    }
                });
            }
            let end = Instant::now() + Duration::from_millis(700);
            while Instant::now() < end {
                queue.put(vec![0xff; 5]).expect("there is room");
                queue.put(vec![0xff; 5]).expect("there is room");
                queue.get().expect("there is an item");
                queue.get().expect("there is an item");
            }
            over.store(true, Relaxed);
        });
    }
}

/// A deadline is one for the call, however often it is woken meanwhile.
#[test]
fn a_getter_whose_items_others_take_gives_up_in_the_end() {
    let _guard = watchdog(LONG);
    let queue = Queue::bounded(1).expect("a small queue");
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Relaxed) {
                let _ = queue.try_put(1);
                let _ = queue.try_get();
            }
        });
        for _ in 0..5 {
            let start = Instant::now();
            let got = queue.get_timeout(TIMEOUT1);
            assert!(got.is_ok() || start.elapsed() >= TIMEOUT1);
        }
        over.store(true, Relaxed);
    });
}
