//! The lock that reports a dead owner: once for each death, and never robbing a live one.
//!
//! # Safety
//!
//! Makes and opens locks at offset 0 of memory that holds nothing else there.
#![allow(unsafe_code)]

mod support;

use ipc_sys::clock::Deadline;
use ipc_sys::memory::SharedMapping;
use ipc_sys::process::Signal;
use ipc_sys::robust::{RobustGuard, RobustLock};
use ipc_testkit::{isolated, watchdog};
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};
use support::{LONG, fork_child, join, set_stopped, shell, status, wait_until};

/// A place behind the lock for what the test counts.
const WORD: usize = 1024;

fn memory() -> SharedMapping {
    let memory = SharedMapping::create(4096).expect("memory is left");
    // SAFETY: the memory is new.
    unsafe { RobustLock::create(&memory, 0) }.expect("the system has such locks");
    memory
}

fn lock(memory: &SharedMapping, deadline: Deadline) -> Option<RobustGuard<'_>> {
    // SAFETY: `memory` made one.
    unsafe { RobustLock::open(memory, 0) }.lock(deadline).expect("the lock is whole")
}

fn soon() -> Deadline {
    Deadline::after(LONG)
}

/// Takes the lock for ever and says so in the word.
fn hold(memory: &SharedMapping) {
    let guard = lock(memory, soon()).expect("nobody keeps it");
    memory.atomic_u32(WORD).fetch_add(1, SeqCst);
    std::mem::forget(guard);
}

#[test]
fn a_killed_owner_is_reported_once() {
    isolated(|| {
        let memory = memory();
        for round in 1..=20 {
            let owner = fork_child(|| {
                hold(&memory);
                std::thread::sleep(LONG);
            });
            wait_until(|| memory.atomic_u32(WORD).load(SeqCst) == round);
            owner.signal(Signal::Kill).expect("it is our child");
            let guard = lock(&memory, soon()).expect("the owner is dead");
            assert!(guard.owner_died());
            drop(guard);
            let guard = lock(&memory, soon()).expect("nobody keeps it");
            assert!(!guard.owner_died());
            status(&owner);
        }
    });
}

#[test]
fn an_owner_that_exits_is_reported() {
    isolated(|| {
        let memory = memory();
        join(&fork_child(|| hold(&memory)));
        assert!(lock(&memory, soon()).expect("the owner is gone").owner_died());
    });
}

#[test]
fn an_owner_that_executes_another_program_is_reported() {
    isolated(|| {
        use std::os::unix::process::CommandExt;
        let memory = memory();
        let owner = fork_child(|| {
            hold(&memory);
            let error = std::process::Command::new("/bin/sleep").arg("20").exec();
            panic!("{error}");
        });
        assert!(lock(&memory, soon()).is_some_and(|guard| guard.owner_died() || {
            // The parent came first.
            drop(guard);
            wait_until(|| memory.atomic_u32(WORD).load(SeqCst) == 1);
            lock(&memory, soon()).is_some_and(|guard| guard.owner_died())
        }));
        owner.signal(Signal::Kill).expect("it is our child");
        status(&owner);
    });
}

#[test]
fn a_thread_that_ends_is_an_owner_that_died() {
    let _guard = watchdog(LONG);
    let memory = memory();
    std::thread::scope(|scope| scope.spawn(|| hold(&memory)).join()).expect("the thread does not panic");
    assert!(lock(&memory, soon()).expect("the owner is gone").owner_died());
    assert!(!lock(&memory, soon()).expect("nobody keeps it").owner_died());
}

/// Each of several processes finds the lock of a dead owner and dies with it, too.
#[test]
fn whoever_recovers_may_die_as_well() {
    isolated(|| {
        let memory = memory();
        for depth in 0..5 {
            let owner = fork_child(|| {
                let guard = lock(&memory, soon()).expect("the owner is dead");
                assert_eq!(guard.owner_died(), depth > 0);
                std::mem::forget(guard);
            });
            join(&owner);
        }
        assert!(lock(&memory, soon()).expect("the owner is dead").owner_died());
        assert!(!lock(&memory, soon()).expect("nobody keeps it").owner_died());
    });
}

#[test]
fn a_stopped_owner_is_never_robbed() {
    isolated(|| {
        let memory = memory();
        let owner = fork_child(|| {
            let guard = lock(&memory, soon()).expect("nobody keeps it");
            memory.atomic_u32(WORD).store(1, SeqCst);
            wait_until(|| memory.atomic_u32(WORD).load(SeqCst) == 2);
            drop(guard);
            memory.atomic_u32(WORD).store(3, SeqCst);
        });
        wait_until(|| memory.atomic_u32(WORD).load(SeqCst) == 1);
        set_stopped(owner.pid(), true);
        memory.atomic_u32(WORD).store(2, SeqCst);
        for timeout in [0, 50, 350].map(Duration::from_millis) {
            let start = Instant::now();
            assert!(lock(&memory, Deadline::after(timeout)).is_none());
            assert!(start.elapsed() >= timeout);
        }
        assert_eq!(memory.atomic_u32(WORD).load(SeqCst), 2);
        set_stopped(owner.pid(), false);
        assert!(!lock(&memory, soon()).expect("the owner goes on").owner_died());
        join(&owner);
    });
}

#[test]
fn a_kept_lock_times_out() {
    let _guard = watchdog(LONG);
    let memory = memory();
    let guard = lock(&memory, Deadline::NOW).expect("nobody keeps it");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert!(lock(&memory, Deadline::NOW).is_none());
            let (start, timeout) = (Instant::now(), Duration::from_millis(250));
            assert!(lock(&memory, Deadline::after(timeout)).is_none());
            assert!(start.elapsed() >= timeout);
        });
    });
    drop(guard);
    assert!(lock(&memory, Deadline::NOW).is_some());
}

#[test]
fn locking_twice_is_an_error() {
    let memory = memory();
    let _guard = lock(&memory, Deadline::NOW).expect("nobody keeps it");
    // SAFETY: `memory` made one.
    let again = unsafe { RobustLock::open(&memory, 0) }.lock(Deadline::after(Duration::from_millis(10)));
    // The system says it at once or, where only the waiting call looks, at the end of the time.
    assert!(!matches!(again, Ok(Some(_))));
    // SAFETY: as above.
    let again = unsafe { RobustLock::open(&memory, 0) }.lock(Deadline::NEVER);
    assert_eq!(again.err().and_then(|error| error.raw_os_error()), Some(libc::EDEADLK));
}

#[test]
fn a_forked_child_does_not_own_what_its_parent_owns() {
    isolated(|| {
        let memory = memory();
        let guard = lock(&memory, soon()).expect("nobody keeps it");
        join(&fork_child(|| assert!(lock(&memory, Deadline::after(Duration::from_millis(20))).is_none())));
        join(&fork_child(|| {
            assert!(lock(&memory, Deadline::NOW).is_none(), "the end of the child before released nothing");
        }));
        drop(guard);
        join(&fork_child(|| assert!(!lock(&memory, soon()).expect("nobody keeps it").owner_died())));
    });
}

/// Loads and stores that are no single step: they add up only if one process is inside at a time.
#[test]
fn one_at_a_time() {
    isolated(|| {
        const ROUNDS: u32 = 20_000;
        let memory = memory();
        let children: Vec<_> = (0..4)
            .map(|_| {
                fork_child(|| {
                    for _ in 0..ROUNDS {
                        let _guard = lock(&memory, soon()).expect("everybody goes on");
                        let value = memory.atomic_u32(WORD).load(SeqCst);
                        memory.atomic_u32(WORD).store(value + 1, SeqCst);
                    }
                })
            })
            .collect();
        children.iter().for_each(join);
        assert_eq!(memory.atomic_u32(WORD).load(SeqCst), 4 * ROUNDS);
    });
}

/// A program that is started while the lock is kept does not keep it.
#[test]
fn a_started_program_owns_nothing() {
    isolated(|| {
        let memory = memory();
        let guard = lock(&memory, soon()).expect("nobody keeps it");
        join(&ipc_sys::process::spawn(&shell("exit 0")).expect("the shell is there"));
        join(&fork_child(|| assert!(lock(&memory, Deadline::NOW).is_none())));
        drop(guard);
    });
}
