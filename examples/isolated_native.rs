//! A native function that crashes now and then, kept away from the program that calls it.
//!
//! `cargo run --release --example isolated_native -- [--workers N] [--calls N] [--method spawn|fork|forkserver]`
//!
//! # Safety
//!
//! Calls functions of the C library, and writes where no memory is, as a bug in native code would.
#![allow(unsafe_code)]

#[path = "support/args.rs"]
mod args;

use args::{Args, Opt};
use multiproc::{Pool, TaskError};
use std::error::Error;
use std::ffi::{c_int, c_long};
use std::io::{self, Write};
use std::process::ExitCode;

const HELP: &str = "\
Calls a native function that crashes for some inputs, in processes of its own. Each
crash is the error of one call.

usage: isolated_native [--workers N] [--calls N] [--method spawn|fork|forkserver]

  --workers N  how many processes, 1 to 64; else 2
  --calls N    how many calls, 1 to 10,000; else 100
  --method M   how the processes are started: spawn (else), fork,
               forkserver
  --help       print this

exit code: 0 exactly the calls that crash have failed, 1 others have, 2 wrong usage,
3 the pool or the output failed";

const OPTIONS: [Opt; 2] = [
    Opt::Number { name: "--workers", allowed: 1..=64, default: 2 },
    Opt::Number { name: "--calls", allowed: 1..=10_000, default: 100 },
];

unsafe extern "C" {
    fn labs(number: c_long) -> c_long;
    fn _exit(code: c_int) -> !;
}

fn main() -> ExitCode {
    multiproc::init();
    args::main(HELP, &OPTIONS, run)
}

/// By how a number looks when its bits are mixed: one in eight.
fn crashes(number: i64) -> bool {
    (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61 == 5
}

/// The native function: the absolute value, or a crash.
fn native(number: i64) -> i64 {
    if crashes(number) {
        match number % 3 {
            // SAFETY: it is not; nothing is there. The system ends this process, which is there for that.
            0 => unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) },
            1 | -1 => std::process::abort(),
            // SAFETY: ends this process.
            _ => unsafe { _exit(3) },
        }
    }
    // SAFETY: any number but the least has an absolute value.
    unsafe { labs(number as _) as i64 }
}

fn run(args: Args) -> Result<bool, Box<dyn Error>> {
    let (workers, n_calls) = (args.values[0] as usize, args.values[1] as i64);
    let pool = Pool::builder().workers(workers).method(args.method).build()?;
    let numbers = (0..n_calls).map(|number| -number);
    let (mut n_right, mut n_crashes, mut n_wrong) = (0, 0, 0);
    for (number, result) in numbers.clone().zip(pool.map(native, numbers)) {
        match result {
            Ok(value) if value == -number && !crashes(number) => n_right += 1,
            Err(TaskError::WorkerDied { .. }) if crashes(number) => n_crashes += 1,
            _ => n_wrong += 1,
        }
    }
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{n_right} calls returned, {n_crashes} crashed, and this program goes on")?;
    Ok(n_wrong == 0 && pool.deaths() == n_crashes)
}
