//! The event between threads and processes, and in a signal handler.
//!
//! # Safety
//!
//! One test installs a signal handler, which calls nothing but what it is about, and sends signals to a process that waits for
//! the sender.
#![allow(unsafe_code)]

#[path = "support/peers.rs"]
mod peers;
mod support;

use ipc_shared::Arena;
use ipc_shared::sync::{Event, Mutex};
use ipc_sys::process::Child;
use ipc_testkit::isolated;
use ipc_testkit::leaks::Snapshot;
use peers::{
    Board, NoDescriptors, SHORT, Stranger, collect, foreign_fork, kill, resume, sleep_for_ever, stop, travel,
    wait_for_threads,
};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use support::{LONG, fork_child, join};

/// What the numbers on the board count.
const READY: usize = 0;
const WOKEN: usize = 1;

fn event() -> Event {
    Event::new_in(&Arena::new()).expect("memory is left")
}

#[test]
fn smoke() {
    let event = event();
    assert!(!event.is_set());
    event.set();
    event.set();
    assert!(event.is_set() && event.wait());
    assert_eq!(format!("{event:?}"), "Event { is_set: true, .. }");
    event.clear();
    event.clear();
    assert!(!event.is_set());
}

#[test]
fn clones_are_one() {
    let one = event();
    one.clone().set();
    assert!(one.is_set());
}

/// Python's `_TestEvent.test_event`.
#[test]
fn python_event() {
    isolated(|| {
        let event = event();
        assert!(!event.is_set());
        assert!(!event.wait_timeout(Duration::ZERO));
        let start = Instant::now();
        assert!(!event.wait_timeout(SHORT));
        assert!(start.elapsed() >= SHORT);
        event.set();
        assert!(event.is_set());
        // Set stays set, and waiting does not clear it.
        assert!(event.wait() && event.wait());
        assert!(event.wait_timeout(Duration::ZERO) && event.wait_timeout(LONG));
        event.clear();
        assert!(!event.is_set());
        let child = fork_child(|| {
            std::thread::sleep(SHORT);
            event.set();
        });
        assert!(event.wait());
        join(&child);
    });
}

#[test]
fn deadline() {
    let event = event();
    let deadline = Instant::now() + SHORT;
    assert!(!event.wait_deadline(deadline));
    assert!(Instant::now() >= deadline);
    event.set();
    assert!(event.wait_deadline(deadline), "that it is set counts after the deadline, too");
}

#[test]
fn between_threads() {
    let (ping, pong) = (event(), event());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..2000 {
                assert!(ping.wait_timeout(LONG));
                ping.clear();
                pong.set();
            }
        });
        for _ in 0..2000 {
            ping.set();
            assert!(pong.wait_timeout(LONG));
            pong.clear();
        }
    });
}

/// Also those who do not run before it is cleared again.
#[test]
fn all_who_wait_return_though_it_is_cleared_at_once() {
    isolated(|| {
        let (event, board) = (event(), Board::new());
        let waits = || {
            board.add(READY);
            assert!(event.wait());
            board.add(WOKEN);
        };
        let children: Vec<Child> = (0..8).map(|_| fork_child(waits)).collect();
        board.wait_for(READY, 8);
        std::thread::sleep(SHORT);
        stop(&children[0]);
        assert_eq!(board.get(WOKEN), 0);
        event.set();
        event.clear();
        children[1..].iter().for_each(join);
        resume(&children[0]);
        join(&children[0]);
        assert!(!event.is_set());
    });
}

#[test]
fn waiter_and_setter_killed() {
    isolated(|| {
        let (event, board) = (event(), Board::new());
        let waits = || {
            board.add(READY);
            assert!(event.wait());
        };
        let (lives, dies) = (fork_child(waits), fork_child(waits));
        board.wait_for(READY, 2);
        std::thread::sleep(SHORT);
        kill(&dies);
        let setter = fork_child(|| {
            event.set();
            sleep_for_ever()
        });
        join(&lives);
        kill(&setter);
        assert!(event.is_set());
        event.clear();
        assert!(!event.wait_timeout(SHORT));
    });
}

/// An event whose setter is killed at a random moment is set or is not, and works.
#[test]
fn setters_killed_at_random() {
    isolated(|| {
        let event = event();
        let mut rng = ipc_testkit::Rng::from_env();
        for _ in 0..100 {
            let child = fork_child(|| {
                loop {
                    event.set();
                    event.clear();
                }
            });
            std::thread::sleep(Duration::from_micros(rng.below(500)));
            kill(&child);
            event.clear();
            assert!(!event.is_set());
            event.set();
            assert!(event.is_set() && event.wait_timeout(LONG));
        }
    });
}

static HANDLED: OnceLock<Event> = OnceLock::new();

extern "C" fn handle(_: libc::c_int) {
    if let Some(event) = HANDLED.get() {
        event.set();
    }
}

/// Python's deadlocks there, when the signal comes while the same thread is in a call of the same event. Here the signals
/// come in the midst of everything: calls of this event and of others, locks, allocations.
#[test]
fn set_in_a_signal_handler_under_load() {
    const SIGNALS: u64 = 2000;
    let test = || {
        let (event, board) = (event(), Board::new());
        HANDLED.set(event.clone()).expect("the process has run nothing else");
        let handler = handle as extern "C" fn(libc::c_int);
        // SAFETY: the handler reads a static that is complete, and sets an event.
        let former = unsafe { libc::signal(libc::SIGUSR1, handler as libc::sighandler_t) };
        assert_ne!(former, libc::SIG_ERR);
        let parent = std::process::id() as i32;
        let child = fork_child(|| {
            for _ in 0..SIGNALS {
                // SAFETY: the parent waits for this process.
                assert_eq!(unsafe { libc::kill(parent, libc::SIGUSR1) }, 0);
                assert!(event.wait_timeout(LONG), "the handler has set it");
                event.clear();
                board.add(WOKEN);
            }
        });
        let arena = Arena::new();
        let (other, lock) = (Event::new_in(&arena).unwrap(), Mutex::new_in(&arena, 0_u64).unwrap());
        while board.get(WOKEN) < SIGNALS {
            other.set();
            assert!(other.wait());
            other.clear();
            *lock.lock().expect("nobody dies") += 1;
            // The one that the handler sets: looked at, waited for, never taken from the child.
            let _ = event.is_set() || event.wait_timeout(Duration::from_micros(50));
            drop(Event::new_in(&arena).unwrap());
            std::hint::black_box(vec![0_u8; 1000]);
        }
        join(&child);
        // SAFETY: back to what it was.
        unsafe { libc::signal(libc::SIGUSR1, former) };
        assert_eq!(arena.in_use(), 2);
    };
    ipc_testkit::Isolated::new().allow_leaks("a static has the event of the handler").run(test);
}

#[test]
fn child_that_got_no_part_changes_nothing() {
    isolated(|| {
        let event = event();
        let no_descriptors = NoDescriptors::new();
        let no_part = || {
            event.set();
            !event.is_set() && !event.wait() && !event.wait_timeout(LONG)
        };
        assert_eq!(collect(foreign_fork(no_part)), 0);
        assert!(!event.is_set());
        event.set();
        let clears = || {
            event.clear();
            !event.is_set()
        };
        assert_eq!(collect(foreign_fork(clears)), 0);
        drop(no_descriptors);
        assert!(event.is_set());
        join(&fork_child(|| event.clear()));
        assert!(!event.is_set());
    });
}

#[test]
fn child_of_a_foreign_fork_takes_part() {
    isolated(|| {
        let (event, over) = (event(), event());
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| assert!(over.wait()));
            }
            for _ in 0..20 {
                let pid = foreign_fork(|| {
                    event.set();
                    !over.is_set()
                });
                assert!(event.wait_timeout(LONG));
                assert_eq!(collect(pid), 0);
                event.clear();
            }
            assert_eq!(
                collect(foreign_fork(|| {
                    over.set();
                    true
                })),
                0
            );
        });
        wait_for_threads();
    });
}

#[test]
fn travels_in_messages() {
    isolated(|| {
        let before = Snapshot::take();
        let stranger = Stranger::start(|(ready, go): (Event, Event)| {
            ready.set();
            assert!(go.wait_timeout(LONG));
        });
        let arena = Arena::new();
        let (ready, go) = (Event::new_in(&arena).unwrap(), Event::new_in(&arena).unwrap());
        let child = stranger.send(&(&ready, &go));
        assert!(ready.wait_timeout(LONG));
        travel::<Event>(&go).expect("it is an event").set();
        join(&child);
        assert!(serde_json::to_string(&go).is_err());
        drop((child, ready, go, arena));
        before.assert_no_growth();
    });
}

#[test]
fn wrong_kind_is_refused() {
    let error = travel::<Mutex<()>>(&event()).expect_err("it is an event");
    assert!(error.contains("the message has event"), "{error}");
    let lock = Mutex::new_in(&Arena::new(), ()).expect("memory is left");
    travel::<Event>(&lock).expect_err("it is a mutex");
}
