//! One process: what a queue holds, when it is full and empty, how long calls wait.
//!
//! Names and cases of the first part are from `_TestQueue` in CPython's `Lib/test/_test_multiprocessing.py` (PSF
//! licence), so far as they say something here: a queue of ours has no feeder thread, and so no delay between `put`
//! and `qsize`.

use ipc_queue::{CreateError, GetTimeoutError, PutError, PutTimeoutError, Queue, TryGetError, TryPutError};
use ipc_testkit::watchdog;
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
    let queue = Queue::<u32>::bounded(1).expect("a small queue");
    let start = Instant::now();
    assert!(matches!(queue.get_timeout(Duration::from_millis(200)), Err(GetTimeoutError::TimedOut)));
    assert!(start.elapsed() >= Duration::from_millis(200));
}

#[test]
fn test_qsize() {
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
    struct Picky(bool);
    impl serde::Serialize for Picky {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::Error;
            if self.0 { serializer.serialize_bool(true) } else { Err(S::Error::custom("not this one")) }
        }
    }
    let queue = Queue::bounded(1).expect("a small queue");
    let error = queue.put(Picky(false)).unwrap_err();
    assert!(matches!(&error, PutError::Encode { source, .. } if source.to_string().contains("not this one")));
    assert!(!error.into_inner().0);
    assert_eq!(queue.len(), 0);
    queue.try_put(Picky(true)).expect("the failure took no room");
}

#[test]
fn capacity_is_exact() {
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

#[test]
fn byte_capacity_is_exact() {
    let queue = Queue::builder().capacity(100).byte_capacity(30).create().expect("a small queue");
    assert_eq!(queue.byte_capacity(), 30);
    for round in 0..40_u8 {
        // Each array is as many bytes as it has elements, so that ten of three fill the queue at any place of the
        // ring.
        for item in 0..10 {
            queue.try_put([round, item, 7]).expect("there is room for this many");
        }
        assert!(!queue.is_full(), "there are slots left");
        assert!(matches!(queue.try_put([0; 3]), Err(TryPutError::Full(_))));
        assert_eq!(queue.get().ok(), Some([round, 0, 7]));
        queue.try_put([round, 10, 7]).expect("as much room as one item had");
        for item in 1..=10 {
            assert_eq!(queue.get().ok(), Some([round, item, 7]));
        }
    }
}

#[test]
fn items_without_bytes_are_counted() {
    let queue = Queue::builder().capacity(3).byte_capacity(1).create().expect("a small queue");
    for _ in 0..3 {
        queue.try_put(()).expect("there is room");
    }
    assert!(matches!(queue.try_put(()), Err(TryPutError::Full(()))));
    assert_eq!(queue.try_iter().filter(Result::is_ok).count(), 3);
}

#[test]
fn too_large_is_an_error_at_once() {
    let _guard = watchdog(LONG);
    let queue = Queue::builder().capacity(4).byte_capacity(100).create().expect("a small queue");
    // A vector of 99 bytes is encoded in 100.
    queue.put(vec![1_u8; 99]).expect("the largest item that fits");
    for size in [100, 101, 10_000] {
        match queue.put(vec![1; size]).unwrap_err() {
            PutError::TooLarge { value, size: needed, limit } => {
                assert_eq!((value.len(), limit), (size, 100));
                assert!(needed > 100);
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(queue.try_put(vec![1; size]), Err(TryPutError::TooLarge { .. })));
        assert!(matches!(queue.put_timeout(vec![1; size], LONG), Err(PutTimeoutError::TooLarge { .. })));
    }
    assert_eq!(queue.get().ok(), Some(vec![1; 99]));
}

#[test]
fn a_queue_of_nothing_is_refused() {
    assert!(matches!(Queue::<u8>::bounded(0), Err(CreateError::Capacity { capacity: 0, .. })));
    let create = |capacity, bytes| Queue::<u8>::builder().capacity(capacity).byte_capacity(bytes).create();
    assert!(matches!(create(1, 0), Err(CreateError::Capacity { byte_capacity: 0, .. })));
    assert!(matches!(create(usize::MAX, 1), Err(CreateError::Capacity { .. })));
    assert!(matches!(create(1, usize::MAX), Err(CreateError::Capacity { .. })));
}

#[test]
fn an_item_that_cannot_be_decoded_is_lost_alone() {
    use ipc_codec::Limits;
    let queue = Queue::bounded(3).expect("a small queue");
    for size in [1, 100, 2] {
        queue.put(vec![0_u8; size]).expect("there is room");
    }
    let strict = queue.clone().with_limits(Limits { max_frame: 10, ..Limits::default() });
    assert_eq!(strict.get().ok(), Some(vec![0]));
    let error = strict.get().unwrap_err();
    assert!(matches!(error, ipc_queue::GetError::Decode(_)), "{error:?}");
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
    let queue = Queue::builder().capacity(10).byte_capacity(100).create().expect("a small queue");
    queue.put(vec![0_u8; 49]).expect("there is room");
    queue.put(vec![1; 49]).expect("there is room");
    thread::scope(|scope| {
        let large = scope.spawn(|| queue.put(vec![2; 80]));
        let small = scope.spawn(|| queue.put(vec![3; 10]));
        thread::sleep(TIMEOUT2);
        assert_eq!(queue.get().ok().map(|item| item.len()), Some(49));
        small.join().expect("put does not panic").expect("there is room for the small one");
        assert!(!large.is_finished());
        assert_eq!(queue.get().ok(), Some(vec![1; 49]));
        assert_eq!(queue.get().ok(), Some(vec![3; 10]));
        large.join().expect("put does not panic").expect("there is room for the large one");
    });
    assert_eq!(queue.get().ok(), Some(vec![2; 80]));
}

#[test]
fn a_blocked_get_uses_no_processor() {
    ipc_testkit::isolated(|| {
        let queue = Queue::<u32>::bounded(1).expect("a small queue");
        let ticks = || {
            let stat = std::fs::read_to_string("/proc/self/schedstat").expect("procfs is there");
            let nanoseconds = stat.split(' ').next().and_then(|number| number.parse::<u64>().ok());
            Duration::from_nanos(nanoseconds.expect("the first number is the time on a processor"))
        };
        let before = ticks();
        assert!(matches!(queue.get_timeout(Duration::from_secs(1)), Err(GetTimeoutError::TimedOut)));
        let used = ticks() - before;
        assert!(used < Duration::from_millis(10), "{used:?} in one second");
    });
}

#[test]
fn errors_say_what_happened_and_print_no_item() {
    struct Secret;
    impl serde::Serialize for Secret {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(&[0; 64])
        }
    }
    let queue = Queue::builder().capacity(1).byte_capacity(8).create().expect("a small queue");
    let error = queue.try_put(Secret).unwrap_err();
    assert_eq!(format!("{error:?}"), "TooLarge { size: 65, limit: 8, .. }");
    assert_eq!(error.to_string(), "the encoded item needs at least 65 bytes, the limit is 8");
    queue.close();
    let error = queue.clone().with_limits(Default::default()).put(Secret).unwrap_err();
    assert!(error.to_string().starts_with("the encoded item needs"), "the size is looked at first: {error}");
    let wide: TryPutError<Secret> = error.into();
    let _secret: Secret = wide.into_inner();
    let units = Queue::bounded(1).expect("a small queue");
    units.close();
    let error = units.put(()).unwrap_err();
    assert_eq!(
        (format!("{error:?}"), error.to_string()),
        ("Closed(..)".into(), "the queue is closed".into())
    );
}
