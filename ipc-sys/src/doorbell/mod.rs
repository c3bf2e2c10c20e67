//! Waking a thread that waits for many handles, from another thread.
//!
//! # What a port provides
//!
//! - `new() -> handle`: one handle that becomes readable by `ring` and stays so until `silence`.

mod linux;
use linux as imp;

use crate::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use std::io;

/// A handle that is readable once somebody rang, until it is silenced.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::doorbell::Doorbell;
/// use ipc_sys::readiness::{Interest, wait_one};
///
/// let bell = Doorbell::new()?;
/// bell.ring();
/// bell.ring();
/// assert!(wait_one(bell.handle(), Interest::Read, Deadline::NEVER)?);
/// bell.silence();
/// assert!(!wait_one(bell.handle(), Interest::Read, Deadline::NOW)?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Doorbell(OwnedHandle);

impl Doorbell {
    /// Makes a doorbell that nobody rang.
    ///
    /// # Errors
    ///
    /// The system's error when the table of handles is full.
    pub fn new() -> io::Result<Self> {
        imp::new().map(Doorbell)
    }

    /// Rings, without waiting.
    pub fn ring(&self) {
        imp::ring(self.handle());
    }

    /// Forgets the rings so far.
    pub fn silence(&self) {
        imp::silence(self.handle());
    }

    /// The handle to wait for.
    pub fn handle(&self) -> BorrowedHandle<'_> {
        self.0.as_fd()
    }
}
