//! Numbers to add to, each protected in the way of one contender.

use crate::measure::Contender;
use ipc_shared::RawValue;
use ipc_shared::sync::Mutex;
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// A number that several can add to. Clones are the same number.
pub(super) trait Counter: Clone + Send + 'static {
    /// How it is called in the notes.
    fn name(&self) -> &'static str;

    /// Adds one, so often.
    fn add(&self, n: u64) -> Result<(), Box<dyn Error>>;

    /// What it is now.
    fn total(&self) -> Result<u64, Box<dyn Error>>;
}

/// Somebody who adds and has nobody beside; so often in a run.
pub(super) struct Alone<C>(pub(super) C, pub(super) u64);

/// The mutex of the family.
#[derive(Clone)]
pub(super) struct Ours(Mutex<u64>);

/// The mutex that many programs use between threads.
#[derive(Clone)]
pub(super) struct ParkingLot(Arc<parking_lot::Mutex<u64>>);

/// The number of the family without a lock.
#[derive(Clone)]
pub(super) struct Raw(RawValue<u64>);

/// The number of the standard library.
#[derive(Clone)]
pub(super) struct Atomic(Arc<AtomicU64>);

impl<C: Counter> Contender for Alone<C> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn run_once(&mut self) -> Result<(), Box<dyn Error>> {
        let before = self.0.total()?;
        self.0.add(self.1)?;
        expect(self.0.total()?.wrapping_sub(before), self.1)
    }
}

impl Ours {
    pub(super) fn new() -> Result<Ours, Box<dyn Error>> {
        Ok(Ours(Mutex::new(0)?))
    }
}

impl Counter for Ours {
    fn name(&self) -> &'static str {
        "ipc_shared::sync::Mutex"
    }

    fn add(&self, n: u64) -> Result<(), Box<dyn Error>> {
        for _ in 0..n {
            *black_box(&self.0).lock().map_err(|error| error.to_string())? += 1;
        }
        Ok(())
    }

    fn total(&self) -> Result<u64, Box<dyn Error>> {
        Ok(*self.0.lock().map_err(|error| error.to_string())?)
    }
}

impl ParkingLot {
    pub(super) fn new() -> ParkingLot {
        ParkingLot(Arc::default())
    }
}

impl Counter for ParkingLot {
    fn name(&self) -> &'static str {
        "parking_lot::Mutex"
    }

    fn add(&self, n: u64) -> Result<(), Box<dyn Error>> {
        for _ in 0..n {
            *black_box(&self.0).lock() += 1;
        }
        Ok(())
    }

    fn total(&self) -> Result<u64, Box<dyn Error>> {
        Ok(*self.0.lock())
    }
}

impl Raw {
    pub(super) fn new() -> Result<Raw, Box<dyn Error>> {
        Ok(Raw(RawValue::new(0)?))
    }
}

impl Counter for Raw {
    fn name(&self) -> &'static str {
        "ipc_shared::RawValue"
    }

    fn add(&self, n: u64) -> Result<(), Box<dyn Error>> {
        for _ in 0..n {
            black_box(&self.0).fetch_add(1);
        }
        Ok(())
    }

    fn total(&self) -> Result<u64, Box<dyn Error>> {
        Ok(self.0.load())
    }
}

impl Atomic {
    pub(super) fn new() -> Atomic {
        Atomic(Arc::default())
    }
}

impl Counter for Atomic {
    fn name(&self) -> &'static str {
        "AtomicU64"
    }

    fn add(&self, n: u64) -> Result<(), Box<dyn Error>> {
        for _ in 0..n {
            black_box(&self.0).fetch_add(1, Relaxed);
        }
        Ok(())
    }

    fn total(&self) -> Result<u64, Box<dyn Error>> {
        Ok(self.0.load(Relaxed))
    }
}

/// An error unless as much was added as should have been.
pub(super) fn expect(added: u64, expected: u64) -> Result<(), Box<dyn Error>> {
    if added == expected { Ok(()) } else { Err(format!("{added} were added instead of {expected}").into()) }
}
