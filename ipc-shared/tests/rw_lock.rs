//! The read-write lock between threads and processes, and what is left of it when they die.

#[path = "support/peers.rs"]
mod peers;
mod support;

use ipc_shared::Arena;
use ipc_shared::sync::{
    LockError, LockTimeoutError, Mutex, ReadError, ReadTimeoutError, RwLock, Semaphore, TryLockError,
    TryReadError,
};
use ipc_sys::process::Child;
use ipc_testkit::leaks::Snapshot;
use ipc_testkit::{isolated, isolated_within};
use peers::{Board, SHORT, Stranger, kill, resume, sleep_for_ever, stop, stop_time, travel};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use support::{LONG, fork_child, join};

/// What the numbers on the board count.
const READY: usize = 0;
const GO: usize = 1;
const DONE: usize = 2;

type Pair = [u64; 2];

fn lock(data: Pair) -> RwLock<Pair> {
    RwLock::new_in(&Arena::new(), data).expect("memory is left")
}

/// A child that reads until it is killed.
fn reader(lock: &RwLock<Pair>) -> Child {
    let board = Board::new();
    let child = fork_child(|| {
        let _guard = lock.read().expect("it is in order");
        board.add(READY);
        sleep_for_ever()
    });
    board.wait_for(READY, 1);
    child
}

/// A child that has changed half of the data, and writes until it is killed.
fn writer(lock: &RwLock<Pair>) -> Child {
    let board = Board::new();
    let child = fork_child(|| {
        let mut guard = lock.write().or_else(LockError::recover).expect("it has a part");
        guard[0] += 1;
        board.add(READY);
        sleep_for_ever()
    });
    board.wait_for(READY, 1);
    child
}

#[test]
fn smoke() {
    let lock = lock([1, 2]);
    lock.write().expect("it is free")[1] = 3;
    let (one, two) = (lock.read().expect("it is free"), lock.read().expect("it is read"));
    assert_eq!((*one, *two), ([1, 3], [1, 3]));
    assert_eq!(format!("{lock:?}, {one:?}"), "RwLock { .. }, [1, 3]");
    drop((one, two));
    assert_eq!(format!("{:?}", lock.write().expect("it is free")), "[1, 3]");
}

#[test]
fn data_of_every_size() {
    let arena = Arena::new();
    let nothing = RwLock::new_in(&arena, ()).expect("memory is left");
    let small = RwLock::new_in(&arena, [7_u8; 3]).expect("memory is left");
    let aligned = RwLock::with_max_readers(&arena, [u128::MAX; 5], 1).expect("memory is left");
    let large = RwLock::with_max_readers(&arena, [9_u64; 10_000], 4096).expect("memory is left");
    drop(nothing.write().expect("it is free"));
    assert_eq!(*small.read().expect("it is free"), [7; 3]);
    assert_eq!(*aligned.read().expect("it is free"), [u128::MAX; 5]);
    large.write().expect("it is free")[9999] = 10;
    assert_eq!(large.read().expect("it is free")[9998..], [9, 10]);
}

#[test]
fn clones_are_one() {
    let arena = Arena::new();
    let one = RwLock::new_in(&arena, 0_u8).expect("memory is left");
    let other = one.clone();
    let mut guard = one.write().expect("it is free");
    assert!(matches!(other.try_read(), Err(TryReadError::WouldBlock)));
    *guard = 9;
    drop(guard);
    assert_eq!((*other.read().expect("it is free"), arena.in_use()), (9, 1));
}

#[test]
fn readers_share_and_writers_do_not() {
    let lock = lock([0; 2]);
    let (one, two) = (lock.try_read().expect("it is free"), lock.try_read().expect("it is read"));
    assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
    drop(one);
    assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
    drop(two);
    let writer = lock.try_write().expect("it is free");
    assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
    assert!(matches!(lock.try_read(), Err(TryReadError::WouldBlock)));
    drop(writer);
    drop(lock.try_read().expect("it is free"));
}

#[test]
fn timeout() {
    let lock = lock([0; 2]);
    let writer = lock.write().expect("it is free");
    for timeout in [Duration::ZERO, SHORT] {
        let start = Instant::now();
        assert!(matches!(lock.read_timeout(timeout), Err(ReadTimeoutError::TimedOut)));
        assert!(start.elapsed() >= timeout);
        assert!(matches!(lock.write_timeout(timeout), Err(LockTimeoutError::TimedOut)));
        assert!(start.elapsed() >= 2 * timeout);
    }
    drop(writer);
    drop(lock.read_timeout(Duration::ZERO).expect("it is free"));
    drop(lock.write_timeout(Duration::ZERO).expect("it is free"));
}

#[test]
fn deadline() {
    let lock = lock([0; 2]);
    let reader = lock.read_deadline(Instant::now()).expect("it is free");
    let deadline = Instant::now() + SHORT;
    assert!(matches!(lock.write_deadline(deadline), Err(LockTimeoutError::TimedOut)));
    assert!(Instant::now() >= deadline);
    // Nobody waits to write any more.
    drop(lock.try_read().expect("it is read"));
    drop(reader);
    drop(lock.write_deadline(deadline).expect("it is free"));
}

#[test]
fn between_threads() {
    let lock = lock([0; 2]);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..1000).for_each(|_| change(&lock)));
        }
        for _ in 0..4 {
            scope.spawn(|| (0..1000).for_each(|_| look(&lock)));
        }
    });
    assert_eq!(*lock.read().expect("it is free"), [2000, 2000]);
}

#[test]
fn between_processes() {
    isolated(|| {
        let lock = lock([0; 2]);
        let mut users: Vec<Child> =
            (0..2).map(|_| fork_child(|| (0..1000).for_each(|_| change(&lock)))).collect();
        users.extend((0..2).map(|_| fork_child(|| (0..1000).for_each(|_| look(&lock)))));
        users.iter().for_each(join);
        assert_eq!(*lock.read().expect("it is free"), [2000, 2000]);
    });
}

fn change(lock: &RwLock<Pair>) {
    let mut guard = lock.write().expect("nobody dies");
    guard[0] += 1;
    guard[1] += 1;
}

fn look(lock: &RwLock<Pair>) {
    let guard = lock.read().expect("nobody dies");
    assert_eq!(guard[0], guard[1]);
}

/// Readers who follow each other keep no writer out.
#[test]
fn a_writer_gets_in_between_readers() {
    isolated(|| {
        let (lock, board) = (lock([0; 2]), Board::new());
        let readers: Vec<Child> = (0..3)
            .map(|_| {
                fork_child(|| {
                    while board.get(DONE) == 0 {
                        let _guard = lock.read().expect("nobody dies");
                        board.add(READY);
                        std::thread::sleep(Duration::from_millis(2));
                    }
                })
            })
            .collect();
        board.wait_for(READY, 10);
        for _ in 0..20 {
            change(&lock);
        }
        board.add(DONE);
        readers.iter().for_each(join);
    });
}

/// One thread reads and waits for another that wants to read, while somebody waits to write.
#[test]
fn reading_twice_beside_a_writer_that_waits() {
    isolated(|| {
        let (lock, board) = (lock([0; 2]), Board::new());
        let outer = lock.read().expect("it is free");
        let writer = fork_child(|| {
            board.add(READY);
            change(&lock);
        });
        board.wait_for(READY, 1);
        std::thread::sleep(SHORT);
        let inner = lock.read_timeout(LONG).expect("this process reads already");
        drop((outer, inner));
        join(&writer);
    });
}

#[test]
fn owner_killed() {
    isolated(|| {
        let lock = lock([0; 2]);
        kill(&writer(&lock));
        // Readers find what they cannot repair, and do not take the news away.
        for _ in 0..2 {
            let Err(ReadError::Poisoned(guard)) = lock.read() else { panic!("it is not in order") };
            assert_eq!(*guard, [1, 0]);
        }
        assert!(lock.is_poisoned());
        let Err(LockError::OwnerDied(mut guard)) = lock.write() else { panic!("nobody was told") };
        guard[1] = 1;
        guard.recover();
        drop(guard);
        assert!(!lock.is_poisoned());
        assert_eq!(*lock.read().expect("it is in order"), [1, 1]);
        drop(lock.write().expect("one was told"));
    });
}

/// Of many that wait one writer is told of each death.
#[test]
fn a_death_is_told_once() {
    isolated(|| {
        let (lock, board) = (lock([0; 2]), Board::new());
        for n_deaths in 1..=3 {
            let dying = writer(&lock);
            let waiters: Vec<Child> = (0..4)
                .map(|_| {
                    fork_child(|| match lock.write() {
                        Ok(_) => {}
                        Err(LockError::OwnerDied(mut guard)) => {
                            guard.recover();
                            board.add(DONE);
                        }
                        Err(other) => panic!("{other}"),
                    })
                })
                .collect();
            std::thread::sleep(SHORT);
            kill(&dying);
            waiters.iter().for_each(join);
            assert_eq!(board.get(DONE), n_deaths);
        }
    });
}

/// Who is told and says nothing leaves the lock poisoned; one that dies with it is a death of its own.
#[test]
fn not_recovered_is_poisoned() {
    isolated(|| {
        let lock = lock([0; 2]);
        kill(&writer(&lock));
        assert!(matches!(lock.try_write(), Err(TryLockError::Lock(LockError::OwnerDied(_)))));
        assert!(matches!(lock.write_timeout(LONG), Err(LockTimeoutError::Lock(LockError::Poisoned(_)))));
        assert!(matches!(lock.try_read(), Err(TryReadError::Read(ReadError::Poisoned(_)))));
        assert!(matches!(lock.read_timeout(LONG), Err(ReadTimeoutError::Read(ReadError::Poisoned(_)))));
        kill(&writer(&lock));
        assert!(matches!(lock.write(), Err(LockError::OwnerDied(_))));
        drop(lock.write().or_else(LockError::recover).expect("it has a part"));
        drop(lock.read().expect("it is in order"));
    });
}

#[test]
fn reader_killed() {
    isolated(|| {
        let lock = lock([0; 2]);
        let dying = reader(&lock);
        let writer = fork_child(|| change(&lock));
        std::thread::sleep(SHORT);
        assert!(!lock.is_poisoned());
        kill(&dying);
        join(&writer);
        assert_eq!(*lock.read().expect("nothing has happened"), [1, 1]);
        drop(lock.try_write().expect("nobody reads"));
    });
}

/// A writer that is killed while it waits keeps no reader out.
#[test]
fn waiting_writer_killed() {
    isolated(|| {
        let (lock, board) = (lock([0; 2]), Board::new());
        let guard = lock.read().expect("it is free");
        let waiting = fork_child(|| {
            board.add(READY);
            change(&lock);
        });
        board.wait_for(READY, 1);
        std::thread::sleep(SHORT);
        let other = fork_child(|| look(&lock));
        kill(&waiting);
        join(&other);
        drop(guard);
        assert_eq!(*lock.write().expect("nobody has died with it"), [0, 0]);
    });
}

#[test]
fn stopped_owner_is_not_robbed() {
    // Three waits of `stop_time`.
    isolated_within(4 * LONG, || {
        let lock = lock([0; 2]);
        let stopped = reader(&lock);
        stop(&stopped);
        assert!(matches!(lock.write_timeout(stop_time()), Err(LockTimeoutError::TimedOut)));
        drop(lock.read().expect("it is read"));
        resume(&stopped);
        kill(&stopped);
        let stopped = writer(&lock);
        stop(&stopped);
        assert!(matches!(lock.write_timeout(stop_time()), Err(LockTimeoutError::TimedOut)));
        assert!(matches!(lock.read_timeout(stop_time()), Err(ReadTimeoutError::TimedOut)));
        resume(&stopped);
        kill(&stopped);
        assert!(matches!(lock.write(), Err(LockError::OwnerDied(_))));
    });
}

#[test]
fn panic_poisons() {
    let lock = lock([0; 2]);
    let panics = |body: &dyn Fn()| catch_unwind(AssertUnwindSafe(body)).expect_err("it panics");
    panics(&|| {
        let _guard = lock.read().expect("it is free");
        panic!("on purpose");
    });
    assert!(!lock.is_poisoned());
    panics(&|| {
        let _guard = lock.write().expect("a reader spoils nothing");
        panic!("on purpose");
    });
    assert!(matches!(lock.read(), Err(ReadError::Poisoned(_))));
    let Err(LockError::Poisoned(mut guard)) = lock.write() else { panic!("it is not in order") };
    guard.recover();
    drop(guard);
    drop(lock.write().expect("it is in order"));
}

#[test]
fn forked_copy_releases_nothing() {
    isolated(|| {
        let lock = lock([0; 2]);
        let mut reading = Some(lock.read().expect("it is free"));
        join(&fork_child(|| {
            drop(reading.take());
            assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
        }));
        assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
        drop(reading);
        let mut writing = Some(lock.write().expect("nobody reads"));
        join(&fork_child(|| {
            let caught = catch_unwind(AssertUnwindSafe(|| {
                let _copy = writing.take();
                panic!("on purpose");
            }));
            assert!(caught.is_err() && matches!(lock.try_read(), Err(TryReadError::WouldBlock)));
        }));
        assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
        drop(writing);
        drop(lock.write().expect("a copy spoils nothing"));
    });
}

#[test]
fn as_many_readers_as_there_is_room_for() {
    isolated(|| {
        // 128 bytes, of which the lock has 64 and the data 16.
        let lock = RwLock::with_max_readers(&Arena::new(), [0; 2], 1).expect("memory is left");
        let readers: Vec<Child> = (0..3).map(|_| reader(&lock)).collect();
        assert!(matches!(lock.read(), Err(ReadError::TooManyReaders)));
        kill(&readers[1]);
        drop(lock.read().expect("the place of the dead is free"));
        kill(&readers[0]);
        kill(&readers[2]);
        drop(lock.write().expect("nobody reads"));
    });
}

#[test]
fn travels_in_messages() {
    isolated(|| {
        let before = Snapshot::take();
        let stranger = Stranger::start(|lock: RwLock<Pair>| change(&lock));
        let lock = lock([41, 41]);
        join(&stranger.send(&lock));
        let here: RwLock<Pair> = travel(&lock).expect("it is a read-write lock");
        assert_eq!(*here.read().expect("it is free"), [42, 42]);
        let guard = lock.read().expect("it is free");
        assert!(here.try_write().is_err());
        drop(guard);
        assert!(serde_json::to_string(&lock).is_err());
        drop((lock, here));
        before.assert_no_growth();
    });
}

#[test]
fn wrong_kind_is_refused() {
    let lock = lock([7; 2]);
    travel::<RwLock<[i64; 2]>>(&lock).expect("it has the same size");
    let error = travel::<RwLock<u64>>(&lock).expect_err("it has another size");
    assert!(error.contains("read-write lock"), "{error}");
    travel::<Mutex<Pair>>(&lock).expect_err("it is a read-write lock");
    travel::<Semaphore>(&lock).expect_err("it is a read-write lock");
    assert_eq!(*lock.read().expect("it is free"), [7, 7]);
}

/// One of several is killed at random in the middle of everything, again and again.
#[test]
fn users_are_killed_at_random() {
    isolated(|| {
        let n_rounds = if std::env::var_os("IPC_SHARED_LONG").is_some() { 3000 } else { 200 };
        let mut rng = ipc_testkit::Rng::from_env();
        let (lock, board) = (lock([0; 2]), Board::new());
        for round in 0..n_rounds {
            let go = board.get(GO);
            let users = [
                fork_child(|| {
                    board.add(GO);
                    loop {
                        let mut guard = lock.write().or_else(LockError::recover).expect("it has a part");
                        guard[0] = guard[0].max(guard[1]) + 1;
                        guard[1] = guard[0];
                    }
                }),
                fork_child(|| {
                    board.add(GO);
                    loop {
                        match lock.read() {
                            Ok(guard) => assert_eq!(guard[0], guard[1]),
                            Err(ReadError::Poisoned(_)) => {}
                            Err(other) => panic!("{other}"),
                        }
                    }
                }),
            ];
            board.wait_for(GO, go + 2);
            std::thread::sleep(Duration::from_micros(rng.below(500)));
            users.iter().for_each(kill);
            match lock.write_timeout(LONG) {
                Ok(guard) => assert_eq!(guard[0], guard[1], "round {round}"),
                Err(LockTimeoutError::Lock(
                    LockError::OwnerDied(mut guard) | LockError::Poisoned(mut guard),
                )) => {
                    guard[1] = guard[0];
                    guard.recover();
                }
                Err(other) => panic!("round {round}: {other}"),
            }
        }
    });
}
