//! Doorbells on Linux: `eventfd`.

use crate::handle::{BorrowedHandle, OwnedHandle};
use rustix::event::{EventfdFlags, eventfd};
use std::io;

pub(super) fn new() -> io::Result<OwnedHandle> {
    Ok(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)
}

pub(super) fn ring(handle: BorrowedHandle<'_>) {
    // It fails when the counter is full, and then it rings already.
    let _ = rustix::io::retry_on_intr(|| rustix::io::write(handle, &1_u64.to_ne_bytes()));
}

pub(super) fn silence(handle: BorrowedHandle<'_>) {
    let mut count = [0; 8];
    // It fails when nobody rang.
    let _ = rustix::io::retry_on_intr(|| rustix::io::read(handle, &mut count[..]));
}
