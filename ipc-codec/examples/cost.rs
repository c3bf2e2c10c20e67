//! What encoding and decoding cost: nanoseconds for each of a few values, warm, on one thread.
//!
//! ```text
//! cargo run --release -p ipc-codec --example cost
//! ```
//!
//! Each figure is the best of many rounds, so that whatever else the machine does is left out, and takes in what a
//! transport has to do for one value: for the encoder its buffer, for the decoder to drop the value again.

use std::hint::black_box;
use std::time::Instant;

use ipc_codec::{Limits, Scratch, decode, encode_into};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

const N_ROUNDS: usize = 200;
const N_CALLS: u32 = 2_000;

#[derive(Serialize, Deserialize, PartialEq)]
struct Point {
    x: f64,
    y: f64,
    label: u16,
    is_last: bool,
}

fn main() {
    println!("{:<20} {:>6} {:>8} {:>12} {:>8}", "", "bytes", "Scratch", "encode_into", "decode");
    row("u64, small", &7_u64);
    row("u64, large", &(u64::MAX - 7));
    row("(u32, String)", &(7_u32, "twenty letters, more".to_string()));
    row("struct of 4", &Point { x: 0.5, y: -0.5, label: 300, is_last: true });
    row("Option<(u8, i32)>", &Some((7_u8, -70_000)));
    row("Vec<u64> of 100", &(0..100).map(|idx| idx * idx).collect::<Vec<u64>>());
}

/// Measures one value, and checks that it comes out as it went in.
fn row<T: Serialize + DeserializeOwned + PartialEq>(name: &str, value: &T) {
    let limits = Limits::default();
    let mut bytes = Vec::new();
    let into = nanoseconds(|| {
        bytes.clear();
        encode_into(black_box(value), &mut bytes, &mut Vec::new(), &limits).is_ok()
    });
    let scratch = nanoseconds(|| {
        let mut scratch = Scratch::new();
        let is_ok = scratch.encode(black_box(value), &limits).is_ok();
        black_box(scratch.bytes());
        is_ok
    });
    let back = nanoseconds(|| decode::<T>(black_box(&bytes), Vec::new(), &limits).is_ok());
    assert!(decode::<T>(&bytes, Vec::new(), &limits).is_ok_and(|decoded| decoded == *value));
    println!("{name:<20} {:>6} {scratch:>8.1} {into:>12.1} {back:>8.1}", bytes.len());
}

/// The time of one call in the best round.
fn nanoseconds(mut call: impl FnMut() -> bool) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..N_ROUNDS {
        let start = Instant::now();
        for _ in 0..N_CALLS {
            assert!(call(), "the value is within the limits");
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(N_CALLS));
    }
    best
}
