//! Semaphores, read-write lock and barrier between processes of every start method, and those that were there before.

use ipc_testkit::isolated;
use multiproc::shared::Arena;
use multiproc::shared::sync::LockError;
use multiproc::{
    Builder, Process, Sender, StartMethod, simplex,
    sync::{Barrier, BoundedSemaphore, RwLock, Semaphore},
};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

/// Long enough for a machine that is busy; reached only when a test fails.
const LONG: Duration = Duration::from_secs(30);

macro_rules! for_all_methods {
    ($($name:ident)*) => {
        mod spawned {
            $(#[test] fn $name() { super::isolated(|| super::$name(super::StartMethod::Spawn)); })*
        }
        mod forked {
            $(#[test] fn $name() { super::isolated(|| super::$name(super::StartMethod::Fork)); })*
        }
    };
}

for_all_methods! {
    semaphore
    bounded_semaphore
    rw_lock
    barrier
}

fn start<T: Serialize + DeserializeOwned + 'static>(
    method: StartMethod,
    work: fn(T),
    argument: T,
) -> Process<()> {
    Builder::new().method(method).spawn(work, argument).expect("it was started")
}

/// A process that does its work with a value that comes when it runs already.
fn start_stranger<T: Serialize + DeserializeOwned + 'static>(
    method: StartMethod,
    work: fn(multiproc::Receiver<T>),
) -> (Sender<T>, Process<()>) {
    let (tx, rx) = simplex::<T>().expect("there are sockets");
    (tx, start(method, work, rx))
}

fn semaphore(method: StartMethod) {
    let (tx, stranger) = start_stranger(method, |rx: multiproc::Receiver<Semaphore>| {
        let semaphore = rx.recv().expect("one comes");
        semaphore.acquire().expect("one is free").forget();
        semaphore.add_permits(2).expect("there is no bound");
    });
    let semaphore = Semaphore::new_in(&Arena::new(), 1).expect("memory is left");
    let permit = semaphore.acquire().expect("one is free");
    tx.send(semaphore.clone()).expect("it is there");
    drop(permit);
    stranger.join().expect("it returned");
    assert_eq!(semaphore.available_permits(), 2);

    let holder = start(
        method,
        |semaphore: Semaphore| {
            std::mem::forget(semaphore.acquire_many(2).expect("they are free"));
            std::thread::sleep(LONG);
        },
        semaphore.clone(),
    );
    while semaphore.available_permits() > 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    holder.kill().expect("it runs");
    assert!(holder.join().is_err());
    drop(semaphore.acquire_many_timeout(2, LONG).expect("the dead have none"));
}

fn bounded_semaphore(method: StartMethod) {
    let (tx, stranger) = start_stranger(method, |rx: multiproc::Receiver<BoundedSemaphore>| {
        let semaphore = rx.recv().expect("one comes");
        assert!(semaphore.add_permits(1).is_err());
        semaphore.acquire().expect("one is free").forget();
    });
    let semaphore = BoundedSemaphore::new_in(&Arena::new(), 2).expect("memory is left");
    tx.send(semaphore.clone()).expect("it is there");
    stranger.join().expect("it returned");
    let add = |semaphore: BoundedSemaphore| {
        semaphore.add_permits(1).expect("one was forgotten");
        assert!(semaphore.add_permits(1).is_err());
    };
    start(method, add, semaphore.clone()).join().expect("it returned");
    assert_eq!(semaphore.available_permits(), 2);
}

fn rw_lock(method: StartMethod) {
    let (tx, stranger) = start_stranger(method, |rx: multiproc::Receiver<RwLock<[u64; 2]>>| {
        let lock = rx.recv().expect("one comes");
        assert_eq!(*lock.read().expect("it is in order"), [1, 2]);
        *lock.write().expect("it is in order") = [3, 4];
    });
    let lock = RwLock::new_in(&Arena::new(), [1_u64, 2]).expect("memory is left");
    tx.send(lock.clone()).expect("it is there");
    stranger.join().expect("it returned");
    assert_eq!(*lock.read().expect("it is in order"), [3, 4]);

    let ends_with_it = |lock: RwLock<[u64; 2]>| {
        lock.write().expect("it is in order")[0] = 5;
        std::mem::forget(lock.write());
        std::process::exit(0);
    };
    let _ = start(method, ends_with_it, lock.clone()).join();
    let Err(LockError::OwnerDied(guard)) = lock.write() else { panic!("nobody was told") };
    assert_eq!(*guard, [5, 4]);
}

fn barrier(method: StartMethod) {
    let (tx, stranger) = start_stranger(method, |rx: multiproc::Receiver<Barrier>| {
        let barrier = rx.recv().expect("one comes");
        barrier.wait_timeout(LONG).expect("all come");
    });
    let barrier = Barrier::new_in(&Arena::new(), 3).expect("memory is left");
    tx.send(barrier.clone()).expect("it is there");
    let wait = |barrier: Barrier| assert!(barrier.wait_timeout(LONG).is_ok());
    let party = start(method, wait, barrier.clone());
    barrier.wait_timeout(LONG).expect("all come");
    stranger.join().expect("it returned");
    party.join().expect("it returned");

    // Who has returned is no member; who is killed before it came is one.
    let (ready, is_ready) = simplex::<()>().expect("there are sockets");
    let idle = |(_barrier, ready): (Barrier, Sender<()>)| {
        ready.send(()).expect("it is read");
        std::thread::sleep(LONG);
    };
    let late = start(method, idle, (barrier.clone(), ready));
    let early = start(method, |barrier: Barrier| assert!(barrier.wait().is_err()), barrier.clone());
    is_ready.recv().expect("it comes that far");
    while barrier.n_waiting() == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    // Long enough for the one that waits to look at all members.
    std::thread::sleep(Duration::from_millis(300));
    assert!(!barrier.is_broken());
    late.kill().expect("it runs");
    assert!(late.join().is_err() && barrier.wait().is_err());
    early.join().expect("it returned");
    barrier.reset().expect("it has a part");
    assert!(!barrier.is_broken());
}
