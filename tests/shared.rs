//! Values and arrays between processes of every start method, by a program that has this crate alone.

use multiproc::shared::array::ElementError;
use multiproc::shared::sync::LockError;
use multiproc::shared::{Arena, Pod, Zeroable};
use multiproc::{Array, Builder, JoinError, Process, RawArray, RawValue, StartMethod, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

const N_WORKERS: u64 = 3;
const N_ROUNDS: u64 = 1000;

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[bytemuck(crate = "multiproc::shared::bytemuck")]
#[repr(C)]
struct Particle {
    position: [f64; 3],
    charge: i32,
    id: u32,
}

macro_rules! for_all_methods {
    ($($name:ident)*) => {
        mod spawned {
            $(#[test] fn $name() { ipc_testkit::isolated(|| super::$name(super::StartMethod::Spawn)); })*
        }
        mod forked {
            $(#[test] fn $name() { ipc_testkit::isolated(|| super::$name(super::StartMethod::Fork)); })*
        }
    };
}

for_all_methods! {
    a_worker_sets_a_value
    a_worker_changes_an_array
    structs_are_shared
    adding_under_the_lock_is_exact
    adding_in_one_step_is_exact
    parts_are_sorted_by_workers
    who_has_the_lock_keeps_others_out
    values_come_back
    an_owner_that_dies_leaves_its_work_in_reach
}

/// As Python's test: one of each type, set by another.
fn a_worker_sets_a_value(method: StartMethod) {
    let arena = Arena::new();
    type Values = (Value<i32>, Value<f64>, Value<i16>, RawValue<i64>, RawValue<bool>, RawValue<[u8; 3]>);
    let values: Values = (
        Value::new_in(&arena, 4343).expect("memory is left"),
        Value::new_in(&arena, 3.625).expect("memory is left"),
        Value::new_in(&arena, -232).expect("memory is left"),
        RawValue::new_in(&arena, 2 << 33).expect("memory is left"),
        RawValue::new_in(&arena, false).expect("memory is left"),
        RawValue::new_in(&arena, *b"abc").expect("memory is left"),
    );
    let set = |(values, _): (Values, u64)| {
        assert_eq!((values.0.get(), values.1.get(), values.2.get()).0.expect("it is in order"), 4343);
        assert_eq!((values.3.load(), values.4.load(), values.5.read()), (2 << 33, false, *b"abc"));
        values.0.set(24234).expect("it is in order");
        values.1.set(-4.25).expect("it is in order");
        values.2.set(234).expect("it is in order");
        values.3.store(2 << 34);
        values.4.store(true);
        values.5.write(*b"xyz");
    };
    run(method, 1, set, &values);
    assert_eq!(values.0.get().expect("it is in order"), 24234);
    assert_eq!(values.1.get().expect("it is in order"), -4.25);
    assert_eq!(values.2.get().expect("it is in order"), 234);
    assert_eq!((values.3.load(), values.4.load(), values.5.read()), (2 << 34, true, *b"xyz"));
}

/// As Python's test: each element becomes the sum of those up to it, by another.
fn a_worker_changes_an_array(method: StartMethod) {
    let arena = Arena::new();
    let numbers = [680, 626, 934, 821, 150, 233, 548, 982, 714, 831];
    let sums: Vec<i32> = numbers.iter().scan(0, running_sum).collect();
    let array = Array::new_in(&arena, &numbers).expect("memory is left");
    let raw = RawArray::new_in(&arena, &numbers).expect("memory is left");
    // Too large for a segment with others.
    let large = Array::<u64>::zeroed_in(&arena, 100_000).expect("memory is left");
    type Arrays = (Array<i32>, RawArray<i32>, Array<u64>);
    let sum = |((array, raw, large), _): (Arrays, u64)| {
        array
            .update(|elements| (1..10).for_each(|i| elements[i] += elements[i - 1]))
            .expect("it is in order");
        for (i, cell) in raw.cells().iter().enumerate().skip(1) {
            cell.fetch_add(raw.cells()[i - 1].load());
        }
        assert!(matches!(array.get(10), Err(ElementError::Bounds(_))) && raw.read(10).is_err());
        large.lock().expect("it is in order").fill(7);
    };
    run(method, 1, sum, &(array.clone(), raw.clone(), large.clone()));
    assert_eq!((array.to_vec().expect("it is in order"), raw.to_vec()), (sums.clone(), sums));
    assert!(large.lock().expect("it is in order").iter().all(|&n| n == 7));
}

fn structs_are_shared(method: StartMethod) {
    let arena = Arena::new();
    let particle = Particle { position: [1.0, 2.0, 4.0], charge: -1, id: 17 };
    let value = Value::new_in(&arena, particle).expect("memory is left");
    let array = Array::new_in(&arena, &[particle; 10]).expect("memory is left");
    let change = |((value, array), number): ((Value<Particle>, Array<Particle>), u64)| {
        value.update(|particle| particle.position[0] += 1.0).expect("it is in order");
        array.lock().expect("it is in order")[number as usize].id = 0;
    };
    run(method, N_WORKERS, change, &(value.clone(), array.clone()));
    assert_eq!(value.get().expect("it is in order"), Particle { position: [4.0, 2.0, 4.0], ..particle });
    let ids: Vec<u32> = array.to_vec().expect("it is in order").iter().map(|particle| particle.id).collect();
    assert_eq!(ids, [0, 0, 0, 17, 17, 17, 17, 17, 17, 17]);
}

fn adding_under_the_lock_is_exact(method: StartMethod) {
    let arena = Arena::new();
    let value = Value::new_in(&arena, [0_u64; 2]).expect("memory is left");
    let array = Array::<u64>::zeroed_in(&arena, 100).expect("memory is left");
    let add = |((value, array), _): ((Value<[u64; 2]>, Array<u64>), u64)| {
        for _ in 0..N_ROUNDS {
            value.update(|numbers| numbers.iter_mut().for_each(|n| *n += 1)).expect("it is in order");
            array.update(|elements| elements.iter_mut().for_each(|n| *n += 1)).expect("it is in order");
        }
    };
    run(method, N_WORKERS, add, &(value.clone(), array.clone()));
    assert_eq!(value.get().expect("it is in order"), [N_WORKERS * N_ROUNDS; 2]);
    assert_eq!(array.to_vec().expect("it is in order"), [N_WORKERS * N_ROUNDS; 100]);
}

fn adding_in_one_step_is_exact(method: StartMethod) {
    let arena = Arena::new();
    let value = RawValue::new_in(&arena, 0_u64).expect("memory is left");
    let float = RawValue::new_in(&arena, 0.5_f32).expect("memory is left");
    let array = RawArray::<u8>::zeroed_in(&arena, 10).expect("memory is left");
    type Numbers = (RawValue<u64>, RawValue<f32>, RawArray<u8>);
    let add = |((value, float, array), _): (Numbers, u64)| {
        for round in 0..N_ROUNDS {
            value.fetch_add(1);
            float.update(|x| x + 0.25);
            array.at(round as usize % 10).expect("it has one").fetch_add(1);
        }
    };
    run(method, N_WORKERS, add, &(value.clone(), float.clone(), array.clone()));
    assert_eq!(value.load(), N_WORKERS * N_ROUNDS);
    assert_eq!(float.load(), 0.5 + (N_WORKERS * N_ROUNDS) as f32 / 4.0);
    assert_eq!(array.to_vec(), [(N_WORKERS * N_ROUNDS / 10) as u8; 10]);
}

fn parts_are_sorted_by_workers(method: StartMethod) {
    let arena = Arena::new();
    let numbers: Vec<u64> = (0..9000).map(|n| n * 7919 % 9001).collect();
    let array = RawArray::new_in(&arena, &numbers).expect("memory is left");
    let sort = |(array, number): (RawArray<u64>, u64)| {
        let mut part = [0; 3000];
        array.read_range(3000 * number as usize, &mut part).expect("it has these");
        part.sort_unstable();
        array.write_range(3000 * number as usize, &part).expect("it has these");
    };
    run(method, 3, sort, &array);
    let mut expected = numbers;
    expected.chunks_mut(3000).for_each(<[u64]>::sort_unstable);
    assert!(array.to_vec() == expected, "each part is sorted, and nothing else has changed");
}

fn who_has_the_lock_keeps_others_out(method: StartMethod) {
    let arena = Arena::new();
    let value = Value::new_in(&arena, 0_u8).expect("memory is left");
    let array = Array::new_in(&arena, &[0_u8]).expect("memory is left");
    let guards = (value.lock().expect("it is in order"), array.lock().expect("it is in order"));
    let look = |((value, array), _): ((Value<u8>, Array<u8>), u64)| {
        assert!(value.try_lock().is_err() && array.try_lock().is_err());
    };
    run(method, 2, look, &(value.clone(), array.clone()));
    drop(guards);
    let look = |((value, array), _): ((Value<u8>, Array<u8>), u64)| {
        drop((value.lock().expect("it is free"), array.lock().expect("it is free")));
    };
    run(method, 2, look, &(value, array));
}

/// What a child makes outlives it, if it gets out.
fn values_come_back(method: StartMethod) {
    let make = |(): ()| {
        (Value::new(7_u64).expect("memory is left"), RawArray::new(&[1, 2]).expect("memory is left"))
    };
    let process: Process<(Value<u64>, RawArray<i32>)> =
        Builder::new().method(method).spawn(make, ()).expect("it was started");
    let (value, array) = process.join().expect("it returned");
    assert_eq!((value.get().expect("it is in order"), array.to_vec()), (7, vec![1, 2]));
}

fn an_owner_that_dies_leaves_its_work_in_reach(method: StartMethod) {
    let array = Array::new_in(&Arena::new(), &[1; 1000]).expect("memory is left");
    let abort = |array: Array<i32>| {
        let mut guard = array.lock().expect("it is in order");
        guard[..500].fill(2);
        std::process::abort();
    };
    let process: Process<()> =
        Builder::new().method(method).spawn(abort, array.clone()).expect("it was started");
    assert!(matches!(process.join(), Err(JoinError::Signaled { .. })));
    let mut guard = match array.lock() {
        Err(LockError::OwnerDied(guard)) => guard,
        other => panic!("{other:?}"),
    };
    assert!(guard[..500].iter().all(|&n| n == 2) && guard[500..].iter().all(|&n| n == 1));
    guard.fill(3);
    guard.recover();
    drop(guard);
    assert_eq!(array.to_vec().expect("it was repaired"), [3; 1000]);
}

fn running_sum(sum: &mut i32, number: &i32) -> Option<i32> {
    *sum += number;
    Some(*sum)
}

/// Runs workers with the numbers from 0 on, and waits for all of them.
fn run<A>(method: StartMethod, count: u64, work: fn((A, u64)), shared: &A)
where
    A: Serialize + DeserializeOwned + Clone,
{
    let start = |number| Builder::new().method(method).spawn(work, (shared.clone(), number));
    let workers: Vec<Process<()>> = (0..count).map(|number| start(number).expect("it was started")).collect();
    workers.into_iter().for_each(|worker| worker.join().expect("it returned"));
}
