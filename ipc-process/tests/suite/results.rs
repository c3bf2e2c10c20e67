//! Arguments go there and results come back, of any type and of any size.

use super::{assert_ends, eventually, start};
use ipc_process::StartMethod;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Dot,
    Circle(f64),
    Path { points: Vec<(i32, i32)>, label: Option<String> },
}

fn echo<T>(value: T) -> T {
    value
}

#[track_caller]
fn assert_comes_back<T>(method: StartMethod, value: T)
where
    T: Clone + Debug + PartialEq + Serialize + DeserializeOwned,
{
    let process = start(method, echo::<T>, value.clone());
    assert_eq!(process.join().expect("the value"), value);
}

pub(crate) fn values_of_many_types_come_back(method: StartMethod) {
    assert_comes_back(method, ());
    assert_comes_back(method, true);
    assert_comes_back(method, (i8::MIN, i16::MIN, i32::MIN, i64::MIN, i128::MIN));
    assert_comes_back(method, (u8::MAX, u16::MAX, u32::MAX, u64::MAX, u128::MAX));
    assert_comes_back(method, (f32::MIN_POSITIVE, f64::INFINITY, 'ß'));
    assert_comes_back(method, String::from("a\0b, Grüße"));
    assert_comes_back(method, [Some(vec!["x".to_owned()]), None]);
    assert_comes_back(method, Result::<u8, String>::Err("no".into()));
    assert_comes_back(method, (PathBuf::from("/tmp/x"), Duration::from_nanos(7)));
    assert_comes_back(method, BTreeMap::from([(1, "one".to_owned()), (2, "two".to_owned())]));
    assert_comes_back(method, HashMap::from([("key".to_owned(), vec![1_u8, 2, 3])]));
    assert_comes_back(method, vec![Shape::Dot, Shape::Circle(0.5)]);
    assert_comes_back(method, Shape::Path { points: vec![(1, -1); 3], label: Some("p".into()) });
    assert_comes_back(method, Box::new((Vec::<u8>::new(), String::new())));
}

pub(crate) fn large_arguments_arrive(method: StartMethod) {
    fn check(bytes: Vec<u8>) -> (usize, u64) {
        (bytes.len(), bytes.iter().map(|&byte| u64::from(byte)).sum())
    }
    fn reverse((mut numbers, text): (Vec<u64>, String)) -> (Vec<u64>, usize) {
        numbers.reverse();
        (numbers, text.len())
    }
    let process = start(method, check, vec![3; 1 << 20]);
    assert_eq!(process.join().expect("a sum"), (1 << 20, 3 << 20));

    // Large numbers take ten bytes each on the wire, so these are 20 MiB there and back.
    let numbers: Vec<u64> = (0..20 << 20).step_by(10).map(|number| u64::MAX - number).collect();
    let process = start(method, reverse, (numbers.clone(), "x".repeat(1 << 20)));
    let (mut reversed, length) = process.join().expect("numbers");
    reversed.reverse();
    assert!(reversed == numbers && length == 1 << 20);
}

fn long_text(size: usize) -> String {
    "0123456789".repeat(size / 10)
}

/// In Python this is the deadlock of `join` before `get`: there the child cannot exit before its result was read.
pub(crate) fn a_large_result_waits_for_nobody(method: StartMethod) {
    let process = start(method, long_text, 20 << 20);
    let status = process.wait().expect("a status");
    assert!(status.success(), "{status}");
    assert_eq!(process.join().expect("the text").len(), (20 << 20) / 10 * 10);
}

pub(crate) fn a_result_outlives_its_process_by_any_time(method: StartMethod) {
    let processes: Vec<_> = (0..10).map(|number| start(method, echo::<u64>, number)).collect();
    processes.iter().for_each(|process| assert_ends(process.sentinel()));
    // Later starts collect what was left, and that is not these.
    start(method, echo::<u64>, 0).join().expect("a number");
    for (number, process) in processes.into_iter().enumerate() {
        assert_eq!(process.join().expect("a number"), number as u64);
    }
}

/// A program that collects all its children, by `wait(-1)` say, takes the status. The result it cannot take.
pub(crate) fn a_result_is_there_though_somebody_collected_the_status(method: StartMethod) {
    // Nobody else can collect the children of a fork server.
    if method == StartMethod::ForkServer {
        return;
    }
    let process = start(method, echo::<u64>, 7);
    eventually("the child is collected", || {
        rustix::process::wait(rustix::process::WaitOptions::empty()).is_ok_and(|found| found.is_some())
    });
    assert_eq!(process.join().expect("a number"), 7);
}
