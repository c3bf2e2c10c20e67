//! Arrays with a lock and without: between threads, and between a process and its forked children.
//!
//! # Safety
//!
//! One test sends a signal.
#![allow(unsafe_code)]

mod support;
mod workers;

use ipc_shared::array::{BoundsError, ElementError};
use ipc_shared::sync::{LockError, LockTimeoutError, TryLockError};
use ipc_shared::{AllocError, Arena, Array, Pod, RawArray, Zeroable};
use ipc_sys::clock::Deadline;
use ipc_sys::process::ExitStatus;
use ipc_testkit::leaks::Snapshot;
use ipc_testkit::{Rng, isolated};
use std::time::{Duration, Instant};
use support::{LONG, fork_child, join};
use workers::Workers;

const N_WORKERS: usize = 4;
const N_ROUNDS: usize = 2000;
const SHORT: Duration = Duration::from_millis(20);

/// Neither the size nor the alignment is that of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
struct Pixel {
    color: [u16; 3],
}

for_all_workers! {
    a_worker_changes_an_array
    a_worker_changes_a_raw_array
    adding_under_the_lock_is_exact
    adding_in_one_step_is_exact
    parts_are_sorted_by_workers
    who_has_the_lock_keeps_others_out
    numbers_are_never_torn
}

/// As Python's test: each element becomes the sum of those up to it, by another.
fn a_worker_changes_an_array<W: Workers>() {
    let numbers = [680, 626, 934, 821, 150, 233, 548, 982, 714, 831];
    let sums: Vec<i32> = numbers.iter().scan(0, running_sum).collect();
    let array = Array::new_in(&Arena::new(), &numbers).expect("memory is left");
    assert_eq!((array.len(), array.is_empty()), (10, false));
    assert_eq!(array.to_vec().expect("it is in order"), numbers);
    array.write_range(4, &[1, 2, 3, 4]).expect("it has these");
    assert_eq!(array.lock().expect("it is in order")[3..9], [821, 1, 2, 3, 4, 714]);
    array.write_range(4, &numbers[4..8]).expect("it has these");
    W::run(1, |_| {
        array
            .update(|elements| (1..10).for_each(|i| elements[i] += elements[i - 1]))
            .expect("it is in order");
        array.set(0, array.get(9).expect("it has one")).expect("it has one");
    });
    let mut found = [0; 9];
    array.read_range(1, &mut found).expect("it has these");
    assert_eq!((array.get(0).expect("it has one"), &found[..]), (sums[9], &sums[1..]));
}

fn a_worker_changes_a_raw_array<W: Workers>() {
    let array = RawArray::new_in(&Arena::new(), &[Pixel { color: [1, 2, 3] }; 1000]).expect("memory is left");
    assert_eq!((array.len(), array.is_empty()), (1000, false));
    W::run(N_WORKERS, |number| {
        // Next to each other, and not at multiples of any word.
        for index in (number..1000).step_by(N_WORKERS) {
            let mut pixel = array.read(index).expect("it has one");
            pixel.color[1] += index as u16;
            array.write(index, pixel).expect("it has one");
        }
    });
    let expected: Vec<Pixel> = (0..1000).map(|index| Pixel { color: [1, 2 + index, 3] }).collect();
    assert_eq!(array.to_vec(), expected);
    let mut some = [Pixel::default(); 3];
    array.read_range(501, &mut some).expect("it has these");
    assert_eq!(some, expected[501..504]);
}

fn adding_under_the_lock_is_exact<W: Workers>() {
    let array = Array::<u32>::zeroed_in(&Arena::new(), 100).expect("memory is left");
    W::run(N_WORKERS, |_| {
        for _ in 0..N_ROUNDS {
            let mut guard = array.lock().expect("it is in order");
            assert!(guard.iter().all(|&n| n == guard[0]), "somebody was in the middle");
            guard.iter_mut().for_each(|n| *n += 1);
        }
    });
    assert_eq!(array.to_vec().expect("it is in order"), [(N_WORKERS * N_ROUNDS) as u32; 100]);
}

fn adding_in_one_step_is_exact<W: Workers>() {
    let arena = Arena::new();
    let bytes = RawArray::<u8>::zeroed_in(&arena, 10).expect("memory is left");
    let words = RawArray::<i64>::zeroed_in(&arena, 10).expect("memory is left");
    let floats = RawArray::<f32>::zeroed_in(&arena, 10).expect("memory is left");
    W::run(N_WORKERS, |_| {
        for round in 0..10 * N_ROUNDS {
            bytes.at(round % 10).expect("it has one").fetch_add(1);
            words.cells()[round % 10].fetch_sub(round as i64 % 10);
            floats.cells()[round % 10].update(|x| x + 0.5);
        }
    });
    let total = N_WORKERS * N_ROUNDS;
    assert_eq!(bytes.to_vec(), [total as u8; 10]);
    assert_eq!(words.to_vec(), std::array::from_fn::<i64, 10, _>(|i| -(i as i64 * total as i64)));
    assert_eq!(floats.to_vec(), [total as f32 / 2.0; 10]);
}

fn parts_are_sorted_by_workers<W: Workers>() {
    let mut numbers = vec![0; 10_001];
    let mut rng = Rng::from_env();
    numbers.iter_mut().for_each(|n| *n = rng.next_u64());
    let array = RawArray::new_in(&Arena::new(), &numbers).expect("memory is left");
    let len = array.len();
    let part = |number: usize| number * len / N_WORKERS..(number + 1) * len / N_WORKERS;
    W::run(N_WORKERS, |number| {
        let mut mine = vec![0; part(number).len()];
        array.read_range(part(number).start, &mut mine).expect("it has these");
        mine.sort_unstable();
        array.write_range(part(number).start, &mine).expect("it has these");
    });
    (0..N_WORKERS).for_each(|number| numbers[part(number)].sort_unstable());
    assert!(array.to_vec() == numbers, "each part is sorted, and nothing else has changed");
}

fn who_has_the_lock_keeps_others_out<W: Workers>() {
    let array = Array::new_in(&Arena::new(), &[7_u32, 8]).expect("memory is left");
    let guard = array.lock().expect("it is in order");
    W::run(2, |_| {
        assert!(matches!(array.try_lock(), Err(TryLockError::WouldBlock)));
        let start = Instant::now();
        assert!(matches!(array.lock_timeout(SHORT), Err(LockTimeoutError::TimedOut)));
        assert!(matches!(array.lock_deadline(start + 2 * SHORT), Err(LockTimeoutError::TimedOut)));
        assert!(start.elapsed() >= 2 * SHORT);
        // What needs no lock does not wait.
        assert_eq!(array.len(), 2);
        assert!(matches!(array.get(2), Err(ElementError::Bounds(_))));
    });
    drop(guard);
    W::run(2, |_| {
        assert_eq!(*array.lock_timeout(LONG).expect("it becomes free"), [7, 8]);
        assert_eq!(*array.lock_deadline(Instant::now() + LONG).expect("it becomes free"), [7, 8]);
    });
    assert_eq!(*array.try_lock().expect("it is free"), [7, 8]);
}

/// A copy made while others write has old numbers and new ones, and no mixture of the two.
fn numbers_are_never_torn<W: Workers>() {
    let array = RawArray::new_in(&Arena::new(), &[[0_u64; 3]; 100]).expect("memory is left");
    W::run(N_WORKERS, |number| {
        for round in 0..N_ROUNDS {
            if number == 0 {
                let mut copy = [[0; 3]; 100];
                array.read_range(0, &mut copy).expect("it has these");
                let is_whole = |&n: &u64| n.to_ne_bytes() == [n as u8; 8];
                assert!(copy.iter().flatten().all(is_whole), "{copy:x?}");
            } else {
                let n = u64::from_ne_bytes([(round * N_WORKERS + number) as u8; 8]);
                array.write_range(0, &[[n; 3]; 100]).expect("it has these");
            }
        }
    });
}

/// As Python's test, with memory that was used before.
#[test]
fn a_new_array_is_zero() {
    isolated(|| {
        let arena = Arena::new();
        for len in [1, 2, 100, 1000, 10_000, 0, 1, 100, 10_000] {
            let array = Array::<u64>::zeroed_in(&arena, len).expect("memory is left");
            assert_eq!(array.to_vec().expect("it is in order"), vec![0; len]);
            array.lock().expect("it is in order").fill(u64::MAX);
            drop(array);
            let array = RawArray::<u64>::zeroed_in(&arena, len).expect("memory is left");
            assert_eq!(array.to_vec(), vec![0; len]);
            array.write_range(0, &vec![u64::MAX; len]).expect("it has these");
        }
    });
}

#[test]
fn what_is_not_there_is_an_error() {
    isolated(|| {
        let array = Array::new_in(&Arena::new(), &[1_u32, 2, 3]).expect("memory is left");
        let raw = RawArray::new_in(&Arena::new(), &[1_u32, 2, 3]).expect("memory is left");
        let mut two = [0; 2];
        let bounds = |error: ElementError| match error {
            ElementError::Bounds(error) => error,
            ElementError::Lock(error) => panic!("{error}"),
        };
        for start in [3, 4, usize::MAX / 4, usize::MAX] {
            let one = BoundsError { start, count: 1, len: 3 };
            assert_eq!(array.get(start).map_err(bounds), Err(one));
            assert_eq!(array.set(start, 0).map_err(bounds), Err(one));
            assert_eq!((raw.read(start), raw.write(start, 0)), (Err(one), Err(one)));
            assert_eq!(raw.at(start).map(drop), Err(one));
        }
        for start in [2, 3, usize::MAX / 4, usize::MAX] {
            let error = BoundsError { start, count: 2, len: 3 };
            assert_eq!(array.read_range(start, &mut two).map_err(bounds), Err(error));
            assert_eq!(array.write_range(start, &two).map_err(bounds), Err(error));
            assert_eq!(raw.read_range(start, &mut two), Err(error));
            assert_eq!(raw.write_range(start, &two), Err(error));
        }
        // Nothing at the very end is there; beyond it, it is not.
        raw.read_range(3, &mut []).expect("it has none there");
        array.write_range(3, &[]).expect("it has none there");
        raw.read_range(4, &mut []).expect_err("it does not reach there");
        assert_eq!(array.to_vec().expect("it is in order"), [1, 2, 3]);
        assert_eq!((raw.to_vec(), two), (vec![1, 2, 3], [0; 2]));
    });
}

#[test]
fn nothing_is_a_length_and_a_size() {
    isolated(|| {
        let arena = Arena::new();
        let array = Array::<u64>::new_in(&arena, &[]).expect("memory is left");
        assert!(array.is_empty() && array.lock().expect("it is in order").is_empty());
        let raw = RawArray::<u64>::zeroed_in(&arena, 0).expect("memory is left");
        assert!(raw.is_empty() && raw.cells().is_empty() && raw.to_vec().is_empty());

        // As many as there can be, since they are nothing.
        let array = Array::<()>::zeroed_in(&arena, u32::MAX as usize).expect("nothing is needed");
        assert_eq!(array.lock().expect("it is in order").len(), u32::MAX as usize);
        array.set(u32::MAX as usize - 1, ()).expect("it has one");
        array.get(u32::MAX as usize).expect_err("it has none");
        let raw = RawArray::new_in(&arena, &[[0_u64; 0]; 5]).expect("memory is left");
        assert_eq!((raw.len(), raw.read(4), raw.to_vec()), (5, Ok([]), vec![[]; 5]));
    });
}

#[test]
fn what_is_too_large_is_refused() {
    isolated(|| {
        let arena = Arena::new();
        for error in [
            Array::<[u8; 1 << 24]>::zeroed_in(&arena, 1).unwrap_err(),
            RawArray::<[u8; 1 << 24]>::zeroed_in(&arena, 1).unwrap_err(),
            Array::<u8>::zeroed_in(&arena, 1 << 32).unwrap_err(),
            RawArray::<u64>::zeroed_in(&arena, usize::MAX).unwrap_err(),
            // The elements are few and small enough, and all of them are too much.
            Array::<[u64; 1 << 20]>::zeroed_in(&arena, u32::MAX as usize).unwrap_err(),
        ] {
            let is_told = matches!(error, AllocError::TooLarge { .. } | AllocError::System { .. });
            assert!(is_told, "{error}");
        }
    });
}

/// Around every size at which another cell begins, and the size from which on there is a segment for one array.
#[test]
fn arrays_of_every_size_are_whole() {
    isolated(|| {
        let start = Snapshot::take().descriptors();
        let arena = Arena::new();
        let with_neighbours = Array::<u8>::zeroed_in(&arena, 65_504).expect("memory is left");
        for exponent in 6..18 {
            for size in (1 << exponent) - 50..(1 << exponent) + 2_usize {
                let bytes: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
                let (first, second) = (Array::new_in(&arena, &bytes), RawArray::new_in(&arena, &bytes));
                let (first, second) = (first.expect("memory is left"), second.expect("memory is left"));
                second.write_range(0, &vec![0xAA; size]).expect("it has these");
                assert!(*first.lock().expect("it is in order") == bytes, "{size}");
                first.lock().expect("it is in order").fill(0x55);
                assert!(second.to_vec().iter().all(|&byte| byte == 0xAA), "{size}");
            }
        }
        let small = [65_504, 65_505].map(|size| {
            let before = Snapshot::take().descriptors();
            let array = Array::<u8>::zeroed_in(&arena, size).expect("memory is left");
            (Snapshot::take().descriptors() - before, array).0
        });
        assert_eq!(small, [0, 2]);
        drop((with_neighbours, arena));
        assert_eq!(Snapshot::take().descriptors(), start);
    });
}

#[test]
fn wide_elements_are_aligned() {
    isolated(|| {
        let arena = Arena::new();
        let array = Array::new_in(&arena, &[u128::MAX, 0, 1 << 100]).expect("memory is left");
        assert_eq!(*array.lock().expect("it is in order"), [u128::MAX, 0, 1 << 100]);
        let raw = RawArray::new_in(&arena, &[u128::MAX, 0, 1 << 100]).expect("memory is left");
        assert_eq!((raw.read(2), raw.to_vec()), (Ok(1 << 100), vec![u128::MAX, 0, 1 << 100]));
    });
}

#[test]
fn an_owner_that_dies_leaves_its_work_in_reach() {
    isolated(|| {
        let array = Array::new_in(&Arena::new(), &[1_u16; 1000]).expect("memory is left");
        let child = fork_child(|| {
            let mut guard = array.lock().expect("it is in order");
            for (n, element) in guard.iter_mut().enumerate() {
                *element = 2;
                if n == 499 {
                    // SAFETY: the call takes numbers.
                    unsafe { libc::raise(libc::SIGKILL) };
                }
            }
        });
        let status = child.wait(Deadline::after(LONG)).expect("a child can be waited for");
        assert!(matches!(status, Some(ExitStatus::Signaled { signal: libc::SIGKILL, .. })), "{status:?}");
        let mut guard = match array.lock() {
            Err(LockError::OwnerDied(guard)) => guard,
            other => panic!("{other:?}"),
        };
        assert!(guard[..500].iter().all(|&n| n == 2) && guard[500..].iter().all(|&n| n == 1));
        guard[..500].fill(1);
        guard.recover();
        drop(guard);
        join(&fork_child(|| assert!(array.to_vec().expect("it was repaired").iter().all(|&n| n == 1))));
        // Without a repair it stays suspect.
        join(&fork_child(|| std::mem::forget(array.lock())));
        assert!(matches!(array.to_vec(), Err(LockError::OwnerDied(()))));
        assert!(matches!(array.get(0), Err(ElementError::Lock(LockError::Poisoned(())))));
    });
}

#[test]
fn arrays_of_the_process_need_no_arena() {
    let array = Array::new(&[1.5, 2.5]).expect("memory is left");
    let raw = RawArray::new(&[true, false]).expect("memory is left");
    assert_eq!(array.get(1).expect("it has one"), 2.5);
    assert_eq!((raw.at(0).map(|flag| flag.load()), raw.at(1).map(|flag| flag.load())), (Ok(true), Ok(false)));
    assert_eq!(format!("{array:?} {raw:?}"), "Array { len: 2, .. } RawArray { len: 2, .. }");
}

fn running_sum(sum: &mut i32, number: &i32) -> Option<i32> {
    *sum += number;
    Some(*sum)
}
