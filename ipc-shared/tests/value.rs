//! Values with a lock and without: between threads, and between a process and its forked children.
//!
//! # Safety
//!
//! One test sends a signal.
#![allow(unsafe_code)]

mod support;
mod workers;

use ipc_shared::sync::{LockError, LockTimeoutError, TryLockError};
use ipc_shared::value::Atomic;
use ipc_shared::{Arena, Pod, RawValue, Value, Zeroable};
use ipc_sys::clock::Deadline;
use ipc_sys::process::ExitStatus;
use ipc_testkit::isolated;
use ipc_testkit::leaks::Snapshot;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use support::{LONG, fork_child, join};
use workers::Workers;

const N_WORKERS: usize = 4;
const N_ROUNDS: usize = 20_000;
const SHORT: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
struct Particle {
    position: [f64; 3],
    charge: i32,
    id: u32,
}

const PARTICLE: Particle = Particle { position: [1.0, 2.0, 4.0], charge: -1, id: 17 };

for_all_workers! {
    a_worker_sets_a_value
    a_worker_sets_a_raw_value
    structs_are_shared
    adding_under_the_lock_is_exact
    adding_in_one_step_is_exact
    updating_in_one_step_is_exact
    who_has_the_lock_keeps_others_out
    another_value_is_another
}

/// As Python's test: one of each type, set by another.
fn a_worker_sets_a_value<W: Workers>() {
    fn check<W: Workers, T: Pod + PartialEq + Debug + Sync>(before: T, after: T) {
        let value = Value::new_in(&Arena::new(), before).expect("memory is left");
        assert_eq!(value.get().expect("it is in order"), before);
        W::run(1, |_| {
            assert_eq!(value.get().expect("it is in order"), before);
            value.set(after).expect("it is in order");
        });
        assert_eq!(value.get().expect("it is in order"), after);
    }
    check::<W, i32>(4343, 24234);
    check::<W, f64>(3.625, -4.25);
    check::<W, i16>(-232, 234);
    check::<W, i64>(2 << 33, 2 << 34);
    check::<W, u8>(b'x', b'y');
    check::<W, u128>(u128::MAX, 1 << 100);
    check::<W, [u8; 3]>(*b"abc", *b"xyz");
    check::<W, [u64; 1000]>([1; 1000], [u64::MAX; 1000]);
    check::<W, ()>((), ());
}

fn a_worker_sets_a_raw_value<W: Workers>() {
    fn check<W: Workers, T: Pod + PartialEq + Debug + Sync>(before: T, after: T) {
        let value = RawValue::new_in(&Arena::new(), before).expect("memory is left");
        assert_eq!(value.read(), before);
        W::run(1, |_| {
            assert_eq!(value.read(), before);
            value.write(after);
        });
        assert_eq!(value.read(), after);
    }
    fn check_cell<W: Workers, T: Atomic + PartialEq + Debug + Sync>(before: T, after: T) {
        let value = RawValue::new_in(&Arena::new(), before).expect("memory is left");
        assert_eq!(value.load(), before);
        W::run(1, |_| {
            assert_eq!(value.compare_exchange(after, before), Err(before));
            assert_eq!(value.compare_exchange(before, after), Ok(before));
            assert_eq!(value.swap(before), after);
            value.store(after);
        });
        assert_eq!(value.load(), after);
    }
    check::<W, i32>(4343, 24234);
    check::<W, u128>(u128::MAX, 1 << 100);
    check::<W, [u8; 3]>(*b"abc", *b"xyz");
    check::<W, [u16; 3]>([1, 2, 3], [4, 5, u16::MAX]);
    check::<W, [f32; 5]>([1.0; 5], [0.5; 5]);
    check::<W, Particle>(PARTICLE, Particle { id: 18, ..PARTICLE });
    check::<W, ()>((), ());
    check_cell::<W, u8>(b'x', u8::MAX);
    check_cell::<W, i8>(-1, i8::MIN);
    check_cell::<W, u16>(1, u16::MAX);
    check_cell::<W, i16>(-232, 234);
    check_cell::<W, u32>(1, u32::MAX);
    check_cell::<W, i32>(4343, -24234);
    check_cell::<W, u64>(1, u64::MAX);
    check_cell::<W, i64>(2 << 33, i64::MIN);
    check_cell::<W, f32>(3.625, -4.25);
    check_cell::<W, f64>(3.625, f64::NEG_INFINITY);
    check_cell::<W, bool>(false, true);
}

fn structs_are_shared<W: Workers>() {
    let value = Value::new_in(&Arena::new(), PARTICLE).expect("memory is left");
    W::run(N_WORKERS, |_| {
        value
            .update(|particle| particle.position.iter_mut().for_each(|x| *x *= 2.0))
            .expect("it is in order");
        value.lock().expect("it is in order").charge -= 1;
    });
    let expected = Particle { position: [16.0, 32.0, 64.0], charge: -5, id: 17 };
    assert_eq!(value.get().expect("it is in order"), expected);
}

fn adding_under_the_lock_is_exact<W: Workers>() {
    let arena = Arena::new();
    // Two numbers that can only be equal if no one was half changed when another looked.
    let value = Value::new_in(&arena, [0_u64; 2]).expect("memory is left");
    W::run(N_WORKERS, |_| {
        for round in 0..N_ROUNDS {
            if round % 2 == 0 {
                value.update(|numbers| numbers.iter_mut().for_each(|n| *n += 1)).expect("it is in order");
            } else {
                let mut guard = value.lock().expect("it is in order");
                assert_eq!(guard[0], guard[1]);
                guard[0] += 1;
                guard[1] += 1;
            }
        }
    });
    assert_eq!(value.get().expect("it is in order"), [(N_WORKERS * N_ROUNDS) as u64; 2]);
}

fn adding_in_one_step_is_exact<W: Workers>() {
    let arena = Arena::new();
    let wide = RawValue::new_in(&arena, 0_u64).expect("memory is left");
    let narrow = RawValue::new_in(&arena, 0_u8).expect("memory is left");
    let signed = RawValue::new_in(&arena, 0_i32).expect("memory is left");
    let (most, least) = (RawValue::new_in(&arena, 0_i16), RawValue::new_in(&arena, 0_i16));
    let (most, least) = (most.expect("memory is left"), least.expect("memory is left"));
    let bits = RawValue::new_in(&arena, 0_u16).expect("memory is left");
    W::run(N_WORKERS, |number| {
        for round in 0..N_ROUNDS {
            wide.fetch_add(1);
            narrow.fetch_add(1);
            signed.fetch_sub(3);
            most.fetch_max(round as i16);
            least.fetch_min(-(round as i16));
            bits.fetch_xor(1 << number);
            bits.fetch_or(0x100 << number);
        }
        bits.fetch_xor(1 << number);
        bits.fetch_and(!(0x100 << number) | 0x100);
    });
    let total = N_WORKERS * N_ROUNDS;
    assert_eq!((wide.load(), narrow.load(), signed.load()), (total as u64, total as u8, -3 * total as i32));
    assert_eq!((most.load(), least.load()), (N_ROUNDS as i16 - 1, 1 - N_ROUNDS as i16));
    assert_eq!(bits.load(), 0x10F);
}

fn updating_in_one_step_is_exact<W: Workers>() {
    let arena = Arena::new();
    let float = RawValue::new_in(&arena, 0.5_f64).expect("memory is left");
    let flag = RawValue::new_in(&arena, false).expect("memory is left");
    W::run(N_WORKERS, |_| {
        for _ in 0..N_ROUNDS + 1 {
            float.update(|x| x + 0.25);
        }
        for _ in 0..N_ROUNDS {
            flag.update(|flag| !flag);
        }
    });
    assert_eq!(float.load(), 0.5 + 0.25 * (N_WORKERS * (N_ROUNDS + 1)) as f64);
    assert!(!flag.load());
    assert!(!flag.update(|flag| !flag) && flag.load());
}

fn who_has_the_lock_keeps_others_out<W: Workers>() {
    let value = Value::new_in(&Arena::new(), 7_u32).expect("memory is left");
    let guard = value.lock().expect("it is in order");
    W::run(2, |_| {
        assert!(matches!(value.try_lock(), Err(TryLockError::WouldBlock)));
        let start = Instant::now();
        assert!(matches!(value.lock_timeout(SHORT), Err(LockTimeoutError::TimedOut)));
        assert!(matches!(value.lock_deadline(start + 2 * SHORT), Err(LockTimeoutError::TimedOut)));
        assert!(start.elapsed() >= 2 * SHORT);
    });
    drop(guard);
    W::run(2, |_| {
        assert_eq!(*value.lock_timeout(LONG).expect("it becomes free"), 7);
        assert_eq!(*value.lock_deadline(Instant::now() + LONG).expect("it becomes free"), 7);
    });
    assert_eq!(*value.try_lock().expect("it is free"), 7);
}

/// Python's `copy`: the data is the same, and the variable is not.
fn another_value_is_another<W: Workers>() {
    let value = Value::new_in(&Arena::new(), PARTICLE).expect("memory is left");
    let same = value.clone();
    let other = Value::new_in(&Arena::new(), value.get().expect("it is in order")).expect("memory is left");
    W::run(1, |_| same.update(|particle| particle.id = 0).expect("it is in order"));
    assert_eq!(value.get().expect("it is in order").id, 0);
    assert_eq!(other.get().expect("it is in order"), PARTICLE);
    assert_eq!(value.replace(PARTICLE).expect("it is in order").id, 0);
    assert_eq!(same.get().expect("it is in order"), PARTICLE);
}

#[test]
fn a_dead_owner_is_reported_once() {
    isolated(|| {
        let value = Value::new_in(&Arena::new(), [1_u64, 1]).expect("memory is left");
        let child = fork_child(|| {
            let mut guard = value.lock().expect("it is in order");
            guard[0] = 2;
            // SAFETY: the call takes numbers.
            unsafe { libc::raise(libc::SIGKILL) };
        });
        let status = child.wait(Deadline::after(LONG)).expect("a child can be waited for");
        assert!(matches!(status, Some(ExitStatus::Signaled { signal: libc::SIGKILL, .. })), "{status:?}");
        // Whoever comes first is told; nothing is read or changed by an operation that fails.
        assert!(matches!(value.update(|_| unreachable!("the lock has news")), Err(LockError::OwnerDied(()))));
        assert!(matches!(value.set([5, 5]), Err(LockError::Poisoned(()))));
        join(&fork_child(|| assert!(matches!(value.get(), Err(LockError::Poisoned(()))))));
        let mut guard = match value.lock() {
            Err(LockError::Poisoned(guard)) => guard,
            other => panic!("{other:?}"),
        };
        assert_eq!(*guard, [2, 1]);
        guard[1] = 2;
        guard.recover();
        drop(guard);
        assert_eq!(value.get().expect("it was repaired"), [2, 2]);
    });
}

#[test]
fn a_panic_in_the_middle_of_a_change_is_told() {
    isolated(|| {
        let value = Value::new_in(&Arena::new(), 1_u32).expect("memory is left");
        let change = || value.update(|_| panic!("in the middle"));
        catch_unwind(AssertUnwindSafe(change))
            .expect_err("it panics")
            .downcast::<&str>()
            .expect("with a text");
        assert!(matches!(value.get(), Err(LockError::Poisoned(()))));
        drop(value.lock().or_else(LockError::recover).expect("there is a guard"));
        assert_eq!(value.replace(2).expect("it was repaired"), 1);
    });
}

#[test]
fn a_hundred_thousand_values_need_few_descriptors() {
    isolated(|| {
        let limit = libc::rlimit { rlim_cur: 256, rlim_max: 256 };
        // SAFETY: the limit lives until the call is over.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
        let arena = Arena::new();
        let values: Vec<Value<u64>> =
            (0..100_000).map(|n| Value::new_in(&arena, n).expect("memory is left")).collect();
        join(&fork_child(|| {
            values.iter().for_each(|value| value.update(|n| *n += 1).expect("it is in order"));
        }));
        for (n, value) in values.iter().enumerate() {
            assert_eq!(value.get().expect("it is in order"), n as u64 + 1);
        }
    });
}

#[test]
fn values_of_the_process_need_no_arena() {
    let values = (Value::new(1_u8).expect("memory is left"), RawValue::new(true).expect("memory is left"));
    assert_eq!((values.0.get().expect("it is in order"), values.1.load()), (1, true));
    assert_eq!(format!("{values:?} {:?}", &*values.1), "(Value { .. }, RawValue { .. }) true");
}

#[test]
fn values_come_and_go() {
    isolated(|| {
        let before = Snapshot::take();
        let arena = Arena::new();
        for n in 0..100_000_u64 {
            let value = RawValue::new_in(&arena, n).expect("memory is left");
            assert_eq!(value.fetch_add(1), n);
        }
        drop(arena);
        before.assert_no_growth();
    });
}
