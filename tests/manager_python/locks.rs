//! Locks and semaphores.

use crate::{assert_times_out, isolated, manager, run};
use multiproc::StartMethod;
use multiproc::manager::{CallError, Lock, ReentrantLock};
use std::time::{Duration, Instant};

by_every_method! {
    locked_elsewhere
}

by_every_method! { alone: StartMethod::Spawn;
    locks semaphores bounded_semaphores semaphore_timeouts
}

fn locks(method: StartMethod) {
    let manager = manager(method);
    let lock = manager.lock().expect("a lock");
    let guard = lock.lock().expect("free");
    assert!(matches!(lock.try_lock(), Err(CallError::TimedOut)), "it is not reentrant");
    guard.release().expect("it was held");
    drop(lock.try_lock().expect("free"));
    let again = manager.reentrant_lock().expect("a lock");
    let guards = [(); 3].map(|()| again.lock().expect("three times"));
    for guard in guards {
        assert!(again.is_locked().expect("a call"));
        guard.release().expect("it was held");
    }
    assert!(!again.is_locked().expect("a call"));
}

fn locked_elsewhere(method: StartMethod) {
    let manager = manager(method);
    let (lock, again) = (manager.lock().expect("a lock"), manager.reentrant_lock().expect("a lock"));
    let is_locked = |(lock, again): (Lock, ReentrantLock)| {
        assert!(again.try_lock().is_err() == lock.try_lock().is_err());
        (lock.is_locked().expect("a call"), again.is_locked().expect("a call"))
    };
    let look = || run(method, is_locked, (lock.clone(), again.clone()));
    assert_eq!(look(), (false, false));
    let guards = (lock.lock().expect("free"), again.lock().expect("free"));
    assert_eq!(look(), (true, true));
    drop(guards);
    assert_eq!(look(), (false, false));
}

/// The same for both kinds.
macro_rules! two_permits {
    ($semaphore:expr) => {
        let available = || $semaphore.available().expect("a call");
        assert_eq!(available(), 2);
        let first = $semaphore.acquire().expect("free");
        assert_eq!(available(), 1);
        let second = $semaphore.acquire().expect("free");
        assert_eq!(available(), 0);
        assert!(matches!($semaphore.try_acquire(), Err(CallError::TimedOut)));
        drop(first);
        assert_eq!(available(), 1);
        drop(second);
        assert_eq!(available(), 2);
    };
}

fn semaphores(method: StartMethod) {
    let manager = manager(method);
    let semaphore = manager.semaphore(2).expect("a semaphore");
    two_permits!(semaphore);
    semaphore.release().expect("one more");
    semaphore.release().expect("one more");
    assert_eq!(semaphore.available().expect("a call"), 4);
}

fn bounded_semaphores(method: StartMethod) {
    let manager = manager(method);
    let semaphore = manager.bounded_semaphore(2).expect("a semaphore");
    two_permits!(semaphore);
    assert!(matches!(semaphore.release(), Err(CallError::NotHeld)));
    assert_eq!(semaphore.available().expect("a call"), 2);
}

fn semaphore_timeouts(method: StartMethod) {
    let manager = manager(method);
    let semaphore = manager.semaphore(0).expect("a semaphore");
    assert!(matches!(semaphore.try_acquire(), Err(CallError::TimedOut)));
    assert!(matches!(semaphore.acquire_timeout(Duration::ZERO), Err(CallError::TimedOut)));
    assert_times_out(|time| semaphore.acquire_timeout(time).map(drop));
    assert_times_out(|time| semaphore.acquire_deadline(Instant::now() + time).map(drop));
}
