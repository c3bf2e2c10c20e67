//! Models of the event.

use super::*;
use crate::sync::raw::model::{explore, explore_deaths, processes};
use ipc_testkit::model::sleepers;
use loom::sync::Arc;

use loom::thread;

#[test]
fn a_set_wakes_all() {
    explore(|| {
        let event = Arc::new(RawEvent::new());
        let data = Arc::new(loom::sync::atomic::AtomicU32::new(0));
        let waiters = [(); 2].map(|()| {
            let (event, data) = (event.clone(), data.clone());
            thread::spawn(move || {
                assert!(event.wait(Deadline::NEVER));
                assert_eq!(data.load(Relaxed), 1);
            })
        });
        data.store(1, Relaxed);
        event.set();
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}

#[test]
fn a_set_and_a_clear_wake_who_slept() {
    explore(|| {
        let event = Arc::new(RawEvent::new());
        let waiter = {
            let event = event.clone();
            thread::spawn(move || event.wait(Deadline::NEVER))
        };
        let asleep = sleepers() == 1;
        event.set();
        event.clear();
        if !asleep {
            event.set();
        }
        assert!(waiter.join().unwrap());
    });
}

#[test]
fn a_clear_beside_a_set_leaves_one_or_the_other() {
    explore(|| {
        let event = Arc::new(RawEvent::new());
        event.set();
        let others = [(); 2].map(|()| {
            let event = event.clone();
            thread::spawn(move || event.clear())
        });
        event.set();
        for other in others {
            other.join().unwrap();
        }
        event.set();
        assert!(event.is_set());
        event.clear();
        assert!(!event.is_set());
    });
}

#[test]
fn a_killed_setter_has_set_or_not() {
    explore_deaths(|steps| {
        let event = Arc::new(RawEvent::new());
        let [victim] = processes();
        let waiter = {
            let event = event.clone();
            thread::spawn(move || event.wait(Deadline::NEVER))
        };
        let setter = {
            let event = event.clone();
            thread::spawn(move || victim.mortal(steps, || event.set()).is_none())
        };
        let killed = setter.join().unwrap();
        if !event.is_set() {
            event.set();
        }
        assert!(waiter.join().unwrap());
        killed
    });
}
