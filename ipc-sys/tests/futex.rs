//! Sleeping on a word between processes.

mod support;

use ipc_sys::clock::Deadline;
use ipc_sys::futex::{self, RECHECK};
use ipc_sys::memory::SharedMapping;
use ipc_testkit::{isolated, watchdog};
use std::sync::atomic::Ordering::SeqCst;
use std::thread::sleep;
use std::time::{Duration, Instant};
use support::{LONG, fork_child, join};

#[test]
fn a_sleeper_of_another_process_is_woken() {
    isolated(|| {
        let memory = SharedMapping::create(64).expect("memory is left");
        // Two processes hand a number to and fro. Were the wake-ups lost, each step would take as long as a sleep.
        let (here, there) = (memory.atomic_u32(0), memory.atomic_u32(4));
        const STEPS: u32 = 500;
        let child = fork_child(|| {
            for step in 1..=STEPS {
                while here.load(SeqCst) != step {
                    futex::wait(here, step - 1, Deadline::NEVER);
                }
                there.store(step, SeqCst);
                futex::wake_one(there);
            }
        });
        let start = Instant::now();
        for step in 1..=STEPS {
            here.store(step, SeqCst);
            futex::wake_one(here);
            while there.load(SeqCst) != step {
                futex::wait(there, step - 1, Deadline::NEVER);
            }
        }
        assert!(start.elapsed() < RECHECK * STEPS / 4, "wake-ups between processes do not arrive");
        join(&child);
    });
}

#[test]
fn two_mappings_of_one_process_share_the_word() {
    let _guard = watchdog(LONG);
    let memory = SharedMapping::create(64).expect("memory is left");
    let other = SharedMapping::from_handle(memory.duplicate_handle().expect("left")).expect("the same");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            sleep(Duration::from_millis(10));
            other.atomic_u32(8).store(1, SeqCst);
            futex::wake_all(other.atomic_u32(8));
        });
        while memory.atomic_u32(8).load(SeqCst) == 0 {
            futex::wait(memory.atomic_u32(8), 0, Deadline::NEVER);
        }
    });
}

#[test]
fn all_sleepers_are_woken() {
    isolated(|| {
        let memory = SharedMapping::create(64).expect("memory is left");
        let word = memory.atomic_u32(0);
        let children: Vec<_> = (0..4)
            .map(|_| {
                fork_child(|| {
                    while word.load(SeqCst) == 0 {
                        futex::wait(word, 0, Deadline::NEVER);
                    }
                })
            })
            .collect();
        sleep(Duration::from_millis(20));
        word.store(1, SeqCst);
        futex::wake_all(word);
        children.iter().for_each(join);
    });
}

#[test]
fn another_value_is_not_slept_on() {
    let _guard = watchdog(LONG);
    let memory = SharedMapping::create(64).expect("memory is left");
    // Slept on, these would take 1,000 seconds.
    for _ in 0..10_000 {
        futex::wait(memory.atomic_u32(0), 1, Deadline::NEVER);
    }
}

#[test]
fn a_deadline_that_is_over_is_not_slept_for() {
    let _guard = watchdog(LONG);
    let memory = SharedMapping::create(64).expect("memory is left");
    for _ in 0..10_000 {
        futex::wait(memory.atomic_u32(0), 0, Deadline::NOW);
        futex::wait(memory.atomic_u32(0), 0, Deadline::at(Instant::now()));
    }
}

#[test]
fn nobody_wakes_and_the_sleep_ends() {
    let _guard = watchdog(LONG);
    let memory = SharedMapping::create(64).expect("memory is left");
    for deadline in [Deadline::NEVER, Deadline::after(Duration::from_secs(3600))] {
        futex::wait(memory.atomic_u32(0), 0, deadline);
    }
    let (start, timeout) = (Instant::now(), Duration::from_millis(30));
    let deadline = Deadline::after(timeout);
    while !deadline.is_over() {
        futex::wait(memory.atomic_u32(0), 0, deadline);
    }
    assert!(start.elapsed() >= timeout);
}

#[test]
fn waking_nobody_is_nothing() {
    let memory = SharedMapping::create(64).expect("memory is left");
    futex::wake_one(memory.atomic_u32(60));
    futex::wake_all(memory.atomic_u32(60));
}

/// The low half of a word, between processes, while the high half has something in it.
#[test]
fn a_sleeper_on_a_low_half_is_woken() {
    isolated(|| {
        let memory = SharedMapping::create(64).expect("memory is left");
        const STEPS: u32 = 500;
        const OWNER: u64 = 0xdead_beef << 32;
        let (here, there) = (memory.atomic_u64(0), memory.atomic_u64(8));
        here.store(OWNER, SeqCst);
        there.store(OWNER, SeqCst);
        let await_step = |word, step: u32| {
            let word: &std::sync::atomic::AtomicU64 = word;
            while word.load(SeqCst) != OWNER + u64::from(step) {
                futex::wait_low(word, OWNER + u64::from(step) - 1, Deadline::NEVER);
            }
        };
        let child = fork_child(|| {
            for step in 1..=STEPS {
                await_step(here, step);
                there.fetch_add(1, SeqCst);
                futex::wake_low_one(there);
            }
        });
        let start = Instant::now();
        for step in 1..=STEPS {
            here.fetch_add(1, SeqCst);
            futex::wake_low_all(here);
            await_step(there, step);
        }
        assert!(start.elapsed() < RECHECK * STEPS / 4, "wake-ups between processes do not arrive");
        join(&child);
    });
}

#[test]
fn another_value_of_either_half_is_not_slept_on() {
    let _guard = watchdog(LONG);
    let memory = SharedMapping::create(64).expect("memory is left");
    let word = memory.atomic_u64(0);
    word.store(3 << 32 | 5, SeqCst);
    // Slept on, these would take 1,000 seconds.
    for _ in 0..10_000 {
        futex::wait_low(word, 3 << 32 | 4, Deadline::NEVER);
        futex::wait_low(word, 2 << 32 | 5, Deadline::NEVER);
        futex::wait_low(word, 3 << 32 | 5, Deadline::NOW);
    }
}

#[test]
fn a_sleep_on_a_low_half_ends() {
    let _guard = watchdog(LONG);
    let memory = SharedMapping::create(64).expect("memory is left");
    let word = memory.atomic_u64(0);
    word.store(7 << 32, SeqCst);
    let start = Instant::now();
    for _ in 0..3 {
        futex::wait_low(word, 7 << 32, Deadline::NEVER);
    }
    assert!(start.elapsed() >= RECHECK, "it is the low half that is compared, and so this sleeps");
    let (start, timeout) = (Instant::now(), Duration::from_millis(30));
    let deadline = Deadline::after(timeout);
    while !deadline.is_over() {
        futex::wait_low(word, 7 << 32, deadline);
    }
    assert!(start.elapsed() >= timeout);
}
