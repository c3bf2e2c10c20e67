//! The barrier between threads and processes: all come through, or all learn that one will not.

#[path = "support/peers.rs"]
mod peers;
mod support;

use ipc_shared::Arena;
use ipc_shared::sync::{Barrier, BarrierError, Mutex, Semaphore};
use ipc_sys::process::Child;
use ipc_testkit::isolated;
use ipc_testkit::leaks::Snapshot;
use peers::{Board, SHORT, Stranger, eventually, kill, resume, sleep_for_ever, stop, stop_time, travel};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};
use support::{LONG, fork_child, join};

/// What the numbers on the board count.
const READY: usize = 0;
const GO: usize = 1;
const DONE: usize = 2;
const FAILED: usize = 3;
/// And as many from here on.
const STEPS: usize = 8;

/// As many parties as in Python's tests.
const N: u32 = 5;

fn barrier(parties: u32) -> Barrier {
    Barrier::new_in(&Arena::new(), parties).expect("memory is left")
}

/// Runs the body in `N` processes, of which this one is the last.
fn run(body: impl Fn(u32)) {
    let children: Vec<Child> = (1..N).map(|number| fork_child(|| body(number))).collect();
    body(0);
    children.iter().for_each(join);
}

/// A process that waits when the board says so.
fn party(barrier: &Barrier, board: &Board) -> Child {
    fork_child(|| {
        barrier.enroll().expect("there is room");
        board.add(READY);
        board.wait_for(GO, 1);
        let result = barrier.wait();
        board.add(if result.is_ok() { DONE } else { FAILED });
        assert!(matches!(result, Ok(_) | Err(BarrierError::Broken)));
    })
}

fn wait_for_waiters(barrier: &Barrier, n: u32) {
    eventually(|| barrier.n_waiting() == n);
}

/// Python's `test_barrier`: nobody is a step ahead.
fn lockstep(barrier: &Barrier, board: &Board, n_passes: usize) {
    for pass in 0..n_passes {
        let step = STEPS + pass % 2;
        board.add(step);
        barrier.wait().expect("all come");
        let n_expected = u64::from(N) * (1 + pass as u64 / 2);
        assert_eq!(board.get(step), n_expected);
        barrier.wait().expect("all come");
    }
}

/// Python's `test_barrier`.
#[test]
fn smoke() {
    isolated(|| {
        let (barrier, board) = (barrier(N), Board::new());
        assert_eq!((barrier.parties(), barrier.n_waiting(), barrier.is_broken()), (N, 0, false));
        run(|_| lockstep(&barrier, &board, 1));
        assert_eq!(format!("{barrier:?}"), "Barrier { parties: 5, .. }");
    });
}

/// Python's `test_barrier_10`.
#[test]
fn ten_times() {
    isolated(|| {
        let (barrier, board) = (barrier(N), Board::new());
        run(|_| lockstep(&barrier, &board, 10));
        assert_eq!(barrier.n_waiting(), 0);
    });
}

/// Python's `test_wait_return`: each index comes once; and one is the leader.
#[test]
fn each_has_another_index() {
    isolated(|| {
        let (barrier, board) = (barrier(N), Board::new());
        run(|_| {
            let passed = barrier.wait().expect("all come");
            board.add(STEPS + passed.index() as usize);
            if passed.is_leader() {
                board.add(DONE);
                assert_eq!(passed.index(), N - 1);
            }
        });
        let indices: Vec<u64> = (0..N as usize).map(|index| board.get(STEPS + index)).collect();
        assert_eq!((indices, board.get(DONE)), (vec![1; N as usize], 1));
    });
}

/// Python's `test_action`: one does something between two waits, and all see it.
#[test]
fn the_leader_acts_once() {
    isolated(|| {
        let (barrier, board) = (barrier(N), Board::new());
        run(|_| {
            if barrier.wait().expect("all come").is_leader() {
                board.add(DONE);
            }
            barrier.wait().expect("all come");
            assert_eq!(board.get(DONE), 1);
        });
    });
}

/// Python's `test_abort`.
#[test]
fn abort() {
    isolated(|| {
        let (barrier, board) = (barrier(N), Board::new());
        run(|number| {
            if number == N / 2 {
                barrier.abort();
                return;
            }
            let result = barrier.wait();
            board.add(if result == Err(BarrierError::Broken) { FAILED } else { DONE });
        });
        assert_eq!((board.get(DONE), board.get(FAILED)), (0, u64::from(N) - 1));
        assert!(barrier.is_broken());
    });
}

/// Python's `test_reset`: who waits fails, who comes afterwards does not.
#[test]
fn reset() {
    isolated(|| {
        let (barrier, board) = (barrier(N), Board::new());
        run(|number| {
            if number == N / 2 {
                wait_for_waiters(&barrier, N - 1);
                barrier.reset().expect("it has a part");
            } else {
                let result = barrier.wait();
                board.add(if result == Err(BarrierError::Broken) { FAILED } else { DONE });
            }
            barrier.wait().expect("all come");
        });
        assert_eq!((board.get(DONE), board.get(FAILED)), (0, u64::from(N) - 1));
        assert!(!barrier.is_broken());
    });
}

/// Python's `test_abort_and_reset`, with a second barrier to meet at.
#[test]
fn abort_and_reset() {
    isolated(|| {
        let (barrier, second, board) = (barrier(N), barrier(N), Board::new());
        run(|number| {
            if number == N / 2 {
                barrier.abort();
            } else {
                let result = barrier.wait();
                board.add(if result == Err(BarrierError::Broken) { FAILED } else { DONE });
            }
            if second.wait().expect("all come").is_leader() {
                barrier.reset().expect("it has a part");
            }
            second.wait().expect("all come");
            barrier.wait().expect("it is whole");
        });
        assert_eq!((board.get(DONE), board.get(FAILED)), (0, u64::from(N) - 1));
    });
}

/// Python's `test_timeout` and `test_default_timeout`: one that comes too late breaks it for all.
#[test]
fn timeout() {
    isolated(|| {
        let (barrier, board) = (barrier(N), Board::new());
        run(|number| {
            if number == N / 2 {
                board.wait_for(FAILED, u64::from(N) - 1);
                assert_eq!(barrier.wait_timeout(LONG), Err(BarrierError::Broken));
                return;
            }
            let start = Instant::now();
            let result = barrier.wait_timeout(SHORT);
            if result == Err(BarrierError::TimedOut) {
                assert!(start.elapsed() >= SHORT);
                board.add(DONE);
            }
            assert!(result.is_err());
            board.add(FAILED);
        });
        // One is the first.
        assert!((1..u64::from(N)).contains(&board.get(DONE)) && barrier.is_broken());
    });
}

#[test]
fn deadline() {
    let barrier = barrier(2);
    let deadline = Instant::now() + SHORT;
    assert_eq!(barrier.wait_deadline(deadline), Err(BarrierError::TimedOut));
    assert!(Instant::now() >= deadline && barrier.is_broken());
    assert_eq!(barrier.wait_deadline(Instant::now() + LONG), Err(BarrierError::Broken));
    barrier.reset().expect("it has a part");
    assert_eq!(barrier.wait_timeout(Duration::ZERO), Err(BarrierError::TimedOut));
}

/// Python's `test_single_thread`, and a barrier for nobody.
#[test]
fn one_party() {
    for parties in [0, 1] {
        let barrier = barrier(parties);
        for _ in 0..3 {
            let passed = barrier.wait_timeout(Duration::ZERO).expect("nobody else is needed");
            assert!(passed.is_leader() && passed.index() == 0);
        }
        assert_eq!(barrier.parties(), 1);
    }
}

/// Python's `test_thousand`.
#[test]
fn thousand() {
    isolated(|| {
        let (barrier, board) = (barrier(N), Board::new());
        run(|_| lockstep(&barrier, &board, 1000));
    });
}

#[test]
fn between_threads() {
    let (barrier, inside) = (barrier(N), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..N {
            scope.spawn(|| {
                for pass in 1..=200 {
                    inside.fetch_add(1, SeqCst);
                    barrier.wait().expect("all come");
                    assert_eq!(inside.load(SeqCst), N * pass);
                    barrier.wait().expect("all come");
                }
            });
        }
    });
}

#[test]
fn clones_are_one() {
    let arena = Arena::new();
    let one = Barrier::new_in(&arena, 2).expect("memory is left");
    let other = one.clone();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| other.wait().expect("all come").is_leader());
        assert_ne!(one.wait().expect("all come").is_leader(), waiter.join().expect("it did not panic"));
    });
    assert_eq!(arena.in_use(), 1);
}

/// A party that is killed while it waits, or after it enrolled and before it came: all others learn of it.
#[test]
fn party_killed() {
    isolated(|| {
        for is_waiting in [true, false] {
            let (barrier, board) = (barrier(N), Board::new());
            let others: Vec<Child> = (2..N).map(|_| party(&barrier, &board)).collect();
            let late = Board::new();
            let dying = party(&barrier, if is_waiting { &board } else { &late });
            board.add(GO);
            let n_waiting = if is_waiting { N - 1 } else { N - 2 };
            wait_for_waiters(&barrier, n_waiting);
            if !is_waiting {
                // Who was killed before it enrolled was never a party.
                late.wait_for(READY, 1);
            }
            let start = Instant::now();
            kill(&dying);
            others.iter().for_each(join);
            println!("known after {:?}", start.elapsed());
            assert_eq!((board.get(DONE), board.get(FAILED)), (0, u64::from(N) - 2));
            assert!(barrier.is_broken());
            assert_eq!(barrier.wait(), Err(BarrierError::Broken));

            barrier.reset().expect("it has a part");
            assert_eq!(barrier.n_waiting(), 0);
            run(|_| lockstep(&barrier, &board, 3));
        }
    });
}

/// The last to come does not come through beside a dead member.
#[test]
fn the_last_to_come_looks_for_the_dead() {
    isolated(|| {
        let (barrier, board) = (barrier(1), Board::new());
        let dying = party(&barrier, &board);
        board.wait_for(READY, 1);
        kill(&dying);
        assert_eq!(barrier.wait(), Err(BarrierError::Broken));
        barrier.reset().expect("it has a part");
        barrier.wait().expect("the dead are no members");
    });
}

/// A process that has the barrier from its parent is a member when it says so, and no sooner.
#[test]
fn a_forked_child_is_no_member() {
    isolated(|| {
        let (barrier, board) = (barrier(1), Board::new());
        barrier.wait().expect("this is a member");
        let child = fork_child(|| {
            board.add(READY);
            sleep_for_ever()
        });
        board.wait_for(READY, 1);
        kill(&child);
        barrier.wait().expect("it was none");
    });
}

/// A process that has received it is one, until it drops the last handle.
#[test]
fn a_receiver_is_a_member() {
    isolated(|| {
        let board = Board::new();
        let member = Stranger::start(|_barrier: Barrier| {
            board.add(READY);
            sleep_for_ever()
        });
        let former = Stranger::start(|(one, two): (Barrier, Barrier)| {
            let three = one.clone();
            drop((one, three));
            board.add(READY);
            board.wait_for(GO, 1);
            drop(two);
            board.add(READY);
            sleep_for_ever()
        });
        // Not before the two, so that they have no handle by being forked.
        let barrier = barrier(2);
        let (member, former) = (member.send(&barrier), former.send(&(&barrier, &barrier)));
        board.wait_for(READY, 2);
        board.add(GO);
        board.wait_for(READY, 3);
        kill(&former);
        // Comes through: no member has died.
        let other = fork_child(|| assert!(barrier.wait().is_ok()));
        barrier.wait().expect("nobody who counts has died");
        join(&other);
        kill(&member);
        assert_eq!(barrier.wait(), Err(BarrierError::Broken));
    });
}

/// What a process has by being forked does not keep it a member that has received the barrier and dropped it again.
#[test]
fn an_inherited_handle_is_no_membership() {
    isolated(|| {
        let barrier = barrier(1);
        barrier.wait().expect("this is a member");
        for waits in [false, true] {
            let child = Stranger::start(|received: Barrier| {
                if waits {
                    received.wait().expect("nobody has died");
                }
            })
            .send(&barrier);
            join(&child);
            barrier.wait().expect("it was none any more");
        }
        // By waiting at what it inherited it is one until its end.
        join(&fork_child(|| assert!(barrier.wait().is_ok())));
        assert_eq!(barrier.wait(), Err(BarrierError::Broken));
        barrier.reset().expect("it has a part");
        // Unless it drops that.
        let mut own = Some(barrier);
        join(&fork_child(|| assert!(own.take().expect("it is there").wait().is_ok())));
        own.expect("the parent has it").wait().expect("nobody who counts has died");
    });
}

/// With one of two handles dropped it is a member still.
#[test]
fn a_receiver_with_a_handle_left_is_a_member() {
    isolated(|| {
        let (barrier, board) = (barrier(2), Board::new());
        let member = Stranger::start(|(one, _two): (Barrier, Barrier)| {
            drop(one);
            board.add(READY);
            sleep_for_ever()
        })
        .send(&(&barrier, &barrier));
        board.wait_for(READY, 1);
        kill(&member);
        assert_eq!(barrier.wait(), Err(BarrierError::Broken));
    });
}

#[test]
fn stopped_party_is_waited_for() {
    isolated(|| {
        let (barrier, board) = (barrier(2), Board::new());
        let stopped = party(&barrier, &board);
        board.wait_for(READY, 1);
        stop(&stopped);
        board.add(GO);
        let waiter = party(&barrier, &board);
        std::thread::sleep(stop_time());
        assert!(!barrier.is_broken() && board.get(DONE) == 0);
        resume(&stopped);
        join(&stopped);
        join(&waiter);
        assert_eq!(board.get(DONE), 2);
    });
}

#[test]
fn as_many_members_as_there_is_room_for() {
    isolated(|| {
        let arena = Arena::new();
        // 1 KiB has room for 61.
        let barrier = Barrier::new_in(&arena, 2).expect("memory is left");
        let board = Board::new();
        let members: Vec<Child> = (0..61).map(|_| party(&barrier, &board)).collect();
        board.wait_for(READY, 61);
        assert_eq!(barrier.enroll(), Err(BarrierError::TooManyMembers));
        assert_eq!(barrier.wait(), Err(BarrierError::TooManyMembers));
        let error = travel::<Barrier>(&barrier).expect_err("there is no room");
        assert!(error.contains("too many other processes"), "{error}");
        members.iter().for_each(kill);
        barrier.enroll().expect("the places of the dead are free");

        let many = Barrier::new_in(&arena, 100).expect("memory is left");
        many.enroll().expect("there is room");
        drop(Barrier::with_max_members(&arena, u32::MAX, usize::MAX).expect("memory is left"));
    });
}

#[test]
fn travels_in_messages() {
    isolated(|| {
        let before = Snapshot::take();
        let stranger = Stranger::start(|barrier: Barrier| {
            assert_eq!(barrier.parties(), 2);
            barrier.wait().expect("all come");
        });
        let barrier = barrier(2);
        let child = stranger.send(&barrier);
        barrier.wait_timeout(LONG).expect("all come");
        join(&child);
        // It has dropped its handle before it ended.
        let here: Barrier = travel(&barrier).expect("it is a barrier");
        assert!(!barrier.is_broken());
        here.abort();
        assert!(barrier.is_broken() && serde_json::to_string(&barrier).is_err());
        drop((barrier, here, child));
        before.assert_no_growth();
    });
}

#[test]
fn wrong_kind_is_refused() {
    let barrier = barrier(2);
    let error = travel::<Semaphore>(&barrier).expect_err("it is a barrier");
    assert!(error.contains("barrier"), "{error}");
    travel::<Mutex>(&barrier).expect_err("it is a barrier");
}

/// Parties are killed at random; whatever the others were doing, all learn of it, and a reset makes it whole.
#[test]
fn parties_are_killed_at_random() {
    isolated(|| {
        let n_rounds = if std::env::var_os("IPC_SHARED_LONG").is_some() { 1000 } else { 30 };
        let mut rng = ipc_testkit::Rng::from_env();
        let barrier = barrier(3);
        for _ in 0..n_rounds {
            let board = Board::new();
            let parties: Vec<Child> = (0..3)
                .map(|_| {
                    fork_child(|| {
                        barrier.enroll().expect("there is room");
                        board.add(READY);
                        board.wait_for(READY, 3);
                        let error = (0..).find_map(|_| barrier.wait().err());
                        assert_eq!(error, Some(BarrierError::Broken));
                    })
                })
                .collect();
            board.wait_for(READY, 3);
            std::thread::sleep(Duration::from_micros(rng.below(2000)));
            kill(&parties[0]);
            parties[1..].iter().for_each(join);
            barrier.reset().expect("it has a part");
            assert!(!barrier.is_broken() && barrier.n_waiting() == 0);
        }
    });
}
