//! A handle that becomes readable after some time, for those who wait for many.
//!
//! # What a port provides
//!
//! - `new() -> handle`: one handle that is not readable.
//! - `set(handle, after)`: from now on it is not readable, and will be after so much time, which is not zero.

mod linux;
use linux as imp;

use crate::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use std::io;
use std::time::Duration;

/// A handle that becomes readable some time after it was set, and stays so until it is set again.
///
/// # Examples
///
/// ```
/// use ipc_sys::alarm::Alarm;
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::readiness::{Interest, wait_one};
/// use std::time::{Duration, Instant};
///
/// let alarm = Alarm::new()?;
/// let start = Instant::now();
/// alarm.set(Duration::from_millis(5));
/// assert!(wait_one(alarm.handle(), Interest::Read, Deadline::NEVER)?);
/// assert!(start.elapsed() >= Duration::from_millis(5));
///
/// alarm.set(Duration::from_secs(60));
/// assert!(!wait_one(alarm.handle(), Interest::Read, Deadline::NOW)?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Alarm(OwnedHandle);

impl Alarm {
    /// Makes an alarm that is not set.
    ///
    /// # Errors
    ///
    /// The system's error when the table of handles is full.
    pub fn new() -> io::Result<Self> {
        imp::new().map(Alarm)
    }

    /// Has it go off after so much time, and not when it was to go off before. The clock is the monotonic one.
    pub fn set(&self, after: Duration) {
        imp::set(self.handle(), after.max(Duration::from_nanos(1)));
    }

    /// The handle to wait for.
    pub fn handle(&self) -> BorrowedHandle<'_> {
        self.0.as_fd()
    }
}
