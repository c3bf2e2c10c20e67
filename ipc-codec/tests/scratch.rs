//! What is encoded into a `Scratch` is what is encoded anywhere else, wherever it ends up.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ipc_codec::handle::Handle;
use ipc_codec::{EncodeError, Limits, Scratch, decode, encode};
use serde::{Serialize, Serializer};

/// How many bytes have room in it without an allocation.
const INLINE_SIZE: usize = 64;

/// Checks that a new one and one that was used have the bytes that `encode` makes.
fn check<T: Serialize + ?Sized>(used: &mut Scratch, value: &T) {
    let limits = Limits::default();
    let expected = encode(value, &limits).unwrap();
    let mut new = Scratch::new();
    for scratch in [&mut new, used] {
        scratch.encode(value, &limits).unwrap();
        assert_eq!(scratch.bytes(), expected.bytes());
        assert_eq!(scratch.handles().len(), expected.handles().len());
    }
}

fn file() -> Handle<File> {
    Handle::new(File::open("/dev/null").unwrap())
}

#[test]
fn every_size_around_the_buffer_in_one_piece() {
    let mut scratch = Scratch::new();
    for size in (0..3 * INLINE_SIZE).rev().chain(0..3 * INLINE_SIZE) {
        check(&mut scratch, "x".repeat(size).as_str());
        check(&mut scratch, &("x".repeat(size), "and more", 300));
    }
}

#[test]
fn every_size_around_the_buffer_item_by_item() {
    let mut scratch = Scratch::new();
    for len in 0..3 * INLINE_SIZE as u64 {
        check(&mut scratch, &(0..len).collect::<Vec<u64>>());
        check(&mut scratch, &(0..len).map(|idx| u64::MAX >> (idx % 64)).collect::<Vec<u64>>());
        check(&mut scratch, &(0..len).map(|idx| u128::MAX >> (idx % 128)).collect::<Vec<u128>>());
        check(&mut scratch, &(0..len).map(|idx| (idx as f32, idx as f64, 'ß')).collect::<Vec<_>>());
    }
}

#[test]
fn a_number_that_ends_where_the_buffer_ends_and_one_that_does_not() {
    let mut scratch = Scratch::new();
    for n_before in INLINE_SIZE - 20..INLINE_SIZE {
        for shift in 0..64 {
            check(&mut scratch, &("x".repeat(n_before - 1), u64::MAX >> shift));
        }
    }
}

#[test]
fn the_limit_counts_and_not_the_buffer() {
    let mut scratch = Scratch::new();
    for limit in [0, 1, 10, INLINE_SIZE - 1, INLINE_SIZE, INLINE_SIZE + 1, 3 * INLINE_SIZE] {
        let limits = Limits::with_max_frame(limit);
        let exact = vec![(); 0];
        let byte_by_byte = vec![7_u8; limit.saturating_sub(if limit > 128 { 2 } else { 1 })];
        if limit > 0 {
            scratch.encode(&exact, &limits).unwrap();
            scratch.encode(&byte_by_byte, &limits).unwrap();
            assert_eq!(scratch.bytes().len(), limit);
        }
        let error = scratch.encode(&(&byte_by_byte, 1_u8), &limits).unwrap_err();
        let expected = limit + 1;
        assert!(matches!(error, EncodeError::TooLarge { size, limit: l } if size == expected && l == limit));
        assert!(scratch.bytes().is_empty());

        let error = scratch.encode(&(&byte_by_byte, u64::MAX), &limits).unwrap_err();
        assert!(matches!(error, EncodeError::TooLarge { limit: l, .. } if l == limit));
    }
}

#[test]
fn handles_come_along_and_leave_before_the_next_value() {
    let (limits, mut scratch) = (Limits::default(), Scratch::new());
    check(&mut scratch, &(file(), "x".repeat(200), file()));
    scratch.encode(&[file(), file()], &limits).unwrap();
    assert_eq!((scratch.bytes(), scratch.handles().len()), ([0, 1].as_slice(), 2));

    let handles = scratch.take_handles();
    assert!(scratch.handles().is_empty());
    let _: [Handle<File>; 2] = decode(scratch.bytes(), handles, &limits).unwrap();

    scratch.encode(&file(), &limits).unwrap();
    scratch.encode(&1_u8, &limits).unwrap();
    assert_eq!((scratch.bytes(), scratch.handles().len()), ([1].as_slice(), 0));
}

#[test]
fn handles_over_the_limit() {
    let limits = Limits { max_handles: 1, ..Limits::default() };
    let mut scratch = Scratch::new();
    let error = scratch.encode(&[file(), file()], &limits).unwrap_err();
    assert!(matches!(error, EncodeError::TooManyHandles { count: 2, limit: 1 }));
    assert!(scratch.bytes().is_empty() && scratch.handles().is_empty());
}

/// Panics, as the last part of a value.
struct Panics;

impl Serialize for Panics {
    fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
        panic!("on purpose")
    }
}

#[test]
fn nothing_is_there_after_a_panic() {
    let (limits, mut scratch) = (Limits::default(), Scratch::new());
    for n_bytes in [0, 10, 1000] {
        scratch.encode(&(file(), "what was there before"), &limits).unwrap();
        let value = (file(), "x".repeat(n_bytes), Panics);
        assert!(catch_unwind(AssertUnwindSafe(|| scratch.encode(&value, &limits))).is_err());
        assert!(scratch.bytes().is_empty());
        assert!(scratch.handles().is_empty());
        check(&mut scratch, "and it can be used again");
    }
}
