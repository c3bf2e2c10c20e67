//! The end of a queue: who is woken, what is still taken, what is refused.

use ipc_queue::{GetError, GetTimeoutError, PutError, PutTimeoutError, Queue, TryGetError, TryPutError};
use ipc_testkit::watchdog;
use std::thread;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(30);
const LONG: Duration = Duration::from_secs(20);

/// `test_closed_queue_put_get_exceptions` of CPython, with the difference that what is in the queue can still be
/// taken.
#[test]
fn put_and_get_after_close() {
    let _guard = watchdog(LONG);
    let queue = Queue::bounded(4).expect("a small queue");
    queue.put(1).expect("there is room");
    queue.put(2).expect("there is room");
    assert!(!queue.is_closed());
    queue.close();
    queue.close();
    assert!(queue.is_closed());

    assert!(matches!(queue.put(3), Err(PutError::Closed(3))));
    assert!(matches!(queue.try_put(3), Err(TryPutError::Closed(3))));
    assert!(matches!(queue.put_timeout(3, LONG), Err(PutTimeoutError::Closed(3))));
    assert_eq!(queue.get().ok(), Some(1));
    assert_eq!(queue.try_get().ok(), Some(2));
    assert!(matches!(queue.get(), Err(GetError::Closed)));
    assert!(matches!(queue.try_get(), Err(TryGetError::Closed)));
    assert!(matches!(queue.get_timeout(LONG), Err(GetTimeoutError::Closed)));
}

#[test]
fn a_full_queue_that_is_closed_is_closed_and_not_full() {
    let queue = Queue::bounded(1).expect("a small queue");
    queue.put(1).expect("there is room");
    queue.close();
    assert!(matches!(queue.try_put(2), Err(TryPutError::Closed(2))));
}

#[test]
fn close_wakes_blocked_getters() {
    let _guard = watchdog(LONG);
    let queue = Queue::<u32>::bounded(4).expect("a small queue");
    thread::scope(|scope| {
        let getters: Vec<_> = (0..4).map(|_| scope.spawn(|| queue.get())).collect();
        thread::sleep(PAUSE);
        queue.close();
        for getter in getters {
            assert!(matches!(getter.join().expect("get does not panic"), Err(GetError::Closed)));
        }
    });
}

#[test]
fn close_wakes_blocked_putters() {
    let _guard = watchdog(LONG);
    let queue = Queue::bounded(1).expect("a small queue");
    queue.put(0).expect("there is room");
    thread::scope(|scope| {
        let putters: Vec<_> = (1..5)
            .map(|item| {
                scope.spawn({
                    let queue = &queue;
                    move || queue.put(item)
                })
            })
            .collect();
        thread::sleep(PAUSE);
        queue.close();
        for (item, putter) in (1..5).zip(putters) {
            let error = putter.join().expect("put does not panic").unwrap_err();
            assert!(error.is_closed());
            assert_eq!(error.into_inner(), item);
        }
    });
    assert_eq!(queue.get().ok(), Some(0));
}

#[test]
fn iterators_end() {
    let _guard = watchdog(LONG);
    let queue = Queue::bounded(100).expect("a small queue");
    thread::scope(|scope| {
        let sum = scope.spawn(|| queue.iter().map(|item| item.expect("a number")).sum::<u64>());
        (1..=100).for_each(|item| queue.put(item).expect("the queue is open"));
        queue.close();
        assert_eq!(sum.join().expect("the sum is small"), 5050);
    });
    let mut over = queue.iter();
    assert!(over.next().is_none() && over.next().is_none());
    assert!(queue.try_iter().next().is_none());
    assert!((&queue).into_iter().next().is_none());
}

#[test]
fn try_iter_takes_what_is_there() {
    let queue = Queue::bounded(8).expect("a small queue");
    queue.put(1).expect("there is room");
    queue.put(2).expect("there is room");
    assert_eq!(queue.try_iter().count(), 2);
    queue.put(3).expect("there is room");
    assert_eq!(queue.try_iter().map(|item| item.expect("a number")).collect::<Vec<i32>>(), [3]);
}

/// Nothing goes in once `close` has returned, however many threads are putting meanwhile.
#[test]
fn nothing_goes_in_after_close() {
    let _guard = watchdog(LONG);
    for _ in 0..200 {
        let queue = Queue::bounded(1000).expect("a small queue");
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| while queue.try_put(0).is_ok() {});
            }
            thread::yield_now();
            queue.close();
            let len = queue.len();
            thread::yield_now();
            assert_eq!(queue.len(), len);
        });
    }
}
