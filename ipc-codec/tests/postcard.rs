//! The payload is in postcard's format: what postcard writes and accepts, this crate writes and accepts.

use std::fmt::Debug;

use ipc_codec::{Limits, decode, encode};
use serde::{Serialize, de::DeserializeOwned};

/// Checks that both write the same.
fn written<T: Serialize + Debug>(value: T) {
    let ours = encode(&value, &Limits::default()).unwrap();
    assert_eq!(ours.bytes(), postcard::to_allocvec(&value).unwrap(), "{value:?}");
}

/// Checks that both read the same, or nothing.
fn read<T: DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    let ours = decode::<T>(bytes, Vec::new(), &Limits::default()).ok();
    let theirs = postcard::take_from_bytes::<T>(bytes).ok();
    let theirs = theirs.and_then(|(value, rest)| rest.is_empty().then_some(value));
    assert_eq!(ours, theirs, "{bytes:02x?} as {}", std::any::type_name::<T>());
}

fn read_as_anything(bytes: &[u8]) {
    read::<bool>(bytes);
    read::<(u8, i8)>(bytes);
    read::<u16>(bytes);
    read::<i16>(bytes);
    read::<u32>(bytes);
    read::<i32>(bytes);
    read::<u64>(bytes);
    read::<i64>(bytes);
    read::<u128>(bytes);
    read::<i128>(bytes);
    read::<char>(bytes);
    read::<String>(bytes);
    read::<Option<u64>>(bytes);
    // Other bytes follow, so that those for a fast way are there, and only the number can be wrong.
    read::<(u16, [u8; 9])>(bytes);
    read::<(i16, [u8; 9])>(bytes);
    read::<(u32, [u8; 9])>(bytes);
    read::<(i32, [u8; 9])>(bytes);
    read::<(u64, [u8; 9])>(bytes);
    read::<(i64, [u8; 9])>(bytes);
    read::<(u16, u64, u8)>(bytes);
    read::<(i32, String)>(bytes);
    read::<(u64, f64)>(bytes);
    read::<Vec<u64>>(bytes);
}

/// Numbers that nobody chose, the same ones in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[test]
fn numbers_of_every_length() {
    for shift in 0..128 {
        for base in [u128::MAX, 1 << 127, u128::MAX / 3] {
            let number = base >> shift;
            written((number, number as u64, number as u32, number as u16, number as u8));
            written((number as i128, number as i64, number as i32, number as i16, number as i8));
            written((-(number as i128 >> 1), f64::from_bits(number as u64), f32::from_bits(number as u32)));
        }
    }
}

#[test]
fn texts_and_all_else() {
    for text in ["", "x", "ß", "a text", &"long ".repeat(100)] {
        written((text, text.chars().next(), text.as_bytes(), !text.is_empty()));
    }
}

#[test]
fn numbers_with_every_last_byte_at_every_length() {
    for n_more in 0..24 {
        for fill in [0x80, 0xff, 0x81] {
            for last in 0..=0xff {
                let mut bytes = vec![fill; n_more];
                bytes.push(last);
                read_as_anything(&bytes);
                bytes.extend([0x80, 0x80, 0, 1, 2, 3, 4, 5, 6]);
                read_as_anything(&bytes);
            }
        }
    }
}

#[test]
fn bytes_that_nobody_wrote() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..50_000 {
        let size = random.next() % 24;
        // Half of the bytes say that another follows; a quarter are small, as lengths and tags are.
        let bytes: Vec<u8> =
            (0..size).map(|_| (random.next() >> 20) as u8 >> (random.next() >> 40 & 3)).collect();
        read_as_anything(&bytes);
    }
}
