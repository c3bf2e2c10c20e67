//! Tests of the event.

use super::*;
use ipc_testkit::isolated;
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn smoke() {
    let event = RawEvent::new();
    assert!(!event.is_set() && !event.wait(Deadline::NOW));
    event.set();
    event.set();
    assert!(event.is_set() && event.wait(Deadline::NEVER));
    event.clear();
    event.clear();
    assert!(!event.is_set() && !event.wait(Deadline::NOW));
}

#[test]
fn a_timeout_ends_not_before_its_time() {
    isolated(|| {
        let timeout = Duration::from_millis(120);
        let start = Instant::now();
        assert!(!RawEvent::new().wait(Deadline::after(timeout)));
        assert!(start.elapsed() >= timeout);
    });
}

#[test]
fn a_set_wakes_all() {
    isolated(|| {
        let event = RawEvent::new();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert!(event.wait(Deadline::NEVER)));
            }
            thread::sleep(Duration::from_millis(5));
            event.set();
        });
    });
}

#[test]
fn who_slept_through_set_and_clear_returns() {
    isolated(|| {
        let event = RawEvent::new();
        thread::scope(|scope| {
            let waiter = scope.spawn(|| event.wait(Deadline::NEVER));
            while !waiter.is_finished() {
                event.set();
                event.clear();
                thread::sleep(Duration::from_millis(5));
            }
            assert!(waiter.join().unwrap());
        });
    });
}

#[test]
fn any_word_is_an_event() {
    for word in [0, 1, 2, u32::MAX, u32::MAX - 1, 1 << 31] {
        let event = RawEvent::new();
        event.word.store(word, Relaxed);
        assert_eq!(event.is_set(), word % 2 == 1);
        event.set();
        assert!(event.wait(Deadline::NOW));
        event.clear();
        assert!(!event.wait(Deadline::NOW));
    }
}
