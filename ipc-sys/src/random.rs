//! Random bytes for secrets and numbers used once.
//!
//! # What a port provides
//!
//! The bytes of the system's generator for secrets, complete or not at all.

use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};
use std::io;

/// Fills `bytes` from the system's generator.
///
/// # Blocking
///
/// Only early in the start of the machine, until the system has gathered enough.
///
/// # Errors
///
/// The system's error, which it gives when the call is forbidden.
///
/// # Platform
///
/// Linux: `getrandom`.
///
/// # Examples
///
/// ```
/// let (mut one, mut other) = ([0; 32], [0; 32]);
/// ipc_sys::random::fill(&mut one)?;
/// ipc_sys::random::fill(&mut other)?;
/// assert_ne!(one, other);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn fill(bytes: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < bytes.len() {
        match getrandom(&mut bytes[filled..], GetRandomFlags::empty()) {
            Ok(size) => filled += size,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}
